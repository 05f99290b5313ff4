import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import type { Browser, Locator, Page } from 'playwright-core';
import { Plant } from '../../scripts/local/factory/plant.ts';
import type { Row } from '../../scripts/local/platform.ts';
import {
  HUB_THING,
  LocalSystem,
  NOTIFICATION_SOURCES,
  REPOSITORY_THING,
} from '../../scripts/local/system.ts';
import { eventually } from '../e2e/observe.ts';
import { PUMP } from '../models/plant-models.ts';
import { launchBrowser, skip } from './chromium.ts';

const USER = 'factory-engineer';
const VIEWER = 'factory-viewer';
const PASSWORD = 'a-Password-of-the-factory-1';
/** Where the pictures of docs/mashups.md go; none are taken unless it is set. `npm run screenshots` sets it. */
const shots = process.env['SCREENSHOTS'];

/** What a person sees and does in the mashups of the extension, in the viewer of the ThingWorx emulator. */
describe('the mashups', { skip }, () => {
  const system = new LocalSystem({ devices: 0, builtInSources: NOTIFICATION_SOURCES, fileRepository: true });
  const plant = new Plant(system);
  const ending = new AbortController();
  const faults: string[] = [];
  let browser: Browser;
  let page: Page;
  let ticking: Promise<void> | undefined;

  before(async () => {
    await system.start();
    await system.platform.invoke(HUB_THING, 'GrantPermissions');
    await addUser(USER, 'AzureIoT.Administrators_UG');
    await addUser(VIEWER, 'AzureIoT.Viewers_UG');
    await plant.start();
    ticking = tick();
    browser = await launchBrowser();
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      ignoreHTTPSErrors: true,
    });
    page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('pageerror', (error) => faults.push(error.message));
  });
  after(async () => {
    ending.abort();
    await browser?.close();
    await ticking;
    await plant.stop();
    await system.stop();
  });

  const addUser = async (name: string, group: string): Promise<void> => {
    await system.platform.invokeOn('Resources', 'EntityServices', 'CreateUser', {
      name,
      password: PASSWORD,
      description: '',
      tags: '',
    });
    await system.platform.invokeOn('Groups', group, 'AddMember', { member: name, type: 'User' });
  };
  const tick = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await plant.tick();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  };
  const shoot = async (name: string): Promise<void> => {
    if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`) });
  };
  const open = async (name: string, parameters: Readonly<Record<string, string>> = {}): Promise<void> => {
    const hash = new URLSearchParams({ mashup: `AzureIoT.${name}_MU`, ...parameters });
    await page.goto('about:blank');
    await page.goto(`${system.cloud.thingworxUrl}/Runtime/index.html#${hash}`);
  };
  const tab = (name: string) => page.getByRole('tab', { name }).click();
  const row = (table: string, text: string): Locator =>
    page.getByRole('table', { name: table }).getByRole('row').filter({ hasText: text }).first();
  const message = (text: string | RegExp) =>
    page.locator('[data-widget="message"]').filter({ hasText: text }).waitFor();

  test('refuse a wrong password, and show the menu after a login', async () => {
    await open('Home');
    await page.getByLabel('User').fill(USER);
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('Login failed').waitFor();
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.locator('[data-widget="state"]').filter({ hasText: 'running' }).waitFor();
    await shoot('home');
    await page.getByRole('button', { name: 'Devices' }).click();
    await row('devices', 'pump-01').waitFor();
  });

  test('show a hub, check its connection, and replay and delete dead letters', async () => {
    await open('Hub', { hub: HUB_THING });
    await page.locator('[data-widget="state"]').filter({ hasText: 'running' }).waitFor();
    await page
      .locator('svg[aria-label="Messages per second, last hour"][data-points]:not([data-points="0"])')
      .waitFor();
    await row('Partitions', '0').waitFor();
    await shoot('hub');

    await tab('Connection');
    await page.getByRole('button', { name: 'Check connection' }).click();
    await row('steps', 'ok').waitFor();

    await tab('Dead letters');
    await eventually(async () => {
      await page.getByRole('button', { name: 'Show' }).click();
      await row('letters', 'VALUE_WRONG_TYPE').waitFor({ timeout: 2_000 });
    });
    await row('letters', 'oven-02').click();
    const letter = page.getByLabel('Selected dead letter');
    await eventually(async () => assert.match(await letter.inputValue(), /sensor fault/));
    await shoot('hub-dead-letters');
    await page.getByLabel('Dry run').check();
    await page.getByRole('button', { name: 'Replay selected' }).click();
    await message('The replay has begun');
    await tab('Tasks');
    await row('tasks', 'completed').click();
    await page.getByRole('table', { name: 'Report of the selected task' }).getByRole('row').nth(1).waitFor();

    await tab('Dead letters');
    const id = (JSON.parse(await letter.inputValue()) as { id: string }).id;
    await page.getByRole('button', { name: 'Delete selected' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    assert.ok((await letterIds()).includes(id), 'nothing is deleted before the question is answered');
    await page.getByRole('button', { name: 'Delete selected' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await message('The dead letters are deleted.');
    assert.ok(!(await letterIds()).includes(id));
  });

  test('create, disable, find, import and delete devices', async () => {
    await open('Devices', { hub: HUB_THING });
    await row('devices', 'pump-01').waitFor();
    await tab('Create');
    await page.getByLabel('Device id', { exact: true }).fill('mixer-09');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await message('The device is created.');
    await page.getByLabel('Device id', { exact: true }).fill('mixer 10');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await message(/REQUEST_INVALID: .*What to do/);
    assert.equal(await page.getByLabel('Device id', { exact: true }).inputValue(), 'mixer 10');

    await tab('Devices');
    await page.getByLabel('Device id begins with').fill('mixer');
    await page.keyboard.press('Enter');
    await page.getByRole('table', { name: 'devices' }).getByText('pump-01').waitFor({ state: 'detached' });
    await row('devices', 'mixer-09').click();
    await page.getByRole('button', { name: 'Disable' }).click();
    await row('devices', 'disabled').waitFor();
    await shoot('devices');
    await page.getByLabel('Delete its Thing as well').check();
    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete device' });
    await dialog.getByText('The device mixer-09 is deleted').waitFor();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await message('The device is deleted.');
    await page.getByRole('table', { name: 'devices' }).getByText('mixer-09').waitFor({ state: 'detached' });

    await tab('Import');
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await row('imports', 'completed').click();
    await row('Report of the selected import', 'spare-07').waitFor();

    await tab('Models');
    await page.getByLabel('File repository').fill(REPOSITORY_THING);
    await page.getByLabel('Path', { exact: true }).fill('/pump.zip');
    const models = page.getByLabel('Models in DTDL or the short form');
    await models.fill(JSON.stringify({ ...PUMP, telemetry: { flow: 'fast' } }));
    await page.getByRole('button', { name: 'Build package' }).click();
    await message(/MODEL_INVALID: .*telemetry.*What to do/);
    await models.fill(JSON.stringify(PUMP));
    await page.getByRole('button', { name: 'Build package' }).click();
    await message('The package is in the file repository.');
    const made = page.getByLabel('What was made');
    await eventually(async () =>
      assert.equal(JSON.parse(await made.inputValue()).templates, 'Factory.Pump_TT'),
    );
  });

  test('command a device, change its twin and install software', async () => {
    await open('Devices', { hub: HUB_THING });
    await row('devices', 'pump-01').click();
    await page.getByRole('button', { name: 'Open' }).click();
    await row('values', 'flow').click();
    await page.locator('[data-widget="history"] svg[data-points]:not([data-points="0"])').waitFor();
    await shoot('device-values');

    await tab('Commands');
    await page.getByLabel('Method', { exact: true }).first().fill('setSpeed');
    await page.getByLabel('Payload as JSON').fill('{ "speed": 900 }');
    await page.getByRole('button', { name: 'Invoke' }).click();
    const answer = page.getByLabel('Answer');
    await eventually(async () => assert.equal(JSON.parse(await answer.inputValue()).status, 200));
    await eventually(async () => assert.equal((await valuesOf('pump-01'))['speed'], 900));
    await page.getByLabel('Payload as JSON').fill('{ "speed": ');
    await page.getByRole('button', { name: 'Invoke' }).click();
    await message(/REQUEST_INVALID: .*What to do/);
    assert.equal(await page.getByLabel('Payload as JSON').inputValue(), '{ "speed": ');
    await page.getByLabel('Body').fill('stop');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await message('The message waits in the IoT Hub for the device.');
    await eventually(async () => assert.equal((await valuesOf('pump-01'))['running'], false));
    await shoot('device-commands');

    await tab('Twin');
    await page.getByLabel('Change desired properties').fill('{ "speed": 1200 }');
    await page.getByRole('button', { name: 'Update twin' }).click();
    await eventually(async () => {
      await page.getByRole('button', { name: 'Read twin' }).click();
      const { properties } = JSON.parse(await page.getByLabel('Twin', { exact: true }).inputValue());
      assert.equal(properties.reported.speed, 1200);
    });

    await system.platform.invoke(REPOSITORY_THING, 'SaveText', { path: '/robot-2.0.0.txt', content: 'new' });
    await open('Device', { device: 'robot-05' });
    await tab('Software and files');
    await row('Files of the container', '/robot-2.0.0.txt').click();
    await page.getByLabel('Package').first().fill('controller');
    await page.getByLabel('Version').fill('2.0.0');
    await page.getByRole('button', { name: 'Install selected file' }).click();
    await row('Packages of the device', 'installed').waitFor();

    await open('Device', { device: 'edge-06' });
    await tab('Modules');
    await row('modules', 'opcpublisher').waitFor();
  });

  test('browse an OPC UA server, publish a node, read and write a value', async () => {
    await open('OpcUa');
    await row('Servers', 'opc.tcp://line-1:4840').click();
    await row('Published nodes of the selected server', 'Filler.Speed').waitFor();
    await tab('Browse');
    await page.getByRole('button', { name: 'Browse below' }).click();
    await row('references', 'Line 1').click();
    await page.getByRole('button', { name: 'Browse below' }).click();
    await row('references', 'Running').click();
    await page.getByRole('button', { name: 'Publish selected' }).click();
    await message('The nodes are published.');
    await page.getByLabel('Node', { exact: true }).fill('ns=2;s=Line1.Filler.Speed');
    await page.getByLabel('New value').fill('300');
    await page.getByLabel('Data type').fill('Double');
    await page.getByRole('button', { name: 'Write' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Write' }).click();
    await eventually(async () => {
      assert.equal(JSON.parse(await page.getByLabel('Value', { exact: true }).inputValue()).valueText, '300');
    });
    await eventually(async () => assert.equal((await valuesOf('edge-06'))['opcpublisher::Speed'], 300));
    await shoot('opc-ua-browse');
    await tab('Published nodes');
    await row('Servers', 'opc.tcp://line-1:4840').click();
    await row('Published nodes of the selected server', 'Line1.Running').click();
    await page.getByRole('button', { name: 'Unpublish selected nodes' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Unpublish' }).click();
    await message('The nodes are unpublished.');
    await tab('Diagnostics');
    await row('diagnostics', 'opc.tcp://line-1:4840').waitFor();
  });

  test('write, show, load and delete files', async () => {
    const container = BlobServiceClient.fromConnectionString(
      system.cloud.storageConnectionString,
    ).getContainerClient('factory-files');
    await container
      .getBlockBlobClient('photos/part.png')
      .uploadData(await photoOf(system), { blobHTTPHeaders: { blobContentType: 'image/png' } });
    await open('Storage');
    await tab('Add');
    await page.getByLabel('Path').fill('/notes/shift.txt');
    await page.getByLabel('Text of the file').fill('What happened in this shift.');
    await page.getByRole('button', { name: 'Save text' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await message('The file is written.');
    const written = container.getBlobClient('notes/shift.txt');
    assert.equal((await written.downloadToBuffer()).toString(), 'What happened in this shift.');
    await page.getByLabel('Path').fill('/notes/upload.bin');
    await page.getByRole('button', { name: 'Get upload link' }).click();
    const command = page.getByLabel('Upload command');
    await eventually(async () => assert.match(await command.inputValue(), /^curl -X PUT/));
    const url = /'(https:[^']+)'$/.exec(await command.inputValue())?.[1] ?? '';
    const put = await fetch(url, {
      method: 'PUT',
      headers: { 'x-ms-blob-type': 'BlockBlob' },
      body: 'bytes',
    });
    assert.equal(put.status, 201);

    await tab('Files');
    await row('files', 'photos').click();
    await page.getByRole('button', { name: 'Open selected folder' }).click();
    await row('files', 'part.png').click();
    await page.locator('[data-widget="picture"] img').evaluate('(image) => image.decode()');
    await shoot('storage');
    await page.getByRole('button', { name: 'Up' }).click();
    await row('files', 'notes').click();
    await page.getByRole('button', { name: 'Open selected folder' }).click();
    await row('files', 'shift.txt').click();
    const preview = page.getByLabel('Preview');
    await eventually(async () => assert.equal(await preview.inputValue(), 'What happened in this shift.'));
    const href = await page.getByRole('link', { name: 'Download shift.txt' }).getAttribute('href');
    assert.equal(await (await fetch(href ?? '')).text(), 'What happened in this shift.');
    await page.getByRole('button', { name: 'Delete selected file' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await message('The file is deleted.');
    assert.equal(await written.exists(), false);
  });

  test('try a mapping with a dead letter, apply it, and replay the dead letter', async () => {
    await open('Mappings', { hub: HUB_THING });
    const editor = page.getByLabel('Mappings', { exact: true });
    await eventually(async () => assert.match(await editor.inputValue(), /press-03/));
    await eventually(async () => {
      await page.getByRole('button', { name: 'Show dead letters' }).click();
      await row('Dead letters: select one as the sample', 'oven-02').waitFor({ timeout: 2_000 });
    });
    await row('Dead letters: select one as the sample', 'oven-02').click();
    await row('What the sample would do', 'refused').waitFor();
    const before = JSON.parse(await editor.inputValue()) as { rules: unknown[] };
    await editor.fill('{ "version": 1, "rules": [ { "unknown": true } ] }');
    await page.getByRole('button', { name: 'Check' }).click();
    await message('MAPPINGS_INVALID');
    const rule = {
      when: { device: 'oven-02' },
      properties: { state: { path: 'state', baseType: 'STRING' } },
    };
    await editor.fill(JSON.stringify({ ...before, rules: [...before.rules, rule] }, null, 2));
    await page.getByRole('button', { name: 'Try' }).click();
    await row('What the sample would do', 'written').waitFor();
    await shoot('mappings');
    await page.getByRole('button', { name: 'Apply' }).click();
    await message('The mappings are saved. The sidecar uses them within seconds.');
    const { mappings } = await system.platform.properties(HUB_THING);
    assert.equal((mappings as { rules: unknown[] }).rules.length, 2);

    await open('Hub', { hub: HUB_THING });
    await tab('Dead letters');
    await row('letters', 'oven-02').click();
    const letter = page.getByLabel('Selected dead letter');
    await eventually(async () => assert.match(await letter.inputValue(), /sensor fault/));
    const { id } = JSON.parse(await letter.inputValue()) as { id: string };
    // The sidecar has the new mappings a moment after they are applied.
    await eventually(async () => {
      await page.getByRole('button', { name: 'Replay selected' }).click();
      await eventually(async () => assert.ok(!(await letterIds()).includes(id), 'it is delivered'), 5_000);
    });
  });

  test('let a viewer look and change nothing', async () => {
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('User').fill(VIEWER);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.locator('[data-widget="state"]').filter({ hasText: 'running' }).waitFor();
    await open('Devices', { hub: HUB_THING });
    await row('devices', 'pump-01').click();
    await page.getByRole('button', { name: 'Open' }).click();
    await row('values', 'flow').click();
    await page.locator('[data-widget="history"] svg[data-points]:not([data-points="0"])').waitFor();
    await tab('Commands');
    await page.getByLabel('Method', { exact: true }).first().fill('start');
    await page.getByRole('button', { name: 'Invoke' }).click();
    await page
      .getByRole('log')
      .getByText(/InvokeMethod.*Not authorized/)
      .waitFor();
    assert.equal((await valuesOf('pump-01'))['running'], false);
  });

  test('cause no fault in the viewer', () => {
    assert.deepEqual(faults, []);
  });

  const letterIds = async (): Promise<unknown[]> => {
    const { rows } = (await system.platform.invoke(HUB_THING, 'ListDeadLetters', {})) as { rows: Row[] };
    return rows.map(({ id }) => id);
  };
  const valuesOf = (thing: string): Promise<Row> => system.platform.properties(thing);
});

/** The first photo that the camera of the factory has uploaded. */
async function photoOf(system: LocalSystem): Promise<Buffer> {
  const container = BlobServiceClient.fromConnectionString(
    system.cloud.storageConnectionString,
  ).getContainerClient('device-uploads');
  return await container.getBlobClient('camera-04/photos/part-001.png').downloadToBuffer();
}
