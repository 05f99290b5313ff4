import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { endWithParent, ownGroup } from '../../test/emulators/child.ts';

export interface ProcessOptions {
  /** What the part is called in messages. */
  readonly name: string;
  /** The program and its arguments, for this Node. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Picks the line of standard output that says that the part is ready; its return value is what `start` gives. */
  readonly ready: (line: string) => Record<string, unknown> | undefined;
  readonly onLine?: (line: string) => void;
  readonly timeoutMs?: number;
}

/** A part of the local system that could not start, in one line. */
export class PartFailed extends Error {
  override readonly name = 'PartFailed';
}

const KILL_AFTER_MS = 15_000;

/** One child process of the local system: started until it says that it is ready, ended gracefully by `stop` alone, and never left behind. */
export class LocalProcess {
  readonly #options: ProcessOptions;
  #child: ChildProcess | undefined;
  #stopping = false;
  #lastErrors: string[] = [];

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether it runs no more, whoever ended it. */
  get hasEnded(): boolean {
    return !this.#child || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves with what the ready line says. Rejects with PartFailed when the process ends or says nothing in time. */
  async start(): Promise<Record<string, unknown>> {
    const { name, args, env, ready, onLine, timeoutMs = 30_000 } = this.#options;
    const child = spawn(process.execPath, [...endWithParent, ...args], {
      ...ownGroup,
      env: { ...process.env, ...env },
    });
    this.#child = child;
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#lastErrors = [...this.#lastErrors.slice(-20), line];
    });
    const lines = createInterface({ input: child.stdout });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new PartFailed(`${name} was not ready within ${timeoutMs / 1000} s.`)),
        timeoutMs,
      );
      lines.on('line', (line) => {
        onLine?.(line);
        const facts = ready(line);
        if (!facts) return;
        clearTimeout(timer);
        resolve(facts);
      });
      child.once('error', (error) => reject(new PartFailed(`${name} cannot be started: ${error.message}`)));
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(
          new PartFailed(
            `${name} ended ${signal ? `by ${signal}` : `with code ${code}`}: ${this.lastWords()}`,
          ),
        );
      });
    });
  }

  /** The line of its standard error that says most about an end. */
  lastWords(): string {
    const telling =
      this.#lastErrors.find((line) => /error|EADDRINUSE|cannot|not /i.test(line)) ?? this.#lastErrors.at(-1);
    return telling?.trim() ?? 'it said nothing';
  }

  /** Calls back when the process ends although nobody asked it to. */
  onUnexpectedExit(report: (message: string) => void): void {
    this.#child?.once('exit', (code, signal) => {
      if (!this.#stopping)
        report(
          `${this.#options.name} ended ${signal ? `by ${signal}` : `with code ${code}`}: ${this.lastWords()}`,
        );
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#stopping = true;
    this.#child?.kill(signal);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#stopping = true;
    if (!child || this.hasEnded) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** A `ready` for parts that print one JSON object when they are up. */
export function jsonLine(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
