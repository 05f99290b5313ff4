import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobClient, ContainerClient } from '@azure/storage-blob';
import { azureError } from '../azure/azure-error.ts';
import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { Twin } from '../azure/iot-hub/hub-types.ts';
import { isOver, type RegistryJob } from '../azure/iot-hub/registry-jobs.ts';
import { ensureContainer, openStorage } from '../azure/storage.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { persist } from '../tasks/task.ts';

interface RegistryExportOptions {
  readonly azure: () => Promise<HubClients>;
  /** Connection string or address of the storage account. */
  readonly storage: string;
  readonly container: string;
  /** Unique to the task: by it the job of an earlier attempt is found again. */
  readonly blob: string;
  readonly log: Log;
  /** What the operator should know while the job runs. */
  readonly onState: (text: string) => void;
}

/** Some devices of the export, and the place in the blob behind them. */
interface ExportedPage {
  readonly twins: readonly Twin[];
  readonly end: number;
  readonly isLast: boolean;
}

/** A twin has at most some hundred KB with its metadata: a piece has always whole lines. */
const PIECE_BYTES = 4 * 1024 * 1024;
const DEVICES_PER_PAGE = 500;
/** Article "Import and export IoT Hub device identities in bulk": it asks for the state every five seconds. */
const MOST_POLL_MS = 5_000;
const BUSY_POLL_MS = 15_000;
/** A job over a million devices may take hours. */
const SIGNATURE_MS = 24 * 3_600_000;
const CALL = { timeoutMs: 120_000 };
const NEWLINE = 10;

/** An export of the registry by a job of the IoT Hub: a line of JSON per device, in a blob. It has no keys. */
export class RegistryExport {
  readonly #options: RegistryExportOptions;
  #opened: Promise<ContainerClient> | undefined;
  #running: string | undefined;

  constructor(options: RegistryExportOptions) {
    this.#options = options;
  }

  /**
   * Begins the job, or takes up that of an earlier attempt, and waits until it has ended. While another import or export of the hub runs,
   * it waits unless `waits` is false. Throws EXPORT_JOB_FAILED, QUOTA_EXCEEDED and what the calls to Azure throw.
   */
  async complete(signal: AbortSignal, waits: boolean): Promise<void> {
    const { onState } = this.#options;
    let job = (await this.#earlier(signal)) ?? (await this.#begin(signal, waits));
    this.#running = job.jobId;
    for (let pauseMs = 500; !isOver(job); pauseMs = Math.min(pauseMs * 2, MOST_POLL_MS)) {
      onState(`IoT Hub exports the registry to the storage account: ${job.progress} %.`);
      await pause(pauseMs, signal);
      const { jobId } = job;
      job = await this.#call((azure) => azure.registryJobs.get(jobId, { ...CALL, signal }), signal);
    }
    this.#running = undefined;
    onState(
      'The registry is read from an export of the IoT Hub, which has no model ids and connection states.',
    );
    if (job.status === 'completed') return;
    throw new ConnectorError(
      'EXPORT_JOB_FAILED',
      `The export job of the IoT Hub has the state ${job.status}: ${job.failureReason ?? 'IoT Hub gave no reason.'}`,
    );
  }

  /** The devices from a place in the blob on. Modules are left out. */
  async *pages(from: number, signal: AbortSignal): AsyncGenerator<ExportedPage, void> {
    const blob = await this.#blob();
    const size = await this.#storage(
      async () => (await blob.getProperties({ abortSignal: signal })).contentLength ?? 0,
      signal,
    );
    let start = from;
    while (start < size) {
      const count = Math.min(PIECE_BYTES, size - start);
      const at = start;
      const piece = await this.#storage(
        () => blob.downloadToBuffer(at, count, { abortSignal: signal }),
        signal,
      );
      let twins: Twin[] = [];
      let line = 0;
      const isLastPiece = start + piece.length >= size;
      for (;;) {
        const found = piece.indexOf(NEWLINE, line);
        if (found < 0 && !isLastPiece) break;
        const end = found < 0 ? piece.length : found + 1;
        if (end > line) twins.push(...twinsOf(piece.toString('utf8', line, end)));
        line = end;
        const isEnd = start + line >= size;
        if (twins.length < DEVICES_PER_PAGE && !isEnd) continue;
        yield { twins, end: start + line, isLast: isEnd };
        twins = [];
        if (isEnd) return;
      }
      if (line === 0) throw unreadable('it has a line of more than 4 MB');
      if (twins.length > 0) yield { twins, end: start + line, isLast: false };
      start += line;
    }
    yield { twins: [], end: size, isLast: true };
  }

  /** Ends the job if it runs, and deletes the blob. Never rejects: the blob has no keys, and the log says that it is left. */
  async remove(): Promise<void> {
    const { azure, log, container, blob } = this.#options;
    try {
      const running = this.#running;
      if (running !== undefined) await (await azure()).registryJobs.cancel(running, CALL);
      await (await this.#blob()).deleteIfExists();
    } catch (thrown) {
      log.warn({ err: toConnectorError(thrown), container, blob }, 'An export of the registry is left over.');
    }
  }

  async #earlier(signal: AbortSignal): Promise<RegistryJob | undefined> {
    const jobs = await this.#call((azure) => azure.registryJobs.list({ ...CALL, signal }), signal);
    return jobs.find(
      (job) =>
        job.outputBlobName === this.#options.blob && job.status !== 'failed' && job.status !== 'cancelled',
    );
  }

  async #begin(signal: AbortSignal, waits: boolean): Promise<RegistryJob> {
    const { azure, blob, onState, log } = this.#options;
    for (;;) {
      try {
        const container = await this.#container();
        await ensureContainer(container, { signal });
        const target = { ...(await accessTo(container)), blob };
        return await (await azure()).registryJobs.export(target, { ...CALL, signal });
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (!waits || signal.aborted || !error.retryable) throw error;
        log.warn({ err: error }, 'The export of the registry cannot begin yet; retrying.');
        onState(
          error.code === 'QUOTA_EXCEEDED'
            ? 'Waits until another import or export of the registry has ended; IoT Hub runs one at a time.'
            : `Waits to begin the export of the registry: ${error.message}`,
        );
        await pause(Math.max(BUSY_POLL_MS, error.retryAfterMs ?? 0), signal);
      }
    }
  }

  async #call<T>(work: (azure: HubClients) => Promise<T>, signal: AbortSignal): Promise<T> {
    return await persist(async () => work(await this.#options.azure()), signal, this.#options.log);
  }

  async #storage<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const attempt = async () => {
      try {
        return await work();
      } catch (thrown) {
        throw azureError(thrown, { action: `Reading the export ${this.#options.blob}` });
      }
    };
    return await persist(attempt, signal, this.#options.log);
  }

  async #blob(): Promise<BlobClient> {
    return (await this.#container()).getBlobClient(this.#options.blob);
  }

  #container(): Promise<ContainerClient> {
    const { storage, container } = this.#options;
    this.#opened ??= openStorage(storage, { tryTimeoutMs: 60_000 }).then((account) =>
      account.getContainerClient(container),
    );
    return this.#opened;
  }
}

/** How the IoT Hub writes to the container: with a signature that this sidecar can make or has, else with the identity of the hub. */
async function accessTo(
  container: ContainerClient,
): Promise<{ containerUrl: string; authentication: 'keyBased' | 'identityBased' }> {
  const { ContainerSASPermissions, StorageSharedKeyCredential } = await import('@azure/storage-blob');
  if (container.credential instanceof StorageSharedKeyCredential)
    return {
      containerUrl: await container.generateSasUrl({
        permissions: ContainerSASPermissions.parse('rwd'),
        expiresOn: new Date(Date.now() + SIGNATURE_MS),
      }),
      authentication: 'keyBased',
    };
  const isSigned = new URL(container.url).searchParams.has('sig');
  return { containerUrl: container.url, authentication: isSigned ? 'keyBased' : 'identityBased' };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw new ConnectorError('STOPPING', 'The task was cancelled or the sidecar is stopping.');
  }
}

interface ExportedDevice {
  readonly id: string;
  readonly moduleId?: string;
  readonly eTag?: string;
  readonly tags?: Twin['tags'];
  readonly properties?: Twin['properties'];
  readonly capabilities?: Twin['capabilities'];
}

/** IoT Hub gives a new twin the version 1; the export has no twin of devices whose twin was never changed. */
const UNTOUCHED = { $version: 1 };

/**
 * The device of a line as a twin, none for a module or an empty line. The version of the whole twin is not exported: 0 is older than any,
 * so that each change that follows is taken.
 */
function twinsOf(line: string): Twin[] {
  const text = line.trim();
  if (text === '') return [];
  let device: ExportedDevice;
  try {
    device = JSON.parse(text) as ExportedDevice;
  } catch {
    throw unreadable('it has a line that is not JSON');
  }
  if (typeof device?.id !== 'string') throw unreadable('it has a line without an id');
  if (device.moduleId) return [];
  const { id, eTag = '', tags = {}, properties, capabilities } = device;
  return [
    {
      deviceId: id,
      etag: eTag,
      version: 0,
      tags,
      properties: { desired: properties?.desired ?? UNTOUCHED, reported: properties?.reported ?? UNTOUCHED },
      ...(capabilities ? { capabilities } : {}),
    },
  ];
}

function unreadable(reason: string): ConnectorError {
  return new ConnectorError('EXPORT_JOB_FAILED', `The export of the IoT Hub cannot be read: ${reason}.`);
}
