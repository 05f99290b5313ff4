/** Keeps the slabs in memory that were used last, up to a number of bytes for all partitions together. */
import type { Slab } from './slab.ts';

export class SlabCache {
  readonly #maxBytes: number;
  /** In order of use. */
  readonly #used = new Set<Slab>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  use(slab: Slab): void {
    this.#used.delete(slab);
    this.#used.add(slab);
    this.trim();
  }

  drop(slab: Slab): void {
    this.#used.delete(slab);
    slab.buffer = undefined;
  }

  /** Lets go of the least recently used slabs. One that is being written stays, and one that is not on disk yet. */
  trim(): void {
    let bytes = 0;
    for (const slab of this.#used) bytes += slab.buffer?.length ?? 0;
    if (bytes <= this.#maxBytes) return;
    for (const slab of this.#used) {
      if (!slab.sealed || slab.flushedBytes < slab.usedBytes) continue;
      bytes -= slab.buffer?.length ?? 0;
      this.drop(slab);
      if (bytes <= this.#maxBytes) break;
    }
  }
}
