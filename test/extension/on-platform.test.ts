import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Type from 'typebox';
import { ENTITIES } from '../../extension/entities/index.ts';
import { forThingWorx } from '../../sidecar/contract/schema.ts';
import { entityPath } from '../../sidecar/entities/entity-xml.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { VERSION } from '../../sidecar/version.ts';
import type { Switches } from '../emulators/thingworx/switches.ts';
import { probe, TOKEN } from '../http/fixture.ts';
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
    assert.equal(row.maxRowsPerCall, 1_000);
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

    test('sends the password of a call where the platform hands on passwords, and says so where it does not', async (t) => {
      let given: unknown;
      const takesPassword = probe({
        entity: 'AzureIoT.Hub_TT',
        role: 'operator',
        path: '/hubs/{hub}/probe',
        input: Type.Object({
          hub: Type.String(),
          password: Type.Optional(forThingWorx(Type.String(), { baseType: 'PASSWORD' })),
          other: Type.String(),
        }),
        run: async (_context: unknown, input: object) => {
          given = input;
          return {};
        },
      });
      const platform = await startPlatform(t, switches, { operations: [...OPERATIONS, takesPassword] });
      await createHub(platform, lastResort(position));
      await until('the connection', async () => platform.app.hubs.connected.has(HUB));
      const call = (secret?: string) =>
        platform.client.result(`Things/${HUB}`, 'CallSidecar', {
          operation: 'Probe',
          input: { other: 'x' },
          ...(secret === undefined ? {} : { secret }),
        });
      await call();
      assert.deepEqual(given, { hub: HUB, other: 'x' });
      if (passedAs === 'text') {
        await assert.rejects(call('pass word'), /PASSWORD_NOT_PASSED: /);
        return;
      }
      // What looks like a reference is a password here.
      for (const secret of ['pass word', 'env:PLANT_HUB']) {
        await call(secret);
        assert.deepEqual(given, { hub: HUB, other: 'x', password: secret });
      }
      assert.ok(!platform.app.lines.join('').includes('pass word'));
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
      await until('its end', async () => (await platform.client.read(HUB, 'connectionStatus')) === 'running');
      await until('quiet', async () => Number(await platform.client.read(HUB, 'collectingSince')) === 0);
      let calls = 0;
      const connect = hubs.connect.bind(hubs);
      hubs.connect = async (...given) => {
        calls += 1;
        return connect(...given);
      };
      for (let rows = 100; rows <= 110; rows += 1) await platform.client.write(HUB, { maxRowsPerCall: rows });
      await until('the last value', async () => hubs.connected.get(HUB)?.settings.maxRowsPerCall === 110);
      // A busy machine may take more than a second for one of them.
      assert.ok(calls <= 4, `${calls} calls for 11 changes`);
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
      if (passedAs === 'decrypted') {
        // One of the rights that GrantPermissions gives.
        const right = { type: 'ServiceInvoke', resource: 'DecryptPropertyValue', allow: true };
        const principal = { principal: 'AzureIoT.Sidecar_UG', principalType: 'Group' };
        const seen = { principal: 'AzureIoT.Connector_OR', principalType: 'Organization' };
        const entity = 'Resources/EncryptionServices';
        await platform.client.result(entity, 'AddVisibilityPermission', seen);
        await platform.client.result(entity, 'AddRunTimePermission', { ...principal, ...right });
      }
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

describe('CheckConnection', () => {
  const check = async (platform: Awaited<ReturnType<typeof startPlatform>>) => {
    const { rows } = await platform.client.result(`Things/${HUB}`, 'CheckConnection');
    return (rows as { step: string; outcome: string; message: string }[]).map(
      ({ step, outcome, message }) => [step, outcome, message] as const,
    );
  };

  test('says in plain words that ThingWorx does not hand on the token, and how it reached the sidecar then', async (t) => {
    const platform = await startPlatform(t, { contentLoaderPassword: 'masked', passwordInScripts: 'masked' });
    await createHub(platform);
    const failed = (await check(platform)).find(([step]) => step === 'Token');
    assert.equal(failed?.[1], 'failed');
    assert.match(failed?.[2] ?? '', /^UNAUTHORIZED: .*does not hand on PASSWORD values in clear/);
    assert.deepEqual(await errorLines(platform.client), []);
    await platform.client.write(HUB, { sidecarTokenText: TOKEN });
    const warned = (await check(platform)).find(([step]) => step === 'Token');
    assert.deepEqual(
      [warned?.[1], /sidecarTokenText, which everybody reads/.test(warned?.[2] ?? '')],
      ['warning', true],
    );
    assert.deepEqual(await errorLines(platform.client), []);
  });

  test('is a table without error lines when nobody answers', async (t) => {
    const platform = await startPlatform(t);
    await createHub(platform, { sidecarUrl: 'http://127.0.0.1:1' });
    assert.deepEqual(
      (await check(platform)).map(([step, outcome]) => [step, outcome]),
      [
        ['Settings of the sidecar', 'ok'],
        ['Sidecar', 'failed'],
        ['Token', 'skipped'],
      ],
    );
    assert.deepEqual(await errorLines(platform.client), []);
  });

  for (const [version, remedy] of [
    ['0.0.99', 'Replace the folder of the sidecar with the one of the new zip, and restart the sidecar.'],
    ['10.0.0', 'Import the extension 10.0.0 into ThingWorx.'],
  ] as const)
    test(`warns of a sidecar of the version ${version}`, async (t) => {
      const operations = OPERATIONS.map((operation) =>
        operation.name === 'CheckSidecar'
          ? {
              ...operation,
              run: async (...call: Parameters<typeof operation.run>) => ({
                ...(await operation.run(...call)),
                version,
              }),
            }
          : operation,
      );
      const platform = await startPlatform(t, {}, { operations });
      await createHub(platform);
      const { rows } = await platform.client.result(`Things/${HUB}`, 'CheckConnection');
      const row = (rows as Record<string, unknown>[]).find(({ step }) => step === 'Sidecar');
      assert.deepEqual(
        [row?.['outcome'], row?.['message'], row?.['remedy']],
        ['warning', `The sidecar is ${version}, the extension ${VERSION}.`, remedy],
      );
    });

  test('is a table when the sidecar does not finish in time', async (t) => {
    const platform = await startPlatform(t);
    platform.app.hubs.connect = () => new Promise(() => undefined);
    await createHub(platform);
    const steps = await check(platform);
    const settings = steps.find(([step]) => step === 'Settings of the hub');
    assert.equal(settings?.[1], 'failed');
    assert.match(settings?.[2] ?? '', /^SIDECAR_TIMEOUT: /);
  });
});

describe('the watch', () => {
  const watched = async (t: Parameters<typeof startPlatform>[0]) => {
    const platform = await startPlatform(t);
    await createHub(platform);
    await until('the state', async () => (await platform.client.read(HUB, 'connectionStatus')) === 'running');
    await until('quiet', async () => Number(await platform.client.read(HUB, 'collectingSince')) === 0);
    return platform;
  };
  /** A Connect that is still under way may write a status after the time was set back. */
  const untilUnreachable = ({ client }: Awaited<ReturnType<typeof startPlatform>>) =>
    until('the state', async () => {
      if ((await client.read(HUB, 'connectionStatus')) === 'unreachable') return true;
      await client.write(HUB, { statusTime: Date.now() - 120_000 });
      await client.result('Things/AzureIoT.Watch', 'WatchHubs');
      return false;
    });

  test('comes with the extension, runs each minute as a user and leaves a hub with news alone', async (t) => {
    const platform = await watched(t);
    const table = await platform.client.result('Things/AzureIoT.Watch', 'GetConfigurationTable', {
      tableName: 'Settings',
    });
    assert.deepEqual(
      [table.rows[0].enabled, table.rows[0].runAsUser, table.rows[0].updateRate],
      [true, 'Administrator', 60_000],
    );
    await platform.client.result('Things/AzureIoT.Watch', 'WatchHubs');
    assert.equal(await platform.client.read(HUB, 'connectionStatus'), 'running');
  });

  test('shows a dead sidecar as unreachable, once, and keeps the error until it is over', async (t) => {
    const platform = await watched(t);
    const { client, app } = platform;
    await app.server.stop();
    await untilUnreachable(platform);
    assert.match(await client.read(HUB, 'lastError'), /^SIDECAR_UNREACHABLE: /);
    const [row] = (await client.read(HUB, 'recentErrors')).rows;
    assert.deepEqual([row.code, row.clearedAt, row.remedy !== ''], ['SIDECAR_UNREACHABLE', undefined, true]);
    await client.result(`Things/${HUB}`, 'ReceiveStatus', { status: { state: 'running' } });
    const [cleared] = (await client.read(HUB, 'recentErrors')).rows;
    assert.ok(cleared.clearedAt > 0);
    assert.equal(await client.read(HUB, 'lastError'), '');
  });

  test('tells a sidecar that answers and does not report from one that is dead', async (t) => {
    const platform = await watched(t);
    await untilUnreachable(platform);
    assert.match(
      await platform.client.read(HUB, 'lastError'),
      /^SIDECAR_SILENT: .*application key has expired/,
    );
  });
});
