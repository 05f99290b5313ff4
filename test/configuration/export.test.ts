import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import type { ConfigurationDocument } from '../../sidecar/configuration/document.ts';
import { ConfiguredPlatform } from './platform.ts';

const KEY = 'c2VjcmV0LW9mLXRoZS1odWI=';

describe('export-config', () => {
  const platform = new ConfiguredPlatform();
  before(async () => {
    await platform.start();
    const { client } = platform;
    await client.thing('Plant.Hub', 'AzureIoT.Hub_TT');
    await client.thing('Old.Hub', 'AzureIoT.Hub_TT');
    await client.result('Things/Old.Hub', 'DisableThing');
    await client.thing('Plant.Files', 'AzureIoT.StorageAccount_TT');
    await client.write('Plant.Hub', {
      units: 3,
      deviceValueStream: '',
      sidecarToken: 'token-of-the-sidecar-0123456789',
      sidecarTokenText: 'token-of-the-sidecar-0123456789',
      iotHubConnectionString: `HostName=plant.azure-devices.net;SharedAccessKeyName=a;SharedAccessKey=${KEY}`,
      secretReferences: {
        iotHubConnectionString: `HostName=plant.azure-devices.net;SharedAccessKey=${KEY}`,
        storageConnectionString: 'file:/run/secrets/storage',
        madeUp: 'env:MADE_UP',
      },
    });
    await client.write('Plant.Files', {
      blobEndpoint: `https://plant.blob.core.windows.net/?sv=1&sig=${KEY}`,
    });
    await client.result('Groups/AzureIoT.Engineers_UG', 'AddMember', { member: 'carla', type: 'User' });
    await client.result('Groups/AzureIoT.Engineers_UG', 'AddMember', { member: 'anna', type: 'User' });
  });
  after(() => platform.stop());

  test('writes what differs from a new Thing, sorted, and the same text each time', async () => {
    const { text } = await platform.export();
    assert.equal((await platform.export()).text, text);
    assert.deepEqual(parse(text), {
      version: 1,
      storages: { 'Plant.Files': {} },
      containers: {},
      hubs: {
        'Plant.Hub': {
          units: 3,
          deviceValueStream: '',
          secretReferences: { storageConnectionString: 'file:/run/secrets/storage' },
        },
      },
      roles: { viewer: {}, operator: {}, engineer: { users: ['anna', 'carla'] }, administrator: {} },
    });
  });

  test('never holds a secret, wherever somebody has put it, and says what it leaves out', async () => {
    for (const options of [{}, { json: true }, { defaults: true }]) {
      const { text, notes } = await platform.export(options);
      for (const secret of [KEY, 'token-of-the-sidecar']) {
        assert.ok(!text.includes(secret), text);
        assert.ok(!notes.includes(secret), notes);
      }
      for (const words of [
        /^note: \/hubs\/Plant\.Hub\/secretReferences\/iotHubConnectionString is not exported: it is no reference/m,
        /^note: \/hubs\/Plant\.Hub\/secretReferences\/madeUp is not exported: there is no such secret/m,
        /^note: \/hubs\/Plant\.Hub\/iotHubConnectionString has no reference/m,
        /^note: \/storages\/Plant\.Files\/blobEndpoint is not exported: it has a login or key in it/m,
        /^note: \/hubs\/Old\.Hub is not exported: it is disabled/m,
      ])
        assert.match(notes, words);
    }
  });

  test('writes defaults when it is told to, and JSON, and into a file that only its owner reads', async () => {
    const target = path.join(platform.folder, 'exported.json');
    const { text } = await platform.export({ out: target, json: true, defaults: true });
    assert.equal(text, '');
    assert.equal((await stat(target)).mode & 0o077, 0);
    const { hubs } = JSON.parse(await readFile(target, 'utf8')) as ConfigurationDocument;
    assert.equal(hubs?.['Plant.Hub']?.['consumerGroup'], '$Default');
    assert.equal((await platform.applyJson(target)).outcome, 'unchanged');
    await assert.rejects(platform.export({ out: path.join(platform.folder, 'no', 'such', 'folder') }), {
      code: 'LOCAL_STEP_FAILED',
    });
  });

  test('prints the published schema', async () => {
    const { text } = await platform.export({ schema: true });
    const file = path.join(import.meta.dirname, '..', '..', 'docs', 'configuration.schema.json');
    assert.equal(text, await readFile(file, 'utf8'));
  });
});
