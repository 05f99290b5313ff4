import type { FileNotification } from '../azure/iot-hub/hub-listener.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import type { IdempotentMove } from '../files/types.ts';
import type { Announcement } from '../ingest/notifications/announcer.ts';
import { untilDone } from '../lib/backoff.ts';
import { systemCode } from '../lib/files.ts';
import type { RecordStore } from '../lib/records.ts';
import type { Log } from '../observe/log.ts';
import { type MoveAndLinkResult, mayRetry, moveAndLink } from './move-and-link.ts';
import { isNotification, type Upload, uploadId } from './upload.ts';

export interface UploadsOptions {
  /** Hold uploads until their events have reached the Things. */
  readonly records: RecordStore<Upload>;
  readonly log: Log;
  readonly storages: StorageAccounts;
  /** The current settings; throws while the hub has none. */
  readonly settings: () => HubSettings;
  /** Resolves to the number of refused announcements. Rejects only with STOPPING. */
  readonly announce: (announcements: readonly Announcement[], signal: AbortSignal) => Promise<number>;
  /** Called when the warning changes. */
  readonly onWarning: () => void;
}

/** Numbers of uploads by result. */
interface UploadCounts {
  announced: number;
  moved: number;
  /** Announced without a link, or without the configured move. */
  incomplete: number;
  repeated: number;
  refused: number;
}

/** Uploads in progress at the same time; those of one device are processed one after the other. */
const PARALLEL = 8;
/** With more waiting uploads, notifications stay in the hub. */
const MAX_WAITING = 5_000;
/** The longest time that IoT Hub keeps a notification. */
const REMEMBERED_MS = 48 * 3600_000;
const MAX_REMEMBERED = 2_000;

/**
 * Processes the files that devices upload: stores the notifications of the hub, so that neither an outage of storage or ThingWorx nor a
 * crash loses one, moves each file as the settings require, and announces it on the Thing of its device.
 */
export class Uploads {
  readonly counts: UploadCounts = { announced: 0, moved: 0, incomplete: 0, repeated: 0, refused: 0 };
  readonly #options: UploadsOptions;
  readonly #records: RecordStore<Upload>;
  readonly #abort = new AbortController();
  /** Being stored. */
  readonly #arriving = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Upload>();
  /** Time of completion by id, oldest first. */
  readonly #done = new Map<string, number>();
  /** By device. */
  readonly #working = new Map<string, Promise<void>>();
  readonly #blocking = new Map<string, ConnectorError>();
  readonly #waitingForRoom: (() => void)[] = [];
  #starting: Promise<void> | undefined;

  constructor(options: UploadsOptions) {
    this.#options = options;
    this.#records = options.records;
  }

  /** The number of uploads that are not announced yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get warning(): string | undefined {
    const [error] = this.#blocking.values();
    return error && `Uploaded files are waiting: ${error.code}: ${error.message}`;
  }

  /** Resumes the uploads of the previous process. Idempotent. Rejects only with STOPPING. */
  start(): Promise<void> {
    this.#starting ??= this.#load();
    return this.#starting;
  }

  /** Takes what another sidecar had begun. */
  async readNew(): Promise<void> {
    await this.start();
    const { records } = await this.#disk('load', () => this.#records.load());
    for (const upload of records) {
      if (upload.doneAtMs !== undefined) this.#done.set(upload.id, upload.doneAtMs);
      else if (!this.#done.has(upload.id) && !this.#waiting.has(upload.id))
        this.#waiting.set(upload.id, upload);
    }
    this.#next();
  }

  /** Uploads that are not announced stay for the next process. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#starting?.catch(() => undefined);
    await Promise.allSettled([...this.#arriving.values(), ...this.#working.values()]);
  }

  /** Resolves when all notifications are stored. Rejects only with STOPPING: the hub then sends them again. */
  async take(notifications: readonly unknown[], signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([this.#abort.signal, signal]);
    await unlessAborted(this.start(), either);
    for (const notification of notifications) {
      if (isNotification(notification)) await this.#take(notification, either);
      else this.#options.log.warn('Dropped a file notification of the hub that names no file.');
    }
  }

  async #take(notification: FileNotification, signal: AbortSignal): Promise<void> {
    const id = uploadId(notification);
    if (this.#arriving.has(id) || this.#waiting.has(id) || this.#done.has(id)) {
      this.counts.repeated += 1;
      await this.#arriving.get(id);
      return;
    }
    const upload: Upload = { id, takenAtMs: Date.now(), notification };
    const arriving = this.#arrive(upload, signal).finally(() => this.#arriving.delete(id));
    this.#arriving.set(id, arriving);
    await arriving;
    this.#next();
  }

  async #arrive(upload: Upload, signal: AbortSignal): Promise<void> {
    while (this.#waiting.size >= MAX_WAITING) await this.#room(signal);
    await this.#write(upload, signal);
    this.#waiting.set(upload.id, upload);
  }

  /** Resolves when an upload is complete. */
  #room(signal: AbortSignal): Promise<void> {
    return unlessAborted(new Promise((resolve) => this.#waitingForRoom.push(resolve)), signal);
  }

  async #load(): Promise<void> {
    const { log } = this.#options;
    const { records, unreadable } = await this.#disk('load', () => this.#records.load());
    if (unreadable.length > 0) log.warn({ files: unreadable }, 'Skipped upload records that cannot be read.');
    const known = records.sort((a, b) => (a.doneAtMs ?? a.takenAtMs) - (b.doneAtMs ?? b.takenAtMs));
    for (const upload of known) {
      if (upload.doneAtMs === undefined) this.#waiting.set(upload.id, upload);
      else this.#done.set(upload.id, upload.doneAtMs);
    }
    await this.#forget();
    this.#next();
  }

  /** Starts the oldest uploads of devices that have none in progress. */
  #next(): void {
    for (const upload of this.#waiting.values()) {
      if (this.#abort.signal.aborted || this.#working.size >= PARALLEL) return;
      const { deviceId } = upload.notification;
      if (this.#working.has(deviceId)) continue;
      const work = this.#handle(upload)
        .catch((thrown) => this.#failed(upload, thrown))
        .finally(() => {
          this.#working.delete(deviceId);
          this.#next();
        });
      this.#working.set(deviceId, work);
    }
  }

  async #handle({ id }: Upload): Promise<void> {
    const { result, refused } = await this.#announce(id);
    if (refused > 0) this.counts.refused += refused;
    else this.counts.announced += 1;
    if (result.moved) this.counts.moved += 1;
    if (result.problem) this.counts.incomplete += 1;
    const doneAtMs = Date.now();
    await this.#write({ ...this.#present(id), doneAtMs });
    this.#waiting.delete(id);
    this.#done.set(id, doneAtMs);
    for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    await this.#forget();
  }

  /** Makes a new link if the announcement takes longer than half the lifetime of the link. */
  async #announce(id: string): Promise<{ result: MoveAndLinkResult; refused: number }> {
    const { signal } = this.#abort;
    for (;;) {
      const result = await this.#moveAndLink(id);
      const { link } = result;
      const fresh =
        link && AbortSignal.timeout(Math.max(0, Math.floor((Date.parse(link.expiresAt) - Date.now()) / 2)));
      try {
        const announcements = [announcementOf(this.#present(id), result)];
        const limit = fresh ? AbortSignal.any([signal, fresh]) : signal;
        return { result, refused: await this.#options.announce(announcements, limit) };
      } catch (thrown) {
        if (signal.aborted || !fresh?.aborted) throw thrown;
      }
    }
  }

  /** Retries while storage is unavailable or not configured. */
  async #moveAndLink(id: string): Promise<MoveAndLinkResult> {
    const { storages, settings, log } = this.#options;
    const { signal } = this.#abort;
    const decide = async (move: IdempotentMove) => {
      const upload = { ...this.#present(id), move };
      await this.#write(upload);
      this.#waiting.set(id, upload);
    };
    const result = await untilDone(
      () => moveAndLink(this.#present(id), { storages, settings, decide }, signal),
      signal,
      (error) => this.#setBlocked(id, error),
      mayRetry,
    );
    const { problem } = result;
    if (problem) {
      const { deviceId, blobName } = this.#present(id).notification;
      log.warn({ err: problem, deviceId, blobName }, 'An uploaded file has no link or was not moved.');
    }
    return result;
  }

  #present(id: string): Upload {
    const upload = this.#waiting.get(id);
    if (!upload) throw new ConnectorError('INTERNAL', `The upload ${id} is not waiting.`);
    return upload;
  }

  /** Only a stop ends an upload early. Anything else is a defect; the next process tries again. */
  #failed(upload: Upload, thrown: unknown): void {
    const error = toConnectorError(thrown);
    if (this.#abort.signal.aborted || error.code === 'STOPPING') return;
    this.#waiting.delete(upload.id);
    this.#options.log.error({ err: error }, 'An upload could not be announced.');
  }

  #setBlocked(key: string, error: ConnectorError | undefined): void {
    const before = this.warning;
    if (error) this.#blocking.set(key, error);
    else this.#blocking.delete(key);
    if (error && before === undefined)
      this.#options.log.warn({ err: error }, 'Uploaded files are waiting; retrying.');
    if (this.warning !== before) this.#options.onWarning();
  }

  async #forget(): Promise<void> {
    const tooOldMs = Date.now() - REMEMBERED_MS;
    for (const [id, doneAtMs] of this.#done) {
      if (this.#done.size <= MAX_REMEMBERED && doneAtMs >= tooOldMs) return;
      this.#done.delete(id);
      await this.#disk(id, () => this.#records.remove(id));
    }
  }

  #write(upload: Upload, signal = this.#abort.signal): Promise<void> {
    return this.#disk(upload.id, () => this.#records.write(upload), signal);
  }

  /** Retries until the disk call succeeds. Rejects only with STOPPING. */
  #disk<T>(key: string, call: () => Promise<T>, signal = this.#abort.signal): Promise<T> {
    const attempt = async () => {
      try {
        return await call();
      } catch (cause) {
        if (cause instanceof ConnectorError) throw cause;
        throw new ConnectorError('STATE_UNAVAILABLE', `Uploads cannot be stored: ${systemCode(cause)}.`, {
          cause,
        });
      }
    };
    return untilDone(attempt, signal, (error) => this.#setBlocked(key, error));
  }
}

/** Rejects with STOPPING when the signal aborts first. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new ConnectorError('STOPPING', 'The hub was disconnected.'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function announcementOf(upload: Upload, { location, moved, link, problem }: MoveAndLinkResult): Announcement {
  const { deviceId, blobName, blobUri, blobSizeInBytes, enqueuedTimeUtc } = upload.notification;
  return {
    deviceId,
    event: 'FileUploaded',
    data: {
      deviceId,
      blobName,
      blobUri,
      size: blobSizeInBytes,
      ...(location === undefined ? {} : { container: location.container, path: location.path }),
      // A path that no service takes still says which file it is.
      ...(problem?.code === 'PATH_INVALID' && location === undefined ? { path: `/${blobName}` } : {}),
      moved,
      ...(link === undefined ? {} : { link: link.url, linkExpires: Date.parse(link.expiresAt) }),
      code: problem?.code ?? '',
      message: problem?.message ?? '',
      time: Date.parse(enqueuedTimeUtc),
    },
  };
}
