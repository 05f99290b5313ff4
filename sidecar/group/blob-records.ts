import { ConnectorError } from '../errors/connector-error.ts';
import { forEachConcurrently } from '../lib/concurrency.ts';
import type { RecordStore } from '../lib/records.ts';
import type { BlobFolder } from './blob-folder.ts';
import type { Fence } from './lead.ts';

/** Requests to the storage account at a time. */
const PARALLEL = 8;
const ATTEMPTS = 3;
/** Ids become parts of paths, also on the disk of a sidecar. */
const ID = /^[\w-]+$/;

/**
 * Records that the sidecars of a group share, a blob `<id>.json` each. Anybody creates one; the sidecar that leads writes it from then on. It
 * replaces only what it has read or written itself. When somebody else has written meanwhile, it asks for its lease: with the lease it is right,
 * without it another leads now.
 */
export class BlobRecords<T extends { readonly id: string }> implements RecordStore<T> {
  readonly #folder: BlobFolder;
  readonly #lead: Fence;
  readonly #isRecord: (value: T | null) => boolean;
  /** As they were read or written last. */
  readonly #known = new Map<string, { readonly etag: string; readonly record: T | undefined }>();

  constructor(folder: BlobFolder, lead: Fence, isRecord: (value: T | null) => boolean) {
    this.#folder = folder;
    this.#lead = lead;
    this.#isRecord = isRecord;
  }

  async load(): Promise<{ records: T[]; unreadable: string[] }> {
    const listed = await this.#folder.list();
    const names = [...listed.keys()].filter((name) => name.endsWith('.json'));
    for (const name of this.#known.keys()) if (!listed.has(name)) this.#known.delete(name);
    const changed = names.filter((name) => this.#known.get(name)?.etag !== listed.get(name));
    await forEachConcurrently(changed, PARALLEL, async (name) => void (await this.#read(name)));
    const records: T[] = [];
    const unreadable: string[] = [];
    for (const name of names.sort()) {
      const known = this.#known.get(name);
      if (known?.record) records.push(known.record);
      else if (known) unreadable.push(name);
    }
    return { records, unreadable };
  }

  async read(id: string): Promise<T | undefined> {
    return await this.#read(nameOf(id));
  }

  async create(record: T): Promise<void> {
    const name = nameOf(record.id);
    const etag = await this.#folder.write(name, JSON.stringify(record), 'absent');
    if (etag !== undefined) this.#known.set(name, { etag, record });
  }

  async write(record: T): Promise<void> {
    const name = nameOf(record.id);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      if (!this.#lead.isHeld) break;
      const known = this.#known.get(name);
      const expected = known ? { etag: known.etag } : 'absent';
      const etag = await this.#folder.write(name, JSON.stringify(record), expected);
      if (etag !== undefined) {
        this.#known.set(name, { etag, record });
        return;
      }
      // The other write may be this one, whose answer was lost, or one of the sidecar that led before.
      if (!(await this.#lead.confirm())) break;
      await this.#read(name);
    }
    throw new ConnectorError('STOPPING', 'Another sidecar of the group leads now.');
  }

  async remove(id: string): Promise<void> {
    if (!this.#lead.isHeld) return;
    await this.#folder.remove(nameOf(id));
    this.#known.delete(nameOf(id));
  }

  async #read(name: string): Promise<T | undefined> {
    const found = await this.#folder.read(name);
    const record = found && this.#parse(found.text, name);
    if (found) this.#known.set(name, { etag: found.etag, record });
    else this.#known.delete(name);
    return record;
  }

  #parse(text: string, name: string): T | undefined {
    try {
      const record = JSON.parse(text) as T | null;
      if (!record || !this.#isRecord(record)) return undefined;
      return ID.test(record.id) && nameOf(record.id) === name ? record : undefined;
    } catch {
      return undefined;
    }
  }
}

function nameOf(id: string): string {
  return `${id}.json`;
}
