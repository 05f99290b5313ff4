import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { type OfferingEntity, ROLE_GROUPS, ROLES, type Role } from '../../sidecar/operations/operation.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';
import { Users } from './users.ts';

const STORAGE = 'Roles.Storage';
const FILES = 'Roles.Files';
const DEVICE = 'roles-1';
const EDGE = 'roles-edge';

/** A Thing that offers the services of each entity. */
const THINGS: Partial<Record<OfferingEntity, string>> = {
  'AzureIoT.Sidecar_TS': HUB_THING,
  'AzureIoT.Hub_TT': HUB_THING,
  'AzureIoT.Device_TS': DEVICE,
  'AzureIoT.EdgeDevice_TS': EDGE,
  'AzureIoT.StorageAccount_TT': STORAGE,
  'AzureIoT.BlobContainer_TT': FILES,
};

/** What would give more than one service gives. */
const DOORS: readonly [target: string, body?: Row, method?: string][] = [
  [`Things/${HUB_THING}/Services/CallSidecar`, { operation: 'GetDeviceKeys', input: { deviceId: DEVICE } }],
  [`Things/${STORAGE}/Services/CallSidecar`, { operation: 'ListContainers' }],
  [`Things/${HUB_THING}/Services/GetDeviceKeys`, { deviceId: DEVICE }],
  [`Things/${HUB_THING}/Services/RegenerateDeviceKey`, { deviceId: DEVICE, key: 'primary' }],
  [`Things/${STORAGE}/Services/DeleteContainer`, { containerName: 'roles' }],
  [`Things/${HUB_THING}/Services/GrantPermissions`],
  [`Things/${HUB_THING}/Services/RegisterSidecar`, { addresses: { array: ['http://127.0.0.1:1'] } }],
  [`Things/${HUB_THING}/Services/ReceiveUpdates`, { batch: { groups: [] } }],
  [`Things/${HUB_THING}/Services/ReceiveStatus`, { status: { state: 'stopped' } }],
  [`Things/${HUB_THING}/Services/CreateThings`, { request: {} }],
  [`Things/${HUB_THING}/Services/UpdatePropertyValues`, { values: { rows: [] } }],
  [`Things/${HUB_THING}/Properties/*`, { sidecarUrl: 'http://127.0.0.1:1' }, 'PUT'],
  [`Things/${HUB_THING}/Properties/*`, { introducedAddress: 'http://127.0.0.1:1' }, 'PUT'],
  [`Things/${HUB_THING}/Properties/*`, { secretReferences: { iotHubConnectionString: 'env:X' } }, 'PUT'],
  [`Things/${STORAGE}/Properties/*`, { blobEndpoint: 'https://evil.example' }, 'PUT'],
  [`Things/${FILES}/Properties/*`, { containerName: 'other' }, 'PUT'],
  [`Things/${HUB_THING}/Properties/sidecarToken`, {}, 'GET'],
  [`Things/${HUB_THING}/Properties/sidecarTokenText`, {}, 'GET'],
  [`Things/${HUB_THING}/Properties/iotHubConnectionString`, {}, 'GET'],
  ['Resources/ContentLoaderFunctions/Services/PostJSON', { url: 'http://127.0.0.1:1', content: {} }],
  ['Resources/EncryptionServices/Services/DecryptPropertyValue', { data: 'x' }],
  ['Resources/EntityServices/Services/CreateThing', { name: 'X', thingTemplateName: 'AzureIoT.Hub_TT' }],
];

describe('rights of people', () => {
  const factory = new Factory();
  const users = new Users(factory.system);
  const keys = new Map<Role, string>();

  before(async () => {
    await factory.start();
    await factory.createDevice(DEVICE);
    await factory.createDevice(EDGE, { iotEdge: true, thingTemplate: 'AzureIoT.EdgeDevice_TT' });
    await factory.createStorage(STORAGE);
    await factory.createContainer(FILES, STORAGE, 'roles');
    for (const role of ROLES) keys.set(role, await users.create(`a-${role}`, ROLE_GROUPS[role]));
    await users.setSwitches({ functionLibrariesForUsers: false, decryptPropertyValue: 'byRight' });
  });
  after(() => factory.stop());

  const as = (role: Role, target: string, body?: Row, method?: string) =>
    users.as(keys.get(role) ?? '', target, body, method);

  async function succeed(role: Role, target: string, body?: Row, method?: string): Promise<string> {
    const answer = await as(role, target, body, method);
    const text = await answer.text();
    assert.equal(answer.status, 200, `${role} ${target}: ${text}`);
    return text;
  }

  async function beRefused(key: string, [target, body, method]: (typeof DOORS)[number]): Promise<void> {
    const answer = await users.as(key, target, body, method);
    const text = await answer.text();
    assert.equal(answer.status, 403, `${target}: ${text}`);
  }

  for (const role of ROLES) {
    test(`${role}: may call what is for the role and those before it, and nothing else`, async () => {
      for (const operation of OPERATIONS) {
        const thing = operation.entity && THINGS[operation.entity];
        // What disconnects the Things is left to the end.
        if (!thing || /^Disconnect/.test(operation.name)) continue;
        const answer = await as(role, `Things/${thing}/Services/${operation.name}`);
        const text = await answer.text();
        const isAllowed = ROLES.indexOf(role) >= ROLES.indexOf(operation.role);
        assert.equal(answer.status !== 403, isAllowed, `${role} ${operation.name}: ${answer.status} ${text}`);
        if (isAllowed) assert.doesNotMatch(text, /not authorized/i, `${role} ${operation.name}`);
      }
    });

    if (role !== 'administrator') {
      test(`${role}: finds every other door closed`, async () => {
        for (const door of DOORS) await beRefused(keys.get(role) ?? '', door);
      });
    }
  }

  test('viewers read', async () => {
    await succeed('viewer', `Things/${HUB_THING}/Services/GetDevice`, { deviceId: DEVICE });
    await succeed('viewer', `Things/${HUB_THING}/Services/GetStatus`);
    await succeed('viewer', `Things/${DEVICE}/Services/GetTwin`);
    await succeed('viewer', `Things/${FILES}/Services/ListFiles`);
    const seen = await succeed('viewer', `Things/${HUB_THING}/Services/GetPropertyValues`);
    assert.match(seen, /connectionStatus/);
    const withValues = seen.slice(seen.indexOf('"rows"'));
    assert.doesNotMatch(withValues, /sidecarToken|ConnectionString|secretReferences/);
    assert.equal(
      (await as('viewer', `Things/${DEVICE}/Properties/*`, { twinDesired: { a: 1 } }, 'PUT')).status,
      403,
    );
  });

  test('operators send commands, and write no property', async () => {
    await succeed('operator', `Things/${DEVICE}/Services/UpdateTwin`, { desired: { speed: 7 } });
    await eventually(async () => {
      const { properties } = (await factory.call(DEVICE, 'GetTwin')) as { properties: { desired: Row } };
      assert.equal(properties.desired.speed, 7);
    });
    for (const values of [{ hubThing: 'Other' }, { deviceId: EDGE }, { twinDesired: { a: 1 } }])
      assert.equal((await as('operator', `Things/${DEVICE}/Properties/*`, values, 'PUT')).status, 403);
  });

  test('engineers change devices, mappings and files, and the hub follows', async () => {
    await succeed('engineer', `Things/${HUB_THING}/Services/CreateDevice`, {
      deviceId: 'roles-2',
      createThing: true,
    });
    await succeed('engineer', `Things/${DEVICE}/Services/RefreshTwin`);
    await succeed('engineer', `Things/${DEVICE}/Properties/*`, { twinDesired: { speed: 9 } }, 'PUT');
    await eventually(async () => {
      const { properties } = (await factory.call(DEVICE, 'GetTwin')) as { properties: { desired: Row } };
      assert.equal(properties.desired.speed, 9);
    });
    await succeed('engineer', `Things/${FILES}/Services/SaveText`, { path: 'a.txt', content: 'a' });
    await succeed('engineer', `Things/${FILES}/Services/CreateDownloadLink`, { path: 'a.txt' });
    await succeed('engineer', `Things/${HUB_THING}/Properties/*`, { maxRowsPerCall: 321 }, 'PUT');
    await succeed('engineer', `Things/${HUB_THING}/Services/Connect`);
    assert.equal((await factory.read(HUB_THING)).connectionStatus, 'running');
  });

  test('administrators read keys and call operations by name, for the Thing alone', async () => {
    await succeed('administrator', `Things/${HUB_THING}/Services/GetDeviceKeys`, { deviceId: DEVICE });
    const call = async (input: Row) =>
      await (await as('administrator', `Things/${HUB_THING}/Services/CallSidecar`, input)).text();
    assert.match(await call({ operation: 'GetDevice', input: { deviceId: DEVICE } }), /roles-1/);
    for (const operation of [
      '/v1/hubs',
      '@evil.example/x',
      ':1/x',
      '//evil.example',
      '../hubs',
      'GetDevice?x',
      'get',
    ])
      assert.match(await call({ operation }), /REQUEST_INVALID: operation must be the name/, operation);
    assert.match(
      await call({ operation: 'GetDevice', input: { hub: 'Other', deviceId: DEVICE } }),
      /REQUEST_INVALID: hub is not known/,
    );
    for (const operation of ['ListHubs', 'PutSecret', 'Nothing'])
      assert.match(await call({ operation }), /ROUTE_NOT_FOUND/, operation);
  });

  test('a user with a right on one service of one Thing can call that one and nothing else', async () => {
    const key = await users.create('one-right');
    const { platform } = factory.system;
    const member = { name: 'Viewers', member: 'one-right', type: 'User' };
    await platform.invokeOn('Organizations', 'AzureIoT.Connector_OR', 'AddMember', member);
    await platform.invoke(DEVICE, 'AddRunTimePermission', {
      principal: 'one-right',
      principalType: 'User',
      type: 'ServiceInvoke',
      resource: 'GetTwin',
      allow: true,
    });
    const answer = await users.as(key, `Things/${DEVICE}/Services/GetTwin`);
    assert.equal(answer.status, 200, await answer.text());
    for (const operation of OPERATIONS) {
      const thing = operation.entity && THINGS[operation.entity];
      if (!thing || operation.name === 'GetTwin') continue;
      await beRefused(key, [`Things/${thing}/Services/${operation.name}`]);
    }
    for (const door of DOORS) await beRefused(key, door);
    await beRefused(key, [`Things/${EDGE}/Services/GetTwin`]);
    await beRefused(key, [`Things/${DEVICE}/Properties/twinDesired`, {}, 'GET']);
  });

  test('GrantPermissions gives a role to a group of the customer', async () => {
    const { platform } = factory.system;
    await platform.invokeOn('Resources', 'EntityServices', 'CreateGroup', { name: 'Night.Shift' });
    const key = await users.create('of-the-shift', 'Night.Shift');
    const target = `Things/${DEVICE}/Services/UpdateTwin`;
    assert.equal((await users.as(key, target, { desired: { speed: 2 } })).status, 404, 'not even visible');
    await factory.hub('GrantPermissions', { role: 'operator', group: 'Night.Shift' });
    const answer = await users.as(key, target, { desired: { speed: 2 } });
    assert.equal(answer.status, 200, await answer.text());
    for (const door of DOORS) await beRefused(key, door);
    for (const [parameters, expected] of [
      [{ role: 'king', group: 'Night.Shift' }, /role must be one of viewer, operator/],
      [{ role: 'viewer', group: 'Nobody' }, /group must be the name of a group/],
      [{ role: 'viewer' }, /group must be the name of a group/],
    ] as const)
      await assert.rejects(factory.hub('GrantPermissions', parameters), expected);
  });

  test('where ThingWorx looks at the caller alone, a role has less and never more', async () => {
    await users.setSwitches({ nestedRights: 'caller' });
    const answer = await as('viewer', `Things/${DEVICE}/Services/GetTwin`);
    assert.match(await answer.text(), /THINGWORX_FORBIDDEN: /);
    for (const door of DOORS) await beRefused(keys.get('viewer') ?? '', door);
    await users.setSwitches({ nestedRights: 'callerOrSystem' });
  });
});
