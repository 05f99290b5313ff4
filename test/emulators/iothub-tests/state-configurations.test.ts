import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Harness, startHarness } from './state-harness.ts';

const desiredOf = (hub: Harness, deviceId: string, moduleId?: string) => {
  const { $version: _version, ...desired } = hub.state.twins.getDeviceView(deviceId, moduleId).desired;
  return desired;
};

function manifest(image: string) {
  return {
    $edgeAgent: {
      'properties.desired': {
        schemaVersion: '1.1',
        modules: { sensor: { type: 'docker', settings: { image } } },
      },
    },
    $edgeHub: { 'properties.desired': { schemaVersion: '1.1', routes: { up: 'FROM /* INTO $upstream' } } },
    sensor: { 'properties.desired': { interval: 5 } },
  };
}

describe('configurations', () => {
  let hub: Harness;
  before(async () => {
    hub = await startHarness();
    for (const deviceId of ['d1', 'd2', 'd3']) {
      await hub.registry.create({ deviceId });
      hub.state.twins.patch(deviceId, undefined, { tags: { site: deviceId === 'd3' ? 'b' : 'a' } });
    }
  });
  after(async () => {
    await hub.stop();
  });

  test('are added, read, listed, updated under their etag and removed', async () => {
    const config = {
      id: 'crud',
      content: { deviceContent: { 'properties.desired': { prop1: 'foo' } } },
      targetCondition: '',
      priority: 20,
    };
    await hub.registry.addConfiguration(config as never);
    const read = (await hub.registry.getConfiguration('crud')).responseBody;
    assert.deepEqual(read.content, config.content);
    assert.equal((await hub.registry.getConfigurations()).responseBody.length, 1);
    await hub.registry.updateConfiguration({ ...read, priority: 99 } as never);
    assert.equal((await hub.registry.getConfiguration('crud')).responseBody.priority, 99);
    await assert.rejects(hub.registry.updateConfiguration({ ...read, priority: 1 } as never), {
      name: 'InvalidEtagError',
    });
    await assert.rejects(hub.registry.addConfiguration(config as never), {
      name: 'DeviceAlreadyExistsError',
    });
    const changed = { ...read, content: { deviceContent: { 'properties.desired': { prop1: 'bar' } } } };
    const immutable = await hub.call('PUT', '/configurations/crud', {
      body: changed,
      headers: { 'If-Match': '*' },
    });
    assert.match(immutable.json.Message, /CannotModifyImmutableConfigurationContent/);
    await hub.registry.removeConfiguration('crud');
    const gone = await hub.call('GET', '/configurations/crud');
    assert.equal(gone.status, 404);
    assert.match(gone.json.Message, /^ErrorCode:ConfigurationNotFound;/);
  });

  test('write into the twins that match, by priority, and take away what they wrote', async () => {
    await hub.registry.addConfiguration({
      id: 'low',
      content: { deviceContent: { 'properties.desired.chiller': { temperature: 66, pressure: 1 } } },
      targetCondition: "tags.site = 'a'",
      priority: 5,
      metrics: { queries: { hot: 'SELECT deviceId FROM devices WHERE properties.reported.hot = true' } },
    } as never);
    assert.deepEqual(desiredOf(hub, 'd1'), { chiller: { temperature: 66, pressure: 1 } });
    assert.deepEqual(desiredOf(hub, 'd3'), {});
    await hub.registry.addConfiguration({
      id: 'high',
      content: {
        deviceContent: { 'properties.desired.chiller': { temperature: 40 }, 'properties.desired.extra': 1 },
      },
      targetCondition: "deviceId = 'd1'",
      priority: 10,
    } as never);
    assert.deepEqual(desiredOf(hub, 'd1'), { chiller: { temperature: 40 }, extra: 1 });
    assert.deepEqual(desiredOf(hub, 'd2'), { chiller: { temperature: 66, pressure: 1 } });

    hub.state.twins.patchReported('d2', undefined, { hot: true });
    await turn();
    const low = (await hub.registry.getConfiguration('low')).responseBody as unknown as {
      systemMetrics: { results: unknown };
      metrics: { results: unknown };
    };
    assert.deepEqual(low.systemMetrics.results, { targetedCount: 2, appliedCount: 2 });
    assert.deepEqual(low.metrics.results, { hot: 1 });
    const applied = "SELECT deviceId FROM devices WHERE configurations.[[high]].status = 'Applied'";
    assert.deepEqual((await hub.call('POST', '/devices/query', { body: { query: applied } })).json, [
      { deviceId: 'd1' },
    ]);

    await hub.registry.removeConfiguration('high');
    assert.deepEqual(desiredOf(hub, 'd1'), { chiller: { temperature: 66, pressure: 1 } });
    hub.state.twins.patch('d2', undefined, { tags: { site: 'b' } });
    await turn();
    assert.deepEqual(desiredOf(hub, 'd2'), {});
    await hub.registry.create({ deviceId: 'd4' });
    hub.state.twins.patch('d4', undefined, { tags: { site: 'a' } });
    await turn();
    assert.deepEqual(desiredOf(hub, 'd4'), { chiller: { temperature: 66, pressure: 1 } });
    await hub.registry.removeConfiguration('low');
    assert.deepEqual(desiredOf(hub, 'd4'), {});
    assert.equal((await hub.call('GET', '/twins/d4')).json.configurations, undefined);
  });

  test('deploy modules to Edge devices, with layers', async () => {
    await hub.registry.create({ deviceId: 'edge', capabilities: { iotEdge: true } });
    hub.state.twins.patch('edge', undefined, { tags: { kind: 'edge' } });
    hub.state.twins.patch('d1', undefined, { tags: { kind: 'edge' } });
    await hub.registry.addConfiguration({
      id: 'base',
      content: { modulesContent: manifest('sensor:1') },
      targetCondition: "tags.kind = 'edge'",
      priority: 1,
    } as never);
    const names = (await hub.registry.getModulesOnDevice('edge')).responseBody.map(
      (module) => module.moduleId,
    );
    assert.deepEqual(names, ['$edgeAgent', '$edgeHub', 'sensor']);
    assert.deepEqual((await hub.registry.getModulesOnDevice('d1')).responseBody, [], 'd1 is no Edge device');
    assert.deepEqual(desiredOf(hub, 'edge', 'sensor'), { interval: 5 });
    await hub.registry.addConfiguration({
      id: 'layer',
      content: {
        modulesContent: {
          $edgeAgent: { 'properties.desired.modules.extra': { type: 'docker' } },
          $edgeHub: { 'properties.desired.routes.extra': 'FROM /messages/modules/extra/* INTO $upstream' },
        },
      },
      targetCondition: "tags.kind = 'edge'",
      priority: 2,
    } as never);
    const agent = desiredOf(hub, 'edge', '$edgeAgent') as { modules: Record<string, unknown> };
    assert.deepEqual(Object.keys(agent.modules), ['sensor', 'extra']);
    const edgeHub = desiredOf(hub, 'edge', '$edgeHub') as { routes: Record<string, unknown> };
    assert.deepEqual(Object.keys(edgeHub.routes), ['up', 'extra']);
    await hub.registry.removeConfiguration('layer');
    const less = desiredOf(hub, 'edge', '$edgeAgent') as { modules: Record<string, unknown> };
    assert.deepEqual(Object.keys(less.modules), ['sensor']);
    await hub.registry.removeConfiguration('base');
  });

  test('are applied to a single Edge device', async () => {
    await hub.registry.create({ deviceId: 'single', capabilities: { iotEdge: true } });
    const content = { modulesContent: manifest('sensor:2') };
    await hub.registry.applyConfigurationContentOnDevice('single', content as never);
    assert.deepEqual(desiredOf(hub, 'single', 'sensor'), { interval: 5 });
    const { json: module } = await hub.call('GET', '/devices/single/modules/sensor');
    assert.equal(module.managedBy, 'IotEdge');
    const agent = desiredOf(hub, 'single', '$edgeAgent') as { modules: { sensor: { settings: unknown } } };
    assert.deepEqual(agent.modules.sensor.settings, { image: 'sensor:2' });
    const apply = (deviceId: string, body: unknown) =>
      hub.call('POST', `/devices/${deviceId}/applyConfigurationContent`, { body });
    assert.match((await apply('d1', content)).json.Message, /InvalidConfigurationContent/);
    assert.match((await apply('nobody', content)).json.Message, /DeviceNotFound/);
    const partial = { modulesContent: { sensor: { 'properties.desired': {} } } };
    assert.match((await apply('single', partial)).json.Message, /InvalidConfigurationContent/);
    assert.equal((await apply('d1', { deviceContent: { 'properties.desired.a': 1 } })).status, 204);
  });

  test('refuse malformed content, conditions and metrics', async () => {
    const put = (body: unknown) => hub.call('PUT', '/configurations/bad', { body });
    const content = { deviceContent: { 'properties.desired.a': 1 } };
    assert.match((await put({})).json.Message, /InvalidConfigurationContent/);
    assert.match(
      (await put({ content: { deviceContent: { 'tags.a': 1 } } })).json.Message,
      /InvalidConfigurationContent/,
    );
    assert.match(
      (await put({ content, targetCondition: 'tags.a = ' })).json.Message,
      /InvalidConfigurationTargetCondition/,
    );
    const metrics = { queries: { m: 'SELECT nothing' } };
    assert.match((await put({ content, metrics })).json.Message, /InvalidConfigurationCustomMetricsQuery/);
    assert.equal((await hub.call('PUT', '/configurations/UPPER', { body: { content } })).status, 400);
    const tested = await hub.call('POST', '/configurations/testQueries', {
      body: {
        targetCondition: 'tags.a = 1',
        customMetricQueries: { good: 'SELECT * FROM devices', bad: 'SELECT' },
      },
    });
    assert.equal(tested.json.targetConditionError, null);
    assert.deepEqual(Object.keys(tested.json.customMetricQueryErrors), ['bad']);
  });
});
