import type { ContainerClient } from '@azure/storage-blob';
import { azureError } from '../../azure/azure-error.ts';
import { deadLetterId } from '../../dead-letters/store.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { untilDone } from '../../lib/backoff.ts';
import { hash53 } from '../../lib/hash.ts';
import type { Log } from '../../observe/log.ts';
import { type Forwarded, type Forwarder, tally } from '../replay/forwarder.ts';
import { findFile, READ_RIGHT, type StoredFile } from './file-listing.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import { readStoredFile, type StoredRecord } from './stored-file.ts';

export interface FileResult {
  /** known: ingested before. gone: deleted meanwhile. setAside: damaged; the messages before the damage are settled. */
  readonly outcome: 'ingested' | 'known' | 'setAside' | 'gone';
  /** Messages by what became of them. */
  readonly counts: Readonly<Record<string, number>>;
  /** The error, for the operator; empty without one. */
  readonly message: string;
  /** Lines that were skipped, with the reason. */
  readonly flaws: readonly string[];
}

/** A container with what the task and the watcher share. */
export interface OpenContainer {
  readonly container: ContainerClient;
  readonly ledger: Ledger;
  /** Files that are being ingested, so that the task and the watcher do not ingest the same file. */
  readonly busy: Map<string, Promise<unknown>>;
}

export interface FileIngestorOptions extends OpenContainer {
  readonly forwarder: Forwarder;
  readonly log: Log;
}

export interface FileRun {
  readonly signal: AbortSignal;
  /** Ingest files again that are in the ledger, unless this run itself has put them there: the id of the task. */
  readonly again?: string | undefined;
  /** Messages that were settled. */
  readonly onProgress?: (counts: Readonly<Record<string, number>>) => void;
}

const CHUNK_MESSAGES = 500;
const CHUNK_BYTES = 2_000_000;
const SAVE_INTERVAL_MS = 2_000;
const MAX_FLAWS = 20;

/** Ingests single files of a container, each once. */
export class FileIngestor {
  readonly #options: FileIngestorOptions;

  constructor(options: FileIngestorOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the file is settled and the ledger says so; waits while storage or ThingWorx are away. Rejects with STOPPING, and with
   * what Azure refuses for good.
   */
  async ingest(file: StoredFile, run: FileRun): Promise<FileResult> {
    const { busy } = this.#options;
    for (let other = busy.get(file.name); other; other = busy.get(file.name))
      await other.catch(() => undefined);
    const work = this.#ingest(file, run);
    busy.set(file.name, work);
    try {
      return await work;
    } finally {
      busy.delete(file.name);
    }
  }

  async #ingest(file: StoredFile, run: FileRun): Promise<FileResult> {
    const { ledger, log } = this.#options;
    const known = await untilDone(() => ledger.get(file.name, file.lastModifiedMs), run.signal);
    const begin = beginOf(known, file, run.again);
    if (begin === undefined) return { outcome: 'known', counts: {}, message: '', flaws: [] };
    const work = new FileWork(file, run, this.#options, begin);
    return await untilDone(
      () => work.attempt(),
      run.signal,
      (error) => {
        if (error) log.warn({ err: error, file: file.name }, 'Storage is unavailable; retrying.');
      },
    );
  }
}

/** How many records of the file are settled already; undefined when all are. */
function beginOf(
  known: LedgerEntry | 'closed' | undefined,
  file: StoredFile,
  again: string | undefined,
): number | undefined {
  if (known === undefined) return 0;
  if (known === 'closed') return again === undefined ? undefined : 0;
  if (again !== undefined && known.run !== again) return 0;
  // Smaller: the file was written again. Larger: IoT Hub has appended. The same size with another ETag: only its metadata changed.
  if (file.bytes < known.bytes) return 0;
  if (known.state === 'partial' || file.bytes > known.bytes) return known.records;
  if (known.state === 'setAside' && file.etag !== known.etag) return known.records;
  return undefined;
}

/** Ingests one file, in several attempts when storage fails in the middle. */
class FileWork {
  #file: StoredFile;
  readonly #run: FileRun;
  readonly #options: FileIngestorOptions;
  readonly #place: string;
  readonly #stream: string;
  readonly #counts: Record<string, number> = {};
  readonly #flaws: string[] = [];
  #settled: number;
  #savedAtMs = Date.now();

  constructor(file: StoredFile, run: FileRun, options: FileIngestorOptions, settled: number) {
    this.#file = file;
    this.#run = run;
    this.#options = options;
    this.#settled = settled;
    const { containerName, url } = options.container;
    this.#place = `${containerName}/${file.name}`;
    this.#stream = hash53(`${new URL(url).host}/${this.#place}`).toString(16);
  }

  async attempt(): Promise<FileResult> {
    try {
      await this.#read();
      await this.#save('done');
      return this.#result('ingested', '');
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code === 'FILE_MALFORMED') {
        await this.#save('setAside');
        this.#options.log.warn({ file: this.#place, records: this.#settled }, `Set aside: ${error.message}`);
        return this.#result('setAside', error.message);
      }
      if (error.code === 'AZURE_NOT_FOUND') return this.#result('gone', error.message);
      if (this.#settled > 0) await this.#save('partial').catch(() => undefined);
      if (error.code === 'FILE_CHANGED') await this.#refresh();
      throw error;
    }
  }

  /** The next chunk is read and decoded while the one before is sent. */
  async #read(): Promise<void> {
    const skip = this.#settled;
    let sending: Promise<void> = Promise.resolve();
    let chunk: StoredRecord[] = [];
    let bytes = 0;
    const send = async (): Promise<void> => {
      const next = chunk;
      chunk = [];
      bytes = 0;
      await sending;
      sending = this.#settle(next);
      // Its error is handled where it is awaited.
      sending.catch(() => undefined);
    };
    try {
      for await (const record of readStoredFile(this.#download(), this.#place)) {
        if (record.index < skip) continue;
        chunk.push(record);
        bytes += 'message' in record ? record.message.body.byteLength : 0;
        if (chunk.length >= CHUNK_MESSAGES || bytes >= CHUNK_BYTES) await send();
      }
    } catch (error) {
      await sending;
      // The messages before the damage are valid.
      if (toConnectorError(error).code === 'FILE_MALFORMED') await this.#settle(chunk);
      throw error;
    }
    await send();
    await sending;
  }

  /** The file changed while it was read: it is continued as it is now, or from the beginning when it became smaller. */
  async #refresh(): Promise<void> {
    const { name, bytes } = this.#file;
    const found = await findFile(this.#options.container, name);
    if (found.bytes < bytes) this.#settled = 0;
    this.#file = found;
  }

  async *#download(): AsyncGenerator<Uint8Array> {
    const { container } = this.#options;
    const { name, etag, bytes } = this.#file;
    if (bytes === 0) return;
    try {
      const answer = await container.getBlobClient(name).download(0, undefined, {
        abortSignal: this.#run.signal,
        conditions: { ifMatch: `"${etag}"` },
        maxRetryRequests: 3,
      });
      if (answer.readableStreamBody) yield* answer.readableStreamBody as unknown as AsyncIterable<Uint8Array>;
    } catch (thrown) {
      if (this.#run.signal.aborted) throw new ConnectorError('STOPPING', 'The operation was cancelled.');
      if ((thrown as { statusCode?: number }).statusCode === 412)
        throw new ConnectorError('FILE_CHANGED', `${this.#place} changed while it was read.`);
      throw azureError(thrown, { action: `Reading ${this.#place}`, right: READ_RIGHT });
    }
  }

  async #settle(records: readonly StoredRecord[]): Promise<void> {
    if (records.length === 0) return;
    const items: Forwarded[] = [];
    const counts: Record<string, number> = {};
    for (const record of records) {
      if ('message' in record) {
        const { index, message } = record;
        const id = deadLetterId(this.#stream, { ...message, sequenceNumber: index });
        items.push({ message, deadLetterId: id });
        continue;
      }
      counts.malformed = (counts.malformed ?? 0) + 1;
      if (this.#flaws.length < MAX_FLAWS) this.#flaws.push(`${record.flaw} (record ${record.index})`);
    }
    const results = await this.#options.forwarder.forward(items, this.#run.signal);
    Object.assign(counts, tally(results));
    for (const [name, value] of Object.entries(counts))
      this.#counts[name] = (this.#counts[name] ?? 0) + value;
    this.#settled = (records.at(-1)?.index ?? -1) + 1;
    this.#run.onProgress?.(counts);
    if (Date.now() - this.#savedAtMs >= SAVE_INTERVAL_MS) await this.#save('partial');
  }

  async #save(state: LedgerEntry['state']): Promise<void> {
    const { name, etag, bytes } = this.#file;
    const { again } = this.#run;
    await this.#options.ledger.put(name, {
      state,
      bytes,
      etag,
      records: this.#settled,
      ...(again === undefined ? {} : { run: again }),
    });
    this.#savedAtMs = Date.now();
  }

  #result(outcome: FileResult['outcome'], message: string): FileResult {
    return { outcome, counts: { ...this.#counts }, message, flaws: this.#flaws };
  }
}
