import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HUB_THING, REPOSITORY_THING } from '../../scripts/local/system.ts';
import { eventually } from '../e2e/observe.ts';
import { skip } from './chromium.ts';
import { BrowserFactory, type MashupPage, PASSWORD } from './factory.ts';

const ADMINISTRATOR = 'factory-administrator';

/** What a person sees and does in the mashups of the extension, in the viewer of the ThingWorx emulator. */
describe('the mashups', { skip }, () => {
  const factory = new BrowserFactory();
  const { system } = factory;
  let mashups: MashupPage;

  before(async () => {
    await factory.start();
    await factory.addUser(ADMINISTRATOR, 'AzureIoT.Administrators_UG');
    mashups = await factory.openMashups(ADMINISTRATOR);
  });
  after(() => factory.stop());

  test('refuse a wrong password, and show the menu after a login', async () => {
    await mashups.choose('Log out');
    await mashups.field('User').fill(ADMINISTRATOR);
    await mashups.field('Password').fill('wrong');
    await mashups.choose('Log in');
    await mashups.page.getByRole('alert').getByText('Login failed').waitFor();
    await mashups.login(ADMINISTRATOR, PASSWORD);
    await mashups.shoot('home');
    await mashups.choose('Devices');
    await mashups.row('devices', 'pump-01').waitFor();
  });

  test('show a hub, check its connection, and replay and delete dead letters', async () => {
    await mashups.open('Hub', { hub: HUB_THING });
    await mashups.shown('state', 'running');
    await mashups.page
      .locator('svg[aria-label="Messages per second, last hour"][data-points]:not([data-points="0"])')
      .waitFor();
    await mashups.row('Partitions', '0').waitFor();
    await mashups.shoot('hub');

    await mashups.tab('Connection');
    await mashups.choose('Check connection');
    await mashups.row('steps', 'ok').waitFor();

    await mashups.tab('Dead letters');
    await eventually(async () => {
      await mashups.choose('Show');
      await mashups.row('letters', 'VALUE_WRONG_TYPE').waitFor({ timeout: 2_000 });
    });
    await mashups.row('letters', 'oven-02').click();
    const letter = mashups.field('Selected dead letter');
    await eventually(async () => assert.match(await letter.inputValue(), /sensor fault/));
    await mashups.shoot('hub-dead-letters');
    await mashups.field('Dry run').check();
    await mashups.choose('Replay selected');
    await mashups.message('The replay has begun');
    await mashups.tab('Tasks');
    await mashups.row('tasks', 'completed').click();
    await mashups.table('Report of the selected task').getByRole('row').nth(1).waitFor();

    await mashups.tab('Dead letters');
    const id = (JSON.parse(await letter.inputValue()) as { id: string }).id;
    await mashups.choose('Delete selected');
    await mashups.confirm('Cancel');
    assert.ok((await factory.letterIds()).includes(id), 'nothing is deleted before the question is answered');
    await mashups.choose('Delete selected');
    await mashups.confirm('Delete');
    await mashups.message('The dead letters are deleted.');
    assert.ok(!(await factory.letterIds()).includes(id));
  });

  test('create, disable, find, import and delete devices', async () => {
    await mashups.open('Devices', { hub: HUB_THING });
    await mashups.row('devices', 'pump-01').waitFor();
    await mashups.tab('Create');
    await mashups.field('Device id').fill('mixer-09');
    await mashups.choose('Create');
    await mashups.message('The device is created.');
    await mashups.field('Device id').fill('mixer 10');
    await mashups.choose('Create');
    await mashups.message(/REQUEST_INVALID: .*What to do/);
    assert.equal(await mashups.field('Device id').inputValue(), 'mixer 10');

    await mashups.tab('Devices');
    await mashups.field('Device id begins with').fill('mixer');
    await mashups.page.keyboard.press('Enter');
    await mashups.table('devices').getByText('pump-01').waitFor({ state: 'detached' });
    await mashups.row('devices', 'mixer-09').click();
    await mashups.choose('Disable');
    await mashups.row('devices', 'disabled').waitFor();
    await mashups.shoot('devices');
    await mashups.field('Delete its Thing as well').check();
    await mashups.choose('Delete');
    const dialog = mashups.page.getByRole('dialog', { name: 'Delete device' });
    await dialog.getByText('The device mixer-09 is deleted').waitFor();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await mashups.message('The device is deleted.');
    await mashups.table('devices').getByText('mixer-09').waitFor({ state: 'detached' });

    await mashups.tab('Import');
    await mashups.choose('Import');
    await mashups.row('imports', 'completed').click();
    await mashups.row('Report of the selected import', 'spare-07').waitFor();
  });

  test('command a device, change its twin and install software', async () => {
    await mashups.open('Devices', { hub: HUB_THING });
    await mashups.row('devices', 'pump-01').click();
    await mashups.choose('Open');
    await mashups.row('values', 'flow').click();
    await mashups.page.locator('[data-widget="history"] svg[data-points]:not([data-points="0"])').waitFor();
    await mashups.shoot('device-values');

    await mashups.tab('Commands');
    await mashups.field('Method').first().fill('setSpeed');
    await mashups.field('Payload as JSON').fill('{ "speed": 900 }');
    await mashups.choose('Invoke');
    const answer = mashups.field('Answer');
    await eventually(async () => assert.equal(JSON.parse(await answer.inputValue()).status, 200));
    await eventually(async () => assert.equal((await factory.valuesOf('pump-01'))['speed'], 900));
    await mashups.field('Payload as JSON').fill('{ "speed": ');
    await mashups.choose('Invoke');
    await mashups.message(/REQUEST_INVALID: .*What to do/);
    assert.equal(await mashups.field('Payload as JSON').inputValue(), '{ "speed": ');
    await mashups.field('Body').fill('stop');
    await mashups.choose('Send');
    await mashups.message('The message waits in the IoT Hub for the device.');
    await eventually(async () => assert.equal((await factory.valuesOf('pump-01'))['running'], false));
    await mashups.shoot('device-commands');

    await mashups.tab('Twin');
    await mashups.field('Change desired properties').fill('{ "speed": 1200 }');
    await mashups.choose('Update twin');
    await eventually(async () => {
      await mashups.choose('Read twin');
      const { properties } = JSON.parse(await mashups.field('Twin').inputValue());
      assert.equal(properties.reported.speed, 1200);
    });

    await system.platform.invoke(REPOSITORY_THING, 'SaveText', { path: '/robot-2.0.0.txt', content: 'new' });
    await mashups.open('Device', { device: 'robot-05' });
    await mashups.tab('Software and files');
    await mashups.row('Files of the container', '/robot-2.0.0.txt').click();
    await mashups.field('Package').first().fill('controller');
    await mashups.field('Version').fill('2.0.0');
    await mashups.choose('Install selected file');
    await mashups.row('Packages of the device', 'installed').waitFor();

    await mashups.open('Device', { device: 'edge-06' });
    await mashups.tab('Modules');
    await mashups.row('modules', 'opcpublisher').waitFor();
  });

  test('browse an OPC UA server, publish a node, read and write a value', async () => {
    await mashups.open('OpcUa');
    await mashups.row('Servers', 'opc.tcp://line-1:4840').click();
    await mashups.row('Published nodes of the selected server', 'Filler.Speed').waitFor();
    await mashups.tab('Browse');
    await mashups.choose('Browse below');
    await mashups.row('references', 'Line 1').click();
    await mashups.choose('Browse below');
    await mashups.row('references', 'Running').click();
    await mashups.choose('Publish selected');
    await mashups.message('The nodes are published.');
    await mashups.field('Node').fill('ns=2;s=Line1.Filler.Speed');
    await mashups.field('New value').fill('300');
    await mashups.field('Data type').fill('Double');
    await mashups.choose('Write');
    await mashups.confirm('Write');
    await eventually(async () => {
      assert.equal(JSON.parse(await mashups.field('Value').inputValue()).valueText, '300');
    });
    await eventually(async () =>
      assert.equal((await factory.valuesOf('edge-06'))['opcpublisher::Speed'], 300),
    );
    await mashups.shoot('opc-ua-browse');
    await mashups.tab('Published nodes');
    await mashups.row('Servers', 'opc.tcp://line-1:4840').click();
    await mashups.row('Published nodes of the selected server', 'Line1.Running').click();
    await mashups.choose('Unpublish selected nodes');
    await mashups.confirm('Unpublish');
    await mashups.message('The nodes are unpublished.');
    await mashups.tab('Diagnostics');
    await mashups.row('diagnostics', 'opc.tcp://line-1:4840').waitFor();
  });

  test('write, show, load and delete files', async () => {
    const container = factory.container('factory-files');
    const photo = await factory
      .container('device-uploads')
      .getBlobClient('camera-04/photos/part-001.png')
      .downloadToBuffer();
    await container
      .getBlockBlobClient('photos/part.png')
      .uploadData(photo, { blobHTTPHeaders: { blobContentType: 'image/png' } });
    await mashups.open('Storage');
    await mashups.tab('Add');
    await mashups.field('Path').fill('/notes/shift.txt');
    await mashups.field('Text of the file').fill('What happened in this shift.');
    await mashups.choose('Save text');
    await mashups.confirm('Save');
    await mashups.message('The file is written.');
    const written = container.getBlobClient('notes/shift.txt');
    assert.equal((await written.downloadToBuffer()).toString(), 'What happened in this shift.');
    await mashups.field('Path').fill('/notes/upload.bin');
    await mashups.choose('Get upload link');
    const command = mashups.field('Upload command');
    await eventually(async () => assert.match(await command.inputValue(), /^curl -X PUT/));
    const url = /'(https:[^']+)'$/.exec(await command.inputValue())?.[1] ?? '';
    const put = await fetch(url, {
      method: 'PUT',
      headers: { 'x-ms-blob-type': 'BlockBlob' },
      body: 'bytes',
    });
    assert.equal(put.status, 201);

    await mashups.tab('Files');
    await mashups.row('files', 'photos').click();
    await mashups.choose('Open selected folder');
    await mashups.row('files', 'part.png').click();
    await mashups.page.locator('[data-widget="picture"] img').evaluate('(image) => image.decode()');
    await mashups.shoot('storage');
    await mashups.choose('Up');
    await mashups.row('files', 'notes').click();
    await mashups.choose('Open selected folder');
    await mashups.row('files', 'shift.txt').click();
    const preview = mashups.field('Preview');
    await eventually(async () => assert.equal(await preview.inputValue(), 'What happened in this shift.'));
    const href = await mashups.page.getByRole('link', { name: 'Download shift.txt' }).getAttribute('href');
    assert.equal(await (await fetch(href ?? '')).text(), 'What happened in this shift.');
    await mashups.choose('Delete selected file');
    await mashups.confirm('Delete');
    await mashups.message('The file is deleted.');
    assert.equal(await written.exists(), false);
  });

  test('try a mapping with a dead letter, apply it, and replay the dead letter', async () => {
    await mashups.open('Mappings', { hub: HUB_THING });
    const editor = mashups.field('Mappings');
    await eventually(async () => assert.match(await editor.inputValue(), /press-03/));
    await eventually(async () => {
      await mashups.choose('Show dead letters');
      await mashups.row('Dead letters: select one as the sample', 'oven-02').waitFor({ timeout: 2_000 });
    });
    await mashups.row('Dead letters: select one as the sample', 'oven-02').click();
    await mashups.row('What the sample would do', 'refused').waitFor();
    const before = JSON.parse(await editor.inputValue()) as { rules: unknown[] };
    await editor.fill('{ "version": 1, "rules": [ { "unknown": true } ] }');
    await mashups.choose('Check');
    await mashups.message('MAPPINGS_INVALID');
    const rule = {
      when: { device: 'oven-02' },
      properties: { state: { path: 'state', baseType: 'STRING' } },
    };
    await editor.fill(JSON.stringify({ ...before, rules: [...before.rules, rule] }, null, 2));
    await mashups.choose('Try');
    await mashups.row('What the sample would do', 'written').waitFor();
    await mashups.shoot('mappings');
    await mashups.choose('Apply');
    await mashups.message('The mappings are saved. The sidecar uses them within seconds.');
    const { mappings } = await system.platform.properties(HUB_THING);
    assert.equal((mappings as { rules: unknown[] }).rules.length, 2);

    await mashups.open('Hub', { hub: HUB_THING });
    await mashups.tab('Dead letters');
    await mashups.row('letters', 'oven-02').click();
    const letter = mashups.field('Selected dead letter');
    await eventually(async () => assert.match(await letter.inputValue(), /sensor fault/));
    const { id } = JSON.parse(await letter.inputValue()) as { id: string };
    // The sidecar has the new mappings a moment after they are applied.
    await eventually(async () => {
      await mashups.choose('Replay selected');
      await eventually(
        async () => assert.ok(!(await factory.letterIds()).includes(id), 'it is delivered'),
        5_000,
      );
    });
  });

  test('cause no fault in the viewer', () => {
    assert.deepEqual(factory.faults, []);
  });
});
