import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectorError } from '../errors/connector-error.ts';

/** A service that waits for the sidecar that leads must answer within twenty seconds. */
const WAIT_MS = 14_000;
const POLL_MS = 300;

/**
 * Work of one hub, as each sidecar of its group answers for it. The sidecar that leads runs the work with a `Runner`. The others read it at
 * its `Place`, which they share, and post requests there for the one that leads.
 */
export class GroupBoard<Place, Runner extends { stop(): Promise<void> }> {
  readonly #abort = new AbortController();
  #place: Place | undefined;
  #runner: Runner | undefined;

  /** Called before this sidecar leads, and when the settings name another place. */
  use(place: Place): void {
    this.#place = place;
  }

  /** This sidecar leads no longer: it interrupts the work. Idempotent. */
  async end(): Promise<void> {
    const runner = this.#runner;
    this.#runner = undefined;
    await runner?.stop();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.end();
    this.#place = undefined;
  }

  /** Undefined while another sidecar leads. */
  protected get runner(): Runner | undefined {
    return this.#runner;
  }

  /** Throws STOPPING when the board is closed. */
  protected get place(): Place {
    if (!this.#place) throw new ConnectorError('STOPPING', 'The hub was disconnected.');
    return this.#place;
  }

  /** This sidecar leads from now on. Returns the runner, which is made once until `end`. */
  protected lead(newRunner: (place: Place) => Runner): Runner {
    this.#runner ??= newRunner(this.place);
    return this.#runner;
  }

  /** Reads or writes at the place. `unavailable` gives the error if that fails. */
  protected async access<T>(
    work: (place: Place) => Promise<T>,
    unavailable: (thrown: unknown) => ConnectorError,
  ): Promise<T> {
    const { place } = this;
    try {
      return await work(place);
    } catch (thrown) {
      throw unavailable(thrown);
    }
  }

  /** Reads until the sidecar that leads has done what was posted. After the longest wait, resolves to what it read last. */
  protected async waitUntil<T>(isDone: (value: T) => boolean, read: () => Promise<T>): Promise<T> {
    const untilMs = performance.now() + WAIT_MS;
    for (;;) {
      await sleep(POLL_MS);
      const value = await read();
      if (isDone(value) || performance.now() >= untilMs || this.#abort.signal.aborted) return value;
    }
  }
}
