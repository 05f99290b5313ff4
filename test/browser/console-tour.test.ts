import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { PRESS_MAPPING } from '../../scripts/local/factory/machines.ts';
import { HUB_THING } from '../../scripts/local/system.ts';
import { eventually } from '../e2e/observe.ts';
import { skip } from './chromium.ts';
import { BrowserFactory, shoot, visit } from './factory.ts';

/** The steps of docs/tour.md that the console can do, too. Imports and OPC UA are in the mashups alone. */
describe('the tour in the console', { skip }, () => {
  const factory = new BrowserFactory();
  const { system } = factory;
  let page: Page;

  before(async () => {
    await factory.start();
    page = await factory.openConsole('Overview');
  });
  after(() => factory.stop());

  const openDevice = async (deviceId: string): Promise<void> => {
    await visit(page, 'Devices');
    await page.getByRole('table', { name: 'Devices' }).getByRole('link', { name: deviceId }).click();
    await page.getByRole('region', { name: deviceId }).getByText('connected').first().waitFor();
  };

  test('commands a device', async () => {
    await openDevice('pump-01');
    await page.getByLabel('Method name').fill('setSpeed');
    await page.getByLabel('Payload').fill('{ "speed": 900 }');
    await page.getByRole('button', { name: 'Invoke method' }).click();
    await page.getByText('The device answered with status 200.').waitFor();
    await eventually(async () => assert.equal((await factory.valuesOf('pump-01'))['speed'], 900));
  });

  test('changes a twin', async () => {
    await page.getByLabel('Change desired properties').fill('{ "speed": 1200 }');
    await page.getByLabel('Change tags').fill('{ "line": "A" }');
    await page.getByRole('button', { name: 'Update twin' }).click();
    await page.getByText('The twin is changed.').waitFor();
    const twin = page.getByRole('region', { name: 'Device twin' });
    await twin.getByText('"line": "A"').waitFor();
    // Once as a desired and once as a reported property.
    await eventually(async () => {
      await twin.getByRole('button', { name: 'Reload' }).click();
      assert.equal(await twin.getByText('"speed": 1200').count(), 2);
    });
  });

  test('sends a message and shows its feedback', async () => {
    await page.getByLabel('Body').fill('stop');
    await page.getByLabel('Feedback', { exact: true }).selectOption('full');
    await page.getByRole('button', { name: 'Send message' }).click();
    await page.getByText('Its feedback appears below.').waitFor();
    const feedback = page.getByRole('table', { name: 'Message feedback' });
    await feedback.getByRole('cell', { name: 'Success' }).first().waitFor();
    await eventually(async () => assert.equal((await factory.valuesOf('pump-01'))['running'], false));
    await shoot(page, 'console-device', true);

    await factory.addDevice('sleeper-11');
    await page.goto(`${system.sidecar.url}/console/#/devices/sleeper-11`);
    await page.getByLabel('Body').fill('wake up');
    await page.getByLabel('Feedback', { exact: true }).selectOption('negative');
    await page.getByLabel('Expires after (seconds)').fill('1');
    await page.getByRole('button', { name: 'Send message' }).click();
    await feedback.getByRole('cell', { name: 'Expired' }).first().waitFor();
  });

  test('disables and enables a device', async () => {
    await page.getByRole('button', { name: 'Disable device' }).click();
    await page.getByRole('button', { name: 'Enable device' }).click();
    await page.getByRole('button', { name: 'Disable device' }).waitFor();
  });

  test('sees a refused message', async () => {
    await visit(page, 'Live');
    await page.getByLabel('Device').fill('oven-02');
    await page.getByLabel('Outcome').selectOption('deadLettered');
    await page.getByRole('button', { name: 'Show' }).click();
    const row = page.getByRole('listitem').filter({ hasText: 'VALUE_WRONG_TYPE' }).first();
    await row.locator('summary').click();
    await row.getByText('sensor fault').first().waitFor();
    await row.getByRole('button', { name: 'Explain each value' }).click();
    await row.getByText('Refused: the message goes to the dead-letter store').waitFor();
    await row.getByRole('button', { name: 'Use as sample in Mappings' }).click();
  });

  test('writes a mapping that saves it', async () => {
    await page.getByRole('heading', { name: 'Mappings', level: 1 }).waitFor();
    const result = page.getByRole('region', { name: 'Result' });
    await result.getByText('Refused: the message goes to the dead-letter store').waitFor();
    const sample = page.getByLabel('Sample', { exact: true });
    const refused = await sample.inputValue();
    await page.getByRole('button', { name: 'Take the next live message' }).click();
    await eventually(async () => assert.notEqual(await sample.inputValue(), refused));
    const letter = page.getByLabel('Dead letter');
    const option = await letter
      .locator('option')
      .filter({ hasText: 'oven-02' })
      .first()
      .getAttribute('value');
    await letter.selectOption(option);
    await eventually(async () => assert.match(await sample.inputValue(), /sensor fault/));
    await result.getByText('Refused: the message goes to the dead-letter store').waitFor();
    const editor = page.getByRole('textbox', { name: 'Mapping document' });
    await editor.click();
    await page.keyboard.press('Control+a');
    const rule = { when: { device: 'oven-02' }, properties: { state: { path: 'temperature' } } };
    const mappings = { ...PRESS_MAPPING, rules: [...PRESS_MAPPING.rules, rule] };
    await page.keyboard.insertText(JSON.stringify(mappings, null, 2));
    await result
      .getByRole('cell', { name: '"sensor fault"' })
      .or(result.getByText('sensor fault'))
      .first()
      .waitFor();
    await result.getByText('Refused: the message').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Validate' }).click();
    await page.getByText('The mappings can be used, and their own tests pass.').waitFor();
    await shoot(page, 'console-mappings', true);
    // The page says that ThingWorx keeps the mappings.
    await page.getByText('set them as the property mappings').waitFor();
    await system.platform.setProperties(HUB_THING, { mappings });
  });

  test('replays it', async () => {
    await visit(page, 'Dead letters');
    await page.getByLabel('Device').fill('oven-02');
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.getByRole('button', { name: 'Inspect the message of oven-02' }).first().waitFor();
    const before = await factory.letterIds();
    // The sidecar has the new mappings a moment after they are applied.
    await eventually(async () => {
      await page.getByRole('button', { name: /^Replay/ }).click();
      const dialog = page.getByRole('dialog', { name: 'Replay dead letters' });
      await dialog.getByRole('button', { name: 'Dry run' }).click();
      const dryRun = dialog.getByRole('region', { name: 'Dry run' });
      await dryRun.getByText('completed').waitFor();
      await dialog.getByRole('button', { name: 'Replay now' }).click();
      const replay = dialog.getByRole('region', { name: 'Replay' });
      await replay.getByText('completed').waitFor();
      await page.keyboard.press('Escape');
      const left = await factory.letterIds();
      assert.ok(!before.some((id) => left.includes(id)), 'all of them are delivered');
    });
    await eventually(async () => {
      const states = (await system.platform.history('oven-02', 100_000)).map(({ state }) => state);
      assert.ok(states.includes('sensor fault'));
    });
  });

  test('cancels a task that waits', async () => {
    await page.getByRole('button', { name: 'Show all' }).click();
    await system.platform.setProperties(HUB_THING, { mappings: PRESS_MAPPING });
    await eventually(async () => {
      await page.getByRole('button', { name: 'Reload' }).click();
      await page.getByRole('button', { name: /^Replay/ }).click({ timeout: 2_000 });
    });
    await factory.fault({ action: 'status', path: 'DescribeThings', status: 503 });
    await factory.fault({ action: 'status', path: 'ReceiveUpdates', status: 503 });
    await page.getByRole('dialog').getByRole('button', { name: 'Replay now' }).click();
    await page.getByRole('dialog').getByRole('link', { name: 'Report of the task' }).click();
    const tasks = page.getByRole('table', { name: 'Tasks' });
    await tasks.getByRole('progressbar').first().waitFor();
    await tasks.getByRole('button', { name: 'Cancel' }).first().click();
    await tasks.getByText('cancelled').waitFor();
    await factory.fault();
    await page.getByLabel('State').selectOption('cancelled');
    await tasks.getByText('completed').first().waitFor({ state: 'detached' });
    await page.getByRole('region', { name: 'Report' }).getByText('cancelled').waitFor();
  });

  test('downloads an uploaded file', async () => {
    await visit(page, 'Files');
    await page.getByLabel('Container').selectOption('device-uploads');
    await page.getByRole('button', { name: 'camera-04/' }).click();
    await page.getByRole('button', { name: 'photos/' }).click();
    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'part-001.png' }).click();
    const download = await downloading;
    const uploaded = await factory
      .container('device-uploads')
      .getBlobClient('camera-04/photos/part-001.png')
      .downloadToBuffer();
    assert.deepEqual(await readFile(await download.path()), uploaded);
  });

  test('shows the errors of a hub with their remedies, and the last hour as charts', async () => {
    await visit(page, 'Overview');
    await system.platform.setProperties(HUB_THING, { mappings: { version: 1, rules: [{ unknown: true }] } });
    const hub = page.getByRole('region', { name: HUB_THING });
    const errors = hub.getByRole('table', { name: `Recent errors of ${HUB_THING}` });
    const row = errors.getByRole('row').filter({ hasText: 'MAPPINGS_INVALID' }).first();
    await row.getByRole('cell').nth(2).getByText(/\S/).waitFor();
    await system.platform.setProperties(HUB_THING, { mappings: PRESS_MAPPING });
    await row.getByRole('cell').nth(3).getByText(/\S/).waitFor();
    const charts = {
      'Messages per second': '--series-1',
      Lag: '--series-3',
      CPU: '--series-1',
      Memory: '--series-2',
    };
    for (const [title, colour] of Object.entries(charts)) {
      const canvas = page.getByRole('img', { name: `${title} over the last hour` }).locator('canvas');
      await eventually(async () => assert.equal(await hasLine(canvas, colour), true, title));
    }
    await shoot(page, 'console-overview', true);
  });

  test('causes no fault in the page', () => {
    assert.deepEqual(factory.faults, []);
  });
});

/** Whether something is drawn on a canvas in the colour of a CSS variable. */
function hasLine(canvas: Locator, variable: string): Promise<boolean> {
  return canvas.evaluate((drawn: Canvas, name: string) => {
    const { document, getComputedStyle } = globalThis as unknown as PageGlobals;
    const colour = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
    const { data } = drawn.getContext('2d').getImageData(0, 0, drawn.width, drawn.height);
    for (let at = 0; at < data.length; at += 4)
      if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) return true;
    return false;
  }, variable);
}

/** What `hasLine` uses of the page, whose types the tests do not have. */
interface Canvas {
  readonly width: number;
  readonly height: number;
  getContext(kind: '2d'): {
    getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
  };
}

interface PageGlobals {
  readonly document: { readonly documentElement: unknown };
  getComputedStyle(element: unknown): { getPropertyValue(name: string): string };
}
