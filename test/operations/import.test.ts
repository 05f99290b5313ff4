import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

const ENDED = ['completed', 'failed', 'cancelled'];

describe('imports', () => {
  const factory = new Factory();
  before(() => factory.start());
  after(() => factory.stop());

  /** Begins one and waits until it has ended. */
  async function ended(task: string): Promise<Row> {
    return await eventually(async () => {
      const row = await factory.hub('GetImport', { task });
      assert.ok(ENDED.includes(String(row.state)), JSON.stringify(row));
      return row;
    });
  }

  async function run(parameters: Row = {}, service = 'StartImport'): Promise<{ row: Row; report: Row[] }> {
    const task = await factory.hub<string>(service, parameters);
    const row = await ended(task);
    const table = await factory.hub<{ rows: Row[] }>('GetTaskReport', { task, limit: 5_000 });
    return { row, report: table.rows };
  }

  async function exists(thing: string): Promise<boolean> {
    const answer = (await factory.system.platform.invoke(HUB_THING, 'DescribeThings', {
      names: { names: [thing] },
    })) as { things: Row };
    return thing in answer.things;
  }

  const register = (ids: string[], options: { iotEdge?: boolean } = {}) =>
    registerDevices(factory.system.cloud.iotHubConnectionString, ids, options);
  const tag = (deviceId: string, tags: Row) =>
    factory.system.platform.invoke(HUB_THING, 'CallSidecar', {
      operation: 'UpdateTwin',
      input: { deviceId, tags },
    });
  const rules = (rows: Row[]) => ({
    dataShape: {
      fieldDefinitions: Object.fromEntries(
        Object.entries({
          template: 'THINGTEMPLATENAME',
          tag: 'STRING',
          value: 'STRING',
          modelId: 'STRING',
          edge: 'BOOLEAN',
        }).map(([name, baseType], ordinal) => [
          name,
          { name, baseType, description: '', ordinal, aspects: {} },
        ]),
      ),
    },
    rows,
  });

  test('a dry run makes nothing and says what would be', async () => {
    await register(['dry-1', 'dry-2']);
    const { row, report } = await run({ deviceIds: { array: ['dry-1', 'dry-2', 'dry-3'] }, dryRun: true });
    assert.deepEqual([row.state, row.done, row.created, row.failed], ['completed', 3, 2, 1]);
    assert.equal(await exists('dry-1'), false);
    assert.deepEqual(report.map(({ item, outcome }) => [item, outcome]).sort(), [
      ['dry-1', 'wouldCreate'],
      ['dry-2', 'wouldCreate'],
      ['dry-3', 'failed'],
    ]);
  });

  test('templates by tag and Edge capability, names, tags and identifiers by pattern', async () => {
    await register(['rule-plain', 'rule-tagged']);
    await register(['rule-edge'], { iotEdge: true });
    await tag('rule-tagged', { site: { name: 'lyon' } });
    await tag('rule-plain', { site: { name: 'bonn' } });
    await factory.system.platform.invokeOn('Resources', 'EntityServices', 'CreateThingTemplate', {
      name: 'Lyon_TT',
      description: '',
      thingTemplateName: 'AzureIoT.Device_TT',
    });
    await factory.hub('GrantPermissions', { template: 'Lyon_TT' });
    const { row, report } = await run({
      deviceIds: { array: ['rule-plain', 'rule-tagged', 'rule-edge'] },
      rules: rules([
        { template: 'AzureIoT.EdgeDevice_TT', edge: true },
        { template: 'Lyon_TT', tag: 'site.name', value: 'lyon' },
      ]),
      thingName: 'Imported.{deviceId}',
      identifier: 'azure-{deviceId}',
    });
    assert.deepEqual([row.created, row.failed], [3, 0], JSON.stringify(report));
    const templates = new Map(report.map(({ item, message }) => [item, message]));
    assert.equal(templates.get('rule-edge'), 'Imported.rule-edge from AzureIoT.EdgeDevice_TT');
    assert.equal(templates.get('rule-tagged'), 'Imported.rule-tagged from Lyon_TT');
    assert.equal(templates.get('rule-plain'), 'Imported.rule-plain from AzureIoT.Device_TT');
    const thing = await factory.read('Imported.rule-tagged');
    assert.deepEqual([thing.deviceId, thing.hubThing], ['rule-tagged', HUB_THING]);
    assert.equal(
      (
        (await factory.system.platform.invokeOn('Resources', 'EntityServices', 'GetThingNameForIdentifier', {
          identifier: 'azure-rule-tagged',
        })) as { rows: Row[] }
      ).rows[0]?.result,
      'Imported.rule-tagged',
    );
    const again = await run({ deviceIds: { array: ['rule-plain', 'rule-tagged', 'rule-edge'] } });
    assert.deepEqual([again.row.created, again.row.existed], [0, 3], 'a device has one Thing');
  });

  test('by query; a device without the value that a pattern needs is reported', async () => {
    await register(['query-1', 'query-2', 'query-3']);
    await tag('query-1', { line: 'q', room: 'A' });
    await tag('query-2', { line: 'q' });
    const { row, report } = await run({ condition: "tags.line = 'q'", thingName: '{tags.room}-{deviceId}' });
    assert.deepEqual([row.total, row.created, row.failed], [2, 1, 1]);
    assert.ok(await exists('A-query-1'));
    const [failed] = report.filter(({ outcome }) => outcome === 'failed');
    assert.match(String(failed?.message), /no value for \{tags\.room\}/);
  });

  test('a Thing of the name that cannot be that of the device is no success, in a dry run neither', async () => {
    const ids = ['plain-thing', 'other-hub', 'other-device', 'disabled', 'unlinked', 'mine', 'new'];
    await register(ids);
    const { platform } = factory.system;
    await platform.createThing('Second.Hub', 'AzureIoT.Hub_TT');
    await platform.createThing('plain-thing', 'GenericThing');
    await platform.invoke('plain-thing', 'AddVisibilityPermission', {
      principal: 'AzureIoT.Connector_OR',
      principalType: 'Organization',
    });
    for (const thing of ['other-hub', 'other-device', 'disabled', 'unlinked', 'mine'])
      await platform.createThing(thing, 'AzureIoT.Device_TT');
    await platform.setProperties('other-hub', { hubThing: 'Second.Hub' });
    await platform.setProperties('other-device', { deviceId: 'somebody-else' });
    await platform.setProperties('mine', { hubThing: HUB_THING });
    await platform.invoke('disabled', 'DisableThing');
    const results = async (dryRun: boolean) => {
      const { row, report } = await run({ deviceIds: { array: ids }, dryRun });
      assert.deepEqual([row.created, row.existed, row.failed], [1, 2, 4]);
      return new Map(report.map(({ item, outcome, message }) => [item, `${outcome} ${message}`]));
    };
    for (const dryRun of [true, false]) {
      const found = await results(dryRun);
      assert.match(String(found.get('plain-thing')), /^failed .*does not implement AzureIoT.Device_TS/);
      assert.match(String(found.get('other-hub')), /^failed .*belongs to the hub Thing Second\.Hub/);
      assert.match(String(found.get('other-device')), /^failed .*stands for the device somebody-else/);
      assert.match(String(found.get('disabled')), /^failed .*exists, and is not running/);
      assert.equal(found.get('unlinked'), `${dryRun ? 'wouldLink' : 'linked'} unlinked`);
      assert.equal(found.get('mine'), 'existed mine');
      assert.match(String(found.get('new')), dryRun ? /^wouldCreate / : /^created /);
      assert.equal((await factory.read('unlinked')).hubThing ?? '', dryRun ? '' : HUB_THING);
      assert.equal(await exists('new'), !dryRun);
    }
    // What the sidecar does not see is only found when it is made.
    await register(['hidden-thing']);
    await platform.createThing('hidden-thing', 'GenericThing');
    const hidden = await run({ deviceIds: { array: ['hidden-thing'] } });
    assert.match(String(hidden.report[0]?.message), /already exists/);
    await register(['dry-template']);
    const missing = await run({
      deviceIds: { array: ['dry-template'] },
      dryRun: true,
      template: 'No_Such_TT',
    });
    assert.match(String(missing.report[0]?.message), /no Thing Template No_Such_TT/);
  });

  test('two devices never get one Thing', async () => {
    await register(['same-1', 'same-2']);
    await tag('same-1', { line: 'same' });
    await tag('same-2', { line: 'same' });
    const { row, report } = await run({ condition: "tags.line = 'same'", thingName: 'Thing-{tags.line}' });
    assert.deepEqual([row.created, row.failed], [1, 1]);
    assert.match(
      String(report.find(({ outcome }) => outcome === 'failed')?.message),
      /belongs to the device/,
    );
  });

  test('wrong input is refused at once', async () => {
    await assert.rejects(run({ thingName: '{deviceID}' }), /REQUEST_INVALID: thingName has \{deviceID\}/);
    await assert.rejects(
      run({ condition: 'a = 1', deviceIds: { array: ['x'] } }),
      /REQUEST_INVALID: Give condition or deviceIds/,
    );
    await assert.rejects(
      run({ deviceIds: { array: [] } }),
      /REQUEST_INVALID: deviceIds is an empty list/,
      'nothing chosen is not everything',
    );
    const { row } = await run({ condition: 'tags.. nonsense' });
    assert.deepEqual([row.state, row.errorCode], ['failed', 'AZURE_REJECTED']);
    await assert.rejects(factory.hub('GetImport', { task: '20260101000000000-00000000' }), /TASK_NOT_FOUND/);
    const missing = await run({ deviceIds: { array: ['query-3'] }, template: 'No_Such_TT' });
    assert.deepEqual([missing.row.state, missing.row.failed], ['completed', 1]);
  });

  test('ExportThings makes devices for Things, and gives Things without a hub to this one', async () => {
    const { platform } = factory.system;
    await platform.createThing('own-1', 'Lyon_TT');
    await platform.createThing('own-2', 'Lyon_TT');
    await register(['own-2']);
    const dry = await run({ template: 'Lyon_TT', dryRun: true }, 'ExportThings');
    assert.deepEqual([dry.row.created, dry.row.existed], [1, 2]);
    const { row } = await run({ template: 'Lyon_TT' }, 'ExportThings');
    assert.deepEqual([row.state, row.created, row.existed, row.failed], ['completed', 1, 2, 0]);
    assert.equal((await factory.hub('GetDevice', { deviceId: 'own-1' })).status, 'enabled');
    assert.equal((await factory.read('own-1')).hubThing, HUB_THING);
  });

  test('one Thing that no device can be made for does not keep an export from the others', async () => {
    const { platform } = factory.system;
    await platform.invokeOn('Resources', 'EntityServices', 'CreateThingTemplate', {
      name: 'Mixed_TT',
      description: '',
      thingTemplateName: 'AzureIoT.Device_TT',
    });
    await factory.hub('GrantPermissions', { template: 'Mixed_TT' });
    for (const name of ['mixed-1', 'mixed-2', 'mixed-[3]']) await platform.createThing(name, 'Mixed_TT');
    await platform.setProperties('mixed-2', { deviceId: 'mixed-1' });
    for (const dryRun of [true, false]) {
      const { row, report } = await run({ template: 'Mixed_TT', dryRun }, 'ExportThings');
      assert.deepEqual([row.state, row.done, row.created, row.failed], ['completed', 3, 1, 2]);
      const failed = report.filter(({ outcome }) => outcome === 'failed').map(({ message }) => message);
      assert.deepEqual(failed, [
        'mixed-2: mixed-1 stands for the same device.',
        'mixed-[3]: IoT Hub allows no such id.',
      ]);
    }
    const { row } = await run({ template: 'No_Such_TT' }, 'ExportThings');
    assert.deepEqual([row.state, row.errorCode], ['failed', 'THINGWORX_REJECTED']);
    assert.match(String(row.error), /no Thing Template No_Such_TT/);
  });

  test('CompareRegistry lists what is missing on either side', async () => {
    await register(['alone-in-azure']);
    const { platform } = factory.system;
    await platform.createThing('alone-in-thingworx', 'AzureIoT.Device_TT');
    await platform.setProperties('alone-in-thingworx', { hubThing: HUB_THING });
    assert.ok(Number((await run({ condition: '*', dryRun: true })).row.done) > 1);
    const { row, report } = await run({}, 'CompareRegistry');
    assert.deepEqual([row.state, row.done], ['completed', row.total]);
    const lines = new Set(report.map(({ item, outcome }) => `${item} ${outcome}`));
    assert.ok(lines.has('alone-in-azure withoutThing'));
    assert.ok(lines.has('alone-in-thingworx withoutDevice'));
    assert.ok(!lines.has('own-1 withoutThing'));
  });
});
