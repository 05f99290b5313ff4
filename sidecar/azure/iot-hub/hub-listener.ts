import { setTimeout as sleep } from 'node:timers/promises';
import type { EventContext, Receiver } from 'rhea';
import { ConnectorError } from '../../errors/connector-error.ts';
import { azureError } from '../azure-error.ts';
import type { HubCredentials } from '../credentials.ts';
import { hostNameOf, openHubSession, withinTime } from './hub-amqp.ts';

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

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** Messages of the hub that may be at the handler at once. */
const CREDIT = 5;

/** Feedback on cloud-to-device messages. Needs the right ServiceConnect. All readers of a hub share one queue. */
export function listenToFeedback(options: ListenerOptions<FeedbackRecord>): HubListener<FeedbackRecord> {
  return new HubListener(options, 'Listening to feedback', '/messages/serviceBound/feedback');
}

/** Notifications of finished file uploads, when the hub has them switched on. */
export function listenToFileNotifications(
  options: ListenerOptions<FileNotification>,
): HubListener<FileNotification> {
  return new HubListener(options, 'Listening to file uploads', '/messages/serviceBound/filenotifications');
}

/** Keeps a receiver of one of the hub's service queues open, whatever happens to connections, from `start` to `stop`. */
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

  /** One connection, from its opening until it ends. Rejects when it does, unless it was this side that stopped. */
  async #listen(listening: () => void): Promise<void> {
    const { credentials, timeoutMs = 30_000 } = this.#options;
    const { signal } = this.#abort;
    const context = { action: this.#action, host: hostNameOf(credentials) };
    const session = await openHubSession(credentials, { timeoutMs, signal });
    try {
      const receiver = await withinTime(() => session.openReceiver(this.#address), context, {
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
          new ConnectorError('AZURE_UNREACHABLE', `${context.action}: ${context.host} ended the connection.`)
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
      const text = `${this.#action}: the hub sent something that is not JSON; it was dropped.`;
      this.#options.onState(new ConnectorError('AZURE_FAILED', text));
      delivery?.accept();
      return;
    }
    try {
      await this.#options.handler(records);
      // On a connection that has ended meanwhile this does nothing, and the message comes again.
      delivery?.accept();
    } catch {
      delivery?.release();
    }
  }
}
