import { setTimeout as sleep } from 'node:timers/promises';
import { toConnectorError } from '../errors/connector-error.ts';
import { settledWithin } from '../lib/concurrency.ts';
import { newId } from '../lib/records.ts';
import type { Log } from '../observe/log.ts';
import type { BlobFolder } from './blob-folder.ts';
import type { BlobLease } from './blob-lease.ts';

/** Keeps a sidecar that does not lead from writing. */
export interface Fence {
  /** Whether this sidecar leads at this moment. */
  readonly isHeld: boolean;
  /** Asks the storage account whether this sidecar still leads. */
  confirm(): Promise<boolean>;
}

/** What a sidecar asks of the one that leads. */
export interface WorkRequest {
  /** The feature: tasks, packages, uploads. */
  readonly work: string;
  readonly action: string;
  /** A task, a deployment or a device. */
  readonly subject: string;
}

/** What the leading sidecar does. The calls come one after the other. */
interface Leadership {
  /** Called until it resolves, before the lease is asked for. */
  readonly prepare: () => Promise<void>;
  /** Called until it resolves. */
  readonly begin: () => Promise<void>;
  /** Never rejects. */
  readonly end: () => Promise<void>;
  readonly take: (request: WorkRequest) => Promise<void>;
}

interface LeadOptions extends Leadership {
  readonly lease: BlobLease;
  /** Requests lie here until they are taken. */
  readonly requests: BlobFolder;
  readonly log: Log;
}

const ROUND_MS = 2_500;
const STOP_MS = 1_500;

/**
 * Finds out which sidecar of a group leads, by a lease on a blob, and tells this one when it begins and when it must end. A lease that could not be
 * renewed in time is over: another sidecar may have it.
 */
export class Lead implements Fence {
  readonly #options: LeadOptions;
  readonly #abort = new AbortController();
  #isPrepared = false;
  /** Whether `begin` was called and `end` was not. */
  #leads = false;
  #hasBegun = false;
  /** Names of requests that are being taken. */
  readonly #taking = new Set<string>();
  #ending: Promise<void> = Promise.resolve();
  #loggedCode: string | undefined;
  #lapse: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LeadOptions) {
    this.#options = options;
  }

  get isHeld(): boolean {
    return performance.now() < this.#options.lease.untilMs;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the work and gives the lease back. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    // A storage account that does not answer must not hold up the end.
    if (this.#running) await settledWithin(this.#running, STOP_MS);
    await this.#end();
    await settledWithin(this.#options.lease.release(), STOP_MS);
  }

  async confirm(): Promise<boolean> {
    return await this.#options.lease.renew();
  }

  /** Leaves a request for the sidecar that leads. Rejects with STATE_UNAVAILABLE. */
  async post(request: WorkRequest): Promise<void> {
    await this.#options.requests.write(`${newId(Date.now())}.json`, JSON.stringify(request), 'absent');
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.#round();
        if (this.#loggedCode !== undefined) this.#options.log.info('The background work is arranged again.');
        this.#loggedCode = undefined;
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (!signal.aborted && error.code !== this.#loggedCode)
          this.#options.log.warn(
            { err: error },
            'The storage account does not say which sidecar does the background work, or the work cannot begin; trying again.',
          );
        this.#loggedCode = error.code;
      }
      await sleep(ROUND_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #round(): Promise<void> {
    const { prepare, begin, end, lease, log } = this.#options;
    const { signal } = this.#abort;
    if (!this.#isPrepared) await prepare();
    this.#isPrepared = true;
    if (this.#leads && !(this.isHeld && (await lease.renew()))) await this.#end();
    if (!this.#leads && (signal.aborted || !(await lease.acquire()))) return;
    if (signal.aborted) return;
    this.#watch();
    this.#leads = true;
    if (!this.#hasBegun) {
      await this.#ending;
      await begin();
      if (signal.aborted) return await end();
      this.#hasBegun = true;
      log.info('This sidecar does the background work of the hub Thing from now on.');
    }
    await this.#takeRequests();
  }

  /** What takes long, such as the end of a task, holds up no renewal. */
  async #takeRequests(): Promise<void> {
    const { requests } = this.#options;
    for (const name of (await requests.list()).keys()) {
      if (this.#taking.has(name)) continue;
      this.#taking.add(name);
      void this.#takeRequest(name).finally(() => this.#taking.delete(name));
    }
  }

  /** Never rejects: a request that fails for a while is tried again in the next round, by whoever leads then. */
  async #takeRequest(name: string): Promise<void> {
    const { requests, take, log } = this.#options;
    try {
      const request = parse((await requests.read(name))?.text);
      if (!this.isHeld || this.#abort.signal.aborted) return;
      if (request) await take(request);
      if (this.isHeld) await requests.remove(name);
    } catch (thrown) {
      const error = toConnectorError(thrown);
      log.debug({ err: error }, 'A request of another sidecar failed.');
      if (!error.retryable && this.isHeld) await requests.remove(name).catch(() => undefined);
    }
  }

  /** Ends the work when the lease ends, also while a call to the storage account does not come back. */
  #watch(): void {
    clearTimeout(this.#lapse);
    const { lease } = this.#options;
    this.#lapse = setTimeout(
      () => {
        if (this.isHeld) this.#watch();
        else void this.#endWork();
      },
      Math.max(0, lease.untilMs - performance.now()),
    );
    this.#lapse.unref();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#lapse);
    this.#leads = false;
    await this.#endWork();
  }

  async #endWork(): Promise<void> {
    if (!this.#hasBegun) return;
    this.#hasBegun = false;
    this.#options.log.info('This sidecar does the background work of the hub Thing no more.');
    this.#ending = this.#options.end();
    await this.#ending;
  }
}

function parse(text: string | undefined): WorkRequest | undefined {
  try {
    const request = JSON.parse(text ?? 'null') as Partial<WorkRequest> | null;
    const members = [request?.work, request?.action, request?.subject];
    return members.every((member) => typeof member === 'string') ? (request as WorkRequest) : undefined;
  } catch {
    return undefined;
  }
}
