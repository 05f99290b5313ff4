import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { LocalSystem, type SystemOptions } from '../../scripts/local/system.ts';

const TEMPLATES = [
  'AzureIoT.Hub_TT',
  'AzureIoT.StorageAccount_TT',
  'AzureIoT.BlobContainer_TT',
  'AzureIoT.Device_TT',
];
const PATHS = ['/health/live', '/health/ready', '/metrics', '/v1/sidecar', '/v1/hubs', '/v1/storage'];
const LOGS = ['ApplicationLog', 'ScriptLog', 'ErrorLog'];

/**
 * The local system with sidecars that log everything. Before it stops, everything that has come out of it is searched for the secrets that went
 * in: log lines, answers over HTTP, properties and logs of ThingWorx, and the state files.
 */
export class WatchedSystem extends LocalSystem {
  readonly #leaks = new Set<string>();
  #looks = 0;
  #isStarted = false;
  #end: Promise<void> | undefined;

  constructor(options: SystemOptions) {
    let inspect = (_line: string): void => undefined;
    super({
      ...options,
      sidecarEnvironment: { LOG_LEVEL: 'trace', ...options.sidecarEnvironment },
      onSidecarLine: (line) => {
        inspect(line);
        options.onSidecarLine?.(line);
      },
    });
    inspect = (line) => this.#look('the log', line);
  }

  override async start(): Promise<void> {
    await super.start();
    this.#isStarted = true;
  }

  override stop(): Promise<void> {
    this.#end ??= this.#lookAndStop();
    return this.#end;
  }

  async #lookAndStop(): Promise<void> {
    try {
      if (this.#isStarted) {
        await this.#lookAtAnswers();
        await this.#lookAtThingworx();
        await this.#lookAtFiles(path.join(this.directory, 'state'));
      }
    } finally {
      await super.stop();
    }
    assert.deepEqual([...this.#leaks], [], 'secrets came out');
    if (this.#isStarted) assert.ok(this.#looks > 10, 'hardly anything was looked at');
  }

  #look(where: string, text: string): void {
    this.#looks += 1;
    for (const [name, secret] of Object.entries(this.#secrets()))
      if (text.includes(secret) || text.includes(encodeURIComponent(secret)))
        this.#leaks.add(`${name} in ${where}`);
  }

  #secrets(): Record<string, string> {
    const { cloud, sidecar } = this;
    return {
      'the sidecar token': sidecar.token,
      'the application key': this.appKey,
      'the key of the IoT Hub': /SharedAccessKey=([^;]+)/.exec(cloud.iotHubConnectionString)?.[1] ?? '\0',
      'the key of the storage account': /AccountKey=([^;]+)/.exec(cloud.storageConnectionString)?.[1] ?? '\0',
    };
  }

  /** A test may have ended the sidecar or ThingWorx: what does not answer leaks nothing. */
  async #lookAtAnswers(): Promise<void> {
    const { url, token } = this.sidecar;
    const headers = { authorization: `Bearer ${token}` };
    for (const one of PATHS) {
      const signal = AbortSignal.timeout(10_000);
      const text = await fetch(`${url}${one}`, { headers, signal }).then(
        (answer) => answer.text(),
        () => '',
      );
      this.#look(one, text);
    }
  }

  async #lookAtThingworx(): Promise<void> {
    const { platform } = this;
    const json = (work: Promise<unknown>) => work.catch(() => ({}));
    for (const template of TEMPLATES) {
      const found = await json(platform.invokeOn('ThingTemplates', template, 'GetImplementingThings'));
      // Devices of one template are alike.
      for (const { name } of ((found as { rows?: { name: string }[] }).rows ?? []).slice(0, 5))
        this.#look(`properties of ${name}`, JSON.stringify(await json(platform.properties(name))));
    }
    for (const log of LOGS) {
      const entries = await json(platform.invokeOn('Logs', log, 'QueryLogEntries', { maxItems: 5_000 }));
      this.#look(log, JSON.stringify(entries));
    }
  }

  async #lookAtFiles(directory: string): Promise<void> {
    const files = await readdir(directory, { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      const name = path.join(file.parentPath, file.name);
      // A running sidecar may remove it meanwhile.
      this.#look(`the state file ${file.name}`, await readFile(name, 'latin1').catch(() => ''));
    }
  }
}
