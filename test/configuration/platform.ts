import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { buildPackage } from '../../scripts/build.ts';
import { applyConfig } from '../../sidecar/configuration/apply.ts';
import { KINDS } from '../../sidecar/configuration/document.ts';
import { exportConfig } from '../../sidecar/configuration/export.ts';
import type { ApplyReport } from '../../sidecar/configuration/report.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { startThingworx, type ThingworxEmulator } from '../emulators/thingworx/emulator.ts';
import { Client } from '../emulators/thingworx-tests/platform-support.ts';

/** How a command ended. */
export interface CommandEnding {
  /** Undefined when it threw. */
  readonly code: number | undefined;
  readonly output: string;
  readonly error: ConnectorError | undefined;
}

/** ThingWorx with the extension and a few users, and the commands that are run against it. */
export class ConfiguredPlatform {
  #folder = '';
  #emulator: ThingworxEmulator | undefined;
  #client: Client | undefined;

  get folder(): string {
    return this.#folder;
  }

  get emulator(): ThingworxEmulator {
    if (!this.#emulator) throw new Error('The platform is not started.');
    return this.#emulator;
  }

  get client(): Client {
    if (!this.#client) throw new Error('The platform is not started.');
    return this.#client;
  }

  async start({ withExtension = true } = {}): Promise<void> {
    this.#folder = await mkdtemp(path.join(tmpdir(), 'configuration-'));
    this.#emulator = await startThingworx({ scriptWorkers: 1 });
    this.#client = new Client(this.#emulator);
    if (!withExtension) return;
    const zip = await buildPackage({
      withoutSidecar: true,
      outputDirectory: path.join(this.#folder, 'dist'),
    });
    const { status, text } = await this.#client.upload(await readFile(zip));
    if (status !== 200) throw new Error(text);
    for (const name of ['anna', 'bert', 'carla'])
      await this.#client.result('Resources/EntityServices', 'CreateUser', {
        name,
        password: 'Long-Enough-1',
      });
    await this.#client.result('Resources/EntityServices', 'CreateGroup', { name: 'Plant.Crew' });
  }

  async stop(): Promise<void> {
    await this.#emulator?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get environment(): Record<string, string> {
    return {
      THINGWORX_URL: `${this.emulator.url}/Thingworx`,
      THINGWORX_ADMINISTRATOR_KEY: this.emulator.appKey,
    };
  }

  apply(file: string, options: Record<string, boolean> = {}): Promise<CommandEnding> {
    return ended((terminal) => applyConfig([file], options, this.environment, terminal));
  }

  async applyJson(file: string, options: Record<string, boolean> = {}): Promise<ApplyReport> {
    const { output } = await this.apply(file, { ...options, json: true });
    return JSON.parse(output) as ApplyReport;
  }

  async export(options: Record<string, string | boolean> = {}): Promise<{ text: string; notes: string }> {
    let notes = '';
    const write = (text: string) => {
      notes += text;
    };
    const { output, error } = await ended(async (terminal) => {
      await exportConfig(options, this.environment, terminal, { write });
      return 0;
    });
    if (error) throw error;
    return { text: output, notes };
  }

  /** What a document describes, as the platform has it inside: values and members. */
  async state(): Promise<unknown> {
    const { store } = this.emulator.platform;
    const things: Record<string, unknown> = {};
    for (const { template, settings } of Object.values(KINDS)) {
      const made = store.all('Things').filter(({ thingTemplate }) => thingTemplate === template);
      for (const { name, description, enabled } of made) {
        const { rows } = (await this.client.get(`/Things/${name}/Properties/`)).json;
        const values = [...Object.keys(settings), 'secretReferences'].map((setting) => [
          setting,
          rows[0][setting],
        ]);
        things[name] = { template, description, enabled, ...Object.fromEntries(values) };
      }
    }
    const members = store
      .all('Groups')
      .filter(({ name }) => name.startsWith('AzureIoT.'))
      .map(({ name, members: list }) => [name, list.map((member) => `${member.type} ${member.name}`).sort()]);
    return { things, members: Object.fromEntries(members) };
  }
}

async function ended(
  command: (terminal: { input: PassThrough; output: PassThrough }) => Promise<number>,
): Promise<CommandEnding> {
  const output = new PassThrough();
  const chunks: Buffer[] = [];
  output.on('data', (chunk: Buffer) => chunks.push(chunk));
  const text = () => Buffer.concat(chunks).toString('utf8');
  try {
    const code = await command({ input: new PassThrough(), output });
    return { code, output: text(), error: undefined };
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    return { code: undefined, output: text(), error };
  }
}
