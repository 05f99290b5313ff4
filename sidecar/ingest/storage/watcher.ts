import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import type { Log } from '../../observe/log.ts';
import type { OpenIngestor } from './blob-task.ts';
import { branches, dayFolders, dayText, listFiles, type StoredFile } from './file-listing.ts';
import type { Ledger } from './ledger.ts';

interface WatcherOptions {
  readonly prefix: string;
  readonly intervalMs: () => number;
  /** Opens the container; asked again after a failure. */
  readonly open: () => ReturnType<OpenIngestor>;
  /** Whether this sidecar is the one that watches. */
  readonly leads: () => boolean;
  readonly log: Log;
  /** Called with the error that keeps it from reading the container, and with undefined when it reads again. */
  readonly onTrouble: (error: ConnectorError | undefined) => void;
}

const DAY_MS = 86_400_000;
/** Days before today that may still get new files or messages: a file is named by the time it was begun. */
const OPEN_DAYS = 1;

/**
 * Lists a container at intervals and ingests new files. In the layout of IoT Hub and Event Hubs Capture it lists only the folders of days
 * that may still change; older days become one line of the ledger when all their files are done.
 */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #opened: ReturnType<OpenIngestor> | undefined;
  #troubled: string | undefined;
  #wake: () => void = () => undefined;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops soon, also in the middle of a file, which is continued at the next start. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        if (this.#options.leads()) await this.#look(signal);
        this.#tell(undefined);
      } catch (thrown) {
        if (signal.aborted) return;
        this.#opened = undefined;
        const error = toConnectorError(thrown);
        if (error.code !== 'STOPPING') this.#tell(error);
      }
      await this.#pause(signal);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    this.#opened ??= this.#options.open();
    const { container, ledger } = await this.#opened;
    for await (const branch of branches(container, this.#options.prefix, signal)) {
      if ('file' in branch) {
        await this.#ingest(branch.file, signal);
        continue;
      }
      await this.#lookAtDays(branch.base, ledger, signal);
    }
  }

  async #lookAtDays(base: string, ledger: Ledger, signal: AbortSignal): Promise<void> {
    const { container } = await (this.#opened as ReturnType<OpenIngestor>);
    const firstOpenDay = dayText(Date.now() - OPEN_DAYS * DAY_MS);
    const cursor = await ledger.cursor(base);
    for await (const folder of dayFolders(container, base, cursor, signal)) {
      const day = folder.slice(base.length);
      let last: StoredFile | undefined;
      let newestMs = -1;
      for await (const file of listFiles(container, folder, signal)) {
        await this.#ingest(file, signal);
        newestMs = Math.max(newestMs, file.lastModifiedMs);
        last = file;
      }
      if (last && day < firstOpenDay) await ledger.closeFolder(last.name, newestMs);
    }
    // Days before it are not listed again.
    if (firstOpenDay > cursor) await ledger.setCursor(base, firstOpenDay);
  }

  /** Resolves when the file is done or set aside as damaged. */
  async #ingest(file: StoredFile, signal: AbortSignal): Promise<void> {
    const { ingestor } = await (this.#opened as ReturnType<OpenIngestor>);
    const { leads, log } = this.#options;
    if (!leads()) throw new ConnectorError('STOPPING', 'Another sidecar watches the container now.');
    const { outcome, counts, flaws } = await ingestor.ingest(file, { signal });
    if (outcome === 'ingested') log.debug({ file: file.name, counts }, 'A file was ingested.');
    if (flaws.length > 0)
      log.warn({ file: file.name, flaws, counts }, 'Lines of a file are not messages and were skipped.');
  }

  #tell(error: ConnectorError | undefined): void {
    if (error?.code === this.#troubled) return;
    this.#troubled = error?.code;
    if (error) this.#options.log.warn({ err: error }, 'The watched container cannot be read; retrying.');
    else this.#options.log.info('The watched container is read again.');
    this.#options.onTrouble(error);
  }

  async #pause(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, this.#options.intervalMs());
    await promise;
    clearTimeout(timer);
  }
}
