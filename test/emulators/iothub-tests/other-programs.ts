/** Clients in other languages that a machine may have: looks for them, and runs them with JSON lines in and out. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { until } from './wire-support.ts';

export type Fact = Record<string, unknown> & { event: string };

const SCRIPTS = path.join(import.meta.dirname, 'python');

/** An interpreter that has all of these modules: Debian's packages are for Debian's own, which may not be the first on the path. */
export function findPython(...modules: string[]): string | undefined {
  const imports = modules.map((name) => `import ${name}`).join('; ');
  return ['/usr/bin/python3', 'python3'].find((python) => spawnSync(python, ['-c', imports]).status === 0);
}

export function hasProgram(name: string): boolean {
  return spawnSync(name, ['--help']).error === undefined;
}

/** A program whose output is one JSON object a line. */
export class Program {
  readonly facts: Fact[] = [];
  readonly #child: ChildProcess;
  #error = '';

  /** Ends with the test at the latest. */
  constructor(t: TestContext, python: string, script: string, options: object) {
    this.#child = spawn(python, [path.join(SCRIPTS, script), JSON.stringify(options)]);
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#error += chunk;
    });
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      this.facts.push(JSON.parse(line) as Fact),
    );
    t.after(() => this.#child.kill('SIGKILL'));
  }

  write(command: object): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  of(event: string): Fact[] {
    return this.facts.filter((fact) => fact.event === event);
  }

  /** The first fact that fits, now or soon. */
  async next(event: string, fits: (fact: Fact) => boolean = () => true): Promise<Fact> {
    const find = () => this.of(event).find(fits);
    await until(
      () => find() !== undefined || this.#child.exitCode !== null,
      `${event} among ${JSON.stringify(this.facts)} ${this.#error}`,
    );
    const fact = find();
    if (!fact) throw new Error(`The program ended before ${event}: ${this.#error}`);
    return fact;
  }

  /** Closes the program's input and waits for its end; throws unless it ends well. */
  async end(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    if (this.#child.exitCode !== 0) throw new Error(`Exit code ${this.#child.exitCode}: ${this.#error}`);
  }
}
