import type { LineStore } from '../lib/records.ts';
import type { BlobFolder } from './blob-folder.ts';
import type { Fence } from './lead.ts';

/** Lines in one blob. */
const LINES = 500;
/** Texts whose ends are in memory: those of the tasks that run. */
const REMEMBERED = 16;

/** The end of a text: how many lines it has, and those of its last blob. */
interface End {
  count: number;
  last: string[];
}

/**
 * Lines that the sidecars of a group share, up to five hundred in each blob `<id>/<number>.ndjson`. The last blob is replaced whole, so a write
 * that is repeated adds nothing twice.
 */
export class BlobLines implements LineStore {
  readonly #folder: BlobFolder;
  readonly #lead: Pick<Fence, 'isHeld'>;
  readonly #ends = new Map<string, End>();

  constructor(folder: BlobFolder, lead: Pick<Fence, 'isHeld'>) {
    this.#folder = folder;
    this.#lead = lead;
  }

  async append(id: string, lines: readonly string[]): Promise<void> {
    const end = this.#ends.get(id) ?? (await this.#findEnd(id));
    let rest = lines;
    while (rest.length > 0 && this.#lead.isHeld) {
      const isFull = end.count % LINES === 0;
      const part = rest.slice(0, LINES - (end.count % LINES));
      const last = isFull ? [...part] : [...end.last, ...part];
      await this.#folder.write(blobOf(id, end.count), textOf(last), 'any');
      end.last = last;
      end.count += part.length;
      rest = rest.slice(part.length);
    }
    this.#remember(id, end);
  }

  async cut(id: string, lines: number): Promise<void> {
    const begin = lines - (lines % LINES);
    const name = blobOf(id, begin);
    const last = (await this.#linesOf(name)).slice(0, lines - begin);
    if (last.length > 0) await this.#folder.write(name, textOf(last), 'any');
    for (const other of await this.#blobsOf(id))
      if (other > name || (other === name && last.length === 0)) await this.#folder.remove(other);
    this.#ends.delete(id);
  }

  async read(id: string, from: number, limit: number): Promise<string[]> {
    const lines: string[] = [];
    const begin = from - (from % LINES);
    for (let at = begin; at < from + limit; at += LINES) {
      const part = await this.#linesOf(blobOf(id, at));
      lines.push(...part);
      if (part.length < LINES) break;
    }
    return lines.slice(from - begin, from - begin + limit);
  }

  async diskBytes(): Promise<number> {
    return 0;
  }

  async remove(id: string): Promise<void> {
    this.#ends.delete(id);
    if (!this.#lead.isHeld) return;
    for (const name of await this.#blobsOf(id)) await this.#folder.remove(name);
  }

  async #findEnd(id: string): Promise<End> {
    const blobs = await this.#blobsOf(id);
    const name = blobs.at(-1);
    const last = name === undefined ? [] : await this.#linesOf(name);
    return { count: Math.max(0, blobs.length - 1) * LINES + last.length, last };
  }

  #remember(id: string, end: End): void {
    this.#ends.delete(id);
    this.#ends.set(id, end);
    const [oldest] = this.#ends.keys();
    if (this.#ends.size > REMEMBERED && oldest !== undefined) this.#ends.delete(oldest);
  }

  async #linesOf(name: string): Promise<string[]> {
    const text = (await this.#folder.read(name))?.text ?? '';
    return text.split('\n').slice(0, -1);
  }

  async #blobsOf(id: string): Promise<string[]> {
    return [...(await this.#folder.within(id).list()).keys()].map((name) => `${id}/${name}`);
  }
}

/** Names sort like the numbers of their lines. */
function blobOf(id: string, line: number): string {
  return `${id}/${String(Math.floor(line / LINES)).padStart(8, '0')}.ndjson`;
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
