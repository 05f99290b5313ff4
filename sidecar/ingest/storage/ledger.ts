import { createHash } from 'node:crypto';
import { ConnectorError } from '../../errors/connector-error.ts';
import type { Documents } from './documents.ts';

/**
 * partial: begun; `records` of it are settled. done: all of it is. setAside: it is damaged behind its `records` settled ones, and is left
 * alone until it changes.
 */
type FileState = 'partial' | 'done' | 'setAside';

/** What is known of one file. */
export interface LedgerEntry {
  readonly state: FileState;
  /** Size of the file at that time. */
  readonly bytes: number;
  readonly etag: string;
  /** Records from its beginning that are settled. */
  readonly records: number;
  /** Who ingested it, when it was ingested again on purpose: the id of the task. */
  readonly run?: string;
}

interface Page {
  readonly version: typeof VERSION;
  readonly folder: string;
  /** Every file of the folder that was written up to then is done: what a folder is folded into that nobody writes to any more. */
  readonly closedThroughMs?: number;
  readonly files: Readonly<Record<string, LedgerEntry>>;
}

/** Of the format of pages. Sidecars of several versions may share a ledger in a container. */
const VERSION = 1;

/** Pages of a container without dated folders, so that none becomes large. */
const PAGES = 256;
/** All shares, and the days that are written to. */
const PAGES_IN_MEMORY = 512;

/**
 * Which files of one container were ingested. Files of a day are on one page, a small document that is replaced whole when one of them is
 * finished; so the ledger of years stays small in memory, and each of its writes small.
 */
export class Ledger {
  readonly #documents: Documents;
  readonly #container: string;
  /** Parsed pages, the least recently used first. */
  readonly #pages = new Map<string, Page>();

  /** `container`: its address without a signature, so that containers of two accounts are two. */
  constructor(documents: Documents, container: string) {
    this.#documents = documents;
    this.#container = container;
  }

  async get(file: string, lastModifiedMs: number): Promise<LedgerEntry | 'closed' | undefined> {
    const page = await this.#page(file);
    const entry = Object.hasOwn(page.files, file) ? page.files[file] : undefined;
    if (entry) return entry;
    return lastModifiedMs <= (page.closedThroughMs ?? -1) ? 'closed' : undefined;
  }

  /** Durable when it resolves. */
  async put(file: string, entry: LedgerEntry): Promise<void> {
    await this.#change(file, (page) => ({ ...page, files: { ...page.files, [file]: entry } }));
  }

  /** Folds a folder whose files are all done into one line. */
  async closeFolder(fileInIt: string, throughMs: number): Promise<void> {
    await this.#change(fileInIt, (page) => ({
      ...page,
      closedThroughMs: Math.max(throughMs, page.closedThroughMs ?? -1),
      files: Object.fromEntries(Object.entries(page.files).filter(([, { state }]) => state !== 'done')),
    }));
  }

  /** The first day that the watcher must look at in a folder of years; '' for all of them. */
  async cursor(base: string): Promise<string> {
    const { text } = await this.#cursors();
    return Object.hasOwn(text, base) ? (text[base] ?? '') : '';
  }

  async setCursor(base: string, day: string): Promise<void> {
    await this.#documents.update(this.#cursorKey, (text) =>
      JSON.stringify({ ...(parse(text) as Record<string, string> | undefined), [base]: day }),
    );
  }

  async #cursors(): Promise<{ text: Record<string, string> }> {
    const text = parse(await this.#documents.read(this.#cursorKey));
    return { text: (text as Record<string, string> | undefined) ?? {} };
  }

  get #cursorKey(): string {
    return `${this.#container}\ncursors`;
  }

  async #page(file: string): Promise<Page> {
    const key = this.#keyOf(file);
    const known = this.#pages.get(key);
    if (known) return known;
    return this.#remember(key, pageOf(await this.#documents.read(key), folderOf(file)));
  }

  async #change(file: string, change: (page: Page) => Page): Promise<void> {
    const key = this.#keyOf(file);
    let changed: Page | undefined;
    await this.#documents.update(key, (text) => {
      changed = change(pageOf(text, folderOf(file)));
      return JSON.stringify(changed);
    });
    if (changed) this.#remember(key, changed);
  }

  #remember(key: string, page: Page): Page {
    this.#pages.delete(key);
    this.#pages.set(key, page);
    const [oldest] = this.#pages.keys();
    if (this.#pages.size > PAGES_IN_MEMORY && oldest !== undefined) this.#pages.delete(oldest);
    return page;
  }

  #keyOf(file: string): string {
    return `${this.#container}\n${folderOf(file)}`;
  }
}

/** `.../<yyyy>/<MM>/<dd>/`, or one of a fixed number of shares for names without a date. */
function folderOf(file: string): string {
  const dated = DATED.exec(file);
  if (dated) return dated[0];
  const hash = createHash('sha256').update(file).digest().readUInt32BE(0);
  return `share ${hash % PAGES}`;
}

const DATED = /^.*?\d{4}\/\d{2}\/\d{2}\//;

/**
 * A page that cannot be read counts as empty: files are then ingested again rather than forgotten. Not so a page of a newer version, which
 * this one would replace: @throws ConnectorError STATE_FORMAT_NEWER
 */
function pageOf(text: string | undefined, folder: string): Page {
  const page = parse(text) as Partial<Page> | undefined;
  const version: unknown = page?.version;
  if (typeof version === 'number' && version > VERSION) {
    throw new ConnectorError(
      'STATE_FORMAT_NEWER',
      `The ledger of ingested files has format ${version} for ${folder}; this sidecar reads formats up to ${VERSION}.`,
    );
  }
  if (version === VERSION && typeof page?.files === 'object' && page.files !== null) return page as Page;
  return { version: VERSION, folder, files: {} };
}

function parse(text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
