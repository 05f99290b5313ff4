/** A storage container as an endpoint of message routing: batches as Avro or JSON under the hub's file names. */
import { BlobBatches } from './blob-batches.ts';
import type { HubNotification } from './hub.ts';
import { encodeJsonLines, encodeRecords, type RoutedRecord, recordOf } from './routed-message.ts';
import { openAccount, type StorageAccount } from './storage.ts';

export interface StorageEndpointOptions {
  name: string;
  account: StorageAccount;
  containerName: string;
  /** The service writes Avro unless told otherwise. */
  encoding?: 'avro' | 'avrodeflate' | 'json';
  /** All of {iothub} {partition} {YYYY} {MM} {DD} {HH} {mm}, in any order. */
  fileNameFormat?: string;
  /** 60 to 720 seconds in the service, 300 by default; here any time. */
  batchMs?: number;
  /** 10 to 500 MB in the service, 300 MB by default; here any size. */
  maxChunkBytes?: number;
}

export const defaultFileNameFormat = '{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}';
const placeholders = ['{iothub}', '{partition}', '{YYYY}', '{MM}', '{DD}', '{HH}', '{mm}'];

export class StorageEndpoint {
  readonly name: string;
  readonly #options: StorageEndpointOptions;
  readonly #hubName: string;
  readonly #batches: BlobBatches<RoutedRecord>;

  constructor(options: StorageEndpointOptions, hubName: string) {
    this.name = options.name;
    this.#options = options;
    this.#hubName = hubName;
    const { encoding = 'avro' } = options;
    const json = encoding === 'json';
    this.#batches = new BlobBatches({
      windowMs: options.batchMs ?? 300_000,
      maxBytes: options.maxChunkBytes ?? 300 * 1024 * 1024,
      contentType: json ? 'application/json' : 'application/octet-stream',
      encode: (records) =>
        json
          ? encodeJsonLines(records)
          : encodeRecords(records, encoding === 'avrodeflate' ? 'deflate' : 'null'),
      nameOf: (partition, timeMs, attempt) => this.#fileName(partition, timeMs, attempt),
    });
  }

  /** Why the last blob could not be written, if it could not. */
  get lastError(): Error | undefined {
    return this.#batches.lastError;
  }

  /** Rejects when the format lacks a part, or the account cannot be reached. */
  async start(): Promise<void> {
    const format = this.#options.fileNameFormat ?? defaultFileNameFormat;
    const missing = placeholders.filter((part) => !format.includes(part));
    if (missing.length > 0) throw new RangeError(`The file name format lacks ${missing.join(', ')}`);
    const { service } = openAccount(this.#options.account);
    await this.#batches.start(service.getContainerClient(this.#options.containerName));
  }

  stop(): Promise<void> {
    return this.#batches.stop();
  }

  flush(): Promise<void> {
    return this.#batches.flush();
  }

  offer(partition: number, event: HubNotification, enqueuedTimeMs: number): void {
    const record = recordOf(event, enqueuedTimeMs);
    this.#batches.add(partition, record, record.Body.length + 256, enqueuedTimeMs);
  }

  /** How the service names a second blob of the same minute is not known; here a number follows. */
  #fileName(partition: number, timeMs: number, attempt: number): string {
    const time = new Date(timeMs).toISOString();
    const name = (this.#options.fileNameFormat ?? defaultFileNameFormat)
      .replaceAll('{iothub}', this.#hubName)
      .replaceAll('{partition}', String(partition).padStart(2, '0'))
      .replaceAll('{YYYY}', time.slice(0, 4))
      .replaceAll('{MM}', time.slice(5, 7))
      .replaceAll('{DD}', time.slice(8, 10))
      .replaceAll('{HH}', time.slice(11, 13))
      .replaceAll('{mm}', time.slice(14, 16));
    if (attempt === 0) return name;
    const dot = name.lastIndexOf('.');
    return dot > name.lastIndexOf('/')
      ? `${name.slice(0, dot)}_${attempt}${name.slice(dot)}`
      : `${name}_${attempt}`;
  }
}
