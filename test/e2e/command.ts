import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';

const SCRIPTS = path.join(import.meta.dirname, '..', '..', 'scripts');

/** One of the scripts behind `npm run`, as the process that a terminal has in its foreground. A test that fails leaves none behind. */
export class Command {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #out = '';
  #error = '';
  readonly #closed: Promise<unknown>;

  /** @param environment variables beside those of the test */
  constructor(
    t: TestContext,
    script: string,
    args: readonly string[] = [],
    environment: NodeJS.ProcessEnv = {},
  ) {
    this.#child = spawn(process.execPath, [path.join(SCRIPTS, script), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, ...environment },
    });
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#out += chunk;
    });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#error += chunk;
    });
    this.#closed = once(this.#child, 'close');
    t.after(() => this.#child.kill('SIGKILL'));
  }

  /** Resolves with the output so far as soon as it has the pattern, or the command has ended. */
  async untilOutput(pattern: RegExp): Promise<string> {
    let ended = false;
    void this.#closed.then(() => {
      ended = true;
    });
    while (!ended && !pattern.test(this.#out))
      await Promise.race([once(this.#child.stdout, 'data'), this.#closed]);
    return this.#out;
  }

  /** What happens on Ctrl-C: the terminal tells every process of the group, and npm then tells the script again. */
  ctrlC(): void {
    const group = this.#child.pid ?? Number.NaN;
    process.kill(-group, 'SIGINT');
    process.kill(group, 'SIGINT');
  }

  async end(): Promise<{ code: number | null; out: string; error: string }> {
    await this.#closed;
    return { code: this.#child.exitCode, out: this.#out, error: this.#error };
  }
}

/** Runs the callback while a port of this machine is taken. */
export async function withPortTaken(use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}
