import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { SimulatedDevice } from '../../scripts/local/device.ts';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';
import { Users } from './users.ts';

/** The platform at its strictest: scripts have the rights of their caller alone, and no resource is for everybody. */
const STRICT = { nestedRights: 'caller', functionLibrariesForUsers: false };

describe('rights of the groups', () => {
  const factory = new Factory({
    hubSettings: { unknownThing: 'create', unknownProperty: 'create' },
    builtInSources: ['twinChangeEvents', 'deviceConnectionStateEvents', 'deviceLifecycleEvents'],
  });
  const users = new Users(factory.system);
  let sidecarKey = '';
  let operatorKey = '';
  let strangerKey = '';

  before(async () => {
    await factory.start();
    sidecarKey = await users.keyOf('azure-iot-sidecar');
    operatorKey = await users.create('operator', 'AzureIoT.Administrators_UG');
    strangerKey = await users.create('stranger');
    await users.setSwitches(STRICT);
  });
  after(() => factory.stop());

  test('what the sidecar does works with its key alone: every step of CheckConnection', async () => {
    const table = await factory.hub<{ rows: Row[] }>('CheckConnection');
    const failed = table.rows.filter(({ outcome }) => outcome !== 'ok' && outcome !== 'skipped');
    assert.deepEqual(failed, []);
  });

  test('Things and properties are made for messages, and for imports; values are written', async () => {
    const device = await factory.system.addDevice('rights-1');
    await device.send(JSON.stringify({ pressure: 4.5 }));
    await eventually(async () => assert.equal((await factory.read('rights-1')).pressure, 4.5));
    await registerDevices(factory.system.cloud.iotHubConnectionString, ['rights-2']);
    const task = await factory.hub<string>('StartImport', { deviceIds: { array: ['rights-2'] } });
    await eventually(async () => assert.equal((await factory.hub('GetImport', { task })).created, 1));
    await factory.hub('DeleteDevice', { deviceId: 'rights-2', deleteThing: true });
    await assert.rejects(factory.read('rights-2'), /404/);
  });

  test('twins, connections and life cycles reach the Things, and what is set there the hub', async () => {
    const { platform, cloud } = factory.system;
    await platform.setProperties(HUB_THING, { deviceLifecycle: 'create-and-disable' });
    await factory.hub('Connect');
    const strings = await registerDevices(cloud.iotHubConnectionString, ['rights-3']);
    await eventually(async () => assert.equal((await factory.read('rights-3')).hubThing, HUB_THING));
    await factory.call('rights-3', 'UpdateTwin', { desired: { speed: 1 }, tags: { line: 3 } });
    await eventually(async () => {
      const { twinDesired, twinTags } = await factory.read('rights-3');
      assert.deepEqual([(twinDesired as Row).speed, (twinTags as Row).line], [1, 3]);
    });
    const connectionState = (state: string) =>
      eventually(async () => assert.equal((await factory.read('rights-3')).connectionState, state));
    const device = new SimulatedDevice('rights-3', strings.get('rights-3') ?? '');
    await device.open(await readFile(cloud.caFile, 'utf8'));
    await connectionState('Connected');
    await device.close();
    await connectionState('Disconnected');
    // Set by somebody who may: brought to the hub, and its answer written, in his name.
    const answer = await users.as(
      operatorKey,
      'Things/rights-3/Properties/*',
      { twinTags: { line: 4 } },
      'PUT',
    );
    assert.equal(answer.status, 200);
    await eventually(async () =>
      assert.deepEqual((await factory.call('rights-3', 'GetTwin')).tags, { line: 4 }),
    );
    const isEnabled = async () => factory.call<boolean>('rights-3', 'IsEnabled');
    await factory.hub('DeleteDevice', { deviceId: 'rights-3' });
    await eventually(async () => assert.equal(await isEnabled(), false));
    await factory.hub('CreateDevice', { deviceId: 'rights-3' });
    await eventually(async () => assert.equal(await isEnabled(), true));
    await platform.setProperties(HUB_THING, { deviceLifecycle: 'create-and-delete' });
    await factory.hub('Connect');
    await factory.hub('DeleteDevice', { deviceId: 'rights-3' });
    await eventually(() => assert.rejects(factory.read('rights-3'), /404/));
    await platform.setProperties(HUB_THING, { deviceLifecycle: 'keep' });
    await factory.hub('Connect');
  });

  test('the state of the modules of an Edge device follows its edgeAgent', async () => {
    await factory.createDevice('rights-edge', { iotEdge: true, thingTemplate: 'AzureIoT.EdgeDevice_TT' });
    const agent = await factory.connectModule('rights-edge', '$edgeAgent');
    const twin = await agent.getTwin();
    const update = promisify(twin.properties.reported.update.bind(twin.properties.reported));
    await update({ modules: { sensor: { runtimeStatus: 'running' } } });
    await eventually(async () => {
      const { modulesStatus } = await factory.read('rights-edge');
      assert.equal((modulesStatus as { rows: Row[] }).rows[0]?.runtimeStatus, 'running');
    });
    await agent.close();
  });

  test('an export gives Things to the hub, a comparison looks at both sides, with events', async () => {
    await factory.system.platform.createThing('rights-4', 'AzureIoT.Device_TT');
    await factory.listen(HUB_THING, 'ImportCompleted');
    for (const [service, parameters] of [
      ['ExportThings', { template: 'AzureIoT.Device_TT' }],
      ['CompareRegistry', {}],
    ] as const) {
      const task = await factory.hub<string>(service, parameters);
      await eventually(async () => {
        const event = (await factory.heard(HUB_THING, 'ImportCompleted')).find(
          (heard) => heard.task === task,
        );
        assert.deepEqual([event?.state, event?.failed], ['completed', 0]);
      });
    }
    assert.equal((await factory.read('rights-4')).hubThing, HUB_THING);
    const { counters } = (await factory.hub('GetStatus')) as { counters: Record<string, number> };
    assert.equal(counters.deadLettered, 0, 'nothing of all this was refused');
  });

  test('what the sidecar need not do is refused', async () => {
    // What it has made itself it owns, and may do anything with.
    await factory.system.platform.createThing('Foreign', 'GenericThing');
    const refused: readonly [string, number, Row?, string?][] = [
      [`Things/${HUB_THING}/Services/Disconnect`, 403],
      [`Things/${HUB_THING}/Services/CreateDevice`, 403, { deviceId: 'x' }],
      [`Things/${HUB_THING}/Services/StartImport`, 403],
      [`Things/${HUB_THING}/Services/GetDeviceKeys`, 403, { deviceId: 'rights-1' }],
      [`Things/${HUB_THING}/Services/AddPropertyDefinition`, 403, { name: 'x', type: 'STRING' }],
      ['Things/rights-4/Services/InvokeMethod', 403, { methodName: 'x' }],
      ['Things/rights-4/Services/SendMessage', 403, { body: 'x' }],
      ['Things/rights-4/Services/UpdateTwin', 403, { tags: {} }],
      ['Things/rights-4/Services/GetTwin', 403],
      [`Things/${HUB_THING}/Services/GrantPermissions`, 403],
      [`Things/${HUB_THING}/Services/CheckConnection`, 403],
      [`Things/${HUB_THING}/Properties/*`, 403, { consumerGroup: 'other' }, 'PUT'],
      ['Resources/EntityServices/Services/CreateUser', 403, { name: 'evil', password: 'a-Long-Enough-1' }],
      ['Resources/EntityServices/Services/DeleteThingTemplate', 403, { name: 'AzureIoT.Device_TT' }],
      ['Resources/CollectionFunctions/Services/AddCollectionRunTimePermission', 403],
      ['Things/Foreign/Services/GetPropertyValues', 404],
      ['ThingTemplates/AzureIoT.Hub_TT/Services/AddInstanceRunTimePermission', 403],
    ];
    for (const [target, status, body, method] of refused) {
      const answer = await users.as(sidecarKey, target, body ?? {}, method ?? 'POST');
      assert.equal(answer.status, status, `${target}: ${await answer.text()}`);
    }
  });

  test('those who operate the connector can use every service, and nothing else', async () => {
    const call = async (target: string, body: Row = {}) => {
      const answer = await users.as(operatorKey, target, body);
      const text = await answer.text();
      assert.equal(answer.status, 200, `${target}: ${text}`);
      return text === '' ? undefined : (JSON.parse(text) as Row);
    };
    await call(`Things/${HUB_THING}/Services/CheckConnection`);
    await call(`Things/${HUB_THING}/Services/CreateDevice`, { deviceId: 'by-operator', createThing: true });
    await call('Things/by-operator/Services/GetTwin');
    await call('Resources/EntityServices/Services/CreateThing', {
      name: 'Second.Hub',
      thingTemplateName: 'AzureIoT.Hub_TT',
      description: '',
    });
    for (const target of [
      'Resources/EntityServices/Services/CreateUser',
      `Things/${HUB_THING}/Services/AddRunTimePermission`,
    ])
      assert.equal((await users.as(operatorKey, target, { name: 'x', password: 'y' })).ok, false, target);
    const table = (await call(`Things/${HUB_THING}/Services/GrantPermissions`)) as
      | { rows: Row[] }
      | undefined;
    assert.ok(
      table?.rows.every(({ outcome }) => outcome === 'failed'),
      'only an administrator of ThingWorx grants',
    );
  });

  test('a right that is missing further in is told with its code', async () => {
    await factory.system.platform.invoke(HUB_THING, 'AddRunTimePermission', {
      principal: 'operator',
      principalType: 'User',
      type: 'ServiceInvoke',
      resource: 'CallSidecar',
      allow: false,
    });
    for (const target of [
      `Things/${HUB_THING}/Services/GetRegistryStatistics`,
      'Things/rights-4/Services/GetTwin',
    ]) {
      const answer = await (await users.as(operatorKey, target)).text();
      assert.match(answer, /THINGWORX_FORBIDDEN: .*ServiceInvoke on CallSidecar/, target);
    }
  });

  test('somebody who is in neither group does not even see the Things', async () => {
    for (const target of [
      `Things/${HUB_THING}/Services/GetDevice`,
      `Things/${HUB_THING}/Services/GetStatus`,
      'Things/rights-4/Services/InvokeMethod',
      'Things/rights-4/Services/GetTwin',
    ])
      assert.equal((await users.as(strangerKey, target)).status, 404, target);
  });
});
