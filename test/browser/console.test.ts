import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { HUB_THING, LocalSystem } from '../../scripts/local/system.ts';
import { eventually } from '../e2e/observe.ts';
import { launchBrowser, skip } from './chromium.ts';
import { shoot, visit } from './factory.ts';

const VIEWER_TOKEN = 'a-token-that-only-looks-at-things';
const WAIT = { timeout: 30_000 };
/** Each page, and what it shows when it has loaded. */
const SETTLED = {
  Overview: /ready/,
  'Dead letters': /\d+ dead letters/,
  Live: /Watching\./,
  Mappings: /No rule takes the message|The message is taken by/,
  Devices: /devices, \d+ enabled/,
  Tasks: /completed|There is no task/,
  Files: /The folder is empty|^Upload$/,
  Log: /The sidecar listens\./,
} as const;
const PAGES = Object.keys(SETTLED) as (keyof typeof SETTLED)[];
const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const MOST_TABS = 80;

async function settled(page: Page, title: keyof typeof SETTLED): Promise<void> {
  await page.getByRole('main').getByText(SETTLED[title]).filter({ visible: true }).first().waitFor();
}

/** Whether an element has the focus, also inside a shadow root. */
function hasFocus(element: Locator): Promise<boolean> {
  return element.evaluate(
    (node: { getRootNode(): { activeElement: unknown } }) => node.getRootNode().activeElement === node,
  );
}

/** Presses Tab until the element has the focus. */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  for (let count = 0; count < MOST_TABS; count += 1) {
    await page.keyboard.press('Tab');
    if (await hasFocus(wanted)) return;
  }
  assert.fail(`${wanted} cannot be reached with Tab.`);
}

/** What axe finds against WCAG 2.2 AA, contrast included. */
async function checkAccessibility(page: Page, where: string): Promise<void> {
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })",
  )) as { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] };
  const found = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${where}: ${id}: ${html} ${failureSummary}`),
  );
  assert.deepEqual(found, []);
}

/** What the operator sees and does at /console. */
describe('the console', { skip }, () => {
  const system = new LocalSystem({
    devices: 2,
    fileRepository: true,
    sidecarEnvironment: { SIDECAR_VIEWER_TOKEN: VIEWER_TOKEN },
  });
  let browser: Browser;
  const faults: string[] = [];

  before(async () => {
    await system.start();
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await system.stop();
  });

  const newPage = async (context: BrowserContext): Promise<Page> => {
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT.timeout);
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy/.test(message.text()))
        faults.push(message.text());
    });
    return page;
  };

  const login = async (page: Page, token: string): Promise<void> => {
    await page.goto(`${system.sidecar.url}/console`);
    await page.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  };

  const open = async (options: { token?: string; width?: number; dark?: boolean } = {}): Promise<Page> => {
    const context = await browser.newContext({
      viewport: { width: options.width ?? 1280, height: 900 },
      colorScheme: options.dark ? 'dark' : 'light',
      // What moves in has no colour of its own yet.
      reducedMotion: 'reduce',
      acceptDownloads: true,
    });
    const page = await newPage(context);
    await login(page, options.token ?? system.sidecar.token);
    return page;
  };

  /** A message that ThingWorx does not take: nobody has given the device a Thing. */
  const sendRefused = async (deviceId: string): Promise<void> => {
    const device = await system.addDevice(deviceId);
    await device.sendReading();
  };

  test('refuses a wrong token and shows nothing without one', async () => {
    const page = await newPage(await browser.newContext());
    await page.goto(`${system.sidecar.url}/console`);
    await page.getByLabel('Token').fill('not-the-token-of-this-sidecar');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('UNAUTHORIZED').waitFor();
    assert.equal((await page.context().cookies()).length, 0);
    await shoot(page, 'login', true);
    await page.context().close();
  });

  test('shows the hub, its partitions and what is reachable', async () => {
    const page = await open();
    await system.devices[0]?.sendReading();
    const hub = page.getByRole('region', { name: HUB_THING });
    await hub.getByText('running').waitFor();
    await hub.getByRole('table', { name: `Partitions of ${HUB_THING}` }).waitFor();
    const use = hub.getByRole('table', { name: `Use of the daily quota of ${HUB_THING}` });
    await use.getByRole('row').nth(1).waitFor();
    await hub.getByRole('button', { name: 'Check ThingWorx, Azure and storage' }).click();
    const steps = hub.getByRole('table', { name: `Connection check of ${HUB_THING}` });
    await steps.getByText('ok').first().waitFor();
    await shoot(page, 'overview', true);
    const cookies = await page.context().cookies();
    assert.equal(cookies.length, 1);
    assert.equal(cookies[0]?.httpOnly, true);
    assert.equal(cookies[0]?.sameSite, 'Strict');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token').waitFor();
    const refused = await page.request.get(`${system.sidecar.url}/v1/hubs`);
    assert.equal(refused.status(), 401);
    await page.context().close();
  });

  test('shows a refused message live, makes it the sample of a mapping, replays and deletes it', async () => {
    const page = await open();
    await visit(page, 'Live');
    await page.getByLabel('Outcome').selectOption('deadLettered');
    await page.getByText('Watching.').waitFor();
    await sendRefused('stranger');
    const row = page.getByRole('list', { name: 'Messages, the newest first' }).getByText('stranger').first();
    // A browser that drew the details of each message could not follow many.
    assert.equal(await page.locator('.messages .detail').count(), 0);
    await row.click();
    await page.getByRole('table', { name: 'Reasons' }).getByText('THING_UNKNOWN').first().waitFor();
    await shoot(page, 'live', true);
    await page.getByRole('button', { name: 'Use as sample in Mappings' }).click();

    await page.getByRole('heading', { name: 'Mappings', level: 1 }).waitFor();
    const editor = page.getByRole('textbox', { name: 'Mapping document' });
    await editor.click();
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText(
      JSON.stringify({ version: 1, rules: [{ when: { device: 'stranger' }, thing: 'machine-01' }] }, null, 2),
    );
    const result = page.getByRole('region', { name: 'Result' });
    await result.getByRole('cell', { name: 'machine-01' }).first().waitFor();
    await page.getByRole('button', { name: 'Validate' }).click();
    await page.getByText('The mappings can be used, and their own tests pass.').waitFor();
    await shoot(page, 'mappings', true);
    await editor.click();
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText('{ "version": 1, "rules": [{ "thingg": "x" }] }');
    await result.getByText('/mappings/rules/0').first().waitFor();

    await visit(page, 'Dead letters');
    const letters = page.getByRole('table', { name: 'Dead letters' });
    await letters.getByRole('button', { name: 'Inspect the message of stranger' }).first().click();
    await page.getByRole('dialog', { name: 'Dead letter' }).getByText('THING_UNKNOWN').first().waitFor();
    await shoot(page, 'dead-letter', true);
    await page.keyboard.press('Escape');
    await page.getByRole('region', { name: 'Dead letters by reason' }).getByText('THING_UNKNOWN').waitFor();
    await shoot(page, 'dead-letters', true);

    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: /^Download/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Download' }).click();
    const download = await downloading;
    assert.equal(download.suggestedFilename(), 'dead-letters.jsonl');
    const [line = ''] = (await readFile(await download.path(), 'utf8')).trim().split('\n');
    const letter = JSON.parse(line) as { deviceId: string; reasons: { code: string }[] };
    assert.deepEqual([letter.deviceId, letter.reasons[0]?.code], ['stranger', 'THING_UNKNOWN']);

    await page.getByRole('button', { name: /^Replay/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Replay dead letters' });
    await dialog.getByRole('button', { name: 'Dry run' }).click();
    await dialog.getByText('completed').waitFor();
    await dialog.getByRole('table', { name: 'Report' }).waitFor();
    await shoot(page, 'replay', true);
    await page.keyboard.press('Escape');

    await page.getByRole('button', { name: /^Delete all/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('There is no dead letter.').waitFor();
    await page.context().close();
  });

  test('calls a method, changes a twin and sends a message', async () => {
    const page = await open();
    await visit(page, 'Devices');
    await page.getByRole('table', { name: 'Devices' }).getByRole('link', { name: 'machine-01' }).click();
    await page.getByLabel('Change desired properties').fill('{ "interval": 7 }');
    await page.getByRole('button', { name: 'Update twin' }).click();
    await page.getByText('The twin is changed.').waitFor();
    await page.getByRole('region', { name: 'Device twin' }).getByText('"interval": 7').first().waitFor();
    await page.getByLabel('Method name').fill('nothing-that-exists');
    await page.getByRole('button', { name: 'Invoke method' }).click();
    await page
      .getByRole('region', { name: 'Direct method' })
      .getByText(/The device answered with status|DEVICE_|METHOD_/)
      .first()
      .waitFor();
    await page.getByLabel('Body').fill('hello');
    await page.getByRole('button', { name: 'Send message' }).click();
    await page.getByText('waits in the IoT Hub for the device').waitFor();
    await shoot(page, 'device', true);
    await page.context().close();
  });

  test('uploads, shows, downloads and deletes a file', async () => {
    const page = await open();
    await visit(page, 'Files');
    await page.getByLabel('Container').selectOption('factory-files');
    await page.getByLabel('Files to upload').setInputFiles({
      name: 'notes 1.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('what the machine said'),
    });
    await page.getByRole('list', { name: 'Uploads' }).getByText('uploaded').waitFor();
    const link = page.getByRole('link', { name: 'notes 1.txt' });
    const downloading = page.waitForEvent('download');
    await link.click();
    assert.equal((await downloading).suggestedFilename(), 'notes 1.txt');
    await shoot(page, 'files', true);
    await page.getByRole('button', { name: 'Delete notes 1.txt' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('The folder is empty.').waitFor();
    await page.context().close();
  });

  test('shows the tasks and the log', async () => {
    const page = await open();
    await visit(page, 'Tasks');
    await page.getByRole('table', { name: 'Tasks' }).getByRole('link').first().click();
    await page.getByRole('region', { name: 'Report' }).waitFor();
    await shoot(page, 'tasks', true);
    await visit(page, 'Log');
    await page.getByText('The sidecar listens.').waitFor();
    await page.getByLabel('Contains').fill('nothing of this kind');
    await page.getByText(/^0 of /).waitFor();
    await page.getByLabel('Contains').fill('');
    await page.getByLabel('At least').selectOption('fatal');
    await page.getByText(/^0 of [1-9]/).waitFor();
    await page.getByLabel('At least').selectOption('info');
    await page.getByText('The sidecar listens.').waitFor();
    await shoot(page, 'log', true);
    await page.context().close();
  });

  test('works on the keyboard alone', async () => {
    const page = await newPage(await browser.newContext());
    await page.goto(`${system.sidecar.url}/console`);
    await tabTo(page, page.getByLabel('Token'));
    await page.keyboard.type(system.sidecar.token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await tabTo(page, page.getByRole('button', { name: 'Skip to the page' }));
    await page.keyboard.press('Enter');
    assert.equal(await hasFocus(page.getByRole('main')), true);

    await tabTo(page, page.getByRole('link', { name: 'Devices' }));
    await page.keyboard.press('Enter');
    const device = page.getByRole('link', { name: 'machine-01' });
    await device.waitFor();
    await tabTo(page, device);
    await page.keyboard.press('Enter');
    const method = page.getByLabel('Method name');
    await method.waitFor();
    await tabTo(page, method);
    await page.keyboard.type('unknown');
    await page.keyboard.press('Enter');
    await page
      .getByRole('region', { name: 'Direct method' })
      .getByText(/The device answered with status|DEVICE_|METHOD_/)
      .first()
      .waitFor();

    await tabTo(page, page.getByRole('link', { name: 'Mappings' }));
    await page.keyboard.press('Enter');
    const editor = page.getByRole('textbox', { name: 'Mapping document' });
    await editor.waitFor();
    await tabTo(page, editor);
    await tabTo(page, page.getByRole('button', { name: 'Validate' }));
    await page.keyboard.press('Enter');
    await page.getByText('The mappings can be used, and their own tests pass.').waitFor();

    await sendRefused('keyboard-device');
    await tabTo(page, page.getByRole('link', { name: 'Dead letters' }));
    await page.keyboard.press('Enter');
    const remove = page.getByRole('button', { name: /^Delete all/ });
    await eventually(async () => {
      await page.getByRole('button', { name: 'Reload' }).press('Enter');
      assert.equal(await remove.isEnabled(), true);
    });
    await tabTo(page, remove);
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Delete dead letters' });
    await dialog.waitFor();
    await tabTo(page, dialog.getByRole('button', { name: 'Keep' }));
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await eventually(async () => assert.ok(await hasFocus(remove), 'the focus is where it was'));
    await page.keyboard.press('Enter');
    await tabTo(page, dialog.getByRole('button', { name: 'Delete' }));
    await page.keyboard.press('Enter');
    await page.getByText('There is no dead letter.').waitFor();
    await page.context().close();
  });

  for (const [width, dark] of [
    [1280, false],
    [1280, true],
    [390, false],
    [390, true],
  ] as const) {
    test(`is accessible at ${width} pixels, ${dark ? 'dark' : 'light'}`, async () => {
      await sendRefused(`axe-${width}-${dark ? 'dark' : 'light'}`);
      const page = await open({ width, dark });
      for (const title of PAGES) {
        await visit(page, title);
        await settled(page, title);
        await checkAccessibility(page, title);
      }
      await visit(page, 'Dead letters');
      await page
        .getByRole('button', { name: /^Inspect/ })
        .first()
        .click();
      await page.getByRole('table', { name: 'Reasons' }).waitFor();
      await checkAccessibility(page, 'the dialog of a dead letter');
      await page.keyboard.press('Escape');
      await visit(page, 'Devices');
      await page.getByRole('link', { name: 'machine-01' }).click();
      await page.getByText('Version').first().waitFor();
      await checkAccessibility(page, 'a device');
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByLabel('Token').waitFor();
      await checkAccessibility(page, 'the login');
      await page.context().close();
    });
  }

  test('completes names of the mapping schema while one types', async () => {
    const page = await open();
    await visit(page, 'Mappings');
    await page.getByRole('textbox', { name: 'Mapping document' }).click();
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText('{ "version": 1, "rules": [{ }] }');
    for (let count = 0; count < 4; count += 1) await page.keyboard.press('ArrowLeft');
    await page.keyboard.type('"wh');
    await page.getByRole('option', { name: '"when"' }).click();
    await page.getByRole('textbox', { name: 'Mapping document' }).getByText('"when"').waitFor();
    await page.context().close();
  });

  test('shows how far an upload is, and cancels it', async () => {
    const page = await open();
    await visit(page, 'Files');
    await page.getByLabel('Container').selectOption('factory-files');
    const network = await page.context().newCDPSession(page);
    const limit = (uploadThroughput: number) =>
      network.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput,
      });
    await network.send('Network.enable');
    await limit(400_000);
    const file = { name: 'large.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(4_000_000) };
    await page.getByLabel('Files to upload').setInputFiles(file);
    const bar = page.getByRole('progressbar', { name: 'Upload of large.bin' });
    await eventually(async () => {
      const done = Number(await bar.getAttribute('value', { timeout: 5_000 }));
      assert.ok(done > 0 && done < file.buffer.length, String(done));
    });
    await shoot(page, 'upload', true);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('list', { name: 'Uploads' }).getByText('cancelled').waitFor();
    await limit(-1);
    await page.getByLabel('Files to upload').setInputFiles(file);
    await page.getByRole('list', { name: 'Uploads' }).getByText('uploaded').waitFor();
    await page.getByRole('button', { name: 'Delete large.bin' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('The folder is empty.').waitFor();
    await page.context().close();
  });

  test('fits a phone on every page, in the dark', async () => {
    const page = await open({ width: 390, dark: true });
    for (const title of PAGES) {
      await visit(page, title);
      await settled(page, title);
      const width = await page.evaluate('document.documentElement.scrollWidth');
      assert.ok(Number(width) <= 390, `${title} is ${width} pixels wide`);
      await shoot(page, `phone-${title.toLowerCase().replace(' ', '-')}`, true);
    }
    await page.context().close();
  });

  test('lets a viewer look and change nothing', async () => {
    const page = await open({ token: VIEWER_TOKEN });
    await page.getByText('This session is read-only').waitFor();
    const check = page.getByRole('button', { name: 'Check ThingWorx, Azure and storage' });
    await check.waitFor();
    assert.equal(await check.isDisabled(), true);
    await visit(page, 'Devices');
    await page.getByRole('link', { name: 'machine-01' }).click();
    await page.getByRole('button', { name: 'Update twin' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Update twin' }).isDisabled(), true);
    const headers = { 'x-sidecar-console': '1' };
    const change = await page.request.patch(
      `${system.sidecar.url}/v1/hubs/${HUB_THING}/devices/machine-01/twin`,
      {
        data: { desired: { interval: 9 } },
        headers,
      },
    );
    assert.equal(change.status(), 403);
    assert.equal(((await change.json()) as { code: string }).code, 'READ_ONLY');
    const keys = await page.request.get(`${system.sidecar.url}/v1/hubs/${HUB_THING}/devices/machine-01/keys`);
    assert.equal(keys.status(), 403);
    await page.context().close();
  });

  test('caused no fault in the page and broke no content security policy', () => {
    assert.deepEqual(faults, []);
  });
});
