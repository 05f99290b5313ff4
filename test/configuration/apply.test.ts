import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { Password } from '../emulators/thingworx/values.ts';
import { ConfiguredPlatform } from './platform.ts';

const TOKEN = 'token-of-the-sidecar-0123456789';
const MAPPINGS = {
  version: 1,
  rules: [{ name: 'boilers', when: { device: 'boiler-*' }, properties: { temperature: 't' } }],
  tests: [
    {
      message: { deviceId: 'boiler-1', body: { t: 81.5 } },
      expect: [{ thing: 'boiler-1', values: { temperature: 81.5 } }],
    },
  ],
};

describe('apply-config', () => {
  const platform = new ConfiguredPlatform();
  let empty: unknown;
  let tokenFile = '';

  before(async () => {
    await platform.start();
    tokenFile = path.join(platform.folder, 'token');
    await writeFile(tokenFile, `${TOKEN}\n`);
    empty = await platform.state();
  });
  afterEach(async () => {
    await platform.client.control('DELETE', '/faults');
    const { error } = await platform.apply(await file('nothing', { ...NOTHING }), { yes: true, prune: true });
    assert.equal(error, undefined, error?.message);
    assert.deepEqual(await platform.state(), empty);
  });
  after(() => platform.stop());

  const NOTHING = {
    version: 1,
    storages: {},
    containers: {},
    hubs: {},
    roles: { viewer: {}, operator: {}, engineer: {}, administrator: {} },
  };

  const plant = () => ({
    version: 1,
    storages: {
      'Plant.Files': {
        blobEndpoint: 'https://plant.blob.core.windows.net',
        sidecarToken: `file:${tokenFile}`,
        secretReferences: { storageConnectionString: 'file:/run/secrets/storage' },
      },
    },
    containers: { 'Plant.Uploads': { storageThing: 'Plant.Files', containerName: 'uploads' } },
    hubs: {
      'Plant.Hub': {
        sidecarUrl: 'http://127.0.0.1:9',
        sidecarToken: `file:${tokenFile}`,
        consumerGroup: 'thingworx',
        tier: 'S1',
        units: 2,
        messageFeedback: false,
        uploadStorageThing: 'Plant.Files',
        mappings: MAPPINGS,
        secretReferences: { iotHubConnectionString: 'env:PLANT_HUB' },
      },
    },
    roles: { viewer: { users: ['anna'], groups: ['Plant.Crew'] }, operator: { users: ['bert'] } },
  });

  async function file(name: string, document: unknown): Promise<string> {
    const target = path.join(platform.folder, `${name}.yaml`);
    await writeFile(target, stringify(document, { aliasDuplicateObjects: false }));
    return target;
  }

  function tokenOf(thing: string): unknown {
    const entity = platform.emulator.platform.store.get('Things', thing);
    assert.ok(entity);
    const { value } = platform.emulator.platform.properties.read(entity, 'sidecarToken');
    return value instanceof Password ? value.clear : value;
  }

  test('shows a plan and changes nothing, applies it with --yes, and then finds nothing to change', async () => {
    const document = await file('plant', plant());
    const plan = await platform.apply(document);
    assert.equal(plan.code, 2, plan.error?.message);
    assert.match(plan.output, /^\+ create \/hubs\/Plant\.Hub$/m);
    assert.match(plan.output, /^ {4}units: 1 -> 2$/m);
    assert.match(plan.output, /^ {4}secretReferences\/iotHubConnectionString: "env:PLANT_HUB"$/m);
    assert.match(plan.output, /^\+ add \/roles\/viewer\/users: anna$/m);
    assert.match(plan.output, /3 to create, 0 to update, 0 to delete; 3 members to add, 0 to remove/);
    assert.ok(!plan.output.includes(TOKEN));
    assert.deepEqual(await platform.state(), empty);

    const applied = await platform.apply(document, { yes: true });
    assert.equal(applied.code, 0, applied.error?.message);
    assert.ok(!applied.output.includes(TOKEN));
    const { rows } = (await platform.client.get('/Things/Plant.Hub/Properties/')).json;
    assert.equal(rows[0].consumerGroup, 'thingworx');
    assert.equal(rows[0].units, 2);
    assert.equal(rows[0].messageFeedback, false);
    assert.deepEqual(rows[0].mappings, MAPPINGS);
    assert.deepEqual(rows[0].secretReferences, { iotHubConnectionString: 'env:PLANT_HUB' });
    for (const thing of ['Plant.Hub', 'Plant.Files']) assert.equal(tokenOf(thing), TOKEN);
    const state = await platform.state();

    const again = await platform.apply(document, { yes: true });
    assert.equal(again.code, 0);
    assert.match(again.output, /^Nothing to change/);
    assert.deepEqual((await platform.applyJson(document, { prune: true })).outcome, 'unchanged');
    assert.deepEqual(await platform.state(), state);
  });

  test('shows drift in each setting, and takes it back', async () => {
    const document = await file('plant', plant());
    await platform.apply(document, { yes: true });
    const state = await platform.state();
    await platform.client.write('Plant.Hub', {
      sidecarUrl: '',
      units: 7,
      consumerGroup: '',
      mappings: { ...MAPPINGS, rules: [{ ...MAPPINGS.rules[0], when: { device: 'kettle-*' } }] },
      secretReferences: { iotHubConnectionString: 'HostName=x;SharedAccessKey=c2VjcmV0' },
    });
    await platform.client.result('Groups/AzureIoT.Viewers_UG', 'DeleteMember', {
      member: 'anna',
      type: 'User',
    });
    const { outcome, changes } = await platform.applyJson(document);
    assert.equal(outcome, 'planned');
    assert.deepEqual(changes, [
      {
        action: 'update',
        path: '/hubs/Plant.Hub',
        settings: [
          { setting: 'sidecarUrl', before: '', after: 'http://127.0.0.1:9' },
          { setting: 'units', before: 7, after: 2 },
          { setting: 'consumerGroup', before: '$Default', after: 'thingworx' },
          { setting: 'mappings/rules/0/when/device', before: 'kettle-*', after: 'boiler-*' },
          {
            setting: 'secretReferences/iotHubConnectionString',
            before: '(withheld)',
            after: 'env:PLANT_HUB',
          },
        ],
        state: 'planned',
      },
      { action: 'add', path: '/roles/viewer/users', member: 'anna', state: 'planned' },
    ]);
    assert.equal((await platform.apply(document, { yes: true })).code, 0);
    assert.deepEqual(await platform.state(), state);
  });

  test('leaves alone what the document does not have, and takes it away with --prune', async () => {
    await platform.apply(await file('plant', plant()), { yes: true });
    const state = await platform.state();
    const partial = await file('partial', {
      version: 1,
      hubs: { 'Plant.Hub': { tier: 'S1' } },
      roles: { viewer: { users: ['carla'] } },
    });
    const left = await platform.applyJson(partial);
    assert.deepEqual(
      left.changes.map(({ action, path: place, member }) => [action, place, member]),
      [['add', '/roles/viewer/users', 'carla']],
    );
    assert.deepEqual(left.leftAlone.toSorted(), [
      '/containers/Plant.Uploads',
      '/roles/viewer/groups: Plant.Crew',
      '/roles/viewer/users: anna',
      '/storages/Plant.Files',
    ]);
    assert.deepEqual(await platform.state(), state);

    const pruned = await platform.applyJson(partial, { yes: true, prune: true });
    assert.equal(pruned.outcome, 'applied');
    // Sections and roles that are not in the document stay with --prune, too.
    const after = (await platform.state()) as {
      things: Record<string, Record<string, unknown>>;
      members: Record<string, string[]>;
    };
    assert.deepEqual(Object.keys(after.things).toSorted(), ['Plant.Files', 'Plant.Hub', 'Plant.Uploads']);
    assert.deepEqual(after.members['AzureIoT.Viewers_UG'], ['User carla']);
    assert.deepEqual(after.members['AzureIoT.Operators_UG'], ['User bert']);
    const hub = after.things['Plant.Hub'] ?? {};
    assert.equal(hub['consumerGroup'], '$Default');
    assert.equal(hub['tier'], 'S1');
    assert.equal(hub['deviceValueStream'], 'AzureIoT.DeviceValues');
    assert.deepEqual([hub['mappings'], hub['secretReferences']], [{}, {}]);
  });

  test('does not take away a storage Thing that the document refers to', async () => {
    await platform.apply(await file('plant', plant()), { yes: true });
    const document = await file('dangling', {
      version: 1,
      storages: {},
      hubs: { 'Plant.Hub': { uploadStorageThing: 'Plant.Files' } },
    });
    assert.equal((await platform.applyJson(document)).outcome, 'unchanged');
    const { error } = await platform.apply(document, { yes: true, prune: true });
    assert.equal(error?.code, 'CONFIGURATION_CONFLICT');
    assert.match(error.message, /\/hubs\/Plant\.Hub\/uploadStorageThing is Plant\.Files/);
  });

  test('writes the token of the sidecar to a Thing that exists only when it is told to', async () => {
    await platform.apply(await file('plant', plant()), { yes: true });
    await writeFile(tokenFile, 'another-token-0123456789\n');
    try {
      const document = await file('plant', plant());
      assert.equal((await platform.applyJson(document)).outcome, 'unchanged');
      const { changes } = await platform.applyJson(document, { 'write-secrets': true });
      assert.deepEqual(
        changes.map(({ path: place, settings }) => [place, settings]),
        ['/storages/Plant.Files', '/hubs/Plant.Hub'].map((place) => [
          place,
          [{ setting: 'sidecarToken', after: `file:${tokenFile}` }],
        ]),
      );
      assert.equal(tokenOf('Plant.Hub'), TOKEN);
      await platform.apply(document, { 'write-secrets': true, yes: true });
      assert.equal(tokenOf('Plant.Hub'), 'another-token-0123456789');
    } finally {
      await writeFile(tokenFile, `${TOKEN}\n`);
    }
  });

  test('continues after an interruption of any call', async () => {
    const document = await file('plant', plant());
    await platform.apply(document, { yes: true });
    const complete = await platform.state();
    const nothing = await file('nothing', NOTHING);
    const changing = '/(Create|Add|Set|Enable|Restart|Delete)[A-Za-z]+$|/Properties/\\*$';
    for (let skip = 0; ; skip += 1) {
      await platform.apply(nothing, { yes: true, prune: true });
      await platform.client.control('POST', '/faults', { action: 'dropAnswer', skip, path: changing });
      const { error } = await platform.apply(document, { yes: true });
      await platform.client.control('DELETE', '/faults');
      assert.equal((await platform.apply(document, { yes: true })).code, 0);
      assert.deepEqual(await platform.state(), complete, `after ${skip} changes`);
      for (const thing of ['Plant.Hub', 'Plant.Files']) assert.equal(tokenOf(thing), TOKEN, `after ${skip}`);
      if (error === undefined) break;
      assert.equal(error.code, 'THINGWORX_UNREACHABLE');
    }
  });

  test('stops at the first failure, and says what was done', async () => {
    const document = await file('plant', plant());
    await platform.client.control('POST', '/faults', {
      action: 'status',
      status: 500,
      path: '/Things/Plant.Uploads/Services/EnableThing$',
    });
    const { code, output, error } = await platform.apply(document, { yes: true });
    assert.equal(code, undefined);
    assert.equal(error?.code, 'THINGWORX_REJECTED');
    assert.match(output, /^\+ create \/storages\/Plant\.Files: done$/m);
    assert.match(output, /^\+ create \/containers\/Plant\.Uploads: failed$/m);
    assert.match(output, /^\+ create \/hubs\/Plant\.Hub: not done$/m);
    assert.match(output, /^\+ add \/roles\/operator\/users: bert: not done$/m);
    const report = await platform.applyJson(document, { yes: true });
    assert.equal(report.outcome, 'failed');
    assert.equal(report.error?.code, 'THINGWORX_REJECTED');
    assert.deepEqual(
      report.changes.map(({ state }) => state),
      ['failed', 'not done', 'not done', 'not done', 'not done'],
    );
    await platform.client.control('DELETE', '/faults');
    assert.equal((await platform.apply(document, { yes: true })).code, 0);
  });

  test('names everything that does not fit ThingWorx before it changes anything', async () => {
    await platform.client.thing('Plant.Hub', 'GenericThing');
    try {
      const document = plant();
      document.hubs['Plant.Hub'].uploadStorageThing = 'Nowhere';
      document.containers['Plant.Uploads'].storageThing = 'Nobody.Files';
      document.roles.viewer.users.push('dora');
      document.roles.viewer.groups.push('Plant.Ghosts');
      const { error } = await platform.apply(await file('misfit', document), { yes: true });
      assert.equal(error?.code, 'CONFIGURATION_CONFLICT');
      for (const words of [
        /\/hubs\/Plant\.Hub is in ThingWorx and no hub Thing; expected a Thing of AzureIoT\.Hub_TT/,
        /\/containers\/Plant\.Uploads\/storageThing is Nobody\.Files; expected a storage Thing/,
        /\/hubs\/Plant\.Hub\/uploadStorageThing is Nowhere/,
        /\/roles\/viewer\/users has dora; expected a user of ThingWorx/,
        /\/roles\/viewer\/groups has Plant\.Ghosts; expected a group of ThingWorx/,
      ])
        assert.match(error.message, words);
    } finally {
      await platform.client.result('Resources/EntityServices', 'DeleteThing', { name: 'Plant.Hub' });
    }
  });

  test('resolves every reference of its own before it changes anything', async () => {
    const document = plant();
    document.hubs['Plant.Hub'].sidecarToken = 'env:TOKEN_THAT_NOBODY_HAS';
    const { error } = await platform.apply(await file('token', document), { yes: true });
    assert.equal(error?.code, 'SECRET_UNREADABLE');
    assert.match(error.message, /sidecarToken.*TOKEN_THAT_NOBODY_HAS/);
  });

  test('gives back what export-config has written, without a change, into an empty ThingWorx as well', async () => {
    await platform.apply(await file('plant', plant()), { yes: true });
    const complete = await platform.state();
    for (const json of [false, true]) {
      const target = path.join(platform.folder, json ? 'exported.json' : 'exported.yaml');
      const { notes } = await platform.export({ out: target, json });
      assert.match(notes, /note: \/hubs\/Plant\.Hub\/eventHubConnectionString has no reference/);
      assert.equal((await platform.applyJson(target, { prune: true })).outcome, 'unchanged');
      await platform.apply(await file('nothing', NOTHING), { yes: true, prune: true });
      assert.equal((await platform.apply(target, { yes: true })).code, 0);
      assert.deepEqual(await platform.state(), complete);
    }
  });
});

describe('the configuration commands on a ThingWorx without the extension', () => {
  test('say what to do first', async () => {
    const platform = new ConfiguredPlatform();
    await platform.start({ withExtension: false });
    try {
      await assert.rejects(platform.export(), {
        code: 'CONFIGURATION_CONFLICT',
        message: /sidecar\.mjs setup/,
      });
    } finally {
      await platform.stop();
    }
  });
});
