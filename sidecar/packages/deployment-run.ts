import type { ErrorCode } from '../errors/catalogue.ts';
import { type ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Log } from '../observe/log.ts';
import type { Channel } from './channel.ts';
import { type Deployment, hasEnded, type Progress } from './deployment.ts';

export interface RunOptions {
  readonly channel: Channel;
  /** Writes the deployment to disk. Rejects only with STOPPING. */
  readonly save: (deployment: Deployment) => Promise<void>;
  /** Updates the Thing. Rejects only with STOPPING. */
  readonly show: (deployment: Deployment) => Promise<void>;
  /** Whether another deployment still needs the file. */
  readonly isFileNeeded: (deployment: Deployment) => boolean;
  readonly log: Log;
  /** Aborted when the hub is disconnected or the sidecar stops. */
  readonly signal: AbortSignal;
  /** Pauses between polls of a device that sends no notification. Each pause is twice the one before. */
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
}

/** The device has certainly not received the package. */
const NOT_REACHED: ReadonlySet<ErrorCode> = new Set([
  'DEVICE_OFFLINE',
  'DEVICE_QUEUE_FULL',
  'DEVICE_NOT_FOUND',
  'AZURE_THROTTLED',
]);

const FIRST_PAUSE_MS = 5_000;
/** Before the device has received the package, and afterwards. */
const LONGEST_SEND_PAUSE_MS = 60_000;
const LONGEST_LOOK_PAUSE_MS = 300_000;

/** Runs one deployment to its end, from its start or from the state that the previous process left. */
export class DeploymentRun {
  readonly #options: RunOptions;
  readonly #log: Log;
  #deployment: Deployment;
  readonly #backoff: Backoff;
  #isWoken = false;
  #endPause: () => void = () => undefined;
  /** Aborts the running call to the device. */
  #call = new AbortController();
  #cancelled: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #withdrawn: { readonly promise: Promise<boolean>; readonly resolve: (isGone: boolean) => void } | undefined;
  #isGone = false;
  #showing: Promise<void> = Promise.resolve();
  #saving: Promise<void> = Promise.resolve();
  #running: Promise<void> | undefined;

  constructor(deployment: Deployment, options: RunOptions) {
    this.#deployment = deployment;
    this.#options = options;
    this.#log = options.log.child({ deployment: deployment.id, deviceId: deployment.deviceId });
    this.#backoff = new Backoff({
      initialDelayMs: options.firstPauseMs ?? FIRST_PAUSE_MS,
      maxDelayMs: options.longestPauseMs ?? LONGEST_LOOK_PAUSE_MS,
    });
  }

  get deployment(): Deployment {
    return this.#deployment;
  }

  /** Whether nothing remains to be done. */
  get isComplete(): boolean {
    return hasEnded(this.#deployment) && this.#deployment.cleaned && this.#deployment.shown;
  }

  /** Resolves when the deployment is complete or the signal aborts. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#work().catch((thrown) => {
      const error = toConnectorError(thrown);
      if (!this.#options.signal.aborted && error.code !== 'STOPPING')
        this.#log.error({ err: error }, 'A deployment failed unexpectedly.');
    });
    return this.#running;
  }

  /** The device may have changed: polls it at once. */
  wake(): void {
    this.#backoff.reset();
    this.#isWoken = true;
    this.#endPause();
  }

  /** The hub reports that the device accepted the message or never will. */
  async feedback(outcome: string, description: string): Promise<void> {
    if (hasEnded(this.#deployment) || this.#deployment.state !== 'sent') return;
    if (outcome === 'Success') {
      await this.#update({ message: 'The device has accepted the message.' });
    } else {
      await this.#update({
        state: 'failed',
        code: 'PACKAGE_FAILED',
        message: `The device did not accept the message: ${outcome}${description ? ` (${description})` : ''}.`,
      });
    }
    this.wake();
  }

  /** Cancels the deployment. Resolves when it has ended, in whatever state. */
  async cancel(): Promise<void> {
    if (hasEnded(this.#deployment)) return;
    this.#cancelled ??= Promise.withResolvers<void>();
    this.#call.abort();
    this.#endPause();
    await Promise.race([this.#cancelled.promise, this.run()]);
  }

  /**
   * Ends the run without a trace if the device has not received the package. Resolves to whether that is so: then the device never receives it,
   * and nothing is stored any more.
   */
  async withdraw(): Promise<boolean> {
    if (hasEnded(this.#deployment) || this.#deployment.attempted) return false;
    this.#withdrawn ??= Promise.withResolvers<boolean>();
    this.#call.abort();
    this.#endPause();
    const isGone = await Promise.race([this.#withdrawn.promise, this.run().then(() => this.#isGone)]);
    await this.#saving.catch(() => undefined);
    return isGone;
  }

  /** Reads a report that the device sent after the deployment had ended without one. */
  async readLateReport(): Promise<void> {
    const { channel, signal } = this.#options;
    if (this.#deployment.confirmed || this.#deployment.state === 'installed') return;
    await this.#running;
    const report = await channel.readReport(this.#deployment, signal).catch(() => undefined);
    if (report?.state !== 'installed' && report?.state !== 'failed') return;
    await this.#update({
      ...report,
      cleaned: !(this.#deployment.deleteFile && report.state === 'installed'),
    });
    this.#running = undefined;
    await this.run();
  }

  async #work(): Promise<void> {
    const { signal } = this.#options;
    if (!this.#deployment.shown) this.#show(this.#deployment);
    while (!hasEnded(this.#deployment) && !signal.aborted) {
      if (this.#withdrawn) {
        this.#isGone = !this.#deployment.attempted;
        this.#withdrawn.resolve(this.#isGone);
        this.#withdrawn = undefined;
        if (this.#isGone) return;
      }
      if (this.#cancelled) await this.#cancelOnDevice();
      else await this.#step();
      if (!hasEnded(this.#deployment)) await this.#pause(this.#deployment.deadlineMs - Date.now());
    }
    this.#cancelled?.resolve();
    this.#withdrawn?.resolve(false);
    while (!this.#deployment.cleaned && !signal.aborted) {
      await this.#cleanUp();
      if (!this.#deployment.cleaned) await this.#pause();
    }
    await this.#showing;
  }

  /** Reads the report of the device first, so that an expired deadline does not hide it. */
  async #step(): Promise<void> {
    const { channel, signal } = this.#options;
    this.#call = new AbortController();
    const call = AbortSignal.any([signal, this.#call.signal]);
    try {
      const report = this.#deployment.attempted
        ? await channel.readReport(this.#deployment, call)
        : undefined;
      if (report && !hasEnded(this.#deployment)) await this.#update(report);
      if (hasEnded(this.#deployment)) return;
      if (Date.now() >= this.#deployment.deadlineMs) await this.#expire();
      else if (this.#deployment.state === 'waiting') await this.#send(call);
    } catch (thrown) {
      if (call.aborted || hasEnded(this.#deployment)) return;
      const error = toConnectorError(thrown);
      if (!mayRetry(error)) await this.#update({ state: 'failed', code: error.code, message: error.message });
      else if (Date.now() >= this.#deployment.deadlineMs) await this.#expire();
      else await this.#update({ code: error.code, message: error.message });
    }
  }

  async #send(signal: AbortSignal): Promise<void> {
    const { attempted } = this.#deployment;
    try {
      // From here on the device may have received it, even if this process ends.
      const onAttempt = () => this.#persist({ attempted: true });
      await this.#update(await this.#options.channel.send(this.#deployment, onAttempt, signal));
    } catch (thrown) {
      if (NOT_REACHED.has(toConnectorError(thrown).code)) await this.#persist({ attempted });
      throw thrown;
    }
  }

  async #expire(): Promise<void> {
    const { state, code, message } = this.#deployment;
    await this.#update(
      state === 'waiting'
        ? {
            state: 'failed',
            code: code || 'DEVICE_TIMEOUT',
            message: `The device did not receive it in time. ${message}`.trim(),
          }
        : {
            state: 'failed',
            code: 'DEVICE_TIMEOUT',
            message: `The device did not report a final state in time; the last state was ${state}.`,
          },
    );
  }

  async #cancelOnDevice(): Promise<void> {
    const { channel, signal } = this.#options;
    if (!this.#deployment.attempted) {
      await this.#update({
        state: 'cancelled',
        code: '',
        message: 'Cancelled before the device received it.',
      });
      return;
    }
    const stopped = await channel.cancel(this.#deployment, signal).catch(() => false);
    await this.#update({
      state: 'cancelled',
      code: '',
      message: stopped
        ? 'The device confirmed that it has stopped.'
        : 'Cancelled; the device did not confirm and may still install it.',
    });
  }

  /** Deletes the installed file if requested and if no other deployment needs it. */
  async #cleanUp(): Promise<void> {
    const { channel, signal, isFileNeeded } = this.#options;
    const { state, deleteFile } = this.#deployment;
    if (state !== 'installed' || !deleteFile) {
      await this.#persist({ cleaned: true });
      return;
    }
    if (isFileNeeded(this.#deployment)) return;
    try {
      await channel.deleteFile(this.#deployment, signal);
      await this.#update({ fileDeleted: true, cleaned: true });
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (signal.aborted) return;
      if (mayRetry(error)) return;
      this.#log.warn({ err: error }, 'The file of an installed package was not deleted.');
      await this.#update({
        cleaned: true,
        ...(error.code === 'FILE_NOT_FOUND'
          ? { fileDeleted: true }
          : { message: `${this.#deployment.message} The file was not deleted: ${error.message}`.trim() }),
      });
    }
  }

  /** Updates the deployment, and the Thing if a visible member changes. */
  async #update(progress: Progress): Promise<void> {
    const before = this.#deployment;
    const shown = ['state', 'progress', 'code', 'message', 'fileDeleted'] as const;
    const differs = shown.some((name) => name in progress && progress[name] !== before[name]);
    if (!differs) {
      await this.#persist(progress);
      return;
    }
    this.#backoff.reset();
    await this.#persist({ ...progress, changedAtMs: Date.now(), shown: false });
    if (before.state !== this.#deployment.state) {
      const { name, version, state, message } = this.#deployment;
      this.#log.info({ package: name, version, state }, `Package ${state}. ${message}`.trim());
    }
    this.#show(this.#deployment);
  }

  async #persist(changes: Partial<Deployment>): Promise<void> {
    if (
      this.#isGone ||
      Object.entries(changes).every(([name, value]) => this.#deployment[name as keyof Deployment] === value)
    )
      return;
    this.#deployment = { ...this.#deployment, ...changes };
    // Writes run one after the other; each writes the latest state.
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#options.save(this.#deployment));
    await this.#saving;
  }

  /** In order and in the background: ThingWorx may be unavailable. */
  #show(deployment: Deployment): void {
    const { show } = this.#options;
    this.#showing = this.#showing
      .then(() => show(deployment))
      .then(() =>
        this.#deployment.changedAtMs === deployment.changedAtMs ? this.#persist({ shown: true }) : undefined,
      )
      // Stopped: the next process updates the Thing.
      .catch(() => undefined);
  }

  /** Waits with exponential backoff; ends early when the device reports something. */
  async #pause(atMostMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { signal, longestPauseMs } = this.#options;
    const isWoken = this.#isWoken;
    this.#isWoken = false;
    if (signal.aborted || this.#cancelled || this.#withdrawn || isWoken) return;
    const longest =
      longestPauseMs ??
      (this.#deployment.state === 'waiting' ? LONGEST_SEND_PAUSE_MS : LONGEST_LOOK_PAUSE_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endPause = resolve;
    const timer = setTimeout(resolve, Math.max(0, Math.min(this.#backoff.nextDelayMs(), longest, atMostMs)));
    signal.addEventListener('abort', resolve as () => void, { once: true });
    await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', resolve as () => void);
  }
}

/** Whether a retry may succeed: the error is temporary, or a configuration is missing. */
function mayRetry({ code, retryable }: ConnectorError): boolean {
  return (
    retryable ||
    code === 'STORAGE_NOT_CONNECTED' ||
    code === 'AZURE_UNAUTHORIZED' ||
    code === 'SETTING_MISSING'
  );
}
