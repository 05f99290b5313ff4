import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ownDevice } from '../../scripts/local/own-device.ts';
import { eventually } from '../e2e/observe.ts';
import { skip } from './chromium.ts';
import { BrowserFactory, type MashupPage } from './factory.ts';

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
  const factory = new BrowserFactory();
  const { system } = factory;
  const done: string[] = [];
  let mashups: MashupPage;

  before(async () => {
    await factory.start();
    await ownDevice(system);
    mashups = await factory.openMashups();
  });
  after(() => factory.stop());

  /** A section of the page: what its heading says is done in the browser. */
  const step = (heading: string, run: (heading: string) => Promise<void>): void => {
    done.push(heading);
    test(heading, () => run(heading));
  };

  step('1. Command a device', async (heading) => {
    await mashups.openDevice('pump-01');
    await mashups.tab('Commands');
    await mashups.field('Method').first().fill('setSpeed');
    await mashups.field('Payload as JSON').fill(entered(heading));
    await mashups.choose('Invoke');
    await eventually(async () => {
      const { status, payload } = JSON.parse(await mashups.field('Answer').inputValue());
      assert.deepEqual({ status, payload }, { status: 200, payload: JSON.parse(entered(heading)) });
    });
    await mashups.tab('Values');
    await mashups.row('values', 'speed').filter({ hasText: '900' }).waitFor();
  });

  step('2. Change a twin', async (heading) => {
    await mashups.tab('Twin');
    await mashups.field('Change desired properties').fill(entered(heading));
    await mashups.choose('Update twin');
    await eventually(async () => {
      await mashups.choose('Read twin');
      const { properties } = JSON.parse(await mashups.field('Twin').inputValue());
      assert.equal(properties.desired.speed, 1200);
      assert.equal(properties.reported.speed, 1200);
    });
  });

  step('3. See a refused message', async () => {
    await mashups.menu('Hub');
    await mashups.tab('Dead letters');
    await eventually(async () => {
      await mashups.choose('Show');
      await mashups.row('letters', 'oven-02').waitFor({ timeout: 2_000 });
    });
    await mashups.selectLetter('VALUE_WRONG_TYPE', /sensor fault/);
  });

  step('4. Write a mapping that saves it', async (heading) => {
    await mashups.menu('Mappings');
    // What is loaded would overwrite what is entered before.
    await eventually(async () => assert.match(await mashups.field('Mappings').inputValue(), /press-03/));
    await mashups.row('Dead letters: select one as the sample', 'oven-02').click();
    const trial = 'What the sample would do';
    await mashups.row(trial, 'refused').filter({ hasText: 'temperature' }).waitFor();
    await mashups.field('Mappings').fill(entered(heading));
    await mashups.choose('Try');
    await mashups.row(trial, 'written').filter({ hasText: 'sensor fault' }).waitFor();
    assert.equal(await mashups.row(trial, 'refused').count(), 0);
    await mashups.choose('Apply');
    await mashups.message('The mappings are saved. The sidecar uses them within seconds.');
  });

  step('5. Replay it', async () => {
    await mashups.menu('Hub');
    await mashups.tab('Dead letters');
    const id = await mashups.selectLetter('oven-02', /sensor fault/);
    // The sidecar has the new mappings a moment after they are applied.
    await eventually(async () => {
      await mashups.tab('Dead letters');
      await mashups.choose('Replay selected');
      await mashups.confirm('Replay');
      await mashups.message('The replay has begun');
      await mashups.tab('Tasks');
      await eventually(
        async () => assert.ok(!(await factory.letterIds()).includes(id), 'it is delivered'),
        5_000,
      );
      await mashups.row('tasks', 'completed').waitFor();
    });
    await eventually(async () => {
      const states = (await system.platform.history('oven-02', 100_000)).map(({ state }) => state);
      assert.ok(states.includes('sensor fault'));
    });
  });

  step('6. Import devices', async () => {
    await mashups.menu('Devices');
    await mashups.tab('Import');
    await mashups.choose('Import');
    await mashups.row('imports', 'completed').click();
    for (const device of ['spare-07', 'spare-08'])
      await mashups.row('Report of the selected import', device).waitFor();
    await mashups.field('Dry run').uncheck();
    await mashups.choose('Import');
    await eventually(async () =>
      assert.equal(
        await mashups.table('imports').getByRole('row').filter({ hasText: 'completed' }).count(),
        2,
      ),
    );
    await mashups.openDevice('spare-07');
  });

  step('7. Browse OPC UA', async () => {
    await mashups.menu('OPC UA');
    await mashups.row('Servers', 'opc.tcp://line-1:4840').click();
    await mashups.tab('Browse');
    await mashups.choose('Browse below');
    for (const node of ['Objects', 'Line 1', 'Filler']) {
      await mashups.row('references', node).click();
      await mashups.choose('Browse below');
    }
    await mashups.row('references', 'Speed').click();
    await mashups.choose('Read');
    await eventually(async () =>
      assert.equal(JSON.parse(await mashups.field('Value').inputValue()).valueText, '120'),
    );
  });

  step('8. Download an uploaded file', async () => {
    const files = await factory.openConsole('Files');
    await files.getByLabel('Container').selectOption('device-uploads');
    await files.getByRole('button', { name: 'camera-04/' }).click();
    await files.getByRole('button', { name: 'photos/' }).click();
    const downloading = files.waitForEvent('download');
    await files.getByRole('link', { name: 'part-001.png' }).click();
    const download = await downloading;
    assert.equal(download.suggestedFilename(), 'part-001.png');
    const uploaded = await factory
      .container('device-uploads')
      .getBlobClient('camera-04/photos/part-001.png')
      .downloadToBuffer();
    assert.deepEqual(await readFile(await download.path()), uploaded);
    await files.context().close();
  });

  step('9. Watch live values and history', async () => {
    const live = await factory.openConsole('Live');
    const messages = live.getByRole('list', { name: 'Messages, the newest first' });
    const press = messages.getByRole('listitem').filter({ hasText: 'press-03' }).last();
    await press.waitFor();
    // The oldest messages leave the list.
    await live.getByRole('button', { name: 'Pause' }).click();
    await press.locator('summary').click();
    await press.getByText('"unit": "N"').waitFor();
    await press.getByRole('cell', { name: 'oilTemperature' }).waitFor();
    await live.context().close();

    await mashups.openDevice('pump-01');
    const flow = mashups.row('values', 'flow');
    const seen = await flow.textContent();
    await eventually(async () => assert.notEqual(await flow.textContent(), seen));
    await flow.click();
    await mashups.page.locator('[data-widget="history"] svg[data-points]:not([data-points="0"])').waitFor();
  });

  step('10. Install a software package', async () => {
    await mashups.menu('Files');
    await mashups.tab('Add');
    await mashups.field('Path').fill('/controller-2.0.0.txt');
    await mashups.field('Text of the file').fill('The new software.');
    await mashups.choose('Save text');
    await mashups.confirm('Save');
    await mashups.message('The file is written.');
    await mashups.openDevice('robot-05');
    await mashups.tab('Software and files');
    await mashups.row('Files of the container', '/controller-2.0.0.txt').click();
    await mashups.field('Package').first().fill('controller');
    await mashups.field('Version').fill('2.0.0');
    await mashups.choose('Install selected file');
    await mashups.row('Packages of the device', 'installed').waitFor();
    await mashups.tab('Values');
    await mashups.row('values', 'software').filter({ hasText: '2.0.0' }).waitFor();
  });

  test('has a step for each section of the page, in its order', () => {
    assert.equal(SECTIONS.size, 10);
    assert.deepEqual(done, [...SECTIONS.keys()]);
  });
});
