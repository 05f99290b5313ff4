import { toConnectorError } from '../errors/connector-error.ts';

/** A script has 30 s; this leaves room for a platform that suddenly is slower. */
const AIM_MS = 4_000;
const FIRST = 5;

/**
 * Works through a list in batches whose size follows the answer time. A batch that ThingWorx refuses as a whole, as it does when the script
 * takes too long, is tried in halves; `onRefused` gets the item that is refused alone.
 */
export async function inBatches<T>(
  items: readonly T[],
  most: number,
  work: (some: readonly T[]) => Promise<void>,
  onRefused: (item: T, message: string) => void,
): Promise<void> {
  let size = Math.min(FIRST, most);
  for (let start = 0; start < items.length; ) {
    const some = items.slice(start, start + size);
    const startedMs = performance.now();
    try {
      await work(some);
    } catch (thrown) {
      const { code, message } = toConnectorError(thrown);
      if (code !== 'THINGWORX_REJECTED') throw thrown;
      const [first] = some;
      if (some.length > 1) {
        size = Math.ceil(some.length / 2);
        continue;
      }
      if (first !== undefined) onRefused(first, message);
    }
    start += some.length;
    const tookMs = Math.max(performance.now() - startedMs, 1);
    const fitting = Math.floor((some.length * AIM_MS) / tookMs);
    size = Math.min(most, Math.max(1, Math.min(fitting, size * 2)));
  }
}
