import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HUB_THING, REPOSITORY_THING } from '../../scripts/local/system.ts';
import { eventually } from '../e2e/observe.ts';
import { installPtcExtension } from '../emulators/ptc-entities.ts';
import { PUMP } from '../models/plant-models.ts';
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

    await mashups.tab('Quota');
    await mashups.row('By source', 'telemetry').waitFor();
    await mashups.row('The ten devices that use most', 'pump-01').waitFor();
    await mashups.tab('Canary');
    await mashups.shown('canaryState', 'off');
    await mashups.choose('Remove canary');
    await mashups.confirm('Remove canary');
    await mashups.message('The device and the Thing of the canary are deleted.');

    await mashups.tab('Connection');
    await mashups.choose('Check connection');
    await mashups.row('steps', 'ok').waitFor();
    await mashups.choose('Disconnect');
    await mashups.confirm('Disconnect');
    await mashups.message('The hub is disconnected.');
    await mashups.tab('Overview');
    await mashups.shown('state', /stopped|disconnected/);
    await mashups.tab('Connection');
    await mashups.choose('Connect');
    await mashups.message('The settings are with the sidecar.');
    await mashups.tab('Overview');
    await mashups.shown('state', 'running');

    await mashups.tab('Dead letters');
    await eventually(async () => {
      await mashups.choose('Show');
      await mashups.row('letters', 'VALUE_WRONG_TYPE').waitFor({ timeout: 2_000 });
    });
    const id = await mashups.selectLetter('oven-02', /sensor fault/);
    await mashups.shoot('hub-dead-letters');
    await mashups.field('Dry run').check();
    await mashups.choose('Replay selected');
    await mashups.confirm('Replay');
    await mashups.message('The replay has begun');
    await mashups.tab('Tasks');
    await mashups.row('tasks', 'completed').click();
    await mashups.table('Report of the selected task').getByRole('row').nth(1).waitFor();

    await mashups.tab('Dead letters');
    await mashups.choose('Delete selected');
    await mashups.confirm('Cancel');
    assert.ok((await factory.letterIds()).includes(id), 'nothing is deleted before the question is answered');
    await mashups.choose('Delete selected');
    await mashups.confirm('Delete');
    await mashups.message('The dead letters are deleted.');
    assert.ok(!(await factory.letterIds()).includes(id));
  });

  test('show the errors of a hub with their remedies', async () => {
    const { mappings } = await factory.valuesOf(HUB_THING);
    await system.platform.setProperties(HUB_THING, { mappings: { version: 1, rules: [{ unknown: true }] } });
    await mashups.open('Hub', { hub: HUB_THING });
    await mashups.shown('error', /MAPPINGS_INVALID.*What to do: \S/s);
    await mashups.row('Recent errors', 'MAPPINGS_INVALID').getByRole('cell').nth(2).getByText(/\S/).waitFor();
    await mashups.shoot('hub');
    await system.platform.setProperties(HUB_THING, { mappings });
    await mashups.page.locator('[data-widget="error"]:empty').waitFor({ state: 'attached' });
  });

  test('cancel a task that waits, after a question', async () => {
    await mashups.open('Hub', { hub: HUB_THING });
    await mashups.tab('Dead letters');
    await eventually(async () => {
      await mashups.choose('Show');
      await mashups.row('letters', 'oven-02').waitFor({ timeout: 2_000 });
    });
    await mashups.row('letters', 'oven-02').click();
    await factory.fault({ action: 'status', path: 'DescribeThings', status: 503 });
    await factory.fault({ action: 'status', path: 'ReceiveUpdates', status: 503 });
    await mashups.choose('Replay selected');
    await mashups.confirm('Replay');
    await mashups.message('The replay has begun');
    await mashups.tab('Tasks');
    await mashups.row('tasks', 'running').click();
    await mashups.choose('Cancel selected');
    await mashups.confirm('Cancel task');
    await mashups.message('The task is cancelled.');
    await mashups.row('tasks', 'cancelled').waitFor();
    await factory.fault();
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
    await mashups.choose('Enable');
    await mashups.row('devices', 'enabled').waitFor();
    await mashups.field('Device id begins with').fill('');
    await mashups.field('Condition').first().fill("connectionState = 'Connected'");
    await mashups.choose('Find');
    await mashups.row('devices', 'pump-01').getByRole('cell', { name: 'Connected', exact: true }).waitFor();
    await mashups.table('devices').getByText('mixer-09').waitFor({ state: 'detached' });
    await mashups.field('Condition').first().fill("deviceId = 'mixer-09'");
    await mashups.choose('Find');
    await mashups.row('devices', 'mixer-09').click();
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
    const [, , , done, total] = await mashups.row('imports', 'completed').getByRole('cell').allTextContents();
    assert.ok(Number(done) >= 2);
    assert.equal(done, total);
    await mashups.row('Report of the selected import', 'spare-07').waitFor();
    await assert.rejects(factory.valuesOf('spare-07'), /404/, 'a dry run makes nothing');
    await mashups.field('Dry run').uncheck();
    await mashups.choose('Import');
    await eventually(async () => assert.equal((await factory.valuesOf('spare-07'))['deviceId'], 'spare-07'));

    await mashups.tab('Models');
    await mashups.field('File repository').fill(REPOSITORY_THING);
    await mashups.field('Path').fill('/pump.zip');
    const models = mashups.field('Models in DTDL or the short form');
    await models.fill(JSON.stringify({ ...PUMP, telemetry: { flow: 'fast' } }));
    await mashups.choose('Build package');
    await mashups.message(/MODEL_INVALID: .*telemetry.*What to do/);
    await models.fill(JSON.stringify(PUMP));
    await mashups.choose('Build package');
    await mashups.message('The package is in the file repository.');
    const made = mashups.field('What was made');
    await eventually(async () =>
      assert.equal(JSON.parse(await made.inputValue()).templates, 'Factory.Pump_TT'),
    );
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

    await mashups.tab('Twin');
    await mashups.field('Change desired properties').fill('{ "speed": 1200 }');
    await mashups.field('Change tags').fill('{ "line": "A" }');
    await mashups.choose('Update twin');
    await eventually(async () => {
      await mashups.choose('Read twin');
      const { properties, tags } = JSON.parse(await mashups.field('Twin').inputValue());
      assert.equal(properties.reported.speed, 1200);
      assert.equal(tags.line, 'A');
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

  test('start a campaign, watch its waves and devices, and roll it back', async () => {
    await mashups.open('Campaigns', { hub: HUB_THING });
    await mashups.tab('Start');
    await mashups.row('Files of the container', '/robot-2.0.0.txt').click();
    await mashups.field('Package').fill('controller');
    await mashups.field('Version').first().fill('2.1.0');
    await mashups.field('Condition').fill("deviceId = 'robot-05'");
    await mashups.choose('Start with selected file');
    await mashups.message('The campaign has begun; the list of campaigns shows its progress.');
    await mashups.tab('Campaigns');
    await mashups.row('campaigns', 'completed').click();
    await mashups.row('Waves of the selected campaign', 'passed').waitFor();
    await mashups.row('Its first 500 devices', 'robot-05').waitFor();
    await mashups.shoot('campaigns');
    await mashups.choose('Roll back');
    await mashups.confirm('Roll back');
    await mashups.message('The campaign is rolled back; the list of devices shows its progress.');
    await mashups.row('campaigns', 'rolledBack').waitFor();
    await mashups.row('Its first 500 devices', 'rolledBack').waitFor();
    await mashups.choose('Pause');
    await mashups.message(/CAMPAIGN_STATE: .*is rolledBack.*What to do/);
  });

  test('show whether a device accepted, rejected or never received a message', async () => {
    const messages: string[] = [];
    const packer = await factory.connect('packer-10');
    packer.on('message', (message: { getData(): Buffer }) => {
      const text = message.getData().toString();
      messages.push(text);
      void (text === 'jump' ? packer.reject(message as never) : packer.complete(message as never));
    });
    const send = async (body: string, outcome: string): Promise<void> => {
      await mashups.field('Body').fill(body);
      await mashups.choose('Send');
      await mashups.message('The message waits in the IoT Hub for the device.');
      const id = await mashups.page.locator('[data-widget="messageId"]').textContent();
      assert.ok(id);
      await mashups
        .row('Feedback on messages', id)
        .getByRole('cell', { name: outcome, exact: true })
        .first()
        .waitFor();
    };
    await mashups.open('Device', { device: 'packer-10' });
    await mashups.tab('Commands');
    await mashups.field('Ask for feedback').check();
    await send('pack', 'Success');
    await mashups.shoot('device-commands');
    await mashups.field('Body').fill('jump');
    await mashups.choose('Send');
    await mashups.row('Feedback on messages', 'Rejected').waitFor();
    assert.deepEqual(messages, ['pack', 'jump']);

    await mashups.tab('Software and files');
    await mashups.row('Files of the container', '/robot-2.0.0.txt').click();
    await mashups.choose('Send link of selected file');
    await mashups.message('The device has the link.');
    await eventually(async () => assert.equal(messages.length, 3));
    const { url } = JSON.parse(messages[2] ?? '') as { url: string };
    assert.equal(await (await fetch(url)).text(), 'new');

    await factory.addDevice('sleeper-11');
    await mashups.open('Device', { device: 'sleeper-11' });
    await mashups.tab('Commands');
    await mashups.field('Ask for feedback').check();
    await mashups.field('Expires after (seconds)').fill('1');
    await send('wake up', 'Expired');
    await mashups.tab('Software and files');
    await mashups.row('Files of the container', '/robot-2.0.0.txt').click();
    await mashups.field('Package').first().fill('controller');
    await mashups.field('Version').fill('2.0.0');
    await mashups.choose('Install selected file');
    await mashups.row('Packages of the device', 'waiting').waitFor();
    await mashups.field('Package').last().fill('controller');
    await mashups.choose('Cancel deployment');
    await mashups.confirm('Cancel deployment');
    await mashups.message('The deployment is cancelled.');
    await mashups.row('Packages of the device', 'cancelled').waitFor();
  });

  test('browse an OPC UA server, publish a node, read and write a value', async () => {
    await mashups.open('OpcUa');
    await mashups.row('Servers', 'opc.tcp://line-1:4840').click();
    await mashups.row('Published nodes of the selected server', 'Filler.Speed').waitFor();
    await mashups.tab('Browse');
    await mashups.choose('Browse below');
    await mashups.row('references', 'Objects').click();
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

  test('find nodes, bind them to a new Thing, show their values, and unbind them', async () => {
    await mashups.open('OpcUa');
    await mashups.row('Servers', 'opc.tcp://line-1:4840').click();
    await mashups.tab('Bind');
    await mashups.field('Name').fill('r*');
    await mashups.choose('Find nodes');
    await mashups.row('Found nodes', 'ns=2;s=Line1.Running').click();
    await mashups.choose('Bind selected');
    await mashups.confirm('Bind');
    await mashups.message(/REQUEST_INVALID: Thing is empty/);
    await mashups.field('Thing').fill('Line1.State');
    await mashups.choose('Bind selected');
    await mashups.confirm('Bind');
    await mashups.message('The nodes are bound.');
    await mashups.tab('Bindings');
    await eventually(async () => {
      await mashups.choose('Refresh');
      await mashups.row('Bindings', 'published').getByText('true').first().waitFor({ timeout: 2_000 });
    });
    assert.equal((await factory.valuesOf('Line1.State'))['Running'], true);
    await mashups.shoot('opc-ua-bindings');
    await mashups.row('Bindings', 'Line1.State').click();
    await mashups.choose('Unbind selected');
    await mashups.confirm('Unbind');
    await mashups.message('The bindings are removed.');
    await mashups.row('Bindings', 'Line1.State').waitFor({ state: 'hidden' });
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
    // Without an address yet, there is nothing to decode.
    const picture = mashups.page.locator('[data-widget="picture"] img');
    await eventually(() => picture.evaluate((image: { decode(): Promise<void> }) => image.decode()));
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

    await mashups.tab('Add');
    await mashups.field('Path').fill('/shifts');
    await mashups.choose('Create folder');
    await mashups.message('The folder is created.');
    await mashups.field('Path').fill('/shifts/night.txt');
    await mashups.choose('Save text');
    await mashups.confirm('Save');
    await mashups.message('The file is written.');
    await mashups.tab('Files');
    await mashups.field('Folder').fill('/');
    await mashups.choose('Show');
    await mashups.row('files', 'shifts').click();
    await mashups.choose('Delete selected folder');
    await mashups.page.getByRole('dialog').getByText('/shifts is deleted, and everything in it.').waitFor();
    await mashups.confirm('Cancel');
    assert.equal(await container.getBlobClient('shifts/night.txt').exists(), true);
    await mashups.choose('Delete selected folder');
    await mashups.confirm('Delete');
    await mashups.message('The folder is deleted.');
    assert.equal(await container.getBlobClient('shifts/night.txt').exists(), false);
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
    await mashups.choose('Load again');
    await eventually(async () => assert.deepEqual(JSON.parse(await editor.inputValue()), before));
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
    const id = await mashups.selectLetter('oven-02', /sensor fault/);
    // The sidecar has the new mappings a moment after they are applied.
    await eventually(async () => {
      await mashups.choose('Replay selected');
      await mashups.confirm('Replay');
      await eventually(
        async () => assert.ok(!(await factory.letterIds()).includes(id), 'it is delivered'),
        5_000,
      );
    });
  });

  test('take a dead letter of a component as a sample with its component', async () => {
    const device = await system.addDevice('plug-12');
    await device.send('{ "temperature": 21 }', { '$.sub': 'thermostat1' });
    await mashups.open('Mappings', { hub: HUB_THING });
    await mashups.field('Device').fill('plug-12');
    await eventually(async () => {
      await mashups.choose('Show dead letters');
      await mashups.row('Dead letters: select one as the sample', 'THING_UNKNOWN').click({ timeout: 2_000 });
    });
    const sample = mashups.field('Sample message');
    await eventually(async () => {
      const { deviceId, componentName, body } = JSON.parse(await sample.inputValue());
      assert.deepEqual([deviceId, componentName, body], ['plug-12', 'thermostat1', { temperature: 21 }]);
    });
  });

  test("plan a migration from PTC's connector, and show what it would make as a task", async () => {
    const { platform } = system;
    await installPtcExtension((file) => platform.importExtension(file));
    await platform.createThing('old-hub', 'AzureIotHubTemplate');
    await platform.createThing('old-sensor', 'AzureIotThing');
    // Who plans reads the entities of PTC's connector, and so does the sidecar.
    for (const member of [ADMINISTRATOR, 'azure-iot-sidecar'])
      await platform.invokeOn('Groups', 'Administrators', 'AddMember', { member, type: 'User' });
    await mashups.open('Migration', { hub: HUB_THING });
    await mashups.choose('Plan');
    await mashups.row('steps', 'old-sensor.AzureIoT').waitFor();
    await mashups.tab('Migrate');
    await mashups.choose('Migrate');
    await mashups.message('The migration has begun; Tasks shows its progress.');
    const task = mashups.row('tasks', "Show a migration from PTC's connector");
    // The report is read when the task is selected.
    await task.filter({ hasText: 'completed' }).click();
    await mashups.row('Report of the selected task', 'old-sensor').waitFor();
    await mashups.shoot('migration');
  });

  test('cause no fault in the viewer', () => {
    assert.deepEqual(factory.faults, []);
  });
});
