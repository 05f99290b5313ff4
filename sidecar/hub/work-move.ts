import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { toConnectorError } from '../errors/connector-error.ts';
import type { BlobFolder } from '../group/blob-folder.ts';
import { BlobLease } from '../group/blob-lease.ts';
import type { WorkRequest } from '../group/lead.ts';
import { settledWithin } from '../lib/concurrency.ts';
import type { Log } from '../observe/log.ts';
import { moveWork, type WorkStore, workInContainer } from './work-place.ts';

export interface WorkMoveOptions {
  readonly from: BlobFolder;
  readonly to: WorkStore;
  /** Of `to`, if it is in a container. */
  readonly toFolder?: BlobFolder;
  /** The blob whose lease says which sidecar leads. */
  readonly leaseBlob: string;
  readonly owner: string;
  /** Tells the sidecar that leads at the new place. */
  readonly post: (request: WorkRequest) => Promise<void>;
  readonly log: Log;
}

/** Longer than the lease of a sidecar that was killed, and than other members of a group need for their new settings. */
const TRY_MS = 60_000;
const PAUSE_MS = 1_000;
/** How long the start of the work waits for what is moved. */
const START_MS = 3_000;
const STOP_MS = 1_500;

/**
 * Moves work from a container that the settings do not name any more. With the lease of that container, so no other sidecar is at this work.
 * What cannot be moved stays there, and goes on when the settings name the container again.
 */
export class WorkMove {
  readonly #options: WorkMoveOptions;
  readonly #lease: BlobLease;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: WorkMoveOptions) {
    this.#options = options;
    this.#lease = new BlobLease(options.from, options.leaseBlob, options.owner);
  }

  /** Resolves when all is moved, and no later than after three seconds; it goes on in the background. Never rejects. */
  async start(): Promise<void> {
    this.#running ??= this.#run();
    await settledWithin(this.#running, START_MS);
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    if (this.#running) await settledWithin(this.#running, STOP_MS);
  }

  async #run(): Promise<void> {
    const { from, log } = this.#options;
    const { signal } = this.#abort;
    const untilMs = performance.now() + TRY_MS;
    let reason: unknown;
    while (!signal.aborted && performance.now() < untilMs) {
      try {
        if (await this.#move()) return;
      } catch (thrown) {
        reason = toConnectorError(thrown);
      }
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
    log.warn(
      { err: reason },
      `Tasks, uploads and deployments may have stayed in ${from.pathOf('')}. They continue when the hub Thing has these settings again.`,
    );
  }

  /** False: another sidecar has the lease, or this one is stopping. */
  async #move(): Promise<boolean> {
    const { from, to, toFolder, post, log } = this.#options;
    if (toFolder && (await isSame(from, toFolder))) return true;
    const lease = this.#lease;
    if (!(await lease.acquire())) return false;
    const fence = {
      get isHeld() {
        return performance.now() < lease.untilMs;
      },
      confirm: () => lease.renew(),
    };
    try {
      return await moveWork(
        workInContainer(from, fence),
        to,
        async (work, count) => {
          await post({ work, action: 'readNew', subject: '' });
          log.info(
            { work, moved: count },
            `Background work moved from ${from.pathOf('')}, as the settings ask.`,
          );
        },
        async () => !this.#abort.signal.aborted && (await lease.renew()),
      );
    } finally {
      await lease.release();
    }
  }
}

/** Whether two connections lead to one folder, whatever keys and names they have. */
async function isSame(one: BlobFolder, other: BlobFolder): Promise<boolean> {
  const name = `same-${randomBytes(8).toString('hex')}`;
  await other.write(name, '', 'absent');
  try {
    return (await one.read(name)) !== undefined;
  } finally {
    await other.remove(name);
  }
}
