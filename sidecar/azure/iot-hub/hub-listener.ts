import type { EventContext, Receiver } from 'rhea';
import { ConnectorError } from '../../errors/connector-error.ts';
import { Backoff } from '../../lib/backoff.ts';
import { azureError } from '../azure-error.ts';
import { type HubCredentials, hostNameOf } from '../credentials.ts';
import { openHubSession, withDeadline } from './amqp-session.ts';

/** The outcome of a cloud-to-device message. */
export interface FeedbackRecord {
  readonly originalMessageId: string;
  readonly deviceId: string;
  readonly deviceGenerationId: string;
  readonly enqueuedTimeUtc: string;
  readonly statusCode: 'Success' | 'Expired' | 'DeliveryCountExceeded' | 'Rejected' | 'Purged';
  readonly description: string;
}

/** A file upload that a device has completed. */
export interface FileNotification {
  readonly deviceId: string;
  readonly blobUri: string;
  readonly blobName: string;
  readonly lastUpdatedTime: string;
  readonly blobSizeInBytes: number;
  readonly enqueuedTimeUtc: string;
}

interface ListenerOptions<T> {
  readonly credentials: HubCredentials;
  /**
   * Takes the records of one message of the hub. When it resolves, the message is settled. When it rejects, the hub delivers the message
   * again after its lock has expired.
   */
  readonly handler: (records: readonly T[]) => Promise<void> | void;
  /** Called with each error; the listener retries. Called with undefined when it listens (again). */
  readonly onState: (error: ConnectorError | undefined) => void;
  /** Timeout of one connection attempt. Default 30000. */
  readonly timeoutMs?: number;
}

const BACKOFF = { initialDelayMs: 1000, maxDelayMs: 60_000 };
/** Messages that the handler may process at the same time. */
const CREDIT = 5;

/** Feedback on cloud-to-device messages. Needs the right ServiceConnect. All readers of a hub share one queue. */
export function listenToFeedback(options: ListenerOptions<FeedbackRecord>): HubListener<FeedbackRecord> {
  return new HubListener(options, 'Listening to feedback', '/messages/serviceBound/feedback');
}

/** Notifications of completed file uploads, when they are enabled in the hub. */
export function listenToFileNotifications(
  options: ListenerOptions<FileNotification>,
): HubListener<FileNotification> {
  return new HubListener(options, 'Listening to file uploads', '/messages/serviceBound/filenotifications');
}

/** Keeps a receiver of one of the hub's service queues open from `start` to `stop`, and reconnects after errors. */
export class HubListener<T> {
  readonly #options: ListenerOptions<T>;
  readonly #action: string;
  readonly #address: string;
  readonly #abort = new AbortController();
  #loop: Promise<void> | undefined;
  readonly #pending = new Set<Promise<void>>();

  constructor(options: ListenerOptions<T>, action: string, address: string) {
    this.#options = options;
    this.#action = action;
    this.#address = address;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Waits for running handlers. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const backoff = new Backoff(BACKOFF);
    while (!signal.aborted) {
      try {
        await this.#listen(() => {
          backoff.reset();
          this.#options.onState(undefined);
        });
      } catch (thrown) {
        if (signal.aborted) return;
        this.#options.onState(azureError(thrown, { action: this.#action, right: 'ServiceConnect' }));
        await backoff.pause(signal).catch(() => undefined);
      }
    }
  }

  /** One connection, from its opening to its end. Rejects when the connection ends, unless `stop` was called. */
  async #listen(listening: () => void): Promise<void> {
    const { credentials, timeoutMs = 30_000 } = this.#options;
    const { signal } = this.#abort;
    const context = { action: this.#action, host: hostNameOf(credentials) };
    const session = await openHubSession(credentials, { timeoutMs, signal });
    try {
      const receiver = await withDeadline(() => session.openReceiver(this.#address), context, {
        timeoutMs,
        signal,
      });
      receiver.on('message', (delivery: EventContext) => this.#take(receiver, delivery));
      receiver.add_credit(CREDIT);
      listening();
      const stopped = new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => resolve(), { once: true }),
      );
      const ended = session.ended.then((reason) => {
        throw (
          reason ??
          new ConnectorError('AZURE_UNREACHABLE', `${context.action}: ${context.host} closed the connection.`)
        );
      });
      ended.catch(() => {});
      if (!signal.aborted) await Promise.race([stopped, ended]);
      await Promise.all(this.#pending);
    } finally {
      session.close();
    }
  }

  #take(receiver: Receiver, context: EventContext): void {
    const work = this.#handle(context).finally(() => {
      this.#pending.delete(work);
      receiver.add_credit(1);
    });
    this.#pending.add(work);
  }

  async #handle({ message, delivery }: EventContext): Promise<void> {
    let records: readonly T[];
    try {
      const content = (message?.body as { content?: Buffer } | undefined)?.content ?? message?.body;
      const body: unknown = JSON.parse(String(content));
      records = (Array.isArray(body) ? body : [body]) as T[];
    } catch {
      const text = `${this.#action}: IoT Hub sent a message whose body is not JSON. The message was dropped.`;
      this.#options.onState(new ConnectorError('AZURE_FAILED', text));
      delivery?.accept();
      return;
    }
    try {
      await this.#options.handler(records);
      // After a connection loss this has no effect, and the hub delivers the message again.
      delivery?.accept();
    } catch {
      delivery?.release();
    }
  }
}
