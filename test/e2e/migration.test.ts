import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import device from 'azure-iot-device';
import type { Row } from '../../scripts/local/platform.ts';
import { configurePtcPlant, installPtcExtension, PUMPS, ptcPlant } from '../emulators/ptc-entities.ts';
import { updates } from '../emulators/thingworx-tests/platform-support.ts';
import { eventually, Factory, HUB_THING } from '../operations/factory.ts';

const { Message } = device;
const ENDED = ['completed', 'failed', 'cancelled'];
const NEW = (name: string) => `${name}.AzureIoT`;

describe("the migration from PTC's connector", () => {
  const factory = new Factory({
    consumerGroups: ['migration'],
    hubSettings: { consumerGroup: 'migration' },
  });
  const platform = () => factory.system.platform;

  before(async () => {
    await factory.start();
    await installPtcExtension((file) => platform().importExtension(file));
    await factory.importEntities(ptcPlant());
    const { iotHubConnectionString, storageConnectionString } = factory.system.cloud;
    await configurePtcPlant((thing, service, parameters) => platform().invoke(thing, service, parameters), {
      iotHubConnectionString,
      storageConnectionString,
    });
    for (const deviceId of [...PUMPS, 'sensor-01'])
      await factory.hub('CreateDevice', { deviceId, createThing: false });
    // As PTC's connector writes what a device has sent.
    await ptcWrites('pump-01', { temperature: 21.5, running: true }, Date.now() - 3_600_000);
  });
  after(() => factory.stop());

  async function ptcWrites(thing: string, values: Row, time = Date.now()): Promise<void> {
    const rows = Object.entries(values).map(([name, value]) => ({
      name,
      time,
      value: { value, baseType: typeof value === 'boolean' ? 'BOOLEAN' : 'NUMBER' },
      quality: 'GOOD',
    }));
    await platform().invoke(thing, 'UpdateSubscribedPropertyValues', updates(rows));
  }

  const ended = (task: string): Promise<Row> =>
    eventually(async () => {
      const row = await factory.hub('GetTask', { task });
      assert.ok(ENDED.includes(String(row.state)), JSON.stringify(row));
      return row;
    });

  async function run(
    service: string,
    parameters: Row = {},
  ): Promise<{ row: Row; report: Row[]; id: string }> {
    const id = await factory.hub<string>(service, parameters);
    const row = await ended(id);
    const { rows } = await factory.hub<{ rows: Row[] }>('GetTaskReport', { task: id, limit: 1_000 });
    return { row, report: rows, id };
  }

  const line = (report: readonly Row[], item: string) => report.find((one) => one.item === item);

  async function exists(collection: string, name: string): Promise<boolean> {
    const { rows } = (await platform().invokeOn('Resources', 'EntityServices', 'GetEntityList', {
      type: collection,
      nameMask: name,
      maxItems: 10,
    })) as { rows: Row[] };
    return rows.some((one) => one.name === name);
  }

  test('the plan says what is made, copied and dropped, and changes nothing', async () => {
    const { rows } = (await platform().invoke(HUB_THING, 'PlanMigration')) as { rows: Row[] };
    const plan = rows[0] as Row & { steps: { rows: Row[] } };
    assert.match(String(plan.summary), /7 devices/);
    const step = (source: string) => plan.steps.rows.find((one) => one.source === source) as Row;
    assert.deepEqual(
      [step('Plant.Hub').target, step('Plant.Files').outcome, step('Plant.Reports').target],
      [HUB_THING, 'wouldCreate', NEW('Plant.Reports')],
    );
    assert.match(String(step('Plant.Hub').copied), /\{\$message\.deviceId\}\.AzureIoT/);
    assert.equal(step('Plant.Pump').outcome, 'wouldCreate');
    assert.match(String(step('Plant.Pump').copied), /shape Plant.Located/);
    assert.match(String(step('Plant.Pump').dropped), /remote services \(call InvokeMethod\) restart/);
    assert.match(String(step('Plant.Pump').dropped), /services \(copy by hand\) Describe/);
    assert.match(String(step('pump-01').copied), /value stream Plant.Values/);
    assert.equal(await exists('Things', NEW('pump-01')), false);
    assert.equal(await exists('ThingTemplates', NEW('Plant.Pump')), false);
  });

  test('without the right to read the entities of PTC, the task says which right is missing', async () => {
    const { row } = await run('StartMigration', { namePattern: 'pump-01' });
    assert.deepEqual([row.state, row.errorCode], ['failed', 'THINGWORX_FORBIDDEN']);
    assert.match(String(row.error), /group Administrators/);
    await platform().invokeOn('Groups', 'Administrators', 'AddMember', {
      member: 'azure-iot-sidecar',
      type: 'User',
    });
  });

  test("a value of a device never goes to the Thing of PTC's connector, whatever the rights", async () => {
    const client = await factory.connect('pump-02');
    await client.sendEvent(new Message(JSON.stringify({ temperature: 19 })));
    await eventually(async () => {
      const { rows } = await factory.hub<{ rows: Row[] }>('ListDeadLetters', { deviceId: 'pump-02' });
      assert.equal(rows.length, 1);
    });
    assert.equal((await factory.read('pump-02')).temperature, 0);
  });

  test('a dry run reports the same and changes nothing', async () => {
    const { row, report } = await run('StartMigration', { dryRun: true });
    assert.equal(row.state, 'completed', JSON.stringify(row));
    assert.equal(line(report, 'pump-06')?.outcome, 'wouldCreate');
    assert.equal(line(report, 'Plant.BigPump')?.outcome, 'wouldCreate');
    assert.equal(await exists('Things', NEW('Plant.Files')), false);
  });

  test('a wave makes storage, templates and the Things that its rules name', async () => {
    const { row, report } = await run('StartMigration', { namePattern: 'pump-*', tags: 'Plant:LineA' });
    assert.deepEqual([row.state, row.done], ['completed', row.total], JSON.stringify(report));
    for (const name of ['pump-01', 'pump-03', 'pump-05'])
      assert.equal(line(report, name)?.outcome, 'created', JSON.stringify(line(report, name)));
    assert.equal(line(report, 'pump-02'), undefined);
    // The hub Thing had no storage for checkpoints; its connection string stays as it was.
    assert.equal(line(report, 'Plant.Hub')?.outcome, 'changed');
    assert.match(String(line(report, 'Plant.Hub')?.message), /Copied: storageConnectionString from/);
    assert.match(String(line(report, 'Plant.Hub')?.message), /has iotHubConnectionString already/);

    const thing = await factory.read(NEW('pump-01'));
    assert.deepEqual(
      [thing.deviceId, thing.hubThing, thing.migratedFrom, thing.building, thing.serialNumber, thing.limit],
      ['pump-01', HUB_THING, 'pump-01', 'B1', 'S-1', 80],
    );
    assert.equal(thing.thingTemplate, NEW('Plant.Pump'));
    assert.deepEqual(thing.tags, [{ vocabulary: 'Plant', vocabularyTerm: 'LineA' }]);
    const storage = await factory.read(NEW('Plant.Files'));
    assert.equal(storage.sidecarUrl, factory.system.sidecar.url);
    const container = await factory.read(NEW('Plant.Reports'));
    assert.deepEqual([container.containerName, container.storageThing], ['reports', NEW('Plant.Files')]);
    assert.equal(await factory.call(NEW('pump-01'), 'GetValueStream'), 'Plant.Values');
    assert.equal(await factory.call(NEW('pump-01'), 'GetProjectName'), 'Plant');
  });

  test('properties of templates keep their aspects and lose their bindings; permissions are copied', async () => {
    const definition = (await platform().invokeOn(
      'Resources',
      'EntityServices',
      'ReadEntityDefinitionAsJSON',
      {
        type: 'ThingTemplates',
        name: NEW('Plant.Pump'),
      },
    )) as {
      baseThingTemplate: string;
      remotePropertyBindings: Row;
      thingShape: { propertyDefinitions: Record<string, { aspects: Row }> };
      instanceRunTimePermissions: unknown;
      instanceVisibilityPermissions: unknown;
    };
    const { temperature, limit, serialNumber, vibration } = definition.thingShape.propertyDefinitions;
    assert.equal(definition.baseThingTemplate, 'AzureIoT.Device_TT');
    assert.deepEqual(definition.remotePropertyBindings, {});
    assert.deepEqual(
      [temperature?.aspects.isLogged, temperature?.aspects.dataChangeType, temperature?.aspects.units],
      [true, 'ALWAYS', '°C'],
    );
    assert.deepEqual(
      [limit?.aspects.dataChangeType, limit?.aspects.dataChangeThreshold, limit?.aspects.isPersistent],
      ['DEADBAND', 0.5, true],
    );
    assert.deepEqual([serialNumber?.aspects.isReadOnly, vibration?.aspects.isLogged], [true, true]);
    assert.match(JSON.stringify(definition.instanceRunTimePermissions), /Plant\.Staff/);
    assert.match(JSON.stringify(definition.instanceVisibilityPermissions), /Plant\.Site/);
    const visible = await platform().invoke(NEW('pump-01'), 'GetVisibilityPermissionsAsJSON');
    assert.match(JSON.stringify(visible), /Plant\.Site/);
  });

  test('a storage secret reaches the new Thing without anybody reading it', async () => {
    await eventually(async () => {
      await factory.call(NEW('Plant.Files'), 'ConnectStorage');
    });
    await factory.call(NEW('Plant.Files'), 'CreateContainer', { containerName: 'reports' });
    await factory.call(NEW('Plant.Reports'), 'SaveText', { path: '/a.txt', content: 'report' });
    assert.equal(await factory.call(NEW('Plant.Reports'), 'LoadText', { path: '/a.txt' }), 'report');
  });

  test('after a SIGKILL in the middle of a wave, nothing is missing or twice', async () => {
    await factory.thingworxFault({ action: 'delayAnswer', path: 'MigrateEntities', delayMs: 1_500 });
    const task = await factory.hub<string>('StartMigration', { namePattern: 'pump-*', tags: 'Plant:LineB' });
    await eventually(async () => assert.ok(await exists('Things', NEW('pump-02'))));
    await factory.system.sidecar.kill();
    await factory.clearThingworxFaults();
    await factory.system.sidecar.start();
    await factory.system.waitForState('running');
    const row = await ended(task);
    assert.deepEqual([row.state, row.done], ['completed', row.total], JSON.stringify(row));
    for (const name of ['pump-02', 'pump-04', 'pump-06'])
      assert.equal((await factory.read(NEW(name))).migratedFrom, name);
    const { rows } = await factory.hub<{ rows: Row[] }>('GetTaskReport', { task, limit: 1_000 });
    assert.deepEqual(
      rows.map(({ item }) => item).filter((item) => String(item).startsWith('pump-')),
      ['pump-02', 'pump-04', 'pump-06'],
    );
  });

  test('a larger wave leaves what exists, and a percentage is stable', async () => {
    const none = await run('StartMigration', { percentage: 0 });
    assert.equal(line(none.report, 'pump-02'), undefined);
    const { row, report } = await run('StartMigration', {});
    assert.equal(row.state, 'completed', JSON.stringify(row));
    assert.deepEqual(
      ['pump-01', 'pump-02', 'sensor-01', 'Plant.Files'].map((name) => line(report, name)?.outcome),
      ['existed', 'existed', 'created', 'existed'],
      JSON.stringify(report),
    );
    assert.equal((await factory.read(NEW('sensor-01'))).thingTemplate, 'AzureIoT.Device_TT');
  });

  test('values of both connectors are compared; differences are counted with the last one', async () => {
    const client = await factory.connect('pump-01');
    await client.sendEvent(new Message(JSON.stringify({ temperature: 22, running: true })));
    await eventually(async () => {
      assert.equal((await factory.read(NEW('pump-01'))).temperature, 22);
    });
    const young = await run('CompareMigration', { minutes: 0, lagSeconds: 86_400 });
    assert.match(String(young.row.note), /Round 1 of 1: .*unsettled/);
    const before = await run('CompareMigration', { minutes: 0, lagSeconds: 0 });
    const { rows } = await factory.hub<{ rows: Row[] }>('GetMigrationComparison', { task: before.id });
    const temperature = rows.find((one) => one.property === 'temperature') as Row;
    assert.deepEqual(
      [
        temperature.thing,
        temperature.source,
        temperature.different,
        temperature.lastBefore,
        temperature.lastNow,
      ],
      [NEW('pump-01'), 'pump-01', 1, '21.5', '22'],
    );
    assert.equal(line(before.report, `${NEW('pump-01')}.temperature`)?.outcome, 'different');
    const near = await run('CompareMigration', { minutes: 0, lagSeconds: 7_200, tolerance: 0.6 });
    assert.equal(line(near.report, `${NEW('pump-01')}.temperature`), undefined, JSON.stringify(near.report));
  });

  test('the history before the migration is reachable', async () => {
    const { rows } = (await platform().invoke(NEW('pump-01'), 'QueryMigratedHistory', {
      property: 'temperature',
      oldestFirst: true,
    })) as { rows: Row[] };
    assert.deepEqual(
      rows.map(({ thing, number }) => [thing, number]),
      [
        ['pump-01', 21.5],
        [NEW('pump-01'), 22],
      ],
    );
  });

  test('entities that name the old Things or services are listed', async () => {
    const { row, report } = await run('FindMigrationReferences');
    assert.equal(row.state, 'completed', JSON.stringify(row));
    const found = report.map(({ item, message }) => `${item} ${message}`);
    assert.ok(found.includes('Mashups/Plant.Overview mashup: pump-04'), JSON.stringify(found));
    assert.ok(
      found.includes(
        'Things/Plant.Office service StopAll: pump-01, ConnectionServicesHub, DeleteAzureIotDevice, pump-02',
      ),
      JSON.stringify(found),
    );
    assert.ok(found.includes('Things/Plant.Office subscription Hot: pump-03'), JSON.stringify(found));
    assert.ok(!found.some((text) => text.startsWith('Things/pump-')), JSON.stringify(found));
  });

  test("services answer under PTC's names", async () => {
    await platform().invokeOn('Resources', 'EntityServices', 'AddShapeToThing', {
      name: HUB_THING,
      thingShapeName: 'AzureIoT.PtcServices_TS',
    });
    await factory.call(HUB_THING, 'CreateAzureIotDevice', { thingName: 'pump-07' });
    await factory.call(HUB_THING, 'CreateAzureIotDevice', { thingName: 'pump-07' });
    const described = (await platform().invoke(HUB_THING, 'DescribeAzureIotDevice', {
      thingName: 'pump-07',
    })) as { rows: Row[] };
    assert.deepEqual(described.rows[0], {
      deviceId: 'pump-07',
      status: 'enabled',
      cloudToDeviceMessageCount: 0,
    });
    const client = await factory.connect('pump-01');
    const inbox = factory.inbox(client);
    await factory.call(HUB_THING, 'AzureIotSendMessage', {
      thingName: NEW('pump-01'),
      payload: {
        dataShape: {
          fieldDefinitions: {
            limit: { name: 'limit', baseType: 'NUMBER', description: '', ordinal: 0, aspects: {} },
          },
        },
        rows: [{ limit: 75 }],
      },
    });
    assert.deepEqual(JSON.parse((await inbox()).getData().toString()), { limit: 75 });
    const jobId = await factory.call<string>(HUB_THING, 'AzureIotDeviceJobScheduleTwinUpdateJob', {
      patch: { properties: { desired: { limit: 70 } }, tags: { line: 'A' } },
      condition: "deviceId = 'pump-01'",
    });
    await eventually(async () => {
      const { rows } = (await platform().invoke(HUB_THING, 'AzureIotDeviceJobGetJob', { jobId })) as {
        rows: Row[];
      };
      assert.equal(rows[0]?.status, 'completed');
    });
    const results = (await platform().invoke(HUB_THING, 'QueryJobResults', { jobId })) as { rows: Row[] };
    assert.deepEqual(
      results.rows.map(({ deviceId }) => deviceId),
      ['pump-01'],
    );
    await factory.call(HUB_THING, 'DeleteAzureIotDevice', { thingName: 'pump-07' });
    await factory.call(HUB_THING, 'DeleteAzureIotDevice', { thingName: 'pump-07' });
  });

  test("jobs are found and cancelled, and devices imported, under PTC's names", async () => {
    const jobId = await factory.call<string>(HUB_THING, 'AzureIotDeviceJobScheduleDeviceMethodJob', {
      methodName: 'reset',
      payload: { hard: true },
      condition: "deviceId = 'pump-01'",
      jobId: 'tomorrow',
      startTime: Date.now() + 86_400_000,
      maxExecutionTimeInSeconds: 60,
    });
    assert.equal(jobId, 'tomorrow');
    const jobs = async (service: string, parameters: Row) =>
      ((await platform().invoke(HUB_THING, service, parameters)) as { rows: Row[] }).rows;
    const found = async (parameters: Row) =>
      (await jobs('AzureIotDeviceJobFindJobs', parameters)).filter((job) => job.jobId === jobId).length;
    assert.equal(await found({}), 1);
    assert.equal(await found({ type: 'scheduleDeviceMethod', status: 'scheduled' }), 1);
    assert.equal(await found({ type: 'scheduleUpdateTwin' }), 0);
    const [cancelled] = await jobs('AzureIotDeviceJobCancelJob', { jobId });
    assert.deepEqual([cancelled?.jobId, cancelled?.status], [jobId, 'cancelled']);
    assert.equal(await found({ status: 'cancelled' }), 1);
    await assert.rejects(
      jobs('AzureIotDeviceJobCancelJob', { jobId: 'never' }),
      /\[AzureIotDeviceJobCancelJob\] : AZURE_NOT_FOUND: Cancelling the job never/,
    );
    await factory.hub('CreateDevice', { deviceId: 'pump-08', createThing: false });
    const task = await factory.call<string>(HUB_THING, 'ImportAzureIotDevices', {
      thingTemplateName: 'AzureIoT.Device_TT',
    });
    assert.equal((await ended(task)).state, 'completed');
    assert.equal((await factory.read('pump-08')).deviceId, 'pump-08');
    await factory.hub('DeleteDevice', { deviceId: 'pump-08', deleteThing: true });
  });

  test("each hub of PTC's connector is migrated for itself; another one becomes a hub Thing that is switched off", async () => {
    await platform().createThing('Plant.Hub2', 'AzureIotHubTemplate');
    await platform().createThing('other-pump', 'Plant.Pump');
    await platform().setProperties('other-pump', { gatewayThing: 'Plant.Hub2' });
    const open = await run('StartMigration', {});
    assert.deepEqual([open.row.state, open.row.errorCode], ['failed', 'THINGWORX_REJECTED']);
    assert.match(String(open.row.error), /sourceHub must be one of Plant\.Hub, Plant\.Hub2/);
    const { row, report } = await run('StartMigration', { sourceHub: 'Plant.Hub' });
    assert.equal(row.state, 'completed', JSON.stringify(row));
    assert.equal(line(report, 'other-pump'), undefined);
    assert.equal(line(report, 'Plant.Hub2')?.outcome, 'created');
    const hub = await factory.read(NEW('Plant.Hub2'));
    assert.deepEqual([hub.enabled, hub.sidecarUrl], [false, factory.system.sidecar.url]);
  });

  test('names that somebody else has are refused, and nothing of theirs is touched', async () => {
    await platform().createThing('taken.Plant', 'GenericThing');
    await platform().createThing('taken', 'Plant.Pump');
    await platform().setProperties('taken', { gatewayThing: 'Plant.Hub' });
    const taken = { sourceHub: 'Plant.Hub', names: { array: ['taken'] } };
    const { report } = await run('StartMigration', { ...taken, thingName: '{name}.Plant' });
    assert.equal(line(report, 'taken')?.outcome, 'failed');
    assert.match(String(line(report, 'taken')?.message), /was not made by a migration/);
    const odd = await run('StartMigration', { ...taken, thingName: '{name} new' });
    assert.match(String(line(odd.report, 'taken')?.message), /ThingWorx does not allow the name/);
    for (const thingName of ['{name}', 'fixed'])
      await assert.rejects(factory.hub('StartMigration', { thingName }), /REQUEST_INVALID/, thingName);
    await assert.rejects(factory.hub('StartMigration', { names: { array: [] } }), /REQUEST_INVALID/);
    assert.equal(await exists('Things', 'taken.Plant'), true);
  });

  test('back: what the migration made is removed, and nothing else', async () => {
    const shown = await run('UndoMigration', { dryRun: true });
    assert.equal(line(shown.report, NEW('pump-01'))?.outcome, 'wouldDelete');
    const some = await run('UndoMigration', { namePattern: 'pump-0[1' });
    assert.deepEqual(some.report, []);
    // The sidecar has the settings without the storage account before the answer, so that the task moves with the others.
    await factory.thingworxFault({ action: 'delayAnswer', path: 'UndoMigrated', delayMs: 400 });
    const { row, report } = await run('UndoMigration');
    await factory.clearThingworxFaults();
    assert.deepEqual([row.state, row.done], ['completed', row.total], JSON.stringify(row));
    assert.equal(new Set(report.map(({ item }) => item)).size, report.length, JSON.stringify(report));
    assert.deepEqual(
      report.filter(({ outcome }) => outcome === 'failed'),
      [],
    );
    for (const setting of ['storageConnectionString', 'mappings'])
      assert.equal(line(report, setting)?.outcome, 'emptied');
    for (const name of [...PUMPS, 'sensor-01', 'Plant.Files', 'Plant.Checkpoints', 'Plant.Reports'])
      assert.deepEqual(
        [await exists('Things', name), await exists('Things', NEW(name))],
        [true, false],
        name,
      );
    for (const name of ['Plant.Pump', 'Plant.BigPump'])
      assert.deepEqual(
        [await exists('ThingTemplates', name), await exists('ThingTemplates', NEW(name))],
        [true, false],
      );
    assert.equal((await factory.read('pump-01')).temperature, 21.5);
    assert.deepEqual((await factory.read(HUB_THING)).mappings, {});
    assert.deepEqual(
      [await exists('Things', 'taken.Plant'), await exists('Things', NEW('Plant.Hub2'))],
      [true, false],
    );
    const again = await run('UndoMigration');
    assert.deepEqual(again.report, []);
  });
});
