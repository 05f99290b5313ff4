import { setTimeout as sleep } from 'node:timers/promises';
import { HUB_THING, type LocalSystem } from '../local/system.ts';

/** The longest that a service may take: ThingWorx ends scripts after this time. */
export const BUDGET_SECONDS = 30;
const PAUSE_MS = 250;

/** Calls of services while something goes wrong. They may fail, but in time. */
export class Operations {
  readonly #system: LocalSystem;
  #slowestMs = 0;
  #running: { readonly over: AbortController; readonly done: Promise<unknown> } | undefined;

  constructor(system: LocalSystem) {
    this.#system = system;
  }

  begin(): void {
    const over = new AbortController();
    this.#slowestMs = 0;
    const thing = this.#system.devices[0]?.deviceId ?? '';
    this.#running ??= {
      over,
      // Side by side: one that hangs does not keep the others from being called.
      done: Promise.all([
        this.#repeat(HUB_THING, 'GetStatus', over.signal),
        this.#repeat(HUB_THING, 'ListDeadLetters', over.signal),
        this.#repeat(thing, 'GetTwin', over.signal),
      ]),
    };
  }

  /** Ends; gives how long the slowest call took. */
  async end(): Promise<number> {
    this.#running?.over.abort();
    await this.#running?.done;
    this.#running = undefined;
    return this.#slowestMs / 1000;
  }

  async #repeat(thing: string, service: string, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const beganAtMs = performance.now();
      await this.#system.platform.invoke(thing, service).catch(() => undefined);
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - beganAtMs);
      await sleep(PAUSE_MS, undefined, { signal: over }).catch(() => undefined);
    }
  }
}
