import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { replaceFile, systemCode } from './files.ts';

interface StateDirectoryWatchOptions {
  readonly directory: string;
  readonly log: Log;
  readonly intervalMs?: number;
}

const INTERVAL_MS = 15_000;
/** More than a checkpoint needs, so that a full disk is noticed before the last small file still fits. */
const PROBE = 'x'.repeat(64 * 1024);

/**
 * Writes a file into the state directory at intervals, so that a full disk or missing rights are known before something is lost. Each
 * change is logged once.
 */
export class StateDirectoryWatch {
  readonly #options: Required<StateDirectoryWatchOptions>;
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> = Promise.resolve();
  #problem: ConnectorError | undefined;

  constructor(options: StateDirectoryWatchOptions) {
    this.#options = { intervalMs: INTERVAL_MS, ...options };
  }

  /** Why the state directory cannot be written; undefined while it can. */
  get problem(): ConnectorError | undefined {
    return this.#problem;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.check(), this.#options.intervalMs);
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#checking;
  }

  /** Looks now, after checks that are under way. Never rejects. */
  check(): Promise<void> {
    this.#checking = this.#checking.then(() => this.#check());
    return this.#checking;
  }

  async #check(): Promise<void> {
    const { directory, log } = this.#options;
    const before = this.#problem;
    try {
      await replaceFile(path.join(directory, 'write-check'), PROBE);
      this.#problem = undefined;
      if (before) log.info({ directory }, 'The state directory can be written again.');
    } catch (thrown) {
      const reason = systemCode(thrown);
      if (before?.details?.['reason'] === reason) return;
      this.#problem = new ConnectorError(
        'STATE_UNWRITABLE',
        `The state directory ${directory} cannot be written (${reason}): checkpoints, dead letters and tasks are not stored.`,
        { cause: thrown, details: { reason } },
      );
      log.error({ err: this.#problem }, this.#problem.message);
    }
  }
}
