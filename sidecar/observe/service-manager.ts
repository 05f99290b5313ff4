import { execFile } from 'node:child_process';
import type { Log } from './log.ts';

/**
 * Tells systemd that the sidecar is ready, alive and stopping (sd_notify(3)), where it was started by a unit of Type=notify. Node.js cannot
 * send to the datagram socket that this needs, so the program systemd-notify does; the unit allows that with NotifyAccess=all. The
 * watchdog message comes from the event loop: a sidecar whose event loop is blocked is started again.
 */
export class ServiceManager {
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #warned = false;

  constructor(environment: Readonly<Record<string, string | undefined>>, log: Log) {
    this.#environment = environment;
    this.#log = log;
  }

  /** Says that the sidecar is ready, and from then on that it is alive. Nothing without systemd. */
  start(): void {
    if (!this.#environment['NOTIFY_SOCKET'] || this.#timer) return;
    this.#notify('READY=1');
    const watchdogUs = Number(this.#environment['WATCHDOG_USEC'] ?? 0);
    if (!(watchdogUs > 0)) return;
    // Half of the limit, as sd_watchdog_enabled(3) recommends.
    this.#timer = setInterval(() => this.#notify('WATCHDOG=1'), Math.max(watchdogUs / 2000, 100));
    this.#timer.unref();
  }

  /** Says that the sidecar is stopping. Idempotent. */
  stop(): void {
    if (!this.#environment['NOTIFY_SOCKET']) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#notify('STOPPING=1');
  }

  #notify(state: string): void {
    execFile('systemd-notify', [state], { timeout: 5_000 }, (error) => {
      if (!error || this.#warned) return;
      this.#warned = true;
      this.#log.warn(
        { err: error },
        'systemd-notify failed, so systemd does not know the state of the sidecar.',
      );
    });
  }
}
