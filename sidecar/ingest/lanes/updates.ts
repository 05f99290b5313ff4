import { ConnectorError } from '../../errors/connector-error.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import type { BatchOrigin } from '../batch-origin.ts';
import { encodeBatch, type Row } from './batch.ts';
import type { PlatformRefusal } from './refusals.ts';

interface Answer {
  readonly accepted?: number;
  readonly repeated?: number;
  readonly refused?: readonly PlatformRefusal[];
}

interface UpdatesAnswer {
  readonly repeated: number;
  readonly refused: readonly PlatformRefusal[];
}

/** One call of ReceiveUpdates on a hub Thing. */
export async function sendUpdates(
  { client, hubThing }: { readonly client: ThingworxClient; readonly hubThing: string },
  rows: readonly Row[],
  origin: BatchOrigin | undefined,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<UpdatesAnswer> {
  const body = encode(rows, origin);
  const answer = (await client.invokeText('Things', hubThing, 'ReceiveUpdates', body, options)) as
    | Answer
    | undefined;
  if (answer === undefined || typeof answer.accepted !== 'number') {
    throw new ConnectorError(
      'THINGWORX_REJECTED',
      `ReceiveUpdates on ${hubThing} gave no account of what it accepted; is the extension of the sidecar's version imported?`,
    );
  }
  return { repeated: answer.repeated ?? 0, refused: Array.isArray(answer.refused) ? answer.refused : [] };
}

/** A mapping can produce more values than one string can hold. Such rows are sent one by one; a row that is too large alone is refused. */
function encode(rows: readonly Row[], origin: BatchOrigin | undefined): string {
  try {
    return encodeBatch(rows, origin);
  } catch (cause) {
    throw new ConnectorError('THINGWORX_REJECTED', 'The values are too large for one call.', {
      cause,
      details: { tooLarge: true },
    });
  }
}
