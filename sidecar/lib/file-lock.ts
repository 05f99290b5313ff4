import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { isMissing } from './files.ts';

/** The holder of a lock, as stored in the lock file. */
interface Holder {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  /** Start time of the process from the operating system, to detect a reused process id. Absent where it is not available. */
  readonly began?: string;
}

const TOUCH_MS = 5000;
/** Age of a lock file after which its holder counts as dead, even if a process with its id runs (a reused id, or another machine). */
const STALE_MS = 30_000;

/**
 * A lock file held by one process. A second process cannot acquire it while the first runs. Node has no API for file locks of the operating
 * system, so the file stores its holder, and the holder updates its modification time every five seconds.
 */
export class FileLock {
  readonly #file: string;
  readonly #holder: Holder;
  #timer: NodeJS.Timeout | undefined;
  #lost = false;

  private constructor(file: string, holder: Holder) {
    this.#file = file;
    this.#holder = holder;
  }

  /** Undefined when another process (or another part of this one) holds it. */
  static async acquire(file: string): Promise<FileLock | undefined> {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const began = await beginOf(process.pid);
    const holder = {
      id: randomUUID(),
      pid: process.pid,
      host: hostname(),
      ...(began === undefined ? {} : { began }),
    };
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await create(file, holder)) {
        const lock = new FileLock(file, holder);
        lock.#begin();
        return lock;
      }
      if (!(await removeStale(file))) return undefined;
    }
    return undefined;
  }

  /** Whether another process took the lock while this process was suspended. */
  get isLost(): boolean {
    return this.#lost;
  }

  /** Idempotent. Does not remove the file of another holder. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#lost) return;
    this.#lost = true;
    if ((await read(this.#file))?.id === this.#holder.id) await rm(this.#file, { force: true });
  }

  #begin(): void {
    this.#timer = setInterval(() => void this.#touch(), TOUCH_MS);
    this.#timer.unref();
  }

  async #touch(): Promise<void> {
    const holder = await read(this.#file);
    // A file that cannot be read at present is not lost: nobody else can take it then either.
    if (holder === undefined && !(await isGone(this.#file))) return;
    if (this.#lost) return;
    if (holder?.id !== this.#holder.id) {
      this.#lost = true;
      clearInterval(this.#timer);
      return;
    }
    const now = new Date();
    await utimes(this.#file, now, now).catch(() => undefined);
  }
}

async function isGone(file: string): Promise<boolean> {
  return await stat(file).then(
    () => false,
    (thrown) => isMissing(thrown),
  );
}

/** False when the file exists. The file is written under another name first, so that readers never see partial content. */
async function create(file: string, holder: Holder): Promise<boolean> {
  const draft = `${file}.${holder.id}`;
  try {
    await writeFile(draft, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(draft, { force: true });
  }
}

/** True when the lock can be acquired: its holder was dead and the file was removed. */
async function removeStale(file: string): Promise<boolean> {
  const holder = await read(file);
  const ageMs = await age(file);
  if (ageMs === undefined) return true;
  if (holder ? await isAlive(holder, ageMs) : ageMs < STALE_MS) return false;
  // Renamed first: when two processes find the same dead holder, the second must not remove the new lock of the first.
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
  const moved = await read(aside);
  const same = moved?.id === holder?.id;
  if (!same) await link(aside, file).catch(() => undefined);
  // A directory in the place of the file is damage, and no holder.
  await rm(aside, { recursive: true, force: true });
  return same;
}

async function isAlive(holder: Holder, ageMs: number): Promise<boolean> {
  if (ageMs >= STALE_MS) return false;
  // The process ids of another machine or container on the same volume cannot be checked. Only the age counts.
  if (holder.host !== hostname()) return true;
  const began = await beginOf(holder.pid);
  if (holder.began !== undefined && began !== undefined) return holder.began === began;
  return exists(holder.pid);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The start time of a process (Linux: field 22 of /proc/pid/stat, with the boot id); undefined where it is not available. */
async function beginOf(pid: number): Promise<string | undefined> {
  try {
    const [line, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ]);
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return `${boot.trim()}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

async function read(file: string): Promise<Holder | undefined> {
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as Partial<Holder> | null;
    return typeof value?.id === 'string' && typeof value.pid === 'number' && typeof value.host === 'string'
      ? (value as Holder)
      : undefined;
  } catch {
    return undefined;
  }
}

async function age(file: string): Promise<number | undefined> {
  try {
    return Date.now() - (await stat(file)).mtimeMs;
  } catch {
    return undefined;
  }
}
