import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { connectDevice, connectModule, openClients } from './hub-support.ts';

describe('direct methods', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  before(async () => {
    hub = await startTrustedHub();
    clients = await openClients(hub, 'iothubowner');
    await clients.registry.createDevice({ deviceId: 'dev-1' });
    await clients.registry.createDevice({ deviceId: 'offline' });
    await clients.modules.createModule({ deviceId: 'dev-1', moduleId: 'mod' });
  });
  after(async () => {
    await clients.close();
    await hub.stop();
  });

  for (const transport of ['mqtt', 'amqp'] as const) {
    test(`request and answer over ${transport}, whatever the status and payload`, async () => {
      const device = await connectDevice(hub, clients, 'dev-1', transport);
      try {
        device.onDeviceMethod('echo', (request, response) => {
          response.send(request.payload?.status ?? 200, { got: request.payload }, () => {});
        });
        // The device SDK opens its link for methods in its own time.
        const call = { deviceId: 'dev-1', methodName: 'echo', connectTimeoutSeconds: 20 };
        assert.deepEqual(await clients.invokeMethod({ ...call, payload: { a: [1, 'zwei', null] } }), {
          status: 200,
          payload: { got: { a: [1, 'zwei', null] } },
          payloadText: '{"got":{"a":[1,"zwei",null]}}',
        });
        assert.equal((await clients.invokeMethod({ ...call, payload: { status: 500 } })).status, 500);
        assert.equal((await clients.invokeMethod(call)).status, 200);
      } finally {
        await device.close();
      }
    });
  }

  test('a module', async () => {
    const module = await connectModule(hub, clients, 'dev-1', 'mod');
    try {
      module.onMethod('ping', (_request, response) => void response?.send(204, undefined));
      const result = await clients.invokeMethod({ deviceId: 'dev-1', moduleId: 'mod', methodName: 'ping' });
      assert.deepEqual(result, { status: 204, payload: null, payloadText: 'null' });
    } finally {
      await module.close();
    }
  });

  test('offline, unknown, silent', async () => {
    await assert.rejects(clients.invokeMethod({ deviceId: 'offline', methodName: 'm' }), {
      code: 'DEVICE_OFFLINE',
    });
    await assert.rejects(clients.invokeMethod({ deviceId: 'nobody', methodName: 'm' }), {
      code: 'DEVICE_NOT_FOUND',
    });
    const device = await connectDevice(hub, clients, 'dev-1');
    try {
      device.onDeviceMethod('silent', () => {});
      const call = { deviceId: 'dev-1', methodName: 'silent', responseTimeoutSeconds: 5 };
      await assert.rejects(clients.invokeMethod(call), { code: 'DEVICE_TIMEOUT' });
      await assert.rejects(clients.invokeMethod(call, { timeoutMs: 100 }), { code: 'AZURE_TIMEOUT' });
      await assert.rejects(clients.invokeMethod(call, { signal: AbortSignal.timeout(100) }), {
        code: 'AZURE_TIMEOUT',
      });
      const abort = new AbortController();
      const cancelled = clients.invokeMethod(call, { signal: abort.signal });
      abort.abort('enough');
      await assert.rejects(cancelled, { code: 'AZURE_CANCELLED' });
    } finally {
      await device.close();
    }
  });

  test('the hub waits for a device that comes within the connect timeout', async () => {
    const answer = clients.invokeMethod({
      deviceId: 'offline',
      methodName: 'hello',
      connectTimeoutSeconds: 20,
    });
    const device = await connectDevice(hub, clients, 'offline');
    try {
      device.onDeviceMethod('hello', (_request, response) => response.send(200, 'here', () => {}));
      assert.deepEqual(await answer, { status: 200, payload: 'here', payloadText: '"here"' });
    } finally {
      await device.close();
    }
  });

  test('timeouts out of range and an empty name are refused here', async () => {
    const call = { deviceId: 'dev-1', methodName: 'm' };
    await assert.rejects(clients.invokeMethod({ ...call, responseTimeoutSeconds: 4 }), {
      code: 'REQUEST_INVALID',
    });
    await assert.rejects(clients.invokeMethod({ ...call, connectTimeoutSeconds: 301 }), {
      code: 'REQUEST_INVALID',
    });
    await assert.rejects(clients.invokeMethod({ ...call, responseTimeoutSeconds: Number.NaN }), {
      code: 'REQUEST_INVALID',
    });
    await assert.rejects(clients.invokeMethod({ ...call, methodName: '' }), { code: 'REQUEST_INVALID' });
  });
});
