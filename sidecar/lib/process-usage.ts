/** The processor time and memory of this process. */
export class ProcessUsage {
  #cpu = process.cpuUsage();
  #atMs = performance.now();
  #cpuPercent = 0;

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

  get memoryBytes(): number {
    return process.memoryUsage.rss();
  }
}

/** Over less time a percentage says little. */
const SHORTEST_MS = 3_000;
