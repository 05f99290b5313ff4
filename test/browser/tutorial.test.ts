import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type Cloud, startCloud } from '../../scripts/local/cloud.ts';
import { Program } from '../commands/program.ts';
import { eventually } from '../e2e/observe.ts';
import { launchBrowser, skip } from './chromium.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
/** Where the pictures of docs/tutorial.md go; none are taken unless it is set. `npm run screenshots` sets it. */
const shots = process.env['SCREENSHOTS'];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The terminal of a reader: one shell, into which the commands of the page are typed. */
class Terminal {
  readonly #shell: ChildProcessWithoutNullStreams;
  #shown = '';
  #typed = 0;

  constructor(directory: string, environment: Record<string, string | undefined>) {
    // A process group of its own, so that what the commands leave running ends with it.
    this.#shell = spawn('sh', [], { cwd: directory, env: environment, detached: true });
    for (const stream of [this.#shell.stdout, this.#shell.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.#shown += chunk;
      });
  }

  /** Types commands, and gives what they print until they have ended. */
  async type(commands: string): Promise<string> {
    const begin = this.#shown.length;
    this.#typed += 1;
    const end = new RegExp(`^end ${this.#typed} (\\d+)$`, 'm');
    this.#shell.stdin.write(`${commands}\nprintf '\\nend ${this.#typed} %d\\n' $?\n`);
    const status = await eventually(async () => {
      const found = end.exec(this.#shown.slice(begin));
      assert.ok(found, `${commands}\n${this.#shown.slice(begin)}`);
      return found[1];
    }, 200_000);
    const printed = this.#shown.slice(begin);
    assert.equal(status, '0', `${commands}\n${printed}`);
    return printed;
  }

  close(): void {
    if (this.#shell.pid !== undefined && this.#shell.exitCode === null) process.kill(-this.#shell.pid);
  }
}

const missing = ['unzip', 'curl'].find((name) => spawnSync(name, ['--help']).error);

describe('the tutorial, command by command', { skip: skip || (missing ? `no ${missing}` : false) }, () => {
  const program = new Program();
  let cloud: Cloud;
  let folder = '';
  let first: Terminal;
  let second: Terminal;
  let browser: Browser;
  let page: Page;
  let blocks: { language: string; text: string }[] = [];

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'azure-iot-tutorial-'));
    const text = await readFile(path.join(ROOT, 'docs', 'tutorial.md'), 'utf8');
    blocks = [...text.matchAll(/^```(sh|js)\n([\s\S]*?)^```$/gm)].map(([, language = '', block = '']) => ({
      language,
      text: block.trim(),
    }));
    await program.start();
    await copyFile(program.zip, path.join(folder, 'AzureIotHubConnector-0.1.0.zip'));
    cloud = await startCloud({ directory: await mkdtemp(path.join(folder, 'cloud-')) });
    await mkdir(path.join(folder, 'home'));
    const environment = {
      PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH']}`,
      HOME: path.join(folder, 'home'),
      NODE_EXTRA_CA_CERTS: cloud.caFile,
      SIDECAR_ALLOW_LOCAL_AZURE: 'true',
      // The answers to the questions.
      THINGWORX_URL: cloud.thingworxUrl,
      THINGWORX_ADMINISTRATOR: cloud.thingworxUser,
      THINGWORX_ADMINISTRATOR_PASSWORD: cloud.thingworxPassword,
      AZURE_IOTHUB_CONNECTION_STRING: cloud.iotHubConnectionString,
      AZURE_STORAGE_CONNECTION_STRING: cloud.storageConnectionString,
    };
    first = new Terminal(folder, environment);
    second = new Terminal(folder, environment);
    browser = await launchBrowser();
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      ignoreHTTPSErrors: true,
    });
    page = await context.newPage();
    page.setDefaultTimeout(60_000);
  });
  after(async () => {
    await browser?.close();
    first?.close();
    second?.close();
    await cloud?.stop();
    await program.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** The block of the page that begins so; each is used, in the order of the page. */
  const next = (language: string, beginning: string): string => {
    const block = blocks.shift();
    assert.equal(block?.language, language);
    assert.ok(block?.text.startsWith(beginning), `${block?.text}`);
    return block?.text ?? '';
  };
  const shoot = async (name: string) => {
    if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`) });
  };
  const open = async (name: string, parameters: Record<string, string>) => {
    await page.goto('about:blank');
    const hash = new URLSearchParams({ mashup: name, ...parameters });
    await page.goto(`${cloud.thingworxUrl}/Runtime/index.html#${hash}`);
  };
  const row = (table: string, text: string) =>
    page.getByRole('table', { name: table }).getByRole('row').filter({ hasText: text }).first();

  test('steps 1 to 3 set everything up and start the sidecar', async () => {
    await first.type(next('sh', 'unzip'));
    const port = await freePort();
    const printed = await first.type(
      `${next('sh', 'node sidecar.mjs setup')} --sidecar-url http://127.0.0.1:${port}`,
    );
    const table = printed.slice(printed.indexOf('Step  '));
    const outcomes = table
      .split('\n')
      .flatMap((line) => / {2}(ok|warning|failed|skipped) {2}/.exec(line)?.[1] ?? []);
    assert.ok(outcomes.length > 15, printed);
    assert.deepEqual([...new Set(outcomes)], ['ok'], table);
    const start = next('sh', 'node --env-file');
    // Setup prints the same command, with the folder itself.
    const home = path.join(folder, 'home');
    assert.ok(printed.includes(start.replace('$HOME', home)), printed);
    await first.type(`${start} > sidecar.log 2>&1 &`);
    await eventually(async () =>
      assert.match(
        await readFile(path.join(folder, 'azure-iot-sidecar', 'sidecar.log'), 'utf8'),
        /Hub running\./,
      ),
    );
  });

  test('steps 4 to 6 bring the value of a device into a mashup', async () => {
    await second.type('cd azure-iot-sidecar');
    await second.type(next('sh', 'call()'));
    await writeFile(path.join(folder, 'azure-iot-sidecar', 'machine.mjs'), next('js', 'import device'));
    next('sh', 'npm install');
    await symlink(
      path.join(ROOT, 'node_modules'),
      path.join(folder, 'azure-iot-sidecar', 'node_modules'),
      'junction',
    );
    await second.type(next('sh', 'export CONNECTION_STRING'));
    await second.type(`${next('sh', 'node machine.mjs')} > machine.log 2>&1 & echo $! > machine.pid`);
    await open('AzureIoT.Device_MU', { device: 'machine-1' });
    await page.getByLabel('User').fill(cloud.thingworxUser);
    await page.getByLabel('Password').fill(cloud.thingworxPassword);
    await page.getByRole('button', { name: 'Log in' }).click();
    await row('values', 'temperature').click();
    await page.locator('[data-widget="history"] svg[data-points]:not([data-points="0"])').waitFor();
    await shoot('tutorial-values');
  });

  test('step 7 calls the device', async () => {
    await page.getByRole('tab', { name: 'Commands' }).click();
    await page.getByLabel('Method', { exact: true }).first().fill('restart');
    await page.getByLabel('Payload as JSON').fill('{"delay": 5}');
    await page.getByRole('button', { name: 'Invoke' }).click();
    await eventually(async () => {
      const answer = JSON.parse(await page.getByLabel('Answer').inputValue()) as Record<string, unknown>;
      assert.equal(answer['status'], 200);
      assert.deepEqual(answer['payload'], { restarted: true });
    });
    await shoot('tutorial-method');
    assert.match(await second.type(next('sh', 'call machine-1')), /restarted/);
    assert.match(
      await readFile(path.join(folder, 'azure-iot-sidecar', 'machine.log'), 'utf8'),
      /restart \{ delay: 5 \}/,
    );
  });

  test('step 8 shows what was refused', async () => {
    await second.type('kill "$(cat machine.pid)"');
    await second.type(`${next('sh', 'TEMPERATURE=warm')} > machine.log 2>&1 &`);
    await open('AzureIoT.Hub_MU', { hub: 'IoTHub' });
    await page.getByRole('tab', { name: 'Dead letters' }).click();
    await eventually(async () => {
      await page.getByRole('button', { name: 'Show' }).click();
      await row('letters', 'VALUE_WRONG_TYPE').waitFor({ timeout: 2_000 });
    });
    await row('letters', 'machine-1').click();
    const letter = page.getByLabel('Selected dead letter');
    await eventually(async () => assert.match(await letter.inputValue(), /warm/));
    await shoot('tutorial-dead-letters');
    assert.deepEqual(blocks, [], 'every command of the page was used');
  });
});
