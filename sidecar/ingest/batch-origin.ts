import type { PartitionWriter } from './partition-writer.ts';

/** The origin of a batch. Replays have none: the hub Thing must not drop their rows as repeats. */
export interface BatchOrigin {
  readonly stream: string;
  readonly partition: string;
  /** How far the high-water mark goes with this batch. Undefined: the batch moves no mark, and none of it is dropped as a repeat. */
  readonly through: number | undefined;
  readonly writer: PartitionWriter;
}

/**
 * The origin for the rest of a batch when a part of it was refused. The high-water mark must not pass a refusal that is not stored as a dead
 * letter yet: after a crash the hub Thing would drop the message as a repeat, and it would be lost.
 */
export function originAfter(
  origin: BatchOrigin | undefined,
  refused: readonly { readonly sequenceNumber: number }[],
): BatchOrigin | undefined {
  if (origin?.through === undefined) return origin;
  const through = refused.reduce(
    (lowest, { sequenceNumber }) => Math.min(lowest, sequenceNumber - 1),
    origin.through,
  );
  return { ...origin, through };
}

/** The origin for messages that the high-water mark has passed, or must not pass. */
export function unmarked(origin: BatchOrigin | undefined): BatchOrigin | undefined {
  return origin && { ...origin, through: undefined };
}

/** Makes a call for a batch, as the writer of its partition if it is of a lane. `send` is given what the batch says of its origin. */
export function sendAs<T extends object>(
  origin: BatchOrigin | undefined,
  signal: AbortSignal,
  send: (origin: BatchPlace | undefined) => Promise<T>,
): Promise<T> {
  if (!origin) return send(undefined);
  const { stream, partition, through } = origin;
  return origin.writer.call(signal, (writer) => send({ stream, partition, through, writer }));
}

/** What a batch says of its origin. */
export interface BatchPlace {
  readonly stream: string;
  readonly partition: string;
  readonly through: number | undefined;
  readonly writer: string;
}
