import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from 'azure-iot-common';
import { ConnectorError } from '../errors/connector-error.ts';
import { azureError } from './azure-error.ts';
import type { HubCredentials } from './credentials.ts';
import { type HubAmqp, openHubAmqp, withinTime } from './hub-amqp.ts';

/** What became of a cloud-to-device message. */
export interface FeedbackRecord {
  readonly originalMessageId: string;
  readonly deviceId: string;
  readonly deviceGenerationId: string;
  readonly enqueuedTimeUtc: string;
  readonly statusCode: 'Success' | 'Expired' | 'DeliveryCountExceeded' | 'Rejected' | 'Purged';
  readonly description: string;
}

/** A device has finished a file upload. */
export interface FileNotification {
  readonly deviceId: string;
  readonly blobUri: string;
  readonly blobName: string;
  readonly lastUpdatedTime: string;
  readonly blobSizeInBytes: number;
  readonly enqueuedTimeUtc: string;
}

export interface ListenerOptions<T> {
  readonly credentials: HubCredentials;
  /**
   * Takes what one message of the hub holds. When it rejects, the hub sends the message again after its lock has ended; when it
   * resolves the message is gone.
   */
  readonly handler: (records: readonly T[]) => Promise<void> | void;
  /** Something failed; the listener goes on by itself. Undefined: it listens (again). */
  readonly onState: (error: ConnectorError | undefined) => void;
  /** Bound of one attempt to connect. Default 30000. */
  readonly timeoutMs?: number;
}

interface Receiver {
  on(event: 'message', listener: (message: Message) => void): void;
  on(event: 'error' | 'errorReceived', listener: (error: unknown) => void): void;
  complete(message: Message): Promise<unknown>;
  abandon(message: Message): Promise<unknown>;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** The SDK says nothing when the hub closes the link without an error. A new link every half hour bounds how long that goes unnoticed. */
const REFRESH_MS = 30 * 60_000;

/** Feedback on cloud-to-device messages. Needs the right ServiceConnect. All readers of a hub share one queue. */
export function listenToFeedback(options: ListenerOptions<FeedbackRecord>): HubListener<FeedbackRecord> {
  return new HubListener(
    options,
    'Listening to feedback',
    async ({ client }) => await client.getFeedbackReceiver(),
  );
}

/** Notifications of finished file uploads, when the hub has them switched on. */
export function listenToFileNotifications(
  options: ListenerOptions<FileNotification>,
): HubListener<FileNotification> {
  return new HubListener(
    options,
    'Listening to file uploads',
    async ({ client }) => await client.getFileNotificationReceiver(),
  );
}

/** Keeps a receiver of one of the hub's service queues open, whatever happens to connections, from `start` to `stop`. */
export class HubListener<T> {
  readonly #options: ListenerOptions<T>;
  readonly #action: string;
  readonly #attach: (connection: HubAmqp) => Promise<unknown>;
  readonly #abort = new AbortController();
  #loop: Promise<void> | undefined;
  readonly #pending = new Set<Promise<void>>();

  constructor(
    options: ListenerOptions<T>,
    action: string,
    attach: (connection: HubAmqp) => Promise<unknown>,
  ) {
    this.#options = options;
    this.#action = action;
    this.#attach = attach;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Waits for handlers that are at work. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#listen(() => {
          failures = 0;
          this.#options.onState(undefined);
        });
      } catch (thrown) {
        if (signal.aborted) return;
        failures += 1;
        this.#options.onState(azureError(thrown, { action: this.#action, right: 'ServiceConnect' }));
        const pauseMs =
          Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS) * (0.75 + Math.random() / 4);
        await sleep(pauseMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** One connection, from its opening until it should be replaced. */
  async #listen(listening: () => void): Promise<void> {
    const { credentials, timeoutMs = 30_000 } = this.#options;
    const { signal } = this.#abort;
    const connection = await openHubAmqp(credentials, { timeoutMs, signal });
    const over = new AbortController();
    try {
      const context = { action: this.#action, host: connection.host };
      const receiver = receiverOf(await withinTime(this.#attach(connection), context, { timeoutMs, signal }));
      const broken = Promise.withResolvers<never>();
      broken.promise.catch(() => {});
      receiver.on('error', broken.reject);
      receiver.on('errorReceived', broken.reject);
      receiver.on('message', (message) => this.#take(receiver, message));
      listening();
      const ended = connection.ended.then(() => {
        throw new ConnectorError(
          'AZURE_UNREACHABLE',
          `${this.#action}: the connection to ${connection.host} has ended.`,
        );
      });
      ended.catch(() => {});
      const enough = sleep(REFRESH_MS, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(
        () => {},
      );
      await Promise.race([broken.promise, ended, enough]);
    } finally {
      over.abort();
      await Promise.all(this.#pending);
      await connection.close();
    }
  }

  #take(receiver: Receiver, message: Message): void {
    const work = this.#handle(receiver, message).finally(() => this.#pending.delete(work));
    this.#pending.add(work);
  }

  async #handle(receiver: Receiver, message: Message): Promise<void> {
    let records: readonly T[];
    try {
      const body: unknown = JSON.parse(message.getData().toString());
      records = (Array.isArray(body) ? body : [body]) as T[];
    } catch {
      this.#options.onState(
        new ConnectorError(
          'AZURE_FAILED',
          `${this.#action}: the hub sent something that is not JSON; it was dropped.`,
        ),
      );
      await receiver.complete(message).catch(() => {});
      return;
    }
    try {
      await this.#options.handler(records);
    } catch {
      await receiver.abandon(message).catch(() => {});
      return;
    }
    // Fails when the connection has ended meanwhile: then the message comes again.
    await receiver.complete(message).catch(() => {});
  }
}

/** The SDK wraps the receiver when promises are used. */
function receiverOf(answer: unknown): Receiver {
  const { result } = answer as { result?: Receiver };
  return result ?? (answer as Receiver);
}
