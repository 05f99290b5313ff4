import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import type { Browser, Locator, Page } from 'playwright-core';
import { Plant } from '../../scripts/local/factory/plant.ts';
import { ownDevice } from '../../scripts/local/own-device.ts';
import { HUB_THING, LocalSystem, NOTIFICATION_SOURCES } from '../../scripts/local/system.ts';
import { eventually } from '../e2e/observe.ts';
import { launchBrowser, skip } from './chromium.ts';

const PAGE = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'tour.md'), 'utf8');
/** The text of each numbered section of the page by its heading. */
const SECTIONS = new Map(
  PAGE.split(/^## /m)
    .filter((section) => /^\d/.test(section))
    .map((section) => [section.slice(0, section.indexOf('\n')), section]),
);

/** The block that the reader is told to enter in a section. */
function entered(heading: string): string {
  const [, block] = /^ *```json\n([\s\S]*?)^ *```$/m.exec(SECTIONS.get(heading) ?? '') ?? [];
  assert.ok(block, `The section "${heading}" has no JSON.`);
  return block;
}

/** What a person does in a browser who follows docs/tour.md, with what `npm start` starts. */
describe('the tour', { skip }, () => {
  const system = new LocalSystem({ devices: 0, builtInSources: NOTIFICATION_SOURCES, fileRepository: true });
  const plant = new Plant(system);
  const ending = new AbortController();
  const done: string[] = [];
  let browser: Browser;
  let page: Page;
  let ticking: Promise<void> | undefined;

  before(async () => {
    await system.start();
    await system.platform.invoke(HUB_THING, 'GrantPermissions');
    await plant.start();
    await ownDevice(system);
    ticking = tick();
    browser = await launchBrowser();
    page = await newPage();
    await page.goto(`${system.cloud.thingworxUrl}/Runtime/#mashup=AzureIoT.Home_MU`);
    await page.getByLabel('User').fill(system.cloud.thingworxUser);
    await page.getByLabel('Password').fill(system.cloud.thingworxPassword);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.locator('[data-widget="state"]').filter({ hasText: 'running' }).waitFor();
  });
  after(async () => {
    ending.abort();
    await browser?.close();
    await ticking;
    await plant.stop();
    await system.stop();
  });

  const newPage = async (): Promise<Page> => {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      ignoreHTTPSErrors: true,
    });
    const opened = await context.newPage();
    opened.setDefaultTimeout(60_000);
    return opened;
  };
  const tick = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await plant.tick();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  };
  /** A section of the page: what its heading says is done in the browser. */
  const step = (heading: string, run: (heading: string) => Promise<void>): void => {
    done.push(heading);
    test(heading, () => run(heading));
  };
  const choose = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click();
  const tab = (name: string): Promise<void> => page.getByRole('tab', { name, exact: true }).click();
  const field = (name: string): Locator => page.getByLabel(name, { exact: true });
  const grid = (name: string): Locator => page.getByRole('table', { name, exact: true });
  const row = (table: string, text: string): Locator =>
    grid(table).getByRole('row').filter({ hasText: text }).first();
  const message = (text: string): Promise<void> =>
    page.locator('[data-widget="message"]').filter({ hasText: text }).waitFor();
  const menu = async (entry: string): Promise<void> => {
    const home = page.getByRole('button', { name: 'Home', exact: true });
    if (await home.isVisible()) await home.click();
    await page.getByText('Azure IoT Hub', { exact: true }).waitFor();
    await choose(entry);
    await home.waitFor();
  };
  const openDevice = async (deviceId: string): Promise<void> => {
    await menu('Devices');
    await row('devices', deviceId).click();
    await choose('Open');
    const chosen = page.getByRole('combobox', { name: /^Device/ });
    await eventually(async () => assert.equal(await chosen.inputValue({ timeout: 5_000 }), deviceId));
  };
  /** The console, as a person opens it who has the token. */
  const openConsole = async (title: string): Promise<Page> => {
    const opened = await newPage();
    await opened.goto(`${system.sidecar.url}/console`);
    await opened.getByLabel('Token').fill(system.sidecar.token);
    await opened.getByRole('button', { name: 'Log in' }).click();
    await opened.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: title }).click();
    await opened.getByRole('heading', { name: title, level: 1 }).waitFor();
    return opened;
  };

  const letterIds = async (): Promise<string[]> => {
    const answer = (await system.platform.invoke(HUB_THING, 'ListDeadLetters')) as { rows: { id: string }[] };
    return answer.rows.map(({ id }) => id);
  };

  step('1. Command a device', async (heading) => {
    await openDevice('pump-01');
    await tab('Commands');
    await field('Method').first().fill('setSpeed');
    await field('Payload as JSON').fill(entered(heading));
    await choose('Invoke');
    await eventually(async () => {
      const { status, payload } = JSON.parse(await field('Answer').inputValue());
      assert.deepEqual({ status, payload }, { status: 200, payload: JSON.parse(entered(heading)) });
    });
    await tab('Values');
    await row('values', 'speed').filter({ hasText: '900' }).waitFor();
  });

  step('2. Change a twin', async (heading) => {
    await tab('Twin');
    await field('Change desired properties').fill(entered(heading));
    await choose('Update twin');
    await eventually(async () => {
      await choose('Read twin');
      const { properties } = JSON.parse(await field('Twin').inputValue());
      assert.equal(properties.desired.speed, 1200);
      assert.equal(properties.reported.speed, 1200);
    });
  });

  step('3. See a refused message', async () => {
    await menu('Hub');
    await tab('Dead letters');
    await eventually(async () => {
      await choose('Show');
      await row('letters', 'oven-02').waitFor({ timeout: 2_000 });
    });
    await row('letters', 'VALUE_WRONG_TYPE').click();
    await eventually(async () =>
      assert.match(await field('Selected dead letter').inputValue(), /sensor fault/),
    );
  });

  step('4. Write a mapping that saves it', async (heading) => {
    await menu('Mappings');
    // What is loaded would overwrite what is entered before.
    await eventually(async () => assert.match(await field('Mappings').inputValue(), /press-03/));
    await row('Dead letters: select one as the sample', 'oven-02').click();
    const trial = 'What the sample would do';
    await row(trial, 'refused').filter({ hasText: 'temperature' }).waitFor();
    await field('Mappings').fill(entered(heading));
    await choose('Try');
    await row(trial, 'written').filter({ hasText: 'sensor fault' }).waitFor();
    assert.equal(await row(trial, 'refused').count(), 0);
    await choose('Apply');
    await message('The mappings are saved. The sidecar uses them within seconds.');
  });

  step('5. Replay it', async () => {
    await menu('Hub');
    await tab('Dead letters');
    await row('letters', 'oven-02').click();
    const letter = field('Selected dead letter');
    await eventually(async () => assert.match(await letter.inputValue(), /sensor fault/));
    const { id } = JSON.parse(await letter.inputValue()) as { id: string };
    // The sidecar has the new mappings a moment after they are applied.
    await eventually(async () => {
      await tab('Dead letters');
      await choose('Replay selected');
      await message('The replay has begun');
      await tab('Tasks');
      await eventually(async () => assert.ok(!(await letterIds()).includes(id), 'it is delivered'), 5_000);
      await row('tasks', 'completed').waitFor();
    });
    await eventually(async () => {
      const states = (await system.platform.history('oven-02', 100_000)).map(({ state }) => state);
      assert.ok(states.includes('sensor fault'));
    });
  });

  step('6. Import devices', async () => {
    await menu('Devices');
    await tab('Import');
    await choose('Import');
    await row('imports', 'completed').click();
    for (const device of ['spare-07', 'spare-08'])
      await row('Report of the selected import', device).waitFor();
    await field('Dry run').uncheck();
    await choose('Import');
    await eventually(async () =>
      assert.equal(await grid('imports').getByRole('row').filter({ hasText: 'completed' }).count(), 2),
    );
    await openDevice('spare-07');
  });

  step('7. Browse OPC UA', async () => {
    await menu('OPC UA');
    await row('Servers', 'opc.tcp://line-1:4840').click();
    await tab('Browse');
    await choose('Browse below');
    for (const node of ['Line 1', 'Filler']) {
      await row('references', node).click();
      await choose('Browse below');
    }
    await row('references', 'Speed').click();
    await choose('Read');
    await eventually(async () =>
      assert.equal(JSON.parse(await field('Value').inputValue()).valueText, '120'),
    );
  });

  step('8. Download an uploaded file', async () => {
    const files = await openConsole('Files');
    await files.getByLabel('Container').selectOption('device-uploads');
    await files.getByRole('button', { name: 'camera-04/' }).click();
    await files.getByRole('button', { name: 'photos/' }).click();
    const downloading = files.waitForEvent('download');
    await files.getByRole('link', { name: 'part-001.png' }).click();
    const download = await downloading;
    assert.equal(download.suggestedFilename(), 'part-001.png');
    const uploaded = await BlobServiceClient.fromConnectionString(system.cloud.storageConnectionString)
      .getContainerClient('device-uploads')
      .getBlobClient('camera-04/photos/part-001.png')
      .downloadToBuffer();
    assert.deepEqual(await readFile(await download.path()), uploaded);
    await files.context().close();
  });

  step('9. Watch live values and history', async () => {
    const live = await openConsole('Live');
    const messages = live.getByRole('list', { name: 'Messages, the newest first' });
    const press = messages.getByRole('listitem').filter({ hasText: 'press-03' }).last();
    await press.locator('summary').click();
    await press.getByText('"unit": "N"').waitFor();
    await press.getByRole('cell', { name: 'oilTemperature' }).waitFor();
    await live.context().close();

    await openDevice('pump-01');
    const flow = row('values', 'flow');
    const seen = await flow.textContent();
    await eventually(async () => assert.notEqual(await flow.textContent(), seen));
    await flow.click();
    await page.locator('[data-widget="history"] svg[data-points]:not([data-points="0"])').waitFor();
  });

  step('10. Install a software package', async () => {
    await menu('Files');
    await tab('Add');
    await field('Path').fill('/controller-2.0.0.txt');
    await field('Text of the file').fill('The new software.');
    await choose('Save text');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await message('The file is written.');
    await openDevice('robot-05');
    await tab('Software and files');
    await row('Files of the container', '/controller-2.0.0.txt').click();
    await field('Package').first().fill('controller');
    await field('Version').fill('2.0.0');
    await choose('Install selected file');
    await row('Packages of the device', 'installed').waitFor();
    await tab('Values');
    await row('values', 'software').filter({ hasText: '2.0.0' }).waitFor();
  });

  test('has a step for each section of the page, in its order', () => {
    assert.equal(SECTIONS.size, 10);
    assert.deepEqual(done, [...SECTIONS.keys()]);
  });
});
