/**
 * Uploads of files by devices: the hub hands out a link to one blob with the right to write it, the device stores the
 * file and says so, the hub tells the services. Shapes are those of the article "Upload files with IoT Hub".
 */
import { randomUUID } from 'node:crypto';
import {
  BlobSASPermissions,
  type BlobServiceClient,
  generateBlobSASQueryParameters,
  SASProtocol,
  type StorageSharedKeyCredential,
} from '@azure/storage-blob';
import type { ServiceNotifications } from './hub.ts';
import { HubError } from './hub-error.ts';
import { limits } from './quotas.ts';
import { openAccount, type StorageAccount } from './storage.ts';

export interface UploadOptions {
  account: StorageAccount;
  containerName: string;
  /** Life of a link and of an upload that is never completed. */
  timeToLiveMs?: number;
  /** The hub can keep its services uninformed (enableFileUploadNotifications). */
  notify?: boolean;
}

/** What the device gets; its SDK builds https://{hostName}/{containerName}/{blobName}{sasToken}. */
export interface UploadTicket {
  correlationId: string;
  hostName: string;
  containerName: string;
  blobName: string;
  sasToken: string;
}

interface ActiveUpload {
  deviceId: string;
  blobName: string;
  expiresAtMs: number;
}

const defaultTimeToLiveMs = 3600_000;

export class Uploads {
  readonly #options: UploadOptions;
  readonly #notifications: ServiceNotifications;
  readonly #active = new Map<string, ActiveUpload>();
  #service: BlobServiceClient | undefined;
  #credential: StorageSharedKeyCredential | undefined;
  #hostName = '';

  constructor(options: UploadOptions, notifications: ServiceNotifications) {
    this.#options = options;
    this.#notifications = notifications;
  }

  /** Opens the account and makes the container. */
  async start(): Promise<void> {
    const { service, credential, parts } = openAccount(this.#options.account);
    this.#service = service;
    this.#credential = credential;
    // Azurite has the account's name in the path, which the device SDK takes over as a part of the host name.
    this.#hostName = parts.blobEndpoint.replace(/^https?:\/\//, '');
    await service.getContainerClient(this.#options.containerName).createIfNotExists();
  }

  /** Throws ArgumentInvalid or DeviceMaximumActiveFileUploadLimitExceeded. */
  begin(deviceId: string, blobName: unknown): UploadTicket {
    if (
      typeof blobName !== 'string' ||
      blobName === '' ||
      blobName.length > 1024 ||
      blobName.startsWith('/')
    ) {
      throw new HubError('ArgumentInvalid', 'blobName is missing or not valid');
    }
    const now = Date.now();
    let active = 0;
    for (const [id, upload] of this.#active) {
      if (upload.expiresAtMs < now) this.#active.delete(id);
      else if (upload.deviceId === deviceId) active += 1;
    }
    if (active >= limits.activeUploads) throw new HubError('DeviceMaximumActiveFileUploadLimitExceeded');
    const expiresAtMs = now + (this.#options.timeToLiveMs ?? defaultTimeToLiveMs);
    const fullName = `${deviceId}/${blobName}`;
    const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '');
    const correlationId = Buffer.from(`${day}_${randomUUID()}_${blobName}_ver2.0`).toString('base64');
    this.#active.set(correlationId, { deviceId, blobName: fullName, expiresAtMs });
    return {
      correlationId,
      hostName: this.#hostName,
      containerName: this.#options.containerName,
      blobName: fullName,
      sasToken: `?${this.#sign(fullName, expiresAtMs)}`,
    };
  }

  /**
   * Ends an upload. Throws InvalidFileUploadCorrelationId, ExpiredFileUploadCorrelationId, and
   * InvalidStorageEndpointOrBlob when the device claims success for a blob that is not there.
   */
  async complete(deviceId: string, correlationId: string, isSuccess: boolean): Promise<void> {
    const upload = this.#active.get(correlationId);
    if (!upload || upload.deviceId !== deviceId) throw new HubError('InvalidFileUploadCorrelationId');
    if (upload.expiresAtMs < Date.now()) {
      this.#active.delete(correlationId);
      throw new HubError('ExpiredFileUploadCorrelationId');
    }
    if (!isSuccess) {
      this.#active.delete(correlationId);
      return;
    }
    const blob = this.#required(this.#service)
      .getContainerClient(this.#options.containerName)
      .getBlobClient(upload.blobName);
    const properties = await blob.getProperties().catch((error: { statusCode?: number; message: string }) => {
      throw new HubError(
        'InvalidStorageEndpointOrBlob',
        `The blob cannot be read: ${error.statusCode ?? error.message}`,
      );
    });
    this.#active.delete(correlationId);
    if (this.#options.notify === false) return;
    this.#notifications.fileUploaded({
      deviceId,
      blobUri: blob.url.split('?')[0] ?? blob.url,
      blobName: upload.blobName,
      lastUpdatedTime: (properties.lastModified ?? new Date()).toISOString(),
      blobSizeInBytes: properties.contentLength ?? 0,
      enqueuedTimeUtc: new Date().toISOString(),
    });
  }

  #sign(blobName: string, expiresAtMs: number): string {
    return generateBlobSASQueryParameters(
      {
        containerName: this.#options.containerName,
        blobName,
        permissions: BlobSASPermissions.parse('rw'),
        protocol: SASProtocol.HttpsAndHttp,
        startsOn: new Date(Date.now() - 300_000),
        expiresOn: new Date(expiresAtMs),
      },
      this.#required(this.#credential),
    ).toString();
  }

  #required<T>(value: T | undefined): T {
    if (value === undefined) throw new HubError('DefaultStorageEndpointNotConfigured');
    return value;
  }
}
