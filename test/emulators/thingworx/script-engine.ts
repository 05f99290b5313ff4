import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { PasswordCipher } from './password-cipher.ts';
import {
  decodeError,
  END,
  encodeError,
  type ReplyMessage,
  type RequestMessage,
  type RunMessage,
  type WireError,
  type WorkerMessage,
} from './script/channel.ts';
import {
  decodeValue,
  decodeValues,
  encodeValue,
  encodeVariables,
  messageText,
  type Wire,
  type WireValues,
} from './script/wire.ts';
import type { WorkerSettings } from './script/worker.ts';
import type {
  EntityCollection,
  EntityReference,
  ScriptCall,
  ScriptPlatform,
  ScriptRun,
} from './script-platform.ts';
import { defaultScriptSwitches, type ScriptSwitches } from './script-switches.ts';
import { PlatformError, type PlatformValue } from './values.ts';

const IDLE_EXIT_MS = 1_000;
/** A new thread loads its modules and compiles its scripts again, so a surplus one is kept for the next calls. */
const SURPLUS_MS = 5_000;
/** Many calls at once whose scripts all wait for a sidecar, which calls back, need a thread each: two of them start at a time. */
const MAX_ACTIVE_BEFORE_GROWTH = 2;

export interface ScriptEngineOptions {
  /** Longest run of one execution, nested services included; 30 s as on the platform. */
  timeoutMs?: number;
  /** Threads that are kept. They are started when needed. */
  workers?: number;
  /** Threads at most: above `workers` one is only added while nearly all others wait for the platform. */
  maxWorkers?: number;
  /** Heap of each thread; a script that needs more is ended. */
  memoryMb?: number;
  /** Read at the start of each execution, so the object may change. */
  switches?: Readonly<ScriptSwitches>;
  /** For PASSWORD values in scripts and the encryption functions; must be the platform's. */
  cipher?: PasswordCipher;
}

/** The failure of a script, with the text that reaches the caller. */
export class ScriptError extends PlatformError {
  /** Service or subscription whose script failed. */
  readonly service: string;
  /** What was thrown, without the words around it. */
  readonly scriptMessage: string;
  /** Line in the script, 0 if unknown. */
  readonly lineNumber: number;

  constructor(error: WireError, script: NonNullable<WireError['script']>) {
    super(error.message, { javaClass: error.javaClass, status: error.status });
    this.name = 'ScriptError';
    this.service = script.service;
    this.scriptMessage = script.message;
    this.lineNumber = script.lineNumber;
  }
}

interface Job {
  run: ScriptRun;
  resolve(value: PlatformValue): void;
  reject(error: PlatformError): void;
}

/** A worker thread and what it does. */
interface Thread {
  worker: Worker;
  replies: MessagePort;
  flag: Int32Array;
  job: Job | undefined;
  /** The end of an execution that takes too long, or of a surplus thread. */
  timer: NodeJS.Timeout | undefined;
  /** The thread has loaded its modules; the clock of an execution starts no earlier. */
  ready: boolean;
  /** Number of its last request. Whoever made an earlier one does not wait for the answer any more. */
  asked: number;
  /** Waits for an answer of the platform that is still on its way. */
  waiting: boolean;
  /** The execution has run out of time; it ends as soon as it leaves the native call. */
  expired: boolean;
}

/**
 * Runs scripts in worker threads. A script that calls the platform blocks its thread, not this one. An execution that
 * takes too long is ended by ending its thread.
 */
export class ScriptEngine {
  readonly cipher: PasswordCipher;
  private readonly platform: ScriptPlatform;
  private readonly timeoutMs: number;
  private readonly workers: number;
  private readonly maxWorkers: number;
  private readonly memoryMb: number;
  private readonly switches: Readonly<ScriptSwitches>;
  private readonly threads = new Set<Thread>();
  private readonly queue: Job[] = [];
  private stopped = false;

  constructor(platform: ScriptPlatform, options: ScriptEngineOptions = {}) {
    this.platform = platform;
    this.timeoutMs = options.timeoutMs ?? 30_000;
    this.workers = options.workers ?? 4;
    this.maxWorkers = Math.max(this.workers, options.maxWorkers ?? 64);
    this.memoryMb = options.memoryMb ?? 256;
    this.switches = options.switches ?? defaultScriptSwitches;
    this.cipher = options.cipher ?? new PasswordCipher();
  }

  /**
   * Executes a script and answers with its result, converted to the declared type.
   *
   * @throws ScriptError if the script fails or takes too long, PlatformError if the engine cannot run it
   */
  run(run: ScriptRun): Promise<PlatformValue> {
    if (this.stopped) {
      return Promise.reject(new PlatformError('The script engine is stopped', { status: 503 }));
    }
    return new Promise((resolve, reject) => {
      this.queue.push({ run, resolve, reject });
      this.dispatch();
    });
  }

  /** Ends all executions. */
  async stop(): Promise<void> {
    this.stopped = true;
    const error = new PlatformError('The script engine was stopped', { status: 503 });
    for (const job of this.queue.splice(0)) {
      job.reject(error);
    }
    await Promise.all(Array.from(this.threads, (thread) => this.end(thread, error)));
  }

  private dispatch(): void {
    while (this.queue.length > 0) {
      const thread = this.idleThread();
      if (thread === undefined) {
        return;
      }
      this.start(thread, this.queue.shift() as Job);
    }
  }

  private idleThread(): Thread | undefined {
    const threads = [...this.threads];
    const idle = threads.find(({ job }) => job === undefined);
    if (idle !== undefined) {
      return idle;
    }
    const active = threads.filter(({ waiting }) => !waiting);
    const mayGrow = threads.length < this.maxWorkers && active.length < MAX_ACTIVE_BEFORE_GROWTH;
    return threads.length < this.workers || mayGrow ? this.addThread() : undefined;
  }

  private addThread(): Thread {
    const { port1: replies, port2 } = new MessageChannel();
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const settings: WorkerSettings = {
      replies: port2,
      flag,
      cipherKey: this.cipher.key,
      switches: this.switches,
    };
    const worker = new Worker(new URL('./script/worker.ts', import.meta.url), {
      workerData: settings,
      transferList: [port2],
      // What a thread may still take once its memory is used up, so that it can be ended, is 16 MB: young objects must fit in there.
      resourceLimits: { maxOldGenerationSizeMb: this.memoryMb, maxYoungGenerationSizeMb: 6, stackSizeMb: 8 },
    });
    const thread: Thread = {
      worker,
      replies,
      flag,
      job: undefined,
      timer: undefined,
      ready: false,
      asked: 0,
      waiting: false,
      expired: false,
    };
    worker.on('message', (text: string) => this.receive(thread, JSON.parse(text) as WorkerMessage));
    worker.on('error', (error) => this.lose(thread, error));
    worker.on('exit', () => this.lose(thread, new Error('the thread ended')));
    replies.unref();
    this.threads.add(thread);
    return thread;
  }

  private start(thread: Thread, job: Job): void {
    const { entity, service, source, variables, result, principal, depth } = job.run;
    clearTimeout(thread.timer);
    thread.job = job;
    thread.expired = false;
    if (thread.ready) {
      this.startClock(thread);
    }
    const message: RunMessage = {
      entity,
      service,
      source,
      variables: encodeVariables(variables),
      result,
      principal,
      depth,
      revision: this.platform.revision,
      switches: this.switches,
    };
    thread.worker.postMessage(messageText(message));
  }

  private startClock(thread: Thread): void {
    thread.timer = setTimeout(() => this.expire(thread), this.timeoutMs);
  }

  private receive(thread: Thread, message: WorkerMessage): void {
    if ('log' in message) {
      this.platform.log(message.log);
    } else if ('ready' in message) {
      thread.ready = true;
      if (thread.job !== undefined) {
        this.startClock(thread);
      }
    } else if ('request' in message) {
      this.answer(thread, message);
    } else {
      const job = thread.job;
      clearTimeout(thread.timer);
      thread.job = undefined;
      thread.waiting = false;
      if ('value' in message) {
        job?.resolve(decodeValue(message.value));
      } else {
        const { error } = message;
        job?.reject(error.script === undefined ? decodeError(error) : new ScriptError(error, error.script));
      }
      this.release(thread);
    }
  }

  /** Gives the thread new work. A surplus thread that gets none ends. */
  private release(thread: Thread): void {
    if (this.threads.size > this.workers) {
      thread.timer = setTimeout(() => this.endSurplus(thread), SURPLUS_MS);
      thread.timer.unref();
    }
    this.dispatch();
  }

  private endSurplus(thread: Thread): void {
    if (this.threads.size > this.workers) {
      void this.end(thread, new PlatformError('The thread is not needed any more'));
    }
  }

  private answer(thread: Thread, { number, request, call, args }: RequestMessage): void {
    thread.asked = number;
    thread.waiting = false;
    const succeed = (value: unknown) =>
      this.reply(thread, { number, value, revision: this.platform.revision });
    const fail = (error: unknown) =>
      this.reply(thread, { number, error: encodeError(error), revision: this.platform.revision });
    let answer: unknown;
    try {
      answer = this.perform(request, call as ScriptCall, args);
    } catch (error) {
      fail(error);
      return;
    }
    if (!(answer instanceof Promise)) {
      succeed(answer);
      return;
    }
    thread.waiting = true;
    this.dispatch();
    answer.then(succeed, fail);
  }

  private perform(request: string, call: ScriptCall, args: unknown[]): unknown {
    const { platform } = this;
    switch (request) {
      case 'findEntity': {
        const [collection, name, principal] = args as [EntityCollection, string, string];
        return platform.findEntity(collection, name, principal) ?? null;
      }
      case 'definition':
        return platform.definition(args[0] as string);
      case 'dataShapeFields':
        return platform.dataShapeFields(args[0] as string) ?? null;
      default:
    }
    const [entity, member] = args as [EntityReference, string];
    switch (request) {
      case 'getProperty':
        return encodeValue(platform.getProperty(call, entity, member));
      case 'setProperty':
        return platform.setProperty(call, entity, member, decodeValue(args[2] as Wire)) ?? null;
      case 'authorizeService':
        return platform.authorizeService(call, entity, member) ?? null;
      case 'startService':
        return platform.startService(call, entity, member, decodeValues(args[2] as WireValues)) ?? null;
      case 'fireEvent':
        return platform.fireEvent(call, entity, member, decodeValues(args[2] as WireValues)) ?? null;
      case 'invokeService': {
        const value = platform.invokeService(call, entity, member, decodeValues(args[2] as WireValues));
        return value instanceof Promise ? value.then(encodeValue) : encodeValue(value);
      }
      default:
        throw new PlatformError(`Unknown request of a script: ${request}`);
    }
  }

  private reply(thread: Thread, reply: ReplyMessage): void {
    if (!this.threads.has(thread) || thread.asked !== reply.number) {
      return;
    }
    thread.waiting = false;
    if (thread.expired) {
      this.endExpired(thread);
      return;
    }
    thread.replies.postMessage(messageText(reply));
    Atomics.store(thread.flag, 0, reply.number);
    Atomics.notify(thread.flag, 0);
  }

  /** The platform looks at the clock between instructions: a native call is finished first. */
  private expire(thread: Thread): void {
    thread.expired = true;
    if (!thread.waiting) {
      this.endExpired(thread);
    }
  }

  private endExpired(thread: Thread): void {
    const seconds = this.timeoutMs / 1000;
    const service = thread.job?.run.service ?? '';
    const message = `Execution of Script terminated after : ${seconds} seconds. Timeout configured for ${seconds} seconds.`;
    this.logFailure(thread, `Execution error in service script [${service}] :: ${message}`);
    const error: WireError = {
      message: `Execution error in service script [${service}] : ${message}`,
      javaClass: 'java.lang.Exception',
      status: 500,
    };
    void this.end(thread, new ScriptError(error, { service, message, lineNumber: 0 }));
    this.dispatch();
  }

  private logFailure(thread: Thread, message: string): void {
    const run = thread.job?.run;
    if (run !== undefined) {
      const { principal, entity, service } = run;
      this.platform.log({
        level: 'ERROR',
        message,
        principal,
        entity: entity.name,
        service,
        timeMs: Date.now(),
      });
    }
  }

  /** A thread ended by itself: out of memory, for example. */
  private lose(thread: Thread, error: Error): void {
    if (this.threads.has(thread)) {
      const service = thread.job?.run.service ?? '';
      void this.end(
        thread,
        new PlatformError(`Execution error in service script [${service}] : ${error.message}`),
      );
      this.dispatch();
    }
  }

  private async end(thread: Thread, error: PlatformError): Promise<void> {
    this.threads.delete(thread);
    clearTimeout(thread.timer);
    const isIdle = thread.ready && thread.job === undefined;
    thread.job?.reject(error);
    thread.job = undefined;
    // A thread that has nothing to do ends by itself; being terminated is for those that do not listen.
    if (isIdle) {
      const exit = once(thread.worker, 'exit', { signal: AbortSignal.timeout(IDLE_EXIT_MS) });
      thread.worker.postMessage(END);
      await exit.catch(() => undefined);
    }
    thread.replies.close();
    await thread.worker.terminate();
  }
}
