import type { ErrorCode } from '../errors/catalogue.ts';
import { type ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import type { Channel } from './channel.ts';
import { type Deployment, hasEnded, type Progress } from './deployment.ts';

export interface RunOptions {
  readonly channel: Channel;
  /** Durably. Rejects only with STOPPING. */
  readonly save: (deployment: Deployment) => Promise<void>;
  /** Shows it on the Thing. Rejects only with STOPPING. */
  readonly show: (deployment: Deployment) => Promise<void>;
  /** Whether another deployment still needs the file. */
  readonly isFileNeeded: (deployment: Deployment) => boolean;
  readonly log: Log;
  /** Aborted when the hub is disconnected or the sidecar stops. */
  readonly signal: AbortSignal;
  /** Pauses between looks at a device that says nothing by itself: they double. */
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
}

/** What means that the device has surely not got it. */
const NOT_REACHED: ReadonlySet<ErrorCode> = new Set([
  'DEVICE_OFFLINE',
  'DEVICE_QUEUE_FULL',
  'DEVICE_NOT_FOUND',
  'AZURE_THROTTLED',
]);

const FIRST_PAUSE_MS = 5_000;
/** While the device is not reached, and while it works. */
const LONGEST_SEND_PAUSE_MS = 60_000;
const LONGEST_LOOK_PAUSE_MS = 300_000;

/** One deployment from its beginning, or from where the last process left it, to its end. */
export class DeploymentRun {
  readonly #options: RunOptions;
  readonly #log: Log;
  #deployment: Deployment;
  #pauseMs: number;
  #heard = false;
  #endPause: () => void = () => undefined;
  /** The call to the device that is under way. */
  #call = new AbortController();
  #cancelled: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #showing: Promise<void> = Promise.resolve();
  #saving: Promise<void> = Promise.resolve();
  #running: Promise<void> | undefined;

  constructor(deployment: Deployment, options: RunOptions) {
    this.#deployment = deployment;
    this.#options = options;
    this.#log = options.log.child({ deployment: deployment.id, deviceId: deployment.deviceId });
    this.#pauseMs = options.firstPauseMs ?? FIRST_PAUSE_MS;
  }

  get deployment(): Deployment {
    return this.#deployment;
  }

  /** Whether nothing is left to do. */
  get isComplete(): boolean {
    return hasEnded(this.#deployment) && this.#deployment.cleaned && this.#deployment.shown;
  }

  /** Works until everything is settled or the signal aborts. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#work().catch((thrown) => {
      if (!this.#options.signal.aborted)
        this.#log.error({ err: toConnectorError(thrown) }, 'A deployment cannot go on.');
    });
    return this.#running;
  }

  /** Something was heard of the device: looks at once. */
  wake(): void {
    this.#pauseMs = this.#options.firstPauseMs ?? FIRST_PAUSE_MS;
    this.#heard = true;
    this.#endPause();
  }

  /** The hub says that the device has taken the message, or will not. */
  async feedback(outcome: string, description: string): Promise<void> {
    if (hasEnded(this.#deployment) || this.#deployment.state !== 'sent') return;
    if (outcome === 'Success') {
      await this.#update({ message: 'The device has taken the message.' });
    } else {
      await this.#update({
        state: 'failed',
        code: 'PACKAGE_FAILED',
        message: `The device did not take the message: ${outcome}${description ? ` (${description})` : ''}.`,
      });
    }
    this.wake();
  }

  /** Gives it up. Resolves when it has ended, whichever way. */
  async cancel(): Promise<void> {
    if (hasEnded(this.#deployment)) return;
    this.#cancelled ??= Promise.withResolvers<void>();
    this.#call.abort();
    this.#endPause();
    await Promise.race([this.#cancelled.promise, this.run()]);
  }

  /** A deployment that ended without a word of the device hears it late. */
  async readLateReport(): Promise<void> {
    const { channel, signal } = this.#options;
    if (this.#deployment.confirmed || this.#deployment.state === 'installed') return;
    await this.#running;
    const said = await channel.readReport(this.#deployment, signal).catch(() => undefined);
    if (said?.state !== 'installed' && said?.state !== 'failed') return;
    await this.#update({ ...said, cleaned: !(this.#deployment.deleteFile && said.state === 'installed') });
    this.#running = undefined;
    await this.run();
  }

  async #work(): Promise<void> {
    const { signal } = this.#options;
    if (!this.#deployment.shown) this.#show(this.#deployment);
    while (!hasEnded(this.#deployment) && !signal.aborted) {
      if (this.#cancelled) await this.#cancelOnDevice();
      else await this.#step();
      if (!hasEnded(this.#deployment)) await this.#pause(this.#deployment.deadlineMs - Date.now());
    }
    this.#cancelled?.resolve();
    while (!this.#deployment.cleaned && !signal.aborted) {
      await this.#cleanUp();
      if (!this.#deployment.cleaned) await this.#pause();
    }
    await this.#showing;
  }

  /** First what the device says, so that a deadline that passed meanwhile does not hide it. */
  async #step(): Promise<void> {
    const { channel, signal } = this.#options;
    this.#call = new AbortController();
    const call = AbortSignal.any([signal, this.#call.signal]);
    try {
      const said = this.#deployment.attempted ? await channel.readReport(this.#deployment, call) : undefined;
      if (said && !hasEnded(this.#deployment)) await this.#update(said);
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
      // From then on the device may have it, whatever becomes of this process.
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
            message: `It did not reach the device in time. ${message}`.trim(),
          }
        : {
            state: 'failed',
            code: 'DEVICE_TIMEOUT',
            message: `The device did not report an end in time; it was ${state}.`,
          },
    );
  }

  async #cancelOnDevice(): Promise<void> {
    const { channel, signal } = this.#options;
    if (!this.#deployment.attempted) {
      await this.#update({
        state: 'cancelled',
        code: '',
        message: 'It was given up before the device had it.',
      });
      return;
    }
    const stopped = await channel.cancel(this.#deployment, signal).catch(() => false);
    await this.#update({
      state: 'cancelled',
      code: '',
      message: stopped
        ? 'The device says that it has stopped.'
        : 'It was given up; the device did not confirm and may still install it.',
    });
  }

  /** Deletes the file that was installed, when that is wanted and nobody needs it any more. */
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

  /** Changes what the Thing shows; nothing when it shows just that. */
  async #update(progress: Progress): Promise<void> {
    const before = this.#deployment;
    const shown = ['state', 'progress', 'code', 'message', 'fileDeleted'] as const;
    const differs = shown.some((name) => name in progress && progress[name] !== before[name]);
    if (!differs) {
      await this.#persist(progress);
      return;
    }
    this.#pauseMs = this.#options.firstPauseMs ?? FIRST_PAUSE_MS;
    await this.#persist({ ...progress, changedAtMs: Date.now(), shown: false });
    if (before.state !== this.#deployment.state) {
      const { name, version, state, message } = this.#deployment;
      this.#log.info({ package: name, version, state }, `Package ${state}. ${message}`.trim());
    }
    this.#show(this.#deployment);
  }

  async #persist(changes: Partial<Deployment>): Promise<void> {
    if (
      Object.entries(changes).every(([name, value]) => this.#deployment[name as keyof Deployment] === value)
    )
      return;
    this.#deployment = { ...this.#deployment, ...changes };
    // One after the other, each with what is so by then.
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#options.save(this.#deployment));
    await this.#saving;
  }

  /** In order, beside the work: ThingWorx may be away. */
  #show(deployment: Deployment): void {
    const { show } = this.#options;
    this.#showing = this.#showing
      .then(() => show(deployment))
      .then(() =>
        this.#deployment.changedAtMs === deployment.changedAtMs ? this.#persist({ shown: true }) : undefined,
      )
      // Stopped: the next process tells it.
      .catch(() => undefined);
  }

  /** Until something is heard, or for a growing while. */
  async #pause(atMostMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { signal, longestPauseMs } = this.#options;
    const heard = this.#heard;
    this.#heard = false;
    if (signal.aborted || this.#cancelled || heard) return;
    const longest =
      longestPauseMs ??
      (this.#deployment.state === 'waiting' ? LONGEST_SEND_PAUSE_MS : LONGEST_LOOK_PAUSE_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endPause = resolve;
    const timer = setTimeout(resolve, Math.max(0, Math.min(this.#pauseMs, longest, atMostMs)));
    signal.addEventListener('abort', resolve as () => void, { once: true });
    this.#pauseMs = Math.min(this.#pauseMs * 2, longest);
    await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', resolve as () => void);
  }
}

/** Whether the same may do later: what is away comes back, and what is not set up yet may be. */
function mayRetry({ code, retryable }: ConnectorError): boolean {
  return (
    retryable ||
    code === 'STORAGE_NOT_CONNECTED' ||
    code === 'AZURE_UNAUTHORIZED' ||
    code === 'SETTING_MISSING'
  );
}
