import type { BlockBlobClient } from '@azure/storage-blob';
import type { CodeBits, IndexEntry, SegmentIndex } from './segment-index.ts';

/** A segment as the list of blobs shows it. */
export interface ListedSegment {
  readonly size: number;
  readonly etag: string;
  readonly modifiedMs: number;
  /** Of the blob with the deleted lines; 0 when there is none. */
  readonly deletedSize: number;
  readonly hasIndex: boolean;
}

/** Another format is ignored: the lines are read instead. */
const FORMAT = 1;

interface WrittenIndex {
  readonly format: number;
  /** Codes by bit. */
  readonly codes: readonly string[];
  /** A row for each line: time, time of storing, hash, device, codes, length of the line, of its summary. */
  readonly rows: readonly (readonly number[])[];
}

/** The index of the first lines of a segment in a blob. Any sidecar may write it again when it knows more lines. */
export class StoredIndex {
  readonly #blob: BlockBlobClient;
  readonly #bits: CodeBits;
  readonly #deadline: (bytes?: number) => AbortSignal;
  #bytes = 0;

  /** `deadline`: of one request that transfers so many bytes. */
  constructor(blob: BlockBlobClient, bits: CodeBits, deadline: (bytes?: number) => AbortSignal) {
    this.#blob = blob;
    this.#bits = bits;
    this.#deadline = deadline;
  }

  /** Bytes of lines that it covers, as far as this sidecar knows. */
  get bytes(): number {
    return this.#bytes;
  }

  async write(index: SegmentIndex, bytes: number): Promise<void> {
    const rows = Array.from({ length: index.count }, (_, ordinal) => index.rowOf(ordinal));
    const written: WrittenIndex = { format: FORMAT, codes: this.#bits.codes, rows };
    const content = Buffer.from(JSON.stringify(written));
    await this.#blob.upload(content, content.length, {
      abortSignal: this.#deadline(content.length),
      blobHTTPHeaders: { blobContentType: 'application/json' },
    });
    this.#bytes = bytes;
  }

  /** The entries of the lines in their order; none when the index cannot be used. `size`: of the lines. */
  async read(size: number): Promise<IndexEntry[]> {
    // The index is smaller than the lines.
    const content = await this.#blob.downloadToBuffer(0, undefined, { abortSignal: this.#deadline(size) });
    let written: WrittenIndex;
    try {
      written = JSON.parse(content.toString('utf8')) as WrittenIndex;
    } catch {
      return [];
    }
    if (written.format !== FORMAT) return [];
    let offset = 0;
    const entries = written.rows.map((row): IndexEntry => {
      const [timeMs = 0, storedAtMs = 0, hash = 0, device = 0, mask = 0, length = 0, summaryLength = 0] = row;
      const codes = this.#bits.maskOf(mask, written.codes);
      const entry = { timeMs, storedAtMs, hash, device, codes, offset, length, summaryLength };
      offset += length + 1;
      return entry;
    });
    if (offset > size) return [];
    this.#bytes = offset;
    return entries;
  }

  async remove(): Promise<void> {
    await this.#blob.deleteIfExists({ abortSignal: this.#deadline(), deleteSnapshots: 'include' });
  }
}
