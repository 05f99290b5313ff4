import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ModuleClient } from 'azure-iot-device';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import { eventually, Factory, HUB_THING, TRANSPORT_NAMES } from './factory.ts';

const EDGE = 'edge-1';

const MANIFEST = {
  modulesContent: {
    $edgeAgent: {
      'properties.desired': {
        schemaVersion: '1.1',
        runtime: { type: 'docker', settings: {} },
        systemModules: {
          edgeAgent: { type: 'docker', settings: { image: 'mcr.microsoft.com/azureiotedge-agent:1.5' } },
          edgeHub: {
            type: 'docker',
            status: 'running',
            restartPolicy: 'always',
            settings: { image: 'mcr.microsoft.com/azureiotedge-hub:1.5' },
          },
        },
        modules: {
          sensor: {
            type: 'docker',
            status: 'running',
            restartPolicy: 'always',
            version: '1.0',
            settings: { image: 'example/sensor:1' },
          },
        },
      },
    },
    $edgeHub: { 'properties.desired': { schemaVersion: '1.1', routes: {} } },
    sensor: { 'properties.desired': { interval: 5 } },
  },
};

describe('Edge devices', () => {
  const factory = new Factory({ builtInSources: ['twinChangeEvents'] });
  before(async () => {
    await factory.start();
    await registerDevices(factory.system.cloud.iotHubConnectionString, [EDGE], { iotEdge: true });
    await factory.system.platform.createThing(EDGE, 'AzureIoT.EdgeDevice_TT');
    await factory.system.platform.setProperties(EDGE, { hubThing: HUB_THING });
    await factory.call(EDGE, 'SetModules', { manifest: MANIFEST });
  });
  after(() => factory.stop());

  const rows = async (service: string, parameters: Row = {}) =>
    (await factory.call<{ rows: Row[] }>(EDGE, service, parameters)).rows;

  /** What an edgeAgent answers. */
  function playAgent(agent: ModuleClient, asked: Row[]): void {
    agent.onMethod('ping', (_request, response) => void response?.send(200, null));
    agent.onMethod('RestartModule', (request, response) => {
      asked.push(request?.payload as Row);
      const { id } = (request?.payload ?? {}) as { id?: string };
      if (id === 'sensor') void response?.send(200, null);
      else void response?.send(400, { message: `Module ${id} not found in the current environment` });
    });
    agent.onMethod('GetModuleLogs', (request, response) => {
      asked.push(request?.payload as Row);
      const {
        items: [item],
      } = asked.at(-1) as { items: Row[] };
      if (item?.id === 'strange') void response?.send(200, { logs: [] });
      else
        void response?.send(200, [
          { id: 'edgeAgent', payloadBytes: null, payload: 'line 1\nline 2\n' },
          { id: 'sensor', payloadBytes: null, payload: 'ready\n' },
        ]);
    });
  }

  test('SetModules deploys a manifest to one device, and refuses one that would remove the runtime', async () => {
    const modules = await rows('ListModules');
    assert.deepEqual(modules.map(({ moduleId }) => moduleId).sort(), ['$edgeAgent', '$edgeHub', 'sensor']);
    assert.ok(!JSON.stringify(modules).includes('symmetricKey'));
    const twin = await factory.call(EDGE, 'GetTwin', { moduleId: 'sensor' });
    assert.equal((twin.properties as { desired: Row }).desired.interval, 5);
    await assert.rejects(
      factory.call(EDGE, 'SetModules', { manifest: { modulesContent: { sensor: {} } } }),
      /REQUEST_INVALID: manifest must have modulesContent/,
    );
    await factory.call(EDGE, 'SetModules', { manifest: { content: MANIFEST } });
    await factory.createDevice('no-edge');
    await factory.system.platform.createThing('no-edge-thing', 'AzureIoT.EdgeDevice_TT');
    await factory.system.platform.setProperties('no-edge-thing', {
      hubThing: HUB_THING,
      deviceId: 'no-edge',
    });
    await assert.rejects(
      factory.call('no-edge-thing', 'SetModules', { manifest: MANIFEST }),
      /AZURE_REJECTED/,
    );
  });

  test('an edgeAgent that is not connected is an error of its own', async () => {
    await assert.rejects(factory.call(EDGE, 'PingEdgeAgent'), /DEVICE_OFFLINE/);
  });

  for (const transport of TRANSPORT_NAMES) {
    test(`edgeAgent over ${transport}: ping, restart, logs`, async () => {
      const agent = await factory.connectModule(EDGE, '$edgeAgent', transport);
      const asked: Row[] = [];
      playAgent(agent, asked);
      // Over AMQP the SDK attaches for methods in the background.
      const milliseconds = await eventually(() => factory.call<number>(EDGE, 'PingEdgeAgent'));
      assert.ok(milliseconds >= 0);
      await factory.call(EDGE, 'RestartModule', { moduleName: 'sensor' });
      assert.deepEqual(asked[0], { schemaVersion: '1.0', id: 'sensor' });
      await assert.rejects(
        factory.call(EDGE, 'RestartModule', { moduleName: 'nobody' }),
        /MODULE_FAILED: .*status 400: Module nobody not found/,
      );
      const logs = await rows('GetModuleLogs', { modules: '.*', tail: 10, since: '1h', logLevel: 4 });
      assert.deepEqual(
        logs.map(({ moduleId, log }) => [moduleId, log]),
        [
          ['edgeAgent', 'line 1\nline 2\n'],
          ['sensor', 'ready\n'],
        ],
      );
      assert.deepEqual(asked.at(-1), {
        schemaVersion: '1.0',
        items: [{ id: '.*', filter: { tail: 10, since: '1h', loglevel: 4 } }],
        encoding: 'none',
        contentType: 'text',
      });
      await assert.rejects(
        factory.call(EDGE, 'GetModuleLogs', { modules: 'strange' }),
        /DEVICE_RESPONSE_INVALID: \$edgeAgent of .* answered GetModuleLogs in an unknown form/,
      );
      await agent.close();
    });
  }

  test('GetModulesStatus shows what edgeAgent reported, and keeps it on the Thing', async () => {
    const agent = await factory.connectModule(EDGE, '$edgeAgent');
    const twin = await agent.getTwin();
    await new Promise<void>((resolve, reject) =>
      twin.properties.reported.update(
        {
          systemModules: { edgeAgent: { type: 'docker', runtimeStatus: 'running', exitCode: 0 } },
          modules: {
            sensor: {
              type: 'docker',
              status: 'running',
              restartPolicy: 'always',
              version: '1.0',
              runtimeStatus: 'backoff',
              exitCode: 139,
              statusDescription: 'Exited',
              restartCount: 7,
              lastStartTimeUtc: '2026-01-31T12:00:00.1234567Z',
              lastRestartTimeUtc: '0001-01-01T00:00:00Z',
              settings: { image: 'example/sensor:1' },
            },
          },
        },
        (error: Error | undefined) => (error ? reject(error) : resolve()),
      ),
    );
    await agent.close();
    const status = await rows('GetModulesStatus');
    assert.deepEqual(
      status.map(({ moduleId, isSystem, runtimeStatus }) => [moduleId, isSystem, runtimeStatus]),
      [
        ['edgeAgent', true, 'running'],
        ['sensor', false, 'backoff'],
      ],
    );
    const [, sensor] = status;
    assert.deepEqual(
      [sensor?.exitCode, sensor?.restartCount, sensor?.image, sensor?.lastRestartTime],
      [139, 7, 'example/sensor:1', undefined],
    );
    assert.equal(sensor?.lastStartTime, Date.parse('2026-01-31T12:00:00.123Z'));
    const thing = await factory.read(EDGE);
    assert.equal((thing.modulesStatus as { rows: Row[] }).rows.length, 2);
    assert.ok(Number(thing.modulesStatusTime) > 0);
  });

  test('the state of the modules follows what edgeAgent reports, without a call', async () => {
    const agent = await factory.connectModule(EDGE, '$edgeAgent');
    const twin = await agent.getTwin();
    for (const runtimeStatus of ['running', 'stopped']) {
      await new Promise<void>((resolve, reject) =>
        twin.properties.reported.update(
          { modules: { sensor: { runtimeStatus } } },
          (error: Error | undefined) => (error ? reject(error) : resolve()),
        ),
      );
      await eventually(async () => {
        const { rows: modules } = (await factory.read(EDGE)).modulesStatus as { rows: Row[] };
        assert.equal(modules.find(({ moduleId }) => moduleId === 'sensor')?.runtimeStatus, runtimeStatus);
      });
    }
    await agent.close();
  });

  test('configurations: created, read, listed with metrics, changed with ETag, deleted', async () => {
    await factory.createDevice('configured');
    await factory.call('configured', 'UpdateTwin', { tags: { line: 'c' } });
    const created = await factory.hub('CreateConfiguration', {
      configuration: 'speed',
      content: { deviceContent: { 'properties.desired.speed': { rpm: 900 } } },
      targetCondition: "tags.line = 'c'",
      priority: 5,
      labels: { stage: 'test' },
      metrics: { all: 'SELECT deviceId FROM devices' },
    });
    assert.deepEqual([created.id, created.priority, created.isEdge], ['speed', 5, false]);
    const twin = await factory.call('configured', 'GetTwin');
    assert.deepEqual((twin.properties as { desired: Row }).desired.speed, { rpm: 900 });
    const list = (await factory.hub<{ rows: Row[] }>('ListConfigurations')).rows;
    const row = list.find(({ id }) => id === 'speed');
    const counts = { ...(row?.systemMetrics as Row), ...(row?.metrics as Row) };
    assert.equal(counts.targetedCount, 1);
    assert.ok(Number(counts.all) >= 1);
    const changed = await factory.hub('UpdateConfiguration', {
      configuration: 'speed',
      priority: 9,
      etag: created.etag,
    });
    assert.deepEqual([changed.priority, changed.targetCondition], [9, "tags.line = 'c'"]);
    await assert.rejects(
      factory.hub('UpdateConfiguration', { configuration: 'speed', priority: 1, etag: created.etag }),
      /PRECONDITION_FAILED/,
    );
    const changes = [
      { priority: 11 },
      { labels: { stage: 'field' } },
      { targetCondition: "tags.line = 'd'" },
    ];
    await Promise.all(
      changes.map((change) => factory.hub('UpdateConfiguration', { configuration: 'speed', ...change })),
    );
    const merged = await factory.hub('GetConfiguration', { configuration: 'speed' });
    assert.deepEqual(
      [merged.priority, merged.labels, merged.targetCondition],
      [11, { stage: 'field' }, "tags.line = 'd'"],
      'without an ETag changes at the same time are all kept',
    );
    await assert.rejects(
      factory.hub('UpdateConfiguration', { configuration: 'speed', labels: { stage: { toString: null } } }),
      /REQUEST_INVALID: labels\.stage is not a text/,
    );
    await assert.rejects(
      factory.hub('CreateConfiguration', { configuration: 'speed', content: { deviceContent: {} } }),
      /AZURE_CONFLICT/,
    );
    assert.deepEqual((await factory.hub('GetConfiguration', { configuration: 'speed' })).metricQueries, {
      all: 'SELECT deviceId FROM devices',
    });
    await factory.hub('DeleteConfiguration', { configuration: 'speed' });
    await assert.rejects(factory.hub('GetConfiguration', { configuration: 'speed' }), /AZURE_NOT_FOUND/);
    await assert.rejects(
      factory.hub('CreateConfiguration', { configuration: 'UPPER', content: {} }),
      /REQUEST_INVALID/,
    );
  });
});
