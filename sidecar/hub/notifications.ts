import type { HubClients } from '../azure/hub-clients.ts';
import {
  type FeedbackRecord,
  type FileNotification,
  type HubListener,
  listenToFeedback,
  listenToFileNotifications,
} from '../azure/hub-listener.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { type ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { EventDelivery } from '../ingest/events/event-delivery.ts';
import type { EventInstruction } from '../ingest/events/instruction.ts';
import type { Log } from '../observe/log.ts';
import type { DeviceEvents } from './device-events.ts';

export interface NotificationsOptions {
  readonly events: DeviceEvents;
  readonly clients: () => Promise<HubClients>;
  readonly log: Log;
}

type Listener = HubListener<FeedbackRecord> | HubListener<FileNotification>;

/** What the hub tells its back end beside the event stream: feedback on cloud-to-device messages, and finished file uploads. */
export class Notifications {
  readonly #options: NotificationsOptions;
  readonly #delivery: EventDelivery;
  #listening:
    | { readonly key: string; readonly abort: AbortController; readonly listeners: Promise<Listener[]> }
    | undefined;

  constructor(options: NotificationsOptions) {
    this.#options = options;
    this.#delivery = options.events.delivery((error) => {
      if (error) options.log.debug({ err: error }, 'Notifications wait for ThingWorx.');
    });
  }

  /** Takes today's settings: listens to what they want, anew when they name another hub or other credentials. */
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

  /** Never rejects: settings that cannot be used are told of where the hub connects. */
  async #start(feedback: boolean, files: boolean, signal: AbortSignal): Promise<Listener[]> {
    try {
      const { credentials } = await this.#options.clients();
      if (signal.aborted) return [];
      const common = (what: string) => ({ credentials, onState: this.#report(what) });
      const listeners: Listener[] = [
        ...(feedback
          ? [
              listenToFeedback({
                ...common('message feedback'),
                handler: (records) => this.#feedback(records, signal),
              }),
            ]
          : []),
        ...(files
          ? [
              listenToFileNotifications({
                ...common('file notifications'),
                handler: (records) => this.#files(records, signal),
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

  /** Once when it fails, once when it works again. */
  #report(what: string): (error: ConnectorError | undefined) => void {
    let failed = false;
    return (error) => {
      const { log } = this.#options;
      if (error && !failed) log.warn({ err: error }, `Receiving ${what} failed; going on by itself.`);
      if (!error && failed) log.info(`Receiving ${what} again.`);
      failed = error !== undefined;
    };
  }

  #feedback(records: readonly FeedbackRecord[], signal: AbortSignal): Promise<void> {
    return this.#deliver(
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

  #files(records: readonly FileNotification[], signal: AbortSignal): Promise<void> {
    return this.#deliver(
      records.map((record) => ({
        deviceId: record.deviceId,
        event: 'FileUploaded',
        data: {
          deviceId: record.deviceId,
          blobName: record.blobName,
          blobUri: record.blobUri,
          size: record.blobSizeInBytes,
          time: Date.parse(record.enqueuedTimeUtc),
        },
      })),
      signal,
    );
  }

  /** To the Thing of each device, to the hub Thing for a device without one. Rejects with STOPPING: the hub keeps what it told. */
  async #deliver(
    told: readonly {
      readonly deviceId: string;
      readonly event: string;
      readonly data: Record<string, unknown>;
    }[],
    signal: AbortSignal,
  ): Promise<void> {
    const things = await this.#delivery.find(
      told.map((event) => ({ event })),
      signal,
    );
    const instructions = told.map(({ deviceId, event, data }, sequenceNumber): EventInstruction => {
      const time = Number.isFinite(data.time) ? data.time : Date.now();
      return { sequenceNumber, thing: things.get(deviceId) ?? '', event, data: { ...data, time } };
    });
    for (const { message } of await this.#delivery.send(instructions, undefined, signal)) {
      this.#options.log.warn(`ThingWorx refused a notification: ${message}`);
    }
  }
}
