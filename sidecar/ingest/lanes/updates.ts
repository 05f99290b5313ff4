import { ConnectorError } from '../../errors/connector-error.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import { type BatchOrigin, type BatchPlace, sendAs } from '../batch-origin.ts';
import { encodeBatch, type Row } from './batch.ts';
import type { PlatformRefusal } from './refusals.ts';

interface Answer {
  readonly taken?: boolean;
  readonly accepted?: number;
  readonly repeated?: number;
  readonly refused?: readonly PlatformRefusal[];
}

interface UpdatesAnswer {
  readonly repeated: number;
  readonly refused: readonly PlatformRefusal[];
  /** Of the call itself, without what came before it. */
  readonly elapsedMs: number;
}

/** One call of ReceiveUpdates on a hub Thing. */
export async function sendUpdates(
  { client, hubThing }: { readonly client: ThingworxClient; readonly hubThing: string },
  rows: readonly Row[],
  origin: BatchOrigin | undefined,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<UpdatesAnswer> {
  let sentAtMs = 0;
  const { repeated, refused } = await sendAs(origin, options.signal, async (place) => {
    const body = encode(rows, place);
    sentAtMs = performance.now();
    const given = await client.invokeText('Things', hubThing, 'ReceiveUpdates', body, options);
    const { accepted } = (given ?? {}) as Answer;
    if (typeof accepted === 'number') return given as Answer;
    throw new ConnectorError(
      'THINGWORX_REJECTED',
      `ReceiveUpdates on ${hubThing} gave no account of what it accepted; is the extension of the sidecar's version imported?`,
    );
  });
  const elapsedMs = performance.now() - sentAtMs;
  return { repeated: repeated ?? 0, refused: Array.isArray(refused) ? refused : [], elapsedMs };
}

/** A mapping can produce more values than one string can hold. Such rows are sent one by one; a row that is too large alone is refused. */
function encode(rows: readonly Row[], place: BatchPlace | undefined): string {
  try {
    return encodeBatch(rows, place);
  } catch (cause) {
    throw new ConnectorError('THINGWORX_REJECTED', 'The values are too large for one call.', {
      cause,
      details: { tooLarge: true },
    });
  }
}
