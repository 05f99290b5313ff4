/** The processor time and memory of this process. */
export class ProcessUsage {
  #cpu = process.cpuUsage();
  #atMs = performance.now();
  #cpuPercent = 0;
  #memoryBytes = 0;

  /** Of one core, over the last seconds. */
  get cpuPercent(): number {
    const elapsedMs = performance.now() - this.#atMs;
    if (elapsedMs >= SHORTEST_MS) {
      const { user, system } = process.cpuUsage(this.#cpu);
      this.#cpuPercent = Math.round((user + system) / 10 / elapsedMs);
      this.#cpu = process.cpuUsage();
      this.#atMs += elapsedMs;
    }
    return this.#cpuPercent;
  }

  /** The system says it in a file: without a free file descriptor the last known figure stands. */
  get memoryBytes(): number {
    try {
      this.#memoryBytes = process.memoryUsage.rss();
    } catch {
      // Asked again the next time.
    }
    return this.#memoryBytes;
  }
}

/** Over less time a percentage says little. */
const SHORTEST_MS = 3_000;
