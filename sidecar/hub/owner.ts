import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { FileLock } from '../lib/file-lock.ts';
import { isMissing, replaceFile, setAside } from '../lib/files.ts';
import type { Log } from '../observe/log.ts';

interface OwnerOptions {
  readonly stateDirectory: string;
  readonly log: Log;
}

const ID = /^[0-9a-f]{8}$/;
/** Event Hubs takes at most 64 characters as the name of a receiver. */
const MAX_HOST_CHARACTERS = 40;

/**
 * The name of this sidecar in ownership records. It is the same after a restart, so that a sidecar that was killed goes on at once with the
 * partitions that it owned: it need not wait until its own ownership expires. The id lies in the state directory; a process that does not hold
 * that directory alone gets an id for its own life. The host name keeps copies of a state directory on two machines apart.
 */
export class Owner {
  readonly #directory: string;
  readonly #log: Log;
  #lock: FileLock | undefined;
  #id = randomUUID().slice(0, 8);

  constructor({ stateDirectory, log }: OwnerOptions) {
    this.#directory = stateDirectory;
    this.#log = log;
  }

  async start(): Promise<void> {
    this.#lock = await FileLock.acquire(path.join(this.#directory, 'owner-id.lock'));
    if (!this.#lock) {
      this.#log.warn(
        { directory: this.#directory },
        'Another sidecar uses the same state directory. Give each sidecar its own SIDECAR_STATE_DIR.',
      );
      return;
    }
    const file = path.join(this.#directory, 'owner-id');
    const stored = await readId(file);
    if (stored !== undefined) this.#id = stored;
    else await replaceFile(file, `${this.#id}\n`);
  }

  /** The owner id of a hub Thing: two hub Things on one sidecar are two readers. */
  idOf(hubThing: string): string {
    const thing = createHash('sha256').update(hubThing).digest('hex').slice(0, 8);
    return `${this.#prefix}${thing}`;
  }

  /** Whether this is the owner id of a hub Thing of this sidecar. */
  hasId(ownerId: string): boolean {
    return ownerId.startsWith(this.#prefix);
  }

  get #prefix(): string {
    const host = hostname()
      .replaceAll(/[^\w.-]/g, '-')
      .slice(0, MAX_HOST_CHARACTERS);
    return `${host}-${this.#id}-`;
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    await this.#lock?.release();
  }
}

/** Undefined when there is none. A damaged file is set aside: a new id costs no more than one wait for the old ownership. */
async function readId(file: string): Promise<string | undefined> {
  let text = '';
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
  }
  if (ID.test(text)) return text;
  await setAside(file);
  return undefined;
}
