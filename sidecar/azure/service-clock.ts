import type { Dispatcher } from 'undici';
import { createAgent } from '../lib/proxy.ts';
import type { Log } from '../observe/log.ts';

/** A header has whole seconds, and an answer takes time: a smaller difference is not told. */
const TOLERATED_MS = 5_000;
const MEASURE_TIMEOUT_MS = 3_000;

/**
 * The time of Azure, measured from the Date header of its answers. Azure refuses tokens that have expired by its own clock, and the age of an
 * ownership record is a matter of its clock, too; so neither depends on the clock of this machine. Before the first answer it is the time of
 * this machine.
 */
export class ServiceClock {
  readonly #log: Log;
  /** Azure's time when `performance.now()` was 0: the clock of the machine may jump, that one does not. */
  #originMs: number | undefined;
  #isOff = false;
  #asked = false;

  constructor(log: Log) {
    this.#log = log;
  }

  nowMs(): number {
    return this.#originMs === undefined ? Date.now() : this.#originMs + performance.now();
  }

  /** How far the clock of this machine is ahead of Azure's; negative when it is behind. */
  get offsetMs(): number {
    return Date.now() - this.nowMs();
  }

  /** What is wrong with the clock of this machine; undefined while it is right. */
  get warning(): string | undefined {
    const seconds = Math.round(Math.abs(this.offsetMs) / 1000);
    if (seconds * 1000 < TOLERATED_MS) return undefined;
    return (
      `The clock of the sidecar's machine is ${seconds} s ${this.offsetMs > 0 ? 'ahead of' : 'behind'} the clock of Azure. ` +
      'Set it by a time service (NTP). The sidecar uses the time of Azure for tokens and ownership.'
    );
  }

  /** Takes the Date header of an answer to a request that was sent at `sentAtMs` on the clock of `performance.now()`. */
  observe(date: Date | string | undefined, sentAtMs: number): void {
    const answeredMs = typeof date === 'string' ? Date.parse(date) : (date?.getTime() ?? Number.NaN);
    if (Number.isNaN(answeredMs)) return;
    // The service wrote the header between the request and now, and cut it to whole seconds.
    const earliest = answeredMs - performance.now();
    const latest = answeredMs + 1000 - sentAtMs;
    this.#originMs = Math.min(Math.max(this.#originMs ?? (earliest + latest) / 2, earliest), latest);
    this.#tell();
  }

  /** Asks a host of Azure for its time, unless it was measured or asked before. Without an answer the time stays as it is. */
  async measureOnce(host: string, signal: AbortSignal): Promise<void> {
    if (this.#asked || this.#originMs !== undefined) return;
    this.#asked = true;
    await this.measure(host, signal);
  }

  /** Asks a host of Azure for its time. True: the time was wrong by more than is tolerated. */
  async measure(host: string, signal: AbortSignal): Promise<boolean> {
    const before = this.nowMs() - performance.now();
    const agent = createAgent({ connect: { timeout: MEASURE_TIMEOUT_MS } });
    try {
      const sentAtMs = performance.now();
      const { headers, body } = await agent.request({
        origin: `https://${host}`,
        method: 'GET',
        path: '/',
        signal: AbortSignal.any([signal, AbortSignal.timeout(MEASURE_TIMEOUT_MS)]),
      });
      await body.dump();
      this.observe(dateOf(headers), sentAtMs);
    } catch {
      return false;
    } finally {
      await agent.destroy();
    }
    return Math.abs(this.nowMs() - performance.now() - before) > TOLERATED_MS;
  }

  #tell(): void {
    const { warning } = this;
    if ((warning !== undefined) === this.#isOff) return;
    this.#isOff = warning !== undefined;
    if (warning === undefined)
      this.#log.info('The clock of this machine agrees with the clock of Azure again.');
    else this.#log.warn({ offsetSeconds: Math.round(this.offsetMs / 1000) }, warning);
  }
}

/** The Date header of an answer. */
export function dateOf(headers: Dispatcher.ResponseData['headers']): string | undefined {
  const { date } = headers;
  return Array.isArray(date) ? date[0] : date;
}
