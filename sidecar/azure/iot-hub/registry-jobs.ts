import { redact } from '../../observe/log.ts';
import { type CallOptions, hubPath, type RestClient } from './rest-client.ts';

/** How the hub signs in to the storage account. */
type StorageAuthentication = 'keyBased' | 'identityBased';

/** A job over the whole registry, as the REST API has it. Addresses of containers are left out: they carry signatures. */
export interface RegistryJob {
  readonly jobId: string;
  readonly type: string;
  readonly status: 'unknown' | 'enqueued' | 'running' | 'completed' | 'failed' | 'cancelled';
  /** 0 to 100. */
  readonly progress: number;
  readonly outputBlobName?: string;
  readonly failureReason?: string;
}

interface ExportTarget {
  /** The address of the container, with a signature unless the identity of the hub is used. */
  readonly containerUrl: string;
  readonly blob: string;
  readonly authentication: StorageAuthentication;
}

/** Whether a job has come to its end, whichever it is. */
export function isOver({ status }: RegistryJob): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/**
 * Jobs that export the whole registry to a blob container. A hub runs one import or export at a time. azure-iothub has no parameter for
 * the name of the blob.
 *
 * Errors: QUOTA_EXCEEDED (another one runs), AZURE_NOT_FOUND, AZURE_REJECTED and those of rest-client.ts.
 */
export class RegistryJobs {
  readonly #rest: RestClient;

  constructor(rest: RestClient) {
    this.#rest = rest;
  }

  /** Begins an export without keys. */
  async export(target: ExportTarget, options: CallOptions = {}): Promise<RegistryJob> {
    const { containerUrl, blob, authentication } = target;
    const { body } = await this.#rest.request<RegistryJob>({
      ...options,
      ...ACCESS,
      method: 'POST',
      path: hubPath('jobs', 'create'),
      action: 'Beginning the export of the registry',
      body: {
        type: 'export',
        outputBlobContainerUri: containerUrl,
        outputBlobName: blob,
        excludeKeysInExport: true,
        storageAuthenticationType: authentication,
      },
    });
    return jobOf(body);
  }

  async get(jobId: string, options: CallOptions = {}): Promise<RegistryJob> {
    const { body } = await this.#rest.request<RegistryJob>({
      ...options,
      ...ACCESS,
      method: 'GET',
      path: hubPath('jobs', jobId),
      action: 'Reading the state of the export of the registry',
    });
    return jobOf(body);
  }

  /** The jobs that the hub remembers. */
  async list(options: CallOptions = {}): Promise<RegistryJob[]> {
    const { body } = await this.#rest.request<RegistryJob[] | undefined>({
      ...options,
      ...ACCESS,
      method: 'GET',
      path: hubPath('jobs'),
      action: 'Listing the imports and exports of the registry',
    });
    return (body ?? []).map(jobOf);
  }

  async cancel(jobId: string, options: CallOptions = {}): Promise<void> {
    await this.#rest.request({
      ...options,
      ...ACCESS,
      method: 'DELETE',
      path: hubPath('jobs', jobId),
      action: 'Cancelling the export of the registry',
    });
  }
}

const ACCESS = { operation: 'job', right: 'RegistryRead and RegistryWrite' } as const;

function jobOf({ jobId, type, status, progress, outputBlobName, failureReason }: RegistryJob): RegistryJob {
  return {
    jobId,
    type,
    status,
    progress: Number(progress) || 0,
    ...(outputBlobName ? { outputBlobName } : {}),
    ...(failureReason ? { failureReason: redact(failureReason) } : {}),
  };
}
