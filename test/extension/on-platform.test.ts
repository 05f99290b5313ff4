import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ENTITIES } from '../../extension/entities/index.ts';
import { entityPath } from '../../extension/generate/entity-xml.ts';
import type { Switches } from '../emulators/thingworx/switches.ts';
import { TOKEN } from '../http/fixture.ts';
import { createDevice, createHub, errorLines, HUB, startPlatform, until } from './platform.ts';

const SECRET = 'HostName=h.azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=c2VjcmV0Og==';

interface Position {
  readonly switches: Partial<Switches>;
  /** The token and where secrets lie are entered in the last resort, too. */
  readonly inText?: true;
  readonly passedAs: 'parameter' | 'decrypted' | 'text';
}

/** The platform in the two forms that differ most, and in every form of what it may do with a PASSWORD. */
const PLATFORMS: Record<string, Position> = {
  'as supposed': { switches: {}, passedAs: 'parameter' },
  'that hands on ciphertext and decrypts by right': {
    switches: { contentLoaderPassword: 'ciphertext', decryptPropertyValue: 'byRight' },
    passedAs: 'decrypted',
  },
  'that hands on ciphertext and decrypts nothing': {
    switches: { contentLoaderPassword: 'ciphertext', decryptPropertyValue: 'missing' },
    inText: true,
    passedAs: 'text',
  },
  'that hands on a mask': {
    switches: { contentLoaderPassword: 'masked', passwordInScripts: 'masked' },
    inText: true,
    passedAs: 'text',
  },
  'whose scripts hold passwords in clear': {
    switches: { contentLoaderPassword: 'clear', passwordInScripts: 'clear' },
    passedAs: 'parameter',
  },
  otherwise: {
    passedAs: 'parameter',
    switches: {
      unknownPropertyInUpdate: 'row',
      updateNeedsPropertyWrite: false,
      nestedRights: 'caller',
      passwordInScripts: 'clear',
      jsonInScripts: 'native',
      rowViews: 'shared',
      argumentsOfParameterlessServices: 'accept',
      parameterDefaults: 'apply',
      contentLoaderStatusKeys: false,
      contentLoaderThrows: true,
      contentLoaderPreemptiveLogin: true,
      restartLosesValues: false,
      forbiddenStatus: 401,
    },
  },
};

// Where secretReferences has the sidecar look.
process.env.PLANT_HUB = SECRET;

/** What an administrator enters where ThingWorx does not hand on a PASSWORD. */
function lastResort({ inText }: Position): Record<string, unknown> {
  if (!inText) return {};
  return { sidecarTokenText: TOKEN, secretReferences: { iotHubConnectionString: 'env:PLANT_HUB' } };
}

describe('import', () => {
  test('succeeds, brings every entity and loses nothing', async (t) => {
    const { client, reports } = await startPlatform(t);
    assert.ok(reports.length > 0);
    for (const report of reports) assert.equal(report.extensionReportStatus, 0, report.reportMessage);
    assert.deepEqual((await client.control('GET', '/losses')).losses, []);
    for (const entity of ENTITIES) {
      const collection = entityPath(entity).split('/')[1];
      const { status, json } = await client.get(`/${collection}/${entity.name}`);
      assert.equal(status, 200, entity.name);
      assert.equal(json.projectName, 'AzureIoT.Connector', entity.name);
    }
  });

  test('shows settings with their defaults, and hides the token', async (t) => {
    const platform = await startPlatform(t);
    await createHub(platform, { iotHubConnectionString: SECRET });
    const { json, text } = await platform.client.get(`/Things/${HUB}/Properties/`);
    const [row] = json.rows;
    assert.equal(row.consumerGroup, '$Default');
    assert.equal(row.maxRowsPerCall, 500);
    assert.equal(row.enabled, true);
    assert.ok(!text.includes(SECRET));
  });
});

for (const [name, position] of Object.entries(PLATFORMS)) {
  const { switches, passedAs } = position;
  describe(`a hub Thing on a platform ${name}`, () => {
    test('connects when its settings change, and hands over secrets', async (t) => {
      const platform = await startPlatform(t, switches);
      await createHub(platform, {
        iotHubConnectionString: SECRET,
        consumerGroup: 'thingworx',
        maxRowsPerCall: 123,
        ...lastResort(position),
      });
      const { connected } = platform.app.hubs;
      await until('the secret', async () => connected.get(HUB)?.secrets.iotHubConnectionString === SECRET);
      assert.equal(await platform.client.read(HUB, 'tokenPassedAs'), passedAs);
      await until('the settings', async () => connected.get(HUB)?.settings.maxRowsPerCall === 123);
      assert.equal(connected.get(HUB)?.settings.consumerGroup, 'thingworx');
      await until(
        'the state',
        async () => (await platform.client.read(HUB, 'connectionStatus')) === 'running',
      );
      assert.equal(await platform.client.read(HUB, 'messagesDelivered'), 4);
      const table = await platform.client.read(HUB, 'partitionStatus');
      assert.equal(table.rows[0].sequenceNumber, 41);
    });

    test('connects when it starts', async (t) => {
      const platform = await startPlatform(t, switches);
      await createHub(platform, lastResort(position));
      const { connected } = platform.app.hubs;
      await until('the first connection', async () => connected.has(HUB));
      await platform.client.result(`Things/${HUB}`, 'Disconnect');
      assert.equal(connected.has(HUB), false);
      await platform.client.result(`Things/${HUB}`, 'RestartThing');
      await until('the connection at start', async () => connected.has(HUB));
    });

    test('does not connect again because of what Connect writes', async (t) => {
      const platform = await startPlatform(t, switches);
      const { hubs } = platform.app;
      let calls = 0;
      const connect = hubs.connect.bind(hubs);
      hubs.connect = async (...given) => {
        calls += 1;
        return connect(...given);
      };
      await createHub(platform, lastResort(position));
      await until('the connection', async () => hubs.connected.has(HUB));
      await until(
        'the state',
        async () => (await platform.client.read(HUB, 'connectionStatus')) === 'running',
      );
      await platform.client.result(`Things/${HUB}`, 'GetStatus');
      await platform.client.write(HUB, { maxBytesPerCall: 54_321 });
      await until('the change', async () => hubs.connected.get(HUB)?.settings.maxBytesPerCall === 54_321);
      // All settings together and one more setting: one call each, and a second where a setting changed meanwhile.
      assert.ok(calls <= 4, `${calls} calls`);
    });

    test('does not fail when nobody answers, and says so', async (t) => {
      const platform = await startPlatform(t, switches);
      await createHub(platform, { sidecarUrl: 'http://127.0.0.1:1', ...lastResort(position) });
      await until(
        'the state',
        async () => (await platform.client.read(HUB, 'connectionStatus')) === 'unreachable',
      );
      assert.match(await platform.client.read(HUB, 'lastError'), /^SIDECAR_UNREACHABLE: /);
      await until('the log', async () =>
        (await platform.client.log('ScriptLog')).some((line) => line.includes('SIDECAR_UNREACHABLE')),
      );
    });

    test('sends settings that are saved one after the other within a second once', async (t) => {
      const platform = await startPlatform(t, switches);
      const { hubs } = platform.app;
      await createHub(platform, lastResort(position));
      await until('the connection', async () => hubs.connected.has(HUB));
      let calls = 0;
      const connect = hubs.connect.bind(hubs);
      hubs.connect = async (...given) => {
        calls += 1;
        return connect(...given);
      };
      for (let rows = 100; rows <= 110; rows += 1) await platform.client.write(HUB, { maxRowsPerCall: rows });
      await until('the last value', async () => hubs.connected.get(HUB)?.settings.maxRowsPerCall === 110);
      assert.ok(calls <= 2, `${calls} calls`);
    });

    test('logs an unfinished set-up once, and no error', async (t) => {
      const platform = await startPlatform(t, switches);
      const { client } = platform;
      await client.thing(HUB, 'AzureIoT.Hub_TT');
      await client.write(HUB, { sidecarUrl: 'http://127.0.0.1:1', consumerGroup: 'thingworx' });
      const lines = async () =>
        (await client.log('ScriptLog')).filter((line) => line.includes('SETTING_MISSING: sidecarToken'));
      await until('the reason', async () => (await lines()).length > 0);
      await client.write(HUB, { maxRowsPerCall: 123 });
      await until('the next attempt', async () => Number(await client.read(HUB, 'collectingSince')) > 0);
      await until('its end', async () => Number(await client.read(HUB, 'collectingSince')) === 0);
      assert.equal((await lines()).length, 1);
      assert.deepEqual(await errorLines(client), []);
    });

    test('lets the key of the sidecar do what the sidecar does, and no more', async (t) => {
      const platform = await startPlatform(t, switches);
      await createHub(platform, lastResort(position));
      await createDevice(platform, 'dev-1', { temperature: 'NUMBER' });
      const key = { key: platform.sidecarKey };
      const { client } = platform;
      const hub = `Things/${HUB}`;
      const found = await client.result('ThingTemplates/AzureIoT.Hub_TT', 'GetImplementingThings', {}, key);
      assert.deepEqual(
        found.rows.map((row: { name: string }) => row.name),
        [HUB],
      );
      await client.result(hub, 'Connect', {}, key);
      assert.ok(platform.app.hubs.connected.has(HUB));
      await client.result(hub, 'ReceiveStatus', { status: { state: 'waiting' } }, key);
      assert.equal(await client.read(HUB, 'connectionStatus'), 'waiting');
      assert.deepEqual(
        Object.keys(
          (await client.result(hub, 'DescribeThings', { names: { names: ['dev-1'] } }, key)).things,
        ),
        ['dev-1'],
      );
      const refused = switches.forbiddenStatus ?? 403;
      assert.equal((await client.service(hub, 'Disconnect', {}, key)).status, refused);
      assert.equal((await client.write(HUB, { consumerGroup: 'x' }, key)).status, refused);
      assert.equal(
        (await client.service('Resources/EntityServices', 'DeleteThing', { name: 'dev-1' }, key)).status,
        refused,
      );
    });
  });
}
