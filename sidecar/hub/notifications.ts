import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import {
  type FeedbackRecord,
  type FileNotification,
  type HubListener,
  listenToFeedback,
  listenToFileNotifications,
} from '../azure/iot-hub/hub-listener.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { type ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Announcer } from '../ingest/notifications/announcer.ts';
import { areTexts, type RecordStore } from '../lib/records.ts';
import type { Log } from '../observe/log.ts';
import type { DeploymentBoard } from '../packages/deployment-board.ts';
import type { Uploads } from '../uploads/uploads.ts';

interface NotificationsOptions {
  readonly announcer: Announcer;
  readonly uploads: Uploads;
  readonly packages: DeploymentBoard;
  /** Where the other sidecars of the group read the outcomes of messages; undefined while there is no group. */
  readonly outcomes: RecordStore<Outcomes> | undefined;
  readonly clients: () => Promise<HubClients>;
  readonly log: Log;
  /** Called for each file that a device has uploaded. */
  readonly onUpload: (deviceId: string) => void;
}

/** The last outcomes of messages, the oldest first. */
export interface Outcomes {
  readonly id: typeof OUTCOMES;
  readonly records: readonly FeedbackRecord[];
}

/** The one record of outcomes. */
const OUTCOMES = 'last';

/** How many outcomes of messages are kept for those who ask: bounded memory. */
const MAX_FEEDBACK = 1_000;

type Listener = HubListener<FeedbackRecord> | HubListener<FileNotification>;

/** Notifications outside the message stream: feedback on cloud-to-device messages, and finished file uploads. */
export class Notifications {
  readonly #options: NotificationsOptions;
  #listening:
    | { readonly key: string; readonly abort: AbortController; readonly listeners: Promise<Listener[]> }
    | undefined;
  /** The last outcomes, the oldest first, by what makes one the same when IoT Hub delivers it again. */
  readonly #feedback = new Map<string, FeedbackRecord>();

  constructor(options: NotificationsOptions) {
    this.#options = options;
  }

  /** The last outcomes of the messages to a device, the newest first. */
  feedbackOf(deviceId: string): FeedbackRecord[] {
    return outcomesOf(deviceId, [...this.#feedback.values()]);
  }

  /** Applies settings. Listens again if they name another hub or other credentials. */
  async use(settings: HubSettings): Promise<void> {
    const { enabled, messageFeedback, fileNotifications, iotHubConnectionString, hostName } = settings;
    const wanted = enabled && (iotHubConnectionString !== undefined || hostName !== undefined);
    const key = JSON.stringify([
      wanted,
      messageFeedback,
      fileNotifications,
      iotHubConnectionString,
      hostName,
    ]);
    if (this.#listening?.key === key) return;
    await this.stop();
    if (!wanted) return;
    const abort = new AbortController();
    const listeners = this.#start(messageFeedback, fileNotifications, abort.signal);
    this.#listening = { key, abort, listeners };
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    const listening = this.#listening;
    this.#listening = undefined;
    listening?.abort.abort();
    await Promise.all(((await listening?.listeners) ?? []).map((listener) => listener.stop()));
  }

  /** Never rejects: unusable settings are reported when the hub connects. */
  async #start(feedback: boolean, files: boolean, signal: AbortSignal): Promise<Listener[]> {
    try {
      if (feedback) await this.#recall();
      const { credentials } = await this.#options.clients();
      if (signal.aborted) return [];
      const common = (what: string) => ({ credentials, onState: this.#report(what) });
      const listeners: Listener[] = [
        ...(feedback
          ? [
              listenToFeedback({
                ...common('message feedback'),
                handler: (records) => this.#take(records, signal),
              }),
            ]
          : []),
        ...(files
          ? [
              listenToFileNotifications({
                ...common('file notifications'),
                handler: async (records) => {
                  await this.#options.uploads.take(records, signal);
                  for (const { deviceId } of records) this.#options.onUpload(deviceId);
                },
              }),
            ]
          : []),
      ];
      for (const listener of listeners) listener.start();
      return listeners;
    } catch (thrown) {
      this.#options.log.warn(
        { err: toConnectorError(thrown) },
        'Feedback and file notifications are not received.',
      );
      return [];
    }
  }

  /** Logs one line when receiving fails and one when it works again. */
  #report(what: string): (error: ConnectorError | undefined) => void {
    let failed = false;
    return (error) => {
      const { log } = this.#options;
      if (error && !failed) log.warn({ err: error }, `Receiving ${what} failed; retrying.`);
      if (!error && failed) log.info(`Receiving ${what} again.`);
      failed = error !== undefined;
    };
  }

  /** Rejects with STOPPING: IoT Hub then keeps the feedback. */
  async #take(received: readonly FeedbackRecord[], signal: AbortSignal): Promise<void> {
    const { announcer, packages } = this.#options;
    const records = received.map(withUsableTime);
    for (const record of records) this.#keep(record);
    await this.#share();
    for (const { originalMessageId, statusCode, description = '' } of records)
      await packages.feedback(originalMessageId, statusCode, description);
    await announcer.announce(
      records.map((record) => ({
        deviceId: record.deviceId,
        event: 'MessageFeedback',
        data: {
          deviceId: record.deviceId,
          messageId: record.originalMessageId,
          outcome: record.statusCode,
          description: record.description ?? '',
          time: Date.parse(record.enqueuedTimeUtc),
        },
      })),
      signal,
    );
  }

  /** What cannot be read or written is no outcome less for the Things. */
  async #recall(): Promise<void> {
    const { outcomes, log } = this.#options;
    try {
      for (const record of (await outcomes?.read(OUTCOMES))?.records ?? []) this.#keep(record);
    } catch (thrown) {
      log.debug({ err: toConnectorError(thrown) }, 'The outcomes of messages cannot be read.');
    }
  }

  async #share(): Promise<void> {
    const { outcomes, log } = this.#options;
    try {
      await outcomes?.write({ id: OUTCOMES, records: [...this.#feedback.values()] });
    } catch (thrown) {
      log.debug({ err: toConnectorError(thrown) }, 'The outcomes of messages cannot be shared.');
    }
  }

  #keep(record: FeedbackRecord): void {
    const { deviceId, originalMessageId, enqueuedTimeUtc } = record;
    this.#feedback.set(JSON.stringify([deviceId, originalMessageId, enqueuedTimeUtc]), record);
    const [oldest] = this.#feedback.keys();
    if (this.#feedback.size > MAX_FEEDBACK && oldest !== undefined) this.#feedback.delete(oldest);
  }
}

/** The outcomes that another sidecar of the group has received, the newest first. */
export async function sharedOutcomes(
  deviceId: string,
  outcomes: RecordStore<Outcomes>,
): Promise<FeedbackRecord[]> {
  return outcomesOf(deviceId, (await outcomes.read(OUTCOMES))?.records ?? []);
}

export function isOutcomes(outcomes: Outcomes | null): boolean {
  return outcomes?.id === OUTCOMES && Array.isArray(outcomes.records) && outcomes.records.every(isFeedback);
}

function isFeedback(value: unknown): value is FeedbackRecord {
  const { deviceId, originalMessageId, statusCode, enqueuedTimeUtc } = (value ??
    {}) as Partial<FeedbackRecord>;
  return areTexts(deviceId, originalMessageId, statusCode, enqueuedTimeUtc);
}

function outcomesOf(deviceId: string, records: readonly FeedbackRecord[]): FeedbackRecord[] {
  return records.filter((record) => record.deviceId === deviceId).reverse();
}

/** A record without a usable time has that of its arrival: the outcome matters more. */
function withUsableTime(record: FeedbackRecord): FeedbackRecord {
  const isUsable = !Number.isNaN(Date.parse(record.enqueuedTimeUtc));
  return isUsable ? record : { ...record, enqueuedTimeUtc: new Date().toISOString() };
}
