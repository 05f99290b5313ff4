import type { ContainerClient } from '@azure/storage-blob';
import { toConnectorError } from '../../errors/connector-error.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { RunningTask, TaskKind } from '../../tasks/task.ts';
import type { FileIngestor, OpenContainer } from './file-ingestor.ts';
import { listFiles, type StoredFile } from './file-listing.ts';

export interface BlobTaskInput {
  readonly container: string;
  readonly prefix: string;
  /** Of the last write to a file; both included. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly again: boolean;
}

export const INGEST_BLOBS = 'IngestBlobs';

/** Beyond it the task does not say how many files there are: counting millions would take longer than the work begins. */
const MAX_COUNTED = 100_000;

/** Opens a container by name. Rejects with SETTING_MISSING, CONNECTION_STRING_INVALID. */
export type OpenIngestor = (
  container: string,
) => Promise<OpenContainer & { readonly ingestor: FileIngestor }>;

/**
 * Ingests the files of a container, by name. The position is the last file that is settled; what is settled inside a file is in the ledger.
 */
export class BlobTask implements TaskKind<BlobTaskInput, string> {
  readonly kind = INGEST_BLOBS;
  readonly resumes = true;
  readonly #open: OpenIngestor;

  constructor(open: OpenIngestor) {
    this.#open = open;
  }

  async run(task: RunningTask<BlobTaskInput, string>): Promise<void> {
    const { input, signal } = task;
    const { container, ingestor } = await this.#open(input.container);
    if (task.position === undefined) await this.#count(task, container);
    for await (const file of this.#files(task, container)) {
      const result = await ingestor.ingest(file, {
        signal,
        again: input.again ? task.id : undefined,
        onProgress: (counts) => task.advance(0, counts),
      });
      for (const flaw of result.flaws) task.report({ item: file.name, outcome: 'malformed', message: flaw });
      if (result.outcome === 'setAside' || result.outcome === 'gone')
        task.report({ item: file.name, outcome: result.outcome, message: result.message });
      task.advance(1, { [result.outcome]: 1 });
      await task.save(file.name);
    }
  }

  async #count(task: RunningTask<BlobTaskInput, string>, container: ContainerClient): Promise<void> {
    let total = 0;
    for await (const _ of this.#files(task, container)) {
      total += 1;
      if (total > MAX_COUNTED) return;
    }
    task.expect(total);
  }

  /** A listing that breaks off goes on behind the last file it gave. */
  async *#files(
    task: RunningTask<BlobTaskInput, string>,
    container: ContainerClient,
  ): AsyncGenerator<StoredFile> {
    const { prefix, fromMs = -Infinity, toMs = Infinity } = task.input;
    const backoff = new Backoff();
    let last = task.position ?? '';
    for (;;) {
      try {
        for await (const file of listFiles(container, prefix, task.signal)) {
          if (compare(file.name, last) <= 0) continue;
          last = file.name;
          backoff.reset();
          if (file.lastModifiedMs >= fromMs && file.lastModifiedMs <= toMs) yield file;
        }
        return;
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (!error.retryable || task.signal.aborted) throw error;
        await backoff.pause(task.signal, error.retryAfterMs);
      }
    }
  }
}

/** The order of blob listings: by bytes of UTF-8. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
