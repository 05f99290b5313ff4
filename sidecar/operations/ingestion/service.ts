import type { HubSettings } from '../../contract/hub-settings.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { type EventReplayInput, REPLAY_EVENTS } from '../../ingest/replay/events.ts';
import { type BlobTaskInput, INGEST_BLOBS } from '../../ingest/storage/blob-task.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import type { BlobSelection, EventWindow, IngestionDesk } from './ingestion.ts';

const DEFAULT_GROUP = '$Default';

/** Messages beside the lanes, in the words of the operations of one hub. */
export class HubIngestion implements IngestionDesk {
  readonly #settings: () => HubSettings;
  readonly #tasks: Tasks;

  constructor(settings: () => HubSettings, tasks: Tasks) {
    this.#settings = settings;
    this.#tasks = tasks;
  }

  async ingestBlobs({ container, prefix, from, to, again }: BlobSelection): Promise<string> {
    ingestStorage(this.#settings());
    const input: BlobTaskInput = {
      container,
      prefix,
      again,
      ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
      ...(to === undefined ? {} : { toMs: Date.parse(to) }),
    };
    const title = `Ingest the files of ${container}${prefix === '' ? '' : ` that begin with ${prefix}`}`;
    const { id } = await this.#tasks.submit(INGEST_BLOBS, title, input);
    return id;
  }

  async replayEvents({ from, to, deviceId, consumerGroup }: EventWindow): Promise<string> {
    const fromMs = Date.parse(from);
    const toMs = to === undefined ? Date.now() : Date.parse(to);
    if (fromMs > toMs) throw new ConnectorError('REQUEST_INVALID', 'from must not be later than to.');
    const group = this.#replayGroup(consumerGroup);
    const input: EventReplayInput = {
      fromMs,
      toMs,
      consumerGroup: group,
      ...(deviceId === undefined ? {} : { deviceId }),
    };
    const whose = deviceId === undefined ? 'all devices' : deviceId;
    const title = `Ingest the messages of ${whose} again, from ${iso(fromMs)} to ${iso(toMs)}`;
    const { id } = await this.#tasks.submit(REPLAY_EVENTS, title, input);
    return id;
  }

  /** A second reader in the group of the lanes would take their partitions. */
  #replayGroup(asked: string | undefined): string {
    const own = this.#settings().consumerGroup;
    const group = asked ?? DEFAULT_GROUP;
    if (group.toLowerCase() !== own.toLowerCase()) return group;
    throw new ConnectorError(
      'REQUEST_INVALID',
      `The hub itself reads with the consumer group ${own}: a replay needs another one. Name it in consumerGroup.`,
    );
  }
}

/** The storage account that files are ingested from. Throws SETTING_MISSING. */
export function ingestStorage(settings: HubSettings): string {
  const connection = settings.ingestStorageConnectionString || settings.storageConnectionString;
  if (connection) return connection;
  throw new ConnectorError(
    'SETTING_MISSING',
    'ingestStorageConnectionString is not set: enter the connection string of the storage account that holds the files.',
  );
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
