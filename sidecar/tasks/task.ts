import type { ErrorCode } from '../errors/catalogue.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Log } from '../observe/log.ts';
import type { TaskForecast } from './forecast.ts';

/**
 * queued: waits until a task of its kind has ended. running: at work. completed: all done, though single items may have failed: the
 * counts and the report say so. failed: it could not go on. cancelled: somebody stopped it; what was done stays done.
 */
export const TASK_STATES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** A piece of long work, as it is shown and kept on disk. */
export interface TaskRecord {
  /** Sorts by the time of creation. */
  readonly id: string;
  readonly kind: string;
  /** What it does, in plain words. */
  readonly title: string;
  /** What it was asked for, as JSON: no secrets. */
  readonly input: unknown;
  readonly state: TaskState;
  /** Items that are settled. */
  readonly done: number;
  /** Items in all; absent as long as nobody knows. */
  readonly total?: number;
  /** Of a task at work. */
  readonly forecast?: TaskForecast;
  /** Items by what became of them, in the words of the kind. */
  readonly counts: Readonly<Record<string, number>>;
  /** What the operator should know about the result as a whole. */
  readonly note?: string;
  /** Lines of the report: what an operator should know of single items. */
  readonly reported: number;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** What the kind kept last: a crash loses no more than what came since. */
  readonly saved?: TaskSave;
  readonly createdAtMs: number;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
}

/** A position, in the words of the kind, with the progress that belongs to it. */
interface TaskSave {
  readonly position: unknown;
  readonly done: number;
  readonly counts: Readonly<Record<string, number>>;
  /** Lines that the report had: those behind them are written again. */
  readonly reported: number;
  /** The name of the scratch directory to which the position may refer; absent in records of version 0.1.0, where it is the id of the task. */
  readonly scratch?: string;
}

/** One line of a task's report. */
export interface TaskFinding {
  /** The item: a blob, a device, a dead letter. */
  readonly item: string;
  readonly outcome: string;
  /** Plain words; may be empty. */
  readonly message: string;
}

/** A task at work, as its kind sees it. */
export interface RunningTask<Input = unknown, Position = unknown> {
  readonly id: string;
  readonly input: Input;
  /** What `save` kept before a crash or stop; undefined when the task begins. */
  readonly position: Position | undefined;
  /** Aborted when the task is cancelled or the sidecar stops: the work then rejects soon, with anything. */
  readonly signal: AbortSignal;
  /**
   * A directory for what is too much for the memory. It is kept across a crash and removed when the task ends. It does not exist when the
   * task begins, or when it goes on at another sidecar: what a position says of its files is then not true any more.
   */
  readonly scratch: string;
  /** How far the task came, what was done before a crash or stop included. */
  progress(): Pick<TaskRecord, 'done' | 'total' | 'counts' | 'forecast'>;
  /** How many items there are in all, and how many per second are possible, where that is known before. */
  expect(total: number, perSecond?: number): void;
  /** Items that are settled, and what became of them. */
  advance(done: number, counts?: Readonly<Record<string, number>>): void;
  /** Sets the note of the task, in place of the one before. */
  note(text: string): void;
  /** Tells of one item. */
  report(finding: TaskFinding): void;
  /** Keeps the position, with the progress made so far, durably. */
  save(position: Position): Promise<void>;
  /** Begins again from a position: drops the progress made so far and the report. For work whose scratch files are lost. */
  restart(position: Position): Promise<void>;
}

/** A sort of work. Tasks of one kind run one after the other. */
export interface TaskKind<Input = unknown, Position = unknown> {
  readonly kind: string;
  /** Whether a task goes on after a crash, from its last position; otherwise it then fails with TASK_INTERRUPTED. */
  readonly resumes: boolean;
  /** Does the work. Rejects with ConnectorError when it cannot go on. */
  run(task: RunningTask<Input, Position>): Promise<void>;
}

export function isEnded({ state }: Pick<TaskRecord, 'state'>): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

/**
 * Does work whose outcome should be known: a cancellation lets it end, within ten seconds; a stop of the sidecar does not wait, for what
 * it breaks off is done again.
 */
export async function withGrace<T>(
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const end = () => ending.abort(signal.reason);
  const onAbort = () => {
    if (wasCancelled(signal)) timer = setTimeout(end, GRACE_MS);
    else end();
  };
  if (signal.aborted) end();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(ending.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Shorter than the service that cancels waits for its answer. */
const GRACE_MS = 10_000;

/** Whether work was ended because somebody cancelled it, not because the sidecar stops. */
export function wasCancelled(signal: AbortSignal): boolean {
  return signal.reason instanceof ConnectorError && signal.reason.details?.['cancelled'] === true;
}

/**
 * Repeats a call of background work until it succeeds, with exponential backoff or for as long as a throttled hub asks. Errors that are
 * not retryable reject at once. So does a missing right: the report must name it instead of waiting for it.
 */
export async function persist<T>(call: () => Promise<T>, signal: AbortSignal, log: Log): Promise<T> {
  const backoff = new Backoff();
  let loggedCode: string | undefined;
  for (;;) {
    if (signal.aborted)
      throw new ConnectorError('STOPPING', 'The task was cancelled or the sidecar is stopping.');
    try {
      return await call();
    } catch (thrown) {
      const error = toConnectorError(thrown);
      const isRetried = error.retryable && error.code !== 'STOPPING' && error.code !== 'THINGWORX_FORBIDDEN';
      if (!isRetried || signal.aborted) throw error;
      if (loggedCode !== error.code) log.warn({ err: error }, 'Blocked; retrying.');
      loggedCode = error.code;
      await backoff.pause(signal, error.retryAfterMs);
    }
  }
}
