import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import common from 'azure-iot-common';
import type { Twin } from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import mqtt from 'azure-iot-device-mqtt';
import type { IotHubEmulator } from '../iothub/emulator.ts';
import {
  addDevice,
  addModule,
  type DeviceTransport,
  openDevice,
  openModule,
  openService,
  startTrusted,
  until,
} from './wire-support.ts';

const transports = {
  MQTT: mqtt.Mqtt as unknown as DeviceTransport,
  AMQP: amqp.Amqp as unknown as DeviceTransport,
};

for (const [name, transport] of Object.entries(transports)) {
  describe(`direct methods and twins over ${name}`, () => {
    let hub: IotHubEmulator;
    before(async () => {
      hub = await startTrusted();
    });
    after(() => hub.stop());

    test('a method reaches the device and its answer the service', async () => {
      const device = await openDevice(hub, addDevice(hub, 'dev-m'), transport);
      device.onDeviceMethod('reboot', (request, response) => {
        response.send(202, { echoed: request.payload }, () => undefined);
      });
      await until(() => hub.sessions.get('dev-m')?.acceptsMethods === true);
      const service = await openService(hub);
      const { result } = await service.invokeDeviceMethod('dev-m', {
        methodName: 'reboot',
        payload: { delay: 3, text: 'ä' },
        responseTimeoutInSeconds: 10,
      });
      assert.equal(result.status, 202);
      assert.deepEqual(result.payload, { echoed: { delay: 3, text: 'ä' } });
      await service.close();
      await device.close();
    });

    test('a device that is not there, does not answer, or connects in time', async () => {
      const connectionString = addDevice(hub, 'dev-late');
      const service = await openService(hub);
      const call = { methodName: 'm', payload: null, responseTimeoutInSeconds: 5 };
      // The SDK knows no name for this error; the hub's code is in the body.
      await assert.rejects(service.invokeDeviceMethod('dev-late', call), (error: { responseBody?: string }) =>
        /404103/.test(error.responseBody ?? ''),
      );
      const waiting = service.invokeDeviceMethod('dev-late', { ...call, connectTimeoutInSeconds: 20 });
      const device = await openDevice(hub, connectionString, transport);
      device.onDeviceMethod('m', (_request, response) => {
        response?.send(200, 'late', () => undefined);
      });
      assert.equal((await waiting).result.payload, 'late');
      device.onDeviceMethod('silent', () => undefined);
      service.setRetryPolicy(new common.NoRetry());
      await assert.rejects(
        service.invokeDeviceMethod('dev-late', { ...call, methodName: 'silent' }),
        (error: { responseBody?: string }) => /504101/.test(error.responseBody ?? ''),
      );
      await service.close();
      await device.close();
    });

    test('the twin is read, reported properties are written, desired ones arrive', async () => {
      const device = await openDevice(hub, addDevice(hub, 'dev-t'), transport);
      const twin: Twin = await device.getTwin();
      assert.equal(twin.properties.desired.$version, 1);
      const changes: Record<string, unknown>[] = [];
      twin.on('properties.desired', (change) => changes.push(change));
      await until(() => changes.length === 1);
      await new Promise<void>((resolve, reject) =>
        twin.properties.reported.update({ state: { on: true }, gone: null }, (error?: Error) =>
          error ? reject(error) : resolve(),
        ),
      );
      assert.deepEqual(hub.twins.getDeviceView('dev-t').reported, { state: { on: true }, $version: 2 });
      // The subscription is on its way; a change made before it would be missed.
      await until(() => {
        hub.twins.patch('dev-t', undefined, { properties: { desired: { interval: 5 } } });
        return changes.length > 1;
      });
      const last = changes.at(-1);
      assert.equal(last?.interval, 5);
      assert.equal(twin.properties.desired.interval, 5);
      assert.ok(typeof last?.$version === 'number' && last.$version > 1);
      await device.close();
    });

    test('a malformed report is an error for the device', async () => {
      const device = await openDevice(hub, addDevice(hub, 'dev-bad'), transport);
      const twin: Twin = await device.getTwin();
      const tooDeep = JSON.parse(`${'{"a":'.repeat(12)}1${'}'.repeat(12)}`);
      await assert.rejects(
        new Promise<void>((resolve, reject) =>
          twin.properties.reported.update(tooDeep, (error?: Error) => (error ? reject(error) : resolve())),
        ),
      );
      await device.close();
    });

    test('a module has its own methods and twin', async () => {
      addDevice(hub, 'dev-mod');
      const module = await openModule(hub, addModule(hub, 'dev-mod', 'mod-1'), transport);
      module.onMethod('ping', (_request, response) => {
        response?.send(200, { pong: true }, () => undefined);
      });
      await until(() => hub.sessions.get('dev-mod', 'mod-1')?.acceptsMethods === true);
      assert.equal(hub.sessions.isConnected('dev-mod'), false);
      const service = await openService(hub);
      const { result } = await service.invokeDeviceMethod('dev-mod', 'mod-1', { methodName: 'ping' });
      assert.deepEqual(result, { status: 200, payload: { pong: true } });
      const twin: Twin = await module.getTwin();
      await new Promise<void>((resolve, reject) =>
        twin.properties.reported.update({ a: 1 }, (error?: Error) => (error ? reject(error) : resolve())),
      );
      assert.deepEqual(hub.twins.getDeviceView('dev-mod', 'mod-1').reported, { a: 1, $version: 2 });
      await service.close();
      await module.close();
    });
  });
}
