import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import Type from 'typebox';
import { ENTITIES } from '../../extension/entities/index.ts';
import { forThingWorx } from '../../sidecar/contract/schema.ts';
import { entityPath } from '../../sidecar/entities/entity-xml.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { VERSION } from '../../sidecar/version.ts';
import type { Switches } from '../emulators/thingworx/switches.ts';
import { probe, TOKEN } from '../http/fixture.ts';
import {
  createDevice,
  createHub,
  type ExtensionPlatform,
  errorLines,
  HUB,
  startPlatform,
  until,
} from './platform.ts';

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

/** A hub Thing of one test. The tests of a platform share it: its start takes longer than they do. */
async function ownHub(
  t: TestContext,
  platform: ExtensionPlatform,
  settings: Record<string, unknown> = {},
  hub = `${HUB}.${randomUUID()}`,
): Promise<string> {
  t.after(() => platform.client.result('Resources/EntityServices', 'DeleteThing', { name: hub }));
  await createHub(platform, settings, hub);
  return hub;
}

/** Counts from now on how often the hub Thing connects. */
function connections({ app: { hubs } }: ExtensionPlatform, hub: string): () => number {
  let calls = 0;
  const connect = hubs.connect.bind(hubs);
  hubs.connect = async (...given) => {
    if (given[0] === hub) calls += 1;
    return connect(...given);
  };
  return () => calls;
}

test('the import of the extension', async (t) => {
  const platform = await startPlatform(t);

  await t.test('succeeds, brings every entity and loses nothing', async () => {
    const { client, reports } = platform;
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

  await t.test('shows settings with their defaults, and hides the token', async (t) => {
    const hub = await ownHub(t, platform, { iotHubConnectionString: SECRET });
    const { json, text } = await platform.client.get(`/Things/${hub}/Properties/`);
    const [row] = json.rows;
    assert.equal(row.consumerGroup, '$Default');
    assert.equal(row.maxRowsPerCall, 1_000);
    assert.equal(row.enabled, true);
    assert.ok(!text.includes(SECRET));
  });
});

for (const [name, position] of Object.entries(PLATFORMS)) {
  const { switches, passedAs } = position;
  test(`a hub Thing on a platform ${name}`, async (t) => {
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
    const { client } = platform;
    const { hubs } = platform.app;

    // First: it reads the whole logs of the platform.
    await t.test('logs an unfinished set-up once, and no error', async (t) => {
      const hub = `${HUB}.${randomUUID()}`;
      t.after(() => client.result('Resources/EntityServices', 'DeleteThing', { name: hub }));
      await client.thing(hub, 'AzureIoT.Hub_TT');
      await client.write(hub, { sidecarUrl: 'http://127.0.0.1:1', consumerGroup: 'thingworx' });
      const lines = async () =>
        (await client.log('ScriptLog')).filter((line) => line.includes('SETTING_MISSING: sidecarToken'));
      await until('the reason', async () => (await lines()).length > 0);
      await client.write(hub, { maxRowsPerCall: 123 });
      await until('the next attempt', async () => Number(await client.read(hub, 'collectingSince')) > 0);
      await until('its end', async () => Number(await client.read(hub, 'collectingSince')) === 0);
      assert.equal((await lines()).length, 1);
      assert.deepEqual(await errorLines(client), []);
    });

    await t.test('connects when its settings change, and hands over secrets', async (t) => {
      const hub = await ownHub(t, platform, {
        iotHubConnectionString: SECRET,
        consumerGroup: 'thingworx',
        maxRowsPerCall: 123,
        ...lastResort(position),
      });
      const { connected } = hubs;
      await until('the secret', async () => connected.get(hub)?.secrets.iotHubConnectionString === SECRET);
      assert.equal(await client.read(hub, 'tokenPassedAs'), passedAs);
      await until('the settings', async () => connected.get(hub)?.settings.maxRowsPerCall === 123);
      assert.equal(connected.get(hub)?.settings.consumerGroup, 'thingworx');
      await until('the state', async () => (await client.read(hub, 'connectionStatus')) === 'running');
      assert.equal(await client.read(hub, 'messagesDelivered'), 4);
      const table = await client.read(hub, 'partitionStatus');
      assert.equal(table.rows[0].sequenceNumber, 41);
    });

    await t.test('connects when it starts', async (t) => {
      const hub = await ownHub(t, platform, lastResort(position));
      const { connected } = hubs;
      await until('the first connection', async () => connected.has(hub));
      await client.result(`Things/${hub}`, 'Disconnect');
      assert.equal(connected.has(hub), false);
      await client.result(`Things/${hub}`, 'RestartThing');
      await until('the connection at start', async () => connected.has(hub));
    });

    await t.test('does not connect again because of what Connect writes', async (t) => {
      const hub = `${HUB}.${randomUUID()}`;
      const calls = connections(platform, hub);
      await ownHub(t, platform, lastResort(position), hub);
      await until('the connection', async () => hubs.connected.has(hub));
      await until('the state', async () => (await client.read(hub, 'connectionStatus')) === 'running');
      await client.result(`Things/${hub}`, 'GetStatus');
      await client.write(hub, { maxBytesPerCall: 54_321 });
      await until('the change', async () => hubs.connected.get(hub)?.settings.maxBytesPerCall === 54_321);
      // All settings together and one more setting: one call each, and a second where a setting changed meanwhile.
      assert.ok(calls() <= 4, `${calls()} calls`);
    });

    await t.test(
      'sends the password of a call where the platform hands on passwords, and says so where it does not',
      async (t) => {
        const hub = await ownHub(t, platform, lastResort(position));
        await until('the connection', async () => hubs.connected.has(hub));
        const call = (secret?: string) =>
          client.result(`Things/${hub}`, 'CallSidecar', {
            operation: 'Probe',
            input: { other: 'x' },
            ...(secret === undefined ? {} : { secret }),
          });
        await call();
        assert.deepEqual(given, { hub, other: 'x' });
        if (passedAs === 'text') {
          await assert.rejects(call('pass word'), /PASSWORD_NOT_PASSED: /);
          return;
        }
        // What looks like a reference is a password here.
        for (const secret of ['pass word', 'env:PLANT_HUB']) {
          await call(secret);
          assert.deepEqual(given, { hub, other: 'x', password: secret });
        }
        assert.ok(!platform.app.lines.join('').includes('pass word'));
      },
    );

    await t.test('does not fail when nobody answers, and says so', async (t) => {
      const lines = async () =>
        (await client.log('ScriptLog')).filter((line) => line.includes('SIDECAR_UNREACHABLE'));
      const known = (await lines()).length;
      const hub = await ownHub(t, platform, { sidecarUrl: 'http://127.0.0.1:1', ...lastResort(position) });
      await until('the state', async () => (await client.read(hub, 'connectionStatus')) === 'unreachable');
      assert.match(await client.read(hub, 'lastError'), /^SIDECAR_UNREACHABLE: /);
      await until('the log', async () => (await lines()).length > known);
    });

    await t.test('sends settings that are saved one after the other within a second once', async (t) => {
      const hub = await ownHub(t, platform, lastResort(position));
      await until('the connection', async () => hubs.connected.has(hub));
      await until('its end', async () => (await client.read(hub, 'connectionStatus')) === 'running');
      await until('quiet', async () => Number(await client.read(hub, 'collectingSince')) === 0);
      const calls = connections(platform, hub);
      for (let rows = 100; rows <= 110; rows += 1) await client.write(hub, { maxRowsPerCall: rows });
      await until('the last value', async () => hubs.connected.get(hub)?.settings.maxRowsPerCall === 110);
      // A busy machine may take more than a second for one of them.
      assert.ok(calls() <= 4, `${calls()} calls for 11 changes`);
    });

    await t.test('lets the key of the sidecar do what the sidecar does, and no more', async (t) => {
      const hub = await ownHub(t, platform, lastResort(position));
      if (passedAs === 'decrypted') {
        // One of the rights that GrantPermissions gives.
        const right = { type: 'ServiceInvoke', resource: 'DecryptPropertyValue', allow: true };
        const principal = { principal: 'AzureIoT.Sidecar_UG', principalType: 'Group' };
        const seen = { principal: 'AzureIoT.Connector_OR', principalType: 'Organization' };
        const entity = 'Resources/EncryptionServices';
        await client.result(entity, 'AddVisibilityPermission', seen);
        await client.result(entity, 'AddRunTimePermission', { ...principal, ...right });
      }
      await createDevice(platform, 'dev-1', { temperature: 'NUMBER' });
      const key = { key: platform.sidecarKey };
      const thing = `Things/${hub}`;
      const found = await client.result('ThingTemplates/AzureIoT.Hub_TT', 'GetImplementingThings', {}, key);
      assert.deepEqual(
        found.rows.map((row: { name: string }) => row.name),
        [hub],
      );
      await client.result(thing, 'Connect', {}, key);
      assert.ok(hubs.connected.has(hub));
      await client.result(thing, 'ReceiveStatus', { status: { state: 'waiting' } }, key);
      assert.equal(await client.read(hub, 'connectionStatus'), 'waiting');
      assert.deepEqual(
        Object.keys(
          (await client.result(thing, 'DescribeThings', { names: { names: ['dev-1'] } }, key)).things,
        ),
        ['dev-1'],
      );
      const refused = switches.forbiddenStatus ?? 403;
      assert.equal((await client.service(thing, 'Disconnect', {}, key)).status, refused);
      assert.equal((await client.write(hub, { consumerGroup: 'x' }, key)).status, refused);
      assert.equal(
        (await client.service('Resources/EntityServices', 'DeleteThing', { name: 'dev-1' }, key)).status,
        refused,
      );
    });
  });
}

type Run = (typeof OPERATIONS)[number]['run'];

/** The operations, of which one runs as `run` says; it gets the run of the sidecar. */
function withRun(name: string, run: (original: () => ReturnType<Run>) => ReturnType<Run>) {
  return OPERATIONS.map((operation) =>
    operation.name === name
      ? { ...operation, run: (...call: Parameters<Run>) => run(() => operation.run(...call)) }
      : operation,
  );
}

describe('CheckConnection', () => {
  const check = async ({ client }: ExtensionPlatform, hub = HUB) => {
    const { rows } = await client.result(`Things/${hub}`, 'CheckConnection');
    return rows as { step: string; outcome: string; message: string; remedy: string }[];
  };
  const rowOf = async (platform: ExtensionPlatform, hub: string, step: string) =>
    (await check(platform, hub)).find((row) => row.step === step);

  test('says in plain words that ThingWorx does not hand on the token, and how it reached the sidecar then', async (t) => {
    const platform = await startPlatform(t, { contentLoaderPassword: 'masked', passwordInScripts: 'masked' });
    await createHub(platform);
    const failed = await rowOf(platform, HUB, 'Token');
    assert.equal(failed?.outcome, 'failed');
    assert.match(failed?.message ?? '', /^UNAUTHORIZED: .*does not hand on PASSWORD values in clear/);
    assert.deepEqual(await errorLines(platform.client), []);
    await platform.client.write(HUB, { sidecarTokenText: TOKEN });
    const warned = await rowOf(platform, HUB, 'Token');
    assert.equal(warned?.outcome, 'warning');
    assert.match(warned?.message ?? '', /sidecarTokenText, which everybody reads/);
    assert.deepEqual(await errorLines(platform.client), []);
  });

  test('on a platform as supposed', async (t) => {
    let version = VERSION;
    const operations = withRun('CheckSidecar', async (run) => ({ ...(await run()), version }));
    const platform = await startPlatform(t, {}, { operations });

    // First: it reads the whole logs of the platform.
    await t.test('is a table without error lines when nobody answers', async (t) => {
      const hub = await ownHub(t, platform, { sidecarUrl: 'http://127.0.0.1:1' });
      assert.deepEqual(
        (await check(platform, hub)).map(({ step, outcome }) => [step, outcome]),
        [
          ['Settings of the sidecar', 'ok'],
          ['Sidecar', 'failed'],
          ['Token', 'skipped'],
        ],
      );
      assert.deepEqual(await errorLines(platform.client), []);
    });

    for (const [other, remedy] of [
      ['0.0.99', 'Replace the folder of the sidecar with the one of the new zip, and restart the sidecar.'],
      ['10.0.0', 'Import the extension 10.0.0 into ThingWorx.'],
    ] as const)
      await t.test(`warns of a sidecar of the version ${other}`, async (t) => {
        version = other;
        const hub = await ownHub(t, platform);
        const row = await rowOf(platform, hub, 'Sidecar');
        assert.deepEqual(
          [row?.outcome, row?.message, row?.remedy],
          ['warning', `The sidecar is ${other}, the extension ${VERSION}.`, remedy],
        );
      });

    await t.test('is a table when the sidecar does not finish in time', async (t) => {
      platform.app.hubs.connect = () => new Promise(() => undefined);
      const hub = await ownHub(t, platform);
      const settings = await rowOf(platform, hub, 'Settings of the hub');
      assert.equal(settings?.outcome, 'failed');
      assert.match(settings?.message ?? '', /^SIDECAR_TIMEOUT: /);
    });
  });
});

test('the watch', async (t) => {
  /** Holds the answers to GetStatus back. */
  let beforeStatus: (() => Promise<void>) | undefined;
  const operations = withRun('GetStatus', async (run) => {
    await beforeStatus?.();
    return await run();
  });
  const platform = await startPlatform(t, {}, { operations });
  const { client, app } = platform;
  const watched = async (t: TestContext) => {
    const hub = await ownHub(t, platform);
    await until('the state', async () => (await client.read(hub, 'connectionStatus')) === 'running');
    await until('quiet', async () => Number(await client.read(hub, 'collectingSince')) === 0);
    return hub;
  };
  /** A Connect that is still under way may write a status after the time was set back. */
  const untilUnreachable = (hub: string) =>
    until('the state', async () => {
      if ((await client.read(hub, 'connectionStatus')) === 'unreachable') return true;
      await client.write(hub, { statusTime: Date.now() - 120_000 });
      await client.result('Things/AzureIoT.Watch', 'WatchHubs');
      return false;
    });

  await t.test(
    'comes with the extension, runs each minute as a user and leaves a hub with news alone',
    async (t) => {
      const hub = await watched(t);
      const table = await client.result('Things/AzureIoT.Watch', 'GetConfigurationTable', {
        tableName: 'Settings',
      });
      assert.deepEqual(
        [table.rows[0].enabled, table.rows[0].runAsUser, table.rows[0].updateRate],
        [true, 'Administrator', 60_000],
      );
      await client.result('Things/AzureIoT.Watch', 'WatchHubs');
      assert.equal(await client.read(hub, 'connectionStatus'), 'running');
    },
  );

  await t.test('does not overwrite a status that was written while it asked the sidecar', async (t) => {
    const hub = await watched(t);
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    t.after(() => {
      beforeStatus = undefined;
      answer.resolve();
    });
    let answers = 0;
    beforeStatus = async () => {
      asked.resolve();
      await answer.promise;
      answers += 1;
    };
    await client.result(`Things/${hub}`, 'ReportSilence');
    await asked.promise;
    await client.result(`Things/${hub}`, 'ReceiveStatus', { status: { state: 'waiting' } });
    answer.resolve();
    await until('the answer', async () => answers > 0);
    beforeStatus = undefined;
    const states = new Set<string>();
    // The service runs in the background, and writes nothing when it ends as it should.
    for (let look = 0; look < 20; look += 1) {
      states.add(await client.read(hub, 'connectionStatus'));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(!states.has('unreachable'), [...states].join());
    assert.equal(await client.read(hub, 'lastError'), '');
  });

  await t.test('tells a sidecar that answers and does not report from one that is dead', async (t) => {
    const hub = await watched(t);
    await untilUnreachable(hub);
    assert.match(await client.read(hub, 'lastError'), /^SIDECAR_SILENT: .*application key has expired/);
  });

  // Last: it stops the sidecar.
  await t.test(
    'shows a dead sidecar as unreachable, once, and keeps the error until it is over',
    async (t) => {
      const hub = await watched(t);
      await app.server.stop();
      await untilUnreachable(hub);
      assert.match(await client.read(hub, 'lastError'), /^SIDECAR_UNREACHABLE: /);
      const [row] = (await client.read(hub, 'recentErrors')).rows;
      assert.deepEqual(
        [row.code, row.clearedAt, row.remedy !== ''],
        ['SIDECAR_UNREACHABLE', undefined, true],
      );
      await client.result(`Things/${hub}`, 'ReceiveStatus', { status: { state: 'running' } });
      const [cleared] = (await client.read(hub, 'recentErrors')).rows;
      assert.ok(cleared.clearedAt > 0);
      assert.equal(await client.read(hub, 'lastError'), '');
    },
  );
});
