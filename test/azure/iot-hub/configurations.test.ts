import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { until } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { openClients } from './hub-support.ts';

const MANIFEST = {
  modulesContent: {
    $edgeAgent: {
      'properties.desired': {
        schemaVersion: '1.1',
        runtime: { type: 'docker', settings: {} },
        systemModules: {},
        modules: { filter: { type: 'docker', settings: { image: 'filter:1' } } },
      },
    },
    $edgeHub: { 'properties.desired': { schemaVersion: '1.1', routes: {} } },
    filter: { 'properties.desired': { threshold: 7 } },
  },
};

describe('configurations', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  before(async () => {
    hub = await startTrustedHub();
    clients = await openClients(hub);
    await clients.registry.createDevice({ deviceId: 'chiller' });
    await clients.registry.createDevice({ deviceId: 'edge', capabilities: { iotEdge: true } });
    await clients.twins.patch({ deviceId: 'chiller' }, { tags: { site: 'A' } });
  });
  after(async () => {
    await clients.close();
    await hub.stop();
  });

  test('create, take effect, list, change, delete', async () => {
    const { configurations, twins } = clients;
    const created = await configurations.create({
      id: 'cooling',
      content: { deviceContent: { 'properties.desired.cooling': { target: 4 } } },
      targetCondition: "tags.site = 'A'",
      priority: 5,
      labels: { team: 'x' },
      metrics: { queries: { cold: 'SELECT deviceId FROM devices WHERE properties.reported.cold = true' } },
    });
    assert.equal(created.priority, 5);
    assert.ok(created.etag);
    await until('the content', async () => {
      const { properties } = await twins.get({ deviceId: 'chiller' });
      return (properties.desired.cooling as { target?: number } | undefined)?.target === 4;
    });
    await assert.rejects(
      configurations.create({ id: 'cooling', content: {} }),
      /AZURE_CONFLICT|exists|Azure/,
    );
    assert.deepEqual(
      (await configurations.list()).map(({ id }) => id),
      ['cooling'],
    );
    const changed = await configurations.update('cooling', { priority: 9 });
    assert.equal(changed.priority, 9);
    assert.deepEqual(changed.labels, { team: 'x' });
    await assert.rejects(configurations.update('cooling', { priority: 1 }, { etag: created.etag ?? '' }), {
      code: 'PRECONDITION_FAILED',
    });
    const read = await configurations.get('cooling');
    assert.equal(read.systemMetrics?.results?.targetedCount ?? 1, 1);
    await configurations.delete('cooling', { etag: read.etag ?? '' });
    await assert.rejects(configurations.get('cooling'), { code: 'AZURE_NOT_FOUND' });
  });

  test('a manifest for one device', async () => {
    await clients.configurations.apply('edge', MANIFEST);
    const { properties } = await clients.twins.get({ deviceId: 'edge', moduleId: 'filter' });
    assert.equal(properties.desired.threshold, 7);
    const agent = await clients.twins.get({ deviceId: 'edge', moduleId: '$edgeAgent' });
    assert.ok((agent.properties.desired.modules as Record<string, unknown>).filter);
    await assert.rejects(clients.configurations.apply('nobody', MANIFEST), { code: 'DEVICE_NOT_FOUND' });
    await assert.rejects(clients.configurations.apply('edge', {}), { code: 'AZURE_REJECTED' });
  });

  test('malformed input', async () => {
    const content = { deviceContent: { 'properties.desired.a': 1 } };
    await assert.rejects(clients.configurations.create({ id: 'No Good', content }), {
      code: 'AZURE_REJECTED',
    });
    await assert.rejects(clients.configurations.create({ id: 'x', content, targetCondition: 'tags. = ' }), {
      code: 'AZURE_REJECTED',
    });
  });
});
