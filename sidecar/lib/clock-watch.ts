import type { Dispatcher } from 'undici';
import { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { createLocalAgent } from './proxy.ts';

interface ClockWatchOptions {
  /** The hosts whose clocks matter, as origins such as `https://hub.azure-devices.net`. */
  readonly origins: () => readonly string[];
  readonly log: Log;
  readonly intervalMs?: number;
}

const INTERVAL_MS = 300_000;
const TIMEOUT_MS = 5_000;
/** Tokens are signed for an hour and more; a difference of seconds is normal. */
const TOLERANCE_SECONDS = 60;

/**
 * Compares the clock of this machine with the `Date` header of the hosts that it calls: with a clock that is off, tokens are refused as if
 * the key were wrong. Each change is logged once.
 */
export class ClockWatch {
  readonly #options: Required<ClockWatchOptions>;
  readonly #agent: Dispatcher = createLocalAgent();
  readonly #offsets = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> | undefined;
  #problem: ConnectorError | undefined;

  constructor(options: ClockWatchOptions) {
    this.#options = { intervalMs: INTERVAL_MS, ...options };
  }

  /** Which clocks differ; undefined when none does. */
  get problem(): ConnectorError | undefined {
    return this.#problem;
  }

  /** The same for some hosts alone. */
  problemWith(origins: readonly string[]): ConnectorError | undefined {
    const hosts = new Set(origins.map((origin) => new URL(origin).host));
    return this.#differences((host) => hosts.has(host));
  }

  /** How far the clock of each host is ahead of this one, in seconds. */
  get offsets(): ReadonlyMap<string, number> {
    return this.#offsets;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.check(), this.#options.intervalMs);
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#checking;
    await this.#agent.destroy();
  }

  /** Asks every host now. Never rejects: a host that does not answer says nothing about its clock. */
  check(): Promise<void> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #check(): Promise<void> {
    const origins = [...new Set(this.#options.origins())];
    const hosts = new Set(origins.map((origin) => new URL(origin).host));
    for (const host of this.#offsets.keys()) if (!hosts.has(host)) this.#offsets.delete(host);
    await Promise.all(origins.map((origin) => this.#ask(origin)));
    this.#judge();
  }

  async #ask(origin: string): Promise<void> {
    const startedMs = Date.now();
    try {
      const answer = await this.#agent.request({
        origin,
        method: 'HEAD',
        path: '/',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await answer.body.dump();
      const dateMs = Date.parse(String(answer.headers['date']));
      if (Number.isFinite(dateMs))
        this.#offsets.set(new URL(origin).host, offsetSeconds(dateMs, startedMs, Date.now()));
    } catch {
      // Calls of other parts report that the host cannot be reached.
    }
  }

  #judge(): void {
    const { log } = this.#options;
    const before = this.#problem;
    this.#problem = this.#differences(() => true);
    if (this.#problem && this.#problem.details?.['hosts'] !== before?.details?.['hosts'])
      log.error({ code: this.#problem.code }, this.#problem.message);
    if (before && !this.#problem) log.info('The clocks agree again.');
  }

  #differences(isMeant: (host: string) => boolean): ConnectorError | undefined {
    const off = [...this.#offsets].filter(
      ([host, seconds]) => isMeant(host) && Math.abs(seconds) > TOLERANCE_SECONDS,
    );
    if (off.length === 0) return undefined;
    const words = off.map(
      ([host, seconds]) => `${Math.abs(seconds)} seconds ${seconds > 0 ? 'behind' : 'ahead of'} ${host}`,
    );
    return new ConnectorError(
      'CLOCK_OFF',
      `The clock of the machine of the sidecar is ${words.join(' and ')}; expected is a difference of at most ${TOLERANCE_SECONDS} seconds.`,
      { details: { hosts: off.map(([host]) => host).join(', ') } },
    );
  }
}

/** The header has whole seconds, and the host wrote it at any time between request and answer. */
function offsetSeconds(dateMs: number, startedMs: number, endedMs: number): number {
  if (dateMs + 1000 >= startedMs && dateMs <= endedMs) return 0;
  return Math.round((dateMs + 500 - (startedMs + endedMs) / 2) / 1000);
}
