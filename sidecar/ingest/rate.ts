const WINDOW_MS = 60_000;

/** The rate of a growing count over the last minute. */
export class RateMeter {
  #samples: { atMs: number; count: number }[] = [{ atMs: Date.now(), count: 0 }];

  sample(count: number): void {
    const now = Date.now();
    this.#samples.push({ atMs: now, count });
    while (this.#samples.length > 1 && now - (this.#samples[1]?.atMs ?? now) > WINDOW_MS)
      this.#samples.shift();
  }

  perSecond(count: number): number {
    const oldest = this.#samples[0];
    if (!oldest) return 0;
    const seconds = (Date.now() - oldest.atMs) / 1000;
    return seconds <= 0 ? 0 : Math.round(((count - oldest.count) / seconds) * 10) / 10;
  }
}
