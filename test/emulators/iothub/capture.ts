/**
 * Event Hubs Capture: the messages of the stream as Avro files, one for each partition and window of time, with the
 * schema and the default names of the article "Walkthrough of Event Hubs Capture".
 *
 * The real built-in endpoint of an IoT Hub has no Capture; an event hub behind a route has. Sequence numbers and
 * offsets count within one run of the writer. Names of system properties in Capture files of IoT messages are the
 * annotations' names, as readers of such files report.
 */
import avsc from 'avsc';
import { BlobBatches } from './blob-batches.ts';
import type { HubNotification } from './hub.ts';
import { encodeAvro } from './routed-message.ts';
import { openAccount, type StorageAccount } from './storage.ts';

export interface CaptureOptions {
  account: StorageAccount;
  containerName: string;
  namespace: string;
  eventHub: string;
  /** Parts: {Namespace} {EventHub} {PartitionId} {Year} {Month} {Day} {Hour} {Minute} {Second}. */
  nameFormat?: string;
  /** 60 to 900 seconds in the service, 300 by default; here any time. */
  windowMs?: number;
  /** 10 to 500 MB in the service, 300 MB by default; here any size. */
  maxBytes?: number;
}

interface CaptureRecord {
  SequenceNumber: number;
  Offset: string;
  EnqueuedTimeUtc: string;
  SystemProperties: Record<string, { string: string } | { long: number }>;
  Properties: Record<string, { string: string }>;
  Body: { bytes: Buffer };
}

const defaultNameFormat =
  '{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}';
const anyValue = { type: 'map', values: ['long', 'double', 'string', 'bytes'] } as const;

const eventDataType = avsc.Type.forSchema(
  {
    type: 'record',
    name: 'EventData',
    namespace: 'Microsoft.ServiceBus.Messaging',
    fields: [
      { name: 'SequenceNumber', type: 'long' },
      { name: 'Offset', type: 'string' },
      { name: 'EnqueuedTimeUtc', type: 'string' },
      { name: 'SystemProperties', type: { ...anyValue, values: [...anyValue.values] } },
      { name: 'Properties', type: { ...anyValue, values: [...anyValue.values] } },
      { name: 'Body', type: ['null', 'bytes'] },
    ],
  },
  { wrapUnions: true },
);

export class Capture {
  readonly #options: CaptureOptions;
  readonly #batches: BlobBatches<CaptureRecord>;
  readonly #places = new Map<number, { sequenceNumber: number; offset: number }>();

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#batches = new BlobBatches({
      windowMs: options.windowMs ?? 300_000,
      maxBytes: options.maxBytes ?? 300 * 1024 * 1024,
      contentType: 'application/octet-stream',
      encode: (records) => encodeAvro(eventDataType, records, 'deflate'),
      nameOf: (partition, timeMs, attempt) => this.#fileName(partition, timeMs + attempt * 1000),
    });
  }

  get lastError(): Error | undefined {
    return this.#batches.lastError;
  }

  async start(): Promise<void> {
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
    const place = this.#places.get(partition) ?? { sequenceNumber: 0, offset: 0 };
    const record: CaptureRecord = {
      SequenceNumber: place.sequenceNumber,
      Offset: String(place.offset),
      EnqueuedTimeUtc: usTime(enqueuedTimeMs),
      SystemProperties: systemProperties(event, place, enqueuedTimeMs),
      Properties: texts({
        ...event.properties.application,
        ...(event.properties.creationTimeUtc
          ? { 'iothub-creation-time-utc': event.properties.creationTimeUtc }
          : {}),
      }),
      Body: { bytes: Buffer.from(event.body) },
    };
    const bytes = event.body.length + 512;
    this.#places.set(partition, { sequenceNumber: place.sequenceNumber + 1, offset: place.offset + bytes });
    this.#batches.add(partition, record, bytes, enqueuedTimeMs);
  }

  #fileName(partition: number, timeMs: number): string {
    const time = new Date(timeMs).toISOString();
    const name = (this.#options.nameFormat ?? defaultNameFormat)
      .replaceAll('{Namespace}', this.#options.namespace)
      .replaceAll('{EventHub}', this.#options.eventHub)
      .replaceAll('{PartitionId}', String(partition))
      .replaceAll('{Year}', time.slice(0, 4))
      .replaceAll('{Month}', time.slice(5, 7))
      .replaceAll('{Day}', time.slice(8, 10))
      .replaceAll('{Hour}', time.slice(11, 13))
      .replaceAll('{Minute}', time.slice(14, 16))
      .replaceAll('{Second}', time.slice(17, 19));
    return `${name}.avro`;
  }
}

function systemProperties(
  event: HubNotification,
  place: { sequenceNumber: number; offset: number },
  enqueuedTimeMs: number,
): CaptureRecord['SystemProperties'] {
  const { properties } = event;
  const given: Record<string, string | undefined> = {
    'iothub-connection-device-id': event.deviceId,
    'iothub-connection-module-id': event.moduleId,
    'iothub-connection-auth-method': event.authMethod,
    'iothub-connection-auth-generation-id': event.authGenerationId,
    'iothub-message-source': event.source,
    'iothub-interface-id': properties.interfaceId,
    'dt-dataschema': event.modelId,
    'dt-subject': properties.componentName,
    'message-id': properties.messageId,
    'correlation-id': properties.correlationId,
    'user-id': properties.userId,
    'content-type': properties.contentType,
    'content-encoding': properties.contentEncoding,
  };
  return {
    'x-opt-sequence-number': { long: place.sequenceNumber },
    'x-opt-offset': { string: String(place.offset) },
    'x-opt-enqueued-time': { long: enqueuedTimeMs },
    'iothub-enqueuedtime': { long: enqueuedTimeMs },
    ...texts(given),
  };
}

function texts(values: Record<string, string | undefined>): Record<string, { string: string }> {
  const branches: Record<string, { string: string }> = {};
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) branches[name] = { string: value };
  return branches;
}

/** 1/31/2024 7:27:13 AM, the .NET default that Capture files contain. */
function usTime(timeMs: number): string {
  const time = new Date(timeMs);
  const hour = time.getUTCHours();
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${time.getUTCMonth() + 1}/${time.getUTCDate()}/${time.getUTCFullYear()}`;
  return `${date} ${hour % 12 || 12}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} ${hour < 12 ? 'AM' : 'PM'}`;
}
