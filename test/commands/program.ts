import { type ExecFileException, execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildPackage } from '../../scripts/build.ts';
import { extractFolder } from '../../scripts/local/unzip.ts';

/** How a command ended. */
export interface Ending {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** The sidecar as it lies in the zip, started as an operator starts it. */
export class Program {
  #directory = '';
  #zip = '';

  /** The folder of the program; removed by stop. */
  get directory(): string {
    return this.#directory;
  }

  get zip(): string {
    return this.#zip;
  }

  async start(): Promise<void> {
    this.#directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-program-'));
    // Built once by scripts/test.ts.
    this.#zip =
      process.env['CONNECTOR_ZIP'] ??
      (await buildPackage({ outputDirectory: path.join(this.#directory, 'dist') }));
    await extractFolder(this.#zip, 'ui/AzureIotHubConnector/sidecar/', this.#directory);
  }

  /** Runs a command to its end. `node` is the Node.js to use, `nodeOptions` go before the program. */
  run(
    words: readonly string[],
    {
      environment = {},
      node = process.execPath,
      nodeOptions = [],
    }: {
      environment?: Record<string, string>;
      node?: string;
      nodeOptions?: readonly string[];
    } = {},
  ): Promise<Ending> {
    return new Promise((resolve) => {
      execFile(
        node,
        [...nodeOptions, path.join(this.#directory, 'sidecar.mjs'), ...words],
        { env: { ...environment }, cwd: this.#directory, timeout: 240_000, maxBuffer: 16 * 1024 * 1024 },
        (error: ExecFileException | null, output, errors) => {
          const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
          resolve({ code, output, errors });
        },
      );
    });
  }

  async stop(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
