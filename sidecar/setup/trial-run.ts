import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { ConnectorError } from '../errors/connector-error.ts';

/**
 * Without them Node takes 100 MB more under load, mostly for what is garbage already, and about a tenth more CPU time (decision 103). Said by the
 * systemd unit and the documentation, too.
 */
export const NODE_FLAGS = [
  '--max-semi-space-size=16',
  '--heap-growing-percent=120',
  '--no-allocation-site-pretenuring',
] as const;

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** The sidecar as a child process, for as long as the connection is tested. */
export class TrialRun {
  readonly #environment: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;

  constructor(settings: Readonly<Record<string, string>>) {
    this.#environment = { ...process.env, ...settings };
  }

  /** @throws ConnectorError LOCAL_STEP_FAILED with the last line that the sidecar wrote */
  async start(): Promise<void> {
    const program = path.join(import.meta.dirname, 'sidecar.mjs');
    const child = spawn(process.execPath, [...NODE_FLAGS, program, 'run'], {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let lastLine = '';
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastLine = line;
    });
    const started = new Promise<boolean>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.includes('"The sidecar listens."')) resolve(true);
      });
      child.once('exit', () => resolve(false));
      child.once('error', () => resolve(false));
      setTimeout(() => resolve(false), START_TIMEOUT_MS).unref();
    });
    if (await started) return;
    await this.stop();
    throw new ConnectorError(
      'LOCAL_STEP_FAILED',
      `The sidecar did not start: ${lastLine || 'it said nothing'}`,
    );
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }
}
