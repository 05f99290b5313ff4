import type { SegmentIndex } from './segment-index.ts';

/** A dead letter by its place in the index. */
export interface Candidate<S> {
  readonly segment: S;
  readonly ordinal: number;
  readonly timeMs: number;
  readonly hash: number;
}

interface Selection {
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly device: number | undefined;
  readonly codes: number | undefined;
}

/**
 * The newest living dead letters that may fit and come after the given one, in order: by time, and by hash within a millisecond. Keeps no more
 * than a few times `limit` in memory.
 */
export function newestAfter<S extends { readonly index: SegmentIndex }>(
  segments: Iterable<S>,
  { fromMs = -Infinity, toMs = Infinity, device, codes }: Selection,
  after: { timeMs: number; hash: number } | undefined,
  limit: number,
): Candidate<S>[] {
  let best: Candidate<S>[] = [];
  let worst: Candidate<S> | undefined;
  for (const segment of segments) {
    const { index } = segment;
    for (let ordinal = 0; ordinal < index.count; ordinal += 1) {
      if (!index.isLive(ordinal)) continue;
      const timeMs = index.timeOf(ordinal);
      if (timeMs < fromMs || timeMs > toMs || !index.mayFit(ordinal, device, codes)) continue;
      const candidate = { segment, ordinal, timeMs, hash: index.hashOf(ordinal) };
      if (after && order(candidate, after) <= 0) continue;
      if (worst && order(candidate, worst) >= 0) continue;
      best.push(candidate);
      if (best.length < limit * 2 + 100) continue;
      best = best.sort(order).slice(0, limit);
      worst = best.at(-1);
    }
  }
  return best.sort(order).slice(0, limit);
}

/** Negative when the first comes first. */
function order(a: { timeMs: number; hash: number }, b: { timeMs: number; hash: number }): number {
  return b.timeMs - a.timeMs || b.hash - a.hash;
}
