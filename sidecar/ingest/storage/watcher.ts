import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import type { Log } from '../../observe/log.ts';
import type { OpenIngestor } from './blob-task.ts';
import { branches, dayFolders, dayText, listFiles, type StoredFile } from './file-listing.ts';
import type { Ledger } from './ledger.ts';

export interface WatcherOptions {
  readonly prefix: string;
  readonly intervalMs: () => number;
  /** Opens the container; asked again after a failure. */
  readonly open: () => ReturnType<OpenIngestor>;
  /** Whether this sidecar is the one that watches. */
  readonly leads: () => Promise<boolean>;
  readonly log: Log;
  /** What keeps it from reading the container, or undefined when it reads again. */
  readonly onTrouble: (error: ConnectorError | undefined) => void;
}

const DAY_MS = 86_400_000;
/** Days that may still be written to, beside today's: writers name a file by the time it was begun. */
const OPEN_DAYS = 1;

/**
 * Looks at a container at intervals and ingests what is new. In the layout of IoT Hub and Event Hubs Capture it looks only at the folders of
 * days that may still be written to; older days are folded up in the ledger once all their files are done.
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

  /** Stops soon, also in the middle of a file, which is then read on from there. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        if (await this.#options.leads()) await this.#look(signal);
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
    // What lies before it is not looked at again.
    if (firstOpenDay > cursor) await ledger.setCursor(base, firstOpenDay);
  }

  /** Resolves when nothing of the file is left to do, be it for damage. */
  async #ingest(file: StoredFile, signal: AbortSignal): Promise<void> {
    const { ingestor } = await (this.#opened as ReturnType<OpenIngestor>);
    const { leads, log } = this.#options;
    if (!(await leads()))
      throw new ConnectorError('STOPPING', 'Another sidecar watches the container by now.');
    const { outcome, counts, flaws } = await ingestor.ingest(file, { signal });
    if (outcome === 'ingested') log.debug({ file: file.name, counts }, 'A file was ingested.');
    if (flaws.length > 0)
      log.warn({ file: file.name, flaws, counts }, 'Lines of a file are no messages and were passed over.');
  }

  #tell(error: ConnectorError | undefined): void {
    if (error?.code === this.#troubled) return;
    this.#troubled = error?.code;
    if (error) this.#options.log.warn({ err: error }, 'The watched container cannot be read; trying again.');
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
