import { ConnectorError } from '../../errors/connector-error.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import { explainVersion } from '../../thingworx/require-member.ts';
import { type BatchOrigin, type BatchPlace, sendAs } from '../batch-origin.ts';
import { encodeBatch, type Row } from './batch.ts';
import type { PlatformRefusal, RefusedValue } from './refusals.ts';

interface Answer {
  readonly taken?: boolean;
  readonly accepted?: number;
  readonly repeated?: number;
  readonly refused?: readonly (PlatformRefusal | Undecided)[];
}

interface Undecided extends RefusedValue {
  readonly reason: 'UNDECIDED';
}

export interface UpdatesAnswer {
  readonly repeated: number;
  readonly refused: readonly PlatformRefusal[];
  /** Values that ThingWorx has not written because the call had too many refused ones to try each. They must be sent again. */
  readonly undecided: readonly RefusedValue[];
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
    const given = await client
      .invokeText('Things', hubThing, 'ReceiveUpdates', body, options)
      .catch((thrown) => Promise.reject(explainVersion(thrown, hubThing)));
    const { accepted } = (given ?? {}) as Answer;
    if (typeof accepted === 'number') return given as Answer;
    throw new ConnectorError(
      'THINGWORX_REJECTED',
      `ReceiveUpdates on ${hubThing} gave no account of what it accepted; is the extension of the sidecar's version imported?`,
    );
  });
  const elapsedMs = performance.now() - sentAtMs;
  const named = Array.isArray(refused) ? refused : [];
  return {
    repeated: repeated ?? 0,
    refused: named.filter((value) => value.reason !== 'UNDECIDED'),
    undecided: named.filter(({ reason }) => reason === 'UNDECIDED'),
    elapsedMs,
  };
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
