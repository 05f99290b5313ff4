/** The origin of a batch. Replays have none: the hub Thing must not drop their rows as repeats. */
export interface BatchOrigin {
  readonly stream: string;
  readonly partition: string;
  readonly through: number;
}

/**
 * The origin for the rest of a batch when a part of it was refused. The high-water mark must not pass a refusal that is not stored as a dead
 * letter yet: after a crash the hub Thing would drop the message as a repeat, and it would be lost.
 */
export function originAfter(
  origin: BatchOrigin | undefined,
  refused: readonly { readonly sequenceNumber: number }[],
): BatchOrigin | undefined {
  if (!origin) return undefined;
  const through = refused.reduce(
    (lowest, { sequenceNumber }) => Math.min(lowest, sequenceNumber - 1),
    origin.through,
  );
  return { ...origin, through };
}
