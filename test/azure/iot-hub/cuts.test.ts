import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from 'azure-iot-common';
import type { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import { listenToFeedback } from '../../../sidecar/azure/iot-hub/hub-listener.ts';
import { ConnectorError } from '../../../sidecar/errors/connector-error.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { range, until } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { connectDevice, openClients } from './hub-support.ts';

const CUTS = 100;
/** What a call may end with when its connection is cut. */
const EXPECTED = new Set(['AZURE_UNREACHABLE', 'AZURE_FAILED', 'AZURE_TIMEOUT', 'DEVICE_OFFLINE']);

describe('connection losses under load', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  const escaped: unknown[] = [];
  const onEscape = (error: unknown): void => void escaped.push(error);
  before(async () => {
    hub = await startTrustedHub({ feedbackBatchMs: 20 });
    clients = await openClients(hub);
    await clients.registry.createDevice({ deviceId: 'dev-1' });
    await clients.registry.createDevice({ deviceId: 'sleeper' });
    process.on('uncaughtException', onEscape);
    process.on('unhandledRejection', onEscape);
  });
  after(async () => {
    process.off('uncaughtException', onEscape);
    process.off('unhandledRejection', onEscape);
    await clients.close();
    await hub.stop();
  });

  test(`${CUTS} cuts: every call ends, no exception escapes, and afterwards everything works`, async () => {
    const deviceId = 'dev-1';
    const outcomes = new Map<string, number>();
    const count = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    const calls: ReadonlyArray<() => Promise<unknown>> = [
      () => clients.registry.device(deviceId),
      () => clients.registry.statistics(),
      () => clients.twins.patch({ deviceId }, { tags: { at: Date.now() } }),
      () => clients.twins.query('SELECT deviceId FROM devices'),
      () => clients.jobs.list(),
      () => clients.invokeMethod({ deviceId, methodName: 'echo', payload: 0 }, { timeoutMs: 5000 }),
      () => clients.messages.send(deviceId, { body: 'x', ack: 'full' }, { timeoutMs: 5000 }),
      () => clients.messages.send('sleeper', { body: 'x' }, { timeoutMs: 5000 }),
    ];
    let stopping = false;
    const unexpected: unknown[] = [];
    const worker = async (call: () => Promise<unknown>): Promise<void> => {
      while (!stopping) {
        try {
          await call();
          count('done');
        } catch (error) {
          const code = error instanceof ConnectorError ? error.code : 'not a ConnectorError';
          count(code);
          // The queue of the sleeping device fills up.
          if (code === 'DEVICE_QUEUE_FULL') await clients.messages.purge('sleeper').catch(() => 0);
          else if (!EXPECTED.has(code)) unexpected.push(error);
          await sleep(2);
        }
      }
    };
    let feedback = 0;
    const listener = listenToFeedback({
      credentials: clients.credentials,
      handler: (records) => {
        feedback += records.length;
      },
      onState: () => undefined,
    });
    const device = await connectDevice(hub, clients, deviceId);
    device.on('message', (message: Message) => device.complete(message, () => {}));
    device.onDeviceMethod('echo', (_request, response) => response.send(200, () => {}));
    listener.start();
    const workers = calls.map(worker);
    try {
      let connections = 0;
      for (const _ of range(CUTS)) {
        await sleep(25);
        connections += hub.cut('amqp') + hub.cut('http');
      }
      assert.ok(connections >= CUTS, `${connections} connections were cut`);
    } finally {
      stopping = true;
      await Promise.all(workers);
    }
    try {
      assert.deepEqual(escaped, []);
      assert.deepEqual(unexpected, []);
      assert.ok(
        (outcomes.get('done') ?? 0) > 0 && (outcomes.get('AZURE_UNREACHABLE') ?? 0) > 0,
        [...outcomes].join(),
      );
      await clients.messages.purge('sleeper');
      for (const call of calls)
        await until('the call works again', () =>
          call().then(
            () => true,
            () => false,
          ),
        );
      const before = feedback;
      await until('feedback arrives again', async () => {
        await clients.messages.send(deviceId, { body: 'x', ack: 'full' });
        await sleep(50);
        return feedback > before;
      });
    } finally {
      await listener.stop();
      await device.close();
    }
  });
});
