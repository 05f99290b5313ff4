import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

/** The platform at its strictest: scripts have the rights of their caller alone, and no resource is for everybody. */
const STRICT = { nestedRights: 'caller', functionLibrariesForUsers: false };

describe('rights of the groups', () => {
  const factory = new Factory({ hubSettings: { unknownThing: 'create', unknownProperty: 'create' } });
  let sidecarKey = '';
  let operatorKey = '';

  before(async () => {
    await factory.start();
    sidecarKey = await keyOf('azure-iot-sidecar');
    operatorKey = await createOperator();
    const answer = await fetch(`${factory.system.cloud.thingworxControlUrl}/switches`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(STRICT),
    });
    assert.ok(answer.ok, await answer.text());
  });
  after(() => factory.stop());

  async function keyOf(name: string): Promise<string> {
    const table = (await factory.system.platform.invokeOn('ApplicationKeys', name, 'GetKeyID')) as {
      rows: Row[];
    };
    return String(table.rows[0]?.result);
  }

  async function createOperator(): Promise<string> {
    const { platform } = factory.system;
    const services = ['Resources', 'EntityServices'] as const;
    await platform.invokeOn(...services, 'CreateUser', { name: 'operator', password: 'a-Long-Enough-1' });
    await platform.invokeOn('Groups', 'AzureIoT.Administrators_UG', 'AddMember', {
      member: 'operator',
      type: 'User',
    });
    await platform.invokeOn(...services, 'CreateApplicationKey', {
      name: 'operator',
      user: 'operator',
      expirationDate: Date.now() + 3_600_000,
    });
    return await keyOf('operator');
  }

  async function as(key: string, target: string, body: Row = {}, method = 'POST'): Promise<Response> {
    return await fetch(`${factory.system.cloud.thingworxUrl}/${target}`, {
      method,
      headers: {
        appKey: key,
        accept: 'application/json',
        'content-type': 'application/json',
        'x-xsrf-token': 'TWX-XSRF-TOKEN-VALUE',
      },
      body: JSON.stringify(body),
    });
  }

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

  test('what the sidecar need not do is refused', async () => {
    await factory.system.platform.createThing('Foreign', 'GenericThing');
    const refused: readonly [string, number, Row?, string?][] = [
      [`Things/${HUB_THING}/Services/Disconnect`, 403],
      [`Things/${HUB_THING}/Services/CreateDevice`, 403, { deviceId: 'x' }],
      [`Things/${HUB_THING}/Services/StartImport`, 403],
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
      const answer = await as(sidecarKey, target, body ?? {}, method ?? 'POST');
      assert.equal(answer.status, status, `${target}: ${await answer.text()}`);
    }
  });

  test('those who operate the connector can use every service, and nothing else', async () => {
    const call = async (target: string, body: Row = {}) => {
      const answer = await as(operatorKey, target, body);
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
      assert.equal((await as(operatorKey, target, { name: 'x', password: 'y' })).ok, false, target);
    const table = (await call(`Things/${HUB_THING}/Services/GrantPermissions`)) as
      | { rows: Row[] }
      | undefined;
    assert.ok(
      table?.rows.every(({ outcome }) => outcome === 'failed'),
      'only an administrator of ThingWorx grants',
    );
  });
});
