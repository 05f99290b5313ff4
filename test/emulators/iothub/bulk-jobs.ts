/**
 * Import and export of the whole registry through a blob container (v1 jobs), after the article "Import and export IoT
 * Hub device identities in bulk": devices.txt with one JSON object per line.
 *
 * Not known: name and format of the error log. Here it is importErrors.log with one JSON object per line.
 */
import { randomUUID } from 'node:crypto';
import { HubError } from './hub-error.ts';
import type { Identities } from './identities.ts';
import type { Identity } from './identity.ts';
import { limits } from './quotas.ts';
import { applyBatch, type BatchEntry, type BatchError } from './registry-batch.ts';
import type { Collection, StateStore } from './state-store.ts';
import { openContainer } from './storage.ts';
import { isObject, type JsonObject, renderSection } from './twin-document.ts';
import { etagOf, type Twins } from './twins.ts';

export interface BulkJob {
  jobId: string;
  type: 'import' | 'export';
  status: 'enqueued' | 'running' | 'completed' | 'failed' | 'cancelled';
  /** 0 to 100. */
  progress: number;
  startTimeUtc: string;
  endTimeUtc: string | null;
  inputBlobContainerUri?: string;
  inputBlobName?: string;
  outputBlobContainerUri: string;
  outputBlobName?: string;
  excludeKeysInExport: boolean;
  storageAuthenticationType: string;
  failureReason: string | null;
}

const defaultBlobName = 'devices.txt';
const errorBlobName = 'importErrors.log';
const pieceBytes = 4 * 1024 * 1024;

export class BulkJobs {
  readonly #jobs: Collection<BulkJob>;
  readonly #identities: Identities;
  readonly #twins: Twins;
  /** PEM text of the authority that signed the storage account's certificate. */
  readonly #storageCa: string | undefined;
  #running: Promise<void> = Promise.resolve();
  #held: Promise<void> = Promise.resolve();
  #release: () => void = () => undefined;

  constructor(store: StateStore, identities: Identities, twins: Twins, storageCa?: string) {
    this.#jobs = store.collection<BulkJob>('bulkJobs');
    this.#identities = identities;
    this.#twins = twins;
    this.#storageCa = storageCa;
  }

  /** A job that a stop interrupted is over. */
  start(): void {
    for (const job of [...this.#jobs.values()]) {
      if (isOpen(job)) this.#update(job.jobId, { status: 'failed', failureReason: 'The hub was restarted' });
    }
  }

  /** Waits for the job that runs. */
  async stop(): Promise<void> {
    this.hold(false);
    await this.#running;
  }

  /** Keeps jobs from going on, as a registry does that takes hours; or lets them. */
  hold(isHeld: boolean): void {
    this.#release();
    if (!isHeld) return;
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** Throws JobQuotaExceeded, ArgumentInvalid or ArgumentNull. */
  create(input: JsonObject): BulkJob {
    const { type, inputBlobContainerUri, outputBlobContainerUri, inputBlobName, outputBlobName } = input;
    if (type !== 'import' && type !== 'export') {
      throw new HubError('ArgumentInvalid', `Unknown job type ${String(type)}`);
    }
    if (typeof outputBlobContainerUri !== 'string' || outputBlobContainerUri === '') {
      throw new HubError('ArgumentNull', 'outputBlobContainerUri is missing');
    }
    if (type === 'import' && (typeof inputBlobContainerUri !== 'string' || inputBlobContainerUri === '')) {
      throw new HubError('ArgumentNull', 'inputBlobContainerUri is missing');
    }
    const open = [...this.#jobs.values()].filter(isOpen).length;
    if (open >= limits.importExportJobs)
      throw new HubError('JobQuotaExceeded', 'Job quota has been exceeded');
    const job: BulkJob = {
      jobId: randomUUID(),
      type,
      status: 'enqueued',
      progress: 0,
      startTimeUtc: new Date().toISOString(),
      endTimeUtc: null,
      ...(typeof inputBlobContainerUri === 'string' ? { inputBlobContainerUri } : {}),
      ...(typeof inputBlobName === 'string' ? { inputBlobName } : {}),
      outputBlobContainerUri,
      ...(typeof outputBlobName === 'string' ? { outputBlobName } : {}),
      excludeKeysInExport: input.excludeKeysInExport === true,
      storageAuthenticationType:
        typeof input.storageAuthenticationType === 'string' ? input.storageAuthenticationType : 'keyBased',
      failureReason: null,
    };
    this.#jobs.set(job.jobId, job);
    this.#running = this.#running.then(() => this.#run(job.jobId));
    return job;
  }

  list(): BulkJob[] {
    return [...this.#jobs.values()];
  }

  /** Throws JobNotFound. */
  get(jobId: string): BulkJob {
    const job = this.#jobs.get(jobId);
    if (!job) throw new HubError('JobNotFound', `Job ${jobId} not found`);
    return job;
  }

  /** A job that has ended stays as it is. */
  cancel(jobId: string): BulkJob {
    if (isOpen(this.get(jobId))) this.#update(jobId, { status: 'cancelled' });
    return this.get(jobId);
  }

  async #run(jobId: string): Promise<void> {
    if (!isOpen(this.get(jobId))) return;
    this.#update(jobId, { status: 'running' });
    await this.#held;
    try {
      const job = this.get(jobId);
      if (job.type === 'export') await this.#export(job);
      else await this.#import(job);
      if (this.get(jobId).status === 'running') this.#update(jobId, { status: 'completed', progress: 100 });
    } catch (error) {
      this.#update(jobId, { status: 'failed', failureReason: HubError.from(error).message });
    }
  }

  /** Piece by piece: the registry may have a million devices. */
  async #export(job: BulkJob): Promise<void> {
    const container = openContainer(job.outputBlobContainerUri, this.#storageCa);
    const blob = container.getBlockBlobClient(job.outputBlobName ?? defaultBlobName);
    const ids: string[] = [];
    let bytes = 0;
    let piece: string[] = [];
    const stage = async () => {
      const text = piece.join('');
      piece = [];
      bytes = 0;
      const id = Buffer.from(String(ids.length).padStart(6, '0')).toString('base64');
      await blob.stageBlock(id, text, Buffer.byteLength(text));
      ids.push(id);
    };
    const devices = [...this.#identities.devices()];
    for (const [index, device] of devices.entries()) {
      for (const identity of [device, ...this.#identities.modulesOf(device.deviceId)]) {
        const line = `${JSON.stringify(this.#line(identity, job.excludeKeysInExport))}\r\n`;
        piece.push(line);
        bytes += line.length;
      }
      if (index % 100 === 99) await this.#pause(job.jobId, index / devices.length);
      if (this.get(job.jobId).status !== 'running') return;
      if (bytes >= pieceBytes) await stage();
    }
    if (piece.length > 0) await stage();
    await blob.commitBlockList(ids);
  }

  /** Shows the progress and lets others go on; waits while jobs are held. */
  async #pause(jobId: string, share: number): Promise<void> {
    this.#update(jobId, { progress: Math.floor(100 * share) });
    await new Promise(setImmediate);
    await this.#held;
  }

  #line(identity: Identity, withoutKeys: boolean): JsonObject {
    const twin = this.#twins.require(identity.deviceId, identity.moduleId);
    const { authentication } = identity;
    return {
      id: identity.deviceId,
      ...(identity.moduleId === undefined ? {} : { moduleId: identity.moduleId }),
      eTag: identity.etag,
      status: identity.status,
      ...(identity.statusReason === null ? {} : { statusReason: identity.statusReason }),
      authentication: withoutKeys
        ? { ...authentication, symmetricKey: { primaryKey: null, secondaryKey: null } }
        : authentication,
      twinETag: etagOf(twin),
      tags: twin.tags,
      properties: { desired: renderSection(twin.desired), reported: renderSection(twin.reported) },
      ...(identity.moduleId === undefined ? { capabilities: identity.capabilities } : {}),
      ...(identity.deviceScope === undefined ? {} : { deviceScope: identity.deviceScope }),
      ...(identity.parentScopes === undefined ? {} : { parentScopes: identity.parentScopes }),
    };
  }

  async #import(job: BulkJob): Promise<void> {
    const input = openContainer(job.inputBlobContainerUri ?? '', this.#storageCa);
    const text = (
      await input.getBlobClient(job.inputBlobName ?? defaultBlobName).downloadToBuffer()
    ).toString('utf8');
    const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
    const errors: BatchError[] = [];
    for (const [index, line] of lines.entries()) {
      if (this.get(job.jobId).status !== 'running') break;
      if (line.trim() !== '') errors.push(...this.#importLine(line));
      if (index % 100 === 99) await this.#pause(job.jobId, index / lines.length);
    }
    if (errors.length === 0) return;
    const log = errors.map((error) => `${JSON.stringify(error)}\r\n`).join('');
    const output = openContainer(job.outputBlobContainerUri, this.#storageCa);
    await output.getBlockBlobClient(errorBlobName).upload(log, Buffer.byteLength(log));
  }

  #importLine(line: string): BatchError[] {
    let entry: unknown;
    try {
      entry = JSON.parse(line);
    } catch (error) {
      return [{ deviceId: '', errorCode: 'DeserializationError', errorStatus: (error as Error).message }];
    }
    if (!isObject(entry))
      return [{ deviceId: '', errorCode: 'DeserializationError', errorStatus: 'Not an object' }];
    return applyBatch(this.#identities, this.#twins, [entry as BatchEntry], 'createOrUpdate');
  }

  #update(jobId: string, change: Partial<BulkJob>): void {
    const job = this.get(jobId);
    const next = { ...job, ...change };
    if (!isOpen(next)) next.endTimeUtc ??= new Date().toISOString();
    this.#jobs.set(jobId, next);
  }
}

function isOpen(job: BulkJob): boolean {
  return job.status === 'enqueued' || job.status === 'running';
}
