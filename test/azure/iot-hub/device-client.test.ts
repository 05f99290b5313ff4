import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DeviceClient } from '../../../sidecar/azure/iot-hub/device-client.ts';
import type { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { until } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { openClients } from './hub-support.ts';

describe('a device of the sidecar', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  before(async () => {
    hub = await startTrustedHub();
    clients = await openClients(hub);
  });
  after(async () => {
    await clients.close();
    await hub.stop();
  });

  async function connect(deviceId: string, key?: string) {
    await clients.registry.createDevice({ deviceId }).catch(() => undefined);
    const desired: object[] = [];
    const client = new DeviceClient({
      credentials: clients.credentials,
      deviceId,
      key: key ?? (await clients.registry.deviceKeys(deviceId)).primaryKey,
      answer: (name, payload) => ({ status: name === 'echo' ? 200 : 404, payload: { name, payload } }),
      onDesired: (patch) => desired.push(patch),
    });
    await client.open();
    return { client, desired };
  }

  test('sends telemetry, answers methods, hears of desired and reports properties', async () => {
    const { client, desired } = await connect('canary-1');
    try {
      assert.ok(client.isOpen);
      await client.send({ canaryValue: 17 });
      const call = { deviceId: 'canary-1', methodName: 'echo', payload: { value: 1 } };
      const { status, payload } = await clients.invokeMethod(call);
      assert.deepEqual(
        { status, payload },
        { status: 200, payload: { name: 'echo', payload: { value: 1 } } },
      );
      assert.equal((await clients.invokeMethod({ ...call, methodName: 'other' })).status, 404);
      await clients.twins.patch({ deviceId: 'canary-1' }, { desired: { canary: 5 } });
      await until('the desired property', () => desired.length > 0);
      assert.equal((desired[0] as { canary?: number }).canary, 5);
      await client.report({ canary: 5 });
      const twin = await clients.twins.get({ deviceId: 'canary-1' });
      assert.equal(twin.properties.reported['canary'], 5);
    } finally {
      client.close();
    }
    await until('the end', () => !client.isOpen);
    await assert.rejects(client.send({ canaryValue: 18 }), { code: 'AZURE_UNREACHABLE' });
  });

  test('is refused with a wrong key, and refuses reported properties as IoT Hub does', async () => {
    await assert.rejects(connect('canary-2', Buffer.from('wrong').toString('base64')), {
      code: 'AZURE_UNAUTHORIZED',
    });
    const { client } = await connect('canary-2');
    try {
      await assert.rejects(client.report({ canary: { 'a.b': 1 } }), { code: 'AZURE_REJECTED' });
    } finally {
      client.close();
    }
  });

  test('is no longer open when its connection ends', async () => {
    const { client } = await connect('canary-3');
    await clients.registry.deleteDevice('canary-3');
    await until('the end', () => !client.isOpen);
    client.close();
  });
});
