import { Worker } from 'node:worker_threads';
import type { ExpressionJob, ExpressionOutcome } from './expression-job.ts';

/** The program of the thread, where it was bundled into the sidecar's one file; else it lies beside this file. */
declare const EXPRESSION_WORKER: string | undefined;

/** Two, so that one expression that uses up its time does not stop the others. */
const MAX_THREADS = 2;
/**
 * What a thread may take. A body of the largest size that is read takes up to ten times that as objects. Small, for the young ones, since
 * they would otherwise outgrow the allowance in which Node ends a thread, and take the process with them.
 */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 6, stackSizeMb: 4 };
/** For what JSONata's own limit of time cannot end: a call of one of its functions that takes long. */
const GRACE_MS = 100;
/** Starting a thread takes a tenth of a second; on a busy machine, some seconds. */
const START_MS = 30_000;
/** After which an idle thread is ended. */
const IDLE_MS = 30_000;

interface Pending {
  readonly job: ExpressionJob;
  readonly settle: (outcome: ExpressionOutcome) => void;
}

interface Thread {
  readonly worker: Worker;
  ready: boolean;
  pending: Pending | undefined;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Evaluates JSONata expressions in threads, each of which is ended when its time or memory is used up; the next expression gets a new one.
 * Threads start when they are needed and end when they are idle, so a pool that nobody uses any more costs nothing.
 */
export class ExpressionPool {
  readonly #threads = new Set<Thread>();
  readonly #waiting: Pending[] = [];

  /** Never rejects. */
  evaluate(job: ExpressionJob): Promise<ExpressionOutcome> {
    return new Promise((resolve) => {
      this.#waiting.push({ job, settle: resolve });
      this.#assign();
    });
  }

  /** Ends all threads. Expressions under evaluation fail. */
  async stop(): Promise<void> {
    const failure = { failure: 'the sidecar stops' };
    for (const { settle } of this.#waiting.splice(0)) settle(failure);
    await Promise.all([...this.#threads].map((thread) => this.#end(thread, failure)));
  }

  #assign(): void {
    for (const thread of this.#threads) {
      if (this.#waiting.length === 0) return;
      if (thread.ready && thread.pending === undefined) this.#give(thread, this.#waiting.shift() as Pending);
    }
    const starting = [...this.#threads].filter(({ ready }) => !ready).length;
    if (this.#waiting.length > starting && this.#threads.size < MAX_THREADS) this.#start();
  }

  #give(thread: Thread, pending: Pending): void {
    const { maxMs } = pending.job.limits;
    thread.pending = pending;
    thread.worker.ref();
    this.#within(thread, maxMs + GRACE_MS, `it takes longer than ${maxMs} ms (setting maxExpressionMs)`);
    try {
      thread.worker.postMessage(pending.job);
    } catch (thrown) {
      this.#free(thread, { failure: `its input cannot be copied: ${String(thrown).slice(0, 200)}` });
    }
  }

  #start(): void {
    const worker = startThread();
    const thread: Thread = { worker, ready: false, pending: undefined, timer: undefined };
    this.#threads.add(thread);
    this.#within(thread, START_MS, 'its thread does not start');
    worker.on('message', (message: ExpressionOutcome | 'ready') => {
      if (message !== 'ready') this.#free(thread, message);
      else {
        thread.ready = true;
        this.#rest(thread);
      }
      this.#assign();
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const failure = isMemory
        ? `it takes more memory than ${RESOURCE_LIMITS.maxOldGenerationSizeMb} MB`
        : `its thread ended: ${error.message.slice(0, 200)}`;
      void this.#end(thread, { failure });
    });
    worker.on('exit', () => void this.#end(thread, { failure: 'its thread ended' }));
  }

  #free(thread: Thread, outcome: ExpressionOutcome): void {
    const { pending } = thread;
    thread.pending = undefined;
    this.#rest(thread);
    pending?.settle(outcome);
  }

  /** An idle thread does not keep the process, and ends after a while. */
  #rest(thread: Thread): void {
    thread.worker.unref();
    clearTimeout(thread.timer);
    thread.timer = setTimeout(() => void this.#end(thread, { failure: 'its thread ended' }), IDLE_MS);
    thread.timer.unref();
  }

  #within(thread: Thread, ms: number, failure: string): void {
    clearTimeout(thread.timer);
    thread.timer = setTimeout(() => void this.#end(thread, { failure }), ms);
  }

  async #end(thread: Thread, outcome: ExpressionOutcome): Promise<void> {
    if (!this.#threads.delete(thread)) return;
    clearTimeout(thread.timer);
    thread.pending?.settle(outcome);
    // one that does not even start would be started for ever
    if (!thread.ready) for (const { settle } of this.#waiting.splice(0)) settle(outcome);
    this.#assign();
    await thread.worker.terminate();
  }
}

/** The thread sees neither the environment, which holds secrets, nor the arguments of the process. */
function startThread(): Worker {
  const options = { resourceLimits: RESOURCE_LIMITS, env: {}, argv: [], execArgv: [] };
  return typeof EXPRESSION_WORKER === 'string'
    ? new Worker(EXPRESSION_WORKER, { ...options, eval: true })
    : new Worker(new URL('./expression-worker.ts', import.meta.url), options);
}
