import path from 'node:path';
import { openStorage } from '../../azure/storage.ts';
import type { HubSettings } from '../../contract/hub-settings.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import type { Log } from '../../observe/log.ts';
import type { Forwarder } from '../replay/forwarder.ts';
import type { OpenIngestor } from './blob-task.ts';
import { BlobDocuments, type Documents, FileDocuments } from './documents.ts';
import { FileIngestor, type OpenContainer } from './file-ingestor.ts';
import { OWN_PREFIX } from './file-listing.ts';
import { Ledger } from './ledger.ts';
import { Watcher } from './watcher.ts';

interface ArchiveOptions {
  readonly hubThing: string;
  readonly stateDirectory: string;
  readonly log: Log;
  readonly settings: () => HubSettings;
  readonly forwarder: () => Forwarder;
  /** Whether this sidecar is the one of its group that watches. */
  readonly leads: () => boolean;
  /** The trouble of the watcher has changed. */
  readonly onTrouble: () => void;
}

/**
 * Files in storage that a hub ingests: opens containers, keeps the ledger of what was ingested where the checkpoints are, and watches the
 * container that the settings name.
 */
export class Archive {
  readonly #options: ArchiveOptions;
  readonly #containers = new Map<string, OpenContainer>();
  #documents: { readonly place: string; readonly documents: Documents } | undefined;
  #watched: { readonly what: string; readonly watcher: Watcher } | undefined;
  #trouble: ConnectorError | undefined;

  constructor(options: ArchiveOptions) {
    this.#options = options;
  }

  get warning(): string | undefined {
    if (!this.#trouble) return undefined;
    return `The watched container cannot be read: ${this.#trouble.message}`;
  }

  /** Takes today's settings: what is watched changes with them. */
  async use(settings: HubSettings): Promise<void> {
    const { watchContainer, watchPrefix, enabled } = settings;
    const {
      storageConnectionString = '',
      ingestStorageConnectionString = '',
      checkpointContainer,
    } = settings;
    const storage = [storageConnectionString, checkpointContainer, ingestStorageConnectionString];
    const what = enabled && watchContainer !== '' ? [watchContainer, watchPrefix, ...storage].join('\n') : '';
    if (what === (this.#watched?.what ?? '')) return;
    await this.#stopWatching();
    if (what === '') return;
    const { log, settings: today, leads, onTrouble } = this.#options;
    const watcher = new Watcher({
      prefix: watchPrefix,
      intervalMs: () => today().watchIntervalSeconds * 1_000,
      open: () => this.open(watchContainer),
      leads,
      log: log.child({ container: watchContainer }),
      onTrouble: (error) => {
        this.#trouble = error;
        onTrouble();
      },
    });
    this.#watched = { what, watcher };
    watcher.start();
  }

  /** Opens a container of the account that the settings name. */
  readonly open: OpenIngestor = async (name) => {
    const settings = this.#options.settings();
    const connection = ingestStorage(settings);
    const documents = this.#currentDocuments(settings);
    const key = [connection, name, this.#documents?.place].join('\n');
    let shared = this.#containers.get(key);
    if (!shared) {
      const service = await openStorage(connection, { setting: 'ingestStorageConnectionString' });
      const container = service.getContainerClient(name);
      const { host, pathname } = new URL(container.url);
      const ledger = new Ledger(documents, `${host}${pathname}`);
      shared = this.#containers.get(key) ?? { container, ledger, busy: new Map() };
      this.#containers.set(key, shared);
    }
    const { forwarder, log } = this.#options;
    return { ...shared, ingestor: new FileIngestor({ ...shared, forwarder: forwarder(), log }) };
  };

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#stopWatching();
    const open = this.#documents;
    this.#documents = undefined;
    this.#containers.clear();
    await open?.documents.close();
  }

  async #stopWatching(): Promise<void> {
    const watched = this.#watched;
    this.#watched = undefined;
    await watched?.watcher.stop();
    this.#trouble = undefined;
  }

  /** With a storage account for checkpoints the ledger lies beside them, for any number of sidecars; else in the state directory. */
  #currentDocuments(settings: HubSettings): Documents {
    const { storageConnectionString = '', checkpointContainer } = settings;
    const place = `${checkpointContainer}\n${storageConnectionString}`;
    if (this.#documents?.place === place) return this.#documents.documents;
    const hub = encodeURIComponent(this.#options.hubThing);
    const previous = this.#documents;
    const documents = storageConnectionString
      ? new BlobDocuments({
          connection: storageConnectionString,
          container: checkpointContainer,
          prefix: `${OWN_PREFIX}${hub}`,
        })
      : new FileDocuments(path.join(this.#options.stateDirectory, 'ingested', hub));
    this.#documents = { place, documents };
    void previous?.documents.close();
    return documents;
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
