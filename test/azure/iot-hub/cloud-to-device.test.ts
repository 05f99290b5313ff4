import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Message } from 'azure-iot-common';
import type { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import {
  type FeedbackRecord,
  type FileNotification,
  type HubListener,
  listenToFeedback,
  listenToFileNotifications,
} from '../../../sidecar/azure/iot-hub/hub-listener.ts';
import type { ConnectorError } from '../../../sidecar/errors/connector-error.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { range, until } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { connectDevice, openClients } from './hub-support.ts';

describe('cloud-to-device messages', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  before(async () => {
    hub = await startTrustedHub({ feedbackBatchMs: 50 });
    clients = await openClients(hub);
    await clients.registry.createDevice({ deviceId: 'dev-1' });
    await clients.registry.createDevice({ deviceId: 'sleeper' });
  });
  beforeEach(() => {
    hub.faults.clear();
  });
  after(async () => {
    await clients.close();
    await hub.stop();
  });

  for (const transport of ['mqtt', 'amqp'] as const) {
    test(`body and properties reach a device over ${transport}`, async () => {
      const device = await connectDevice(hub, clients, 'dev-1', transport);
      try {
        const got: Message[] = [];
        device.on('message', (message: Message) => {
          got.push(message);
          device.complete(message, () => {});
        });
        const { messageId } = await clients.messages.send('dev-1', {
          body: '{"setpoint":20}',
          properties: { kind: 'setpoint', über: 'ä&=' },
          messageId: `m-${transport}`,
          correlationId: 'c-1',
          contentType: 'application/json',
          contentEncoding: 'utf-8',
        });
        assert.equal(messageId, `m-${transport}`);
        await until('the message', () => got.length === 1);
        const [message] = got;
        assert.equal(message?.getData().toString(), '{"setpoint":20}');
        assert.equal(message?.messageId, `m-${transport}`);
        assert.equal(message?.correlationId, 'c-1');
        assert.equal(message?.properties.getValue('kind'), 'setpoint');
        assert.equal(message?.properties.getValue('über'), 'ä&=');
        await clients.messages.send('dev-1', { body: new Uint8Array([0, 255, 1]) });
        await until('the bytes', () => got.length === 2);
        assert.deepEqual([...(got[1]?.getBytes() ?? [])], [0, 255, 1]);
      } finally {
        await device.close();
      }
    });
  }

  test('unknown device, full queue, purge', async () => {
    await assert.rejects(clients.messages.send('nobody', { body: 'x' }), { code: 'DEVICE_NOT_FOUND' });
    for (const index of range(50)) await clients.messages.send('sleeper', { body: String(index) });
    await assert.rejects(clients.messages.send('sleeper', { body: 'one more' }), {
      code: 'DEVICE_QUEUE_FULL',
    });
    assert.equal((await clients.registry.device('sleeper')).cloudToDeviceMessageCount, 50);
    assert.equal(await clients.messages.purge('sleeper'), 50);
    assert.equal(await clients.messages.purge('sleeper'), 0);
    await assert.rejects(clients.messages.purge('nobody'), { code: 'DEVICE_NOT_FOUND' });
  });

  test('a broken connection is replaced with the next message', async () => {
    await clients.messages.send('sleeper', { body: 'before' });
    hub.cut('amqp');
    await until('a message goes through', async () => {
      try {
        await clients.messages.send('sleeper', { body: 'after' });
        return true;
      } catch (error) {
        assert.match((error as ConnectorError).code, /AZURE_(UNREACHABLE|FAILED|TIMEOUT)/);
        return false;
      }
    });
    await clients.messages.purge('sleeper');
  });

  test('a refused policy, nobody there, cancelled, closed', async () => {
    const reader = await openClients(hub, 'registryRead');
    await assert.rejects(reader.messages.send('sleeper', { body: 'x' }), { code: 'AZURE_UNAUTHORIZED' });
    await reader.close();
    await assert.rejects(reader.messages.send('sleeper', { body: 'x' }), { code: 'STOPPING' });
    const cancelled = await openClients(hub);
    await assert.rejects(cancelled.messages.send('sleeper', { body: 'x' }, { signal: AbortSignal.abort() }), {
      code: 'AZURE_CANCELLED',
    });
    await cancelled.close();
    hub.faults.refuse('amqp', true);
    const refused = await openClients(hub);
    await assert.rejects(
      refused.messages.send('sleeper', { body: 'x' }, { timeoutMs: 5000 }),
      (error: ConnectorError) => {
        assert.match(error.code, /AZURE_(UNREACHABLE|TIMEOUT|FAILED)/);
        return true;
      },
    );
    await refused.close();
  });

  describe('feedback and file notifications', () => {
    const listeners: HubListener<never>[] = [];
    after(async () => {
      await Promise.all(listeners.map((listener) => listener.stop()));
    });

    test('feedback names the message; what the handler refuses comes again; cuts are survived', async () => {
      const records: FeedbackRecord[] = [];
      const states: Array<string | undefined> = [];
      let refusals = 1;
      const listener = listenToFeedback({
        credentials: clients.credentials,
        handler: (batch) => {
          if (refusals-- > 0) throw new RangeError('not now');
          records.push(...batch);
        },
        onState: (error) => states.push(error?.code),
      });
      listeners.push(listener as unknown as HubListener<never>);
      listener.start();
      await until('it listens', () => states.includes(undefined));
      await clients.messages.send('dev-1', { body: 'x', messageId: 'wanted', ack: 'full' });
      const device = await connectDevice(hub, clients, 'dev-1');
      device.on('message', (message: Message) => device.complete(message, () => {}));
      try {
        await until('the feedback', () =>
          records.some(({ originalMessageId }) => originalMessageId === 'wanted'),
        );
        const record = records.find(({ originalMessageId }) => originalMessageId === 'wanted');
        assert.equal(record?.statusCode, 'Success');
        assert.equal(record?.deviceId, 'dev-1');
        states.length = 0;
        hub.cut('amqp');
        await until('it listens again', () => states.includes(undefined));
        assert.ok(states[0] !== undefined, 'the cut was reported');
        await clients.messages
          .send('dev-1', { body: 'y', messageId: 'second', ack: 'positive' })
          .catch(async () => {
            await clients.messages.send('dev-1', { body: 'y', messageId: 'second', ack: 'positive' });
          });
        await until('the second feedback', () =>
          records.some(({ originalMessageId }) => originalMessageId === 'second'),
        );
      } finally {
        await device.close();
      }
    });

    test('an expired message is reported', async () => {
      const records: FeedbackRecord[] = [];
      const listener = listenToFeedback({
        credentials: clients.credentials,
        handler: (batch) => void records.push(...batch),
        onState: () => {},
      });
      listeners.push(listener as unknown as HubListener<never>);
      await listeners[0]?.stop();
      listener.start();
      await clients.messages.send('sleeper', {
        body: 'x',
        messageId: 'late',
        ack: 'negative',
        expiresAt: new Date(Date.now() + 300),
      });
      await until('the feedback', () =>
        records.some(({ originalMessageId }) => originalMessageId === 'late'),
      );
      assert.equal(
        records.find(({ originalMessageId }) => originalMessageId === 'late')?.statusCode,
        'Expired',
      );
    });

    test('finished uploads', async () => {
      const uploads: FileNotification[] = [];
      const listener = listenToFileNotifications({
        credentials: clients.credentials,
        handler: (batch) => void uploads.push(...batch),
        onState: () => {},
      });
      listeners.push(listener as unknown as HubListener<never>);
      listener.start();
      hub.feeds.fileUploaded({
        deviceId: 'dev-1',
        blobUri: 'https://account.blob.core.windows.net/uploads/dev-1/log.txt',
        blobName: 'dev-1/log.txt',
        lastUpdatedTime: new Date().toISOString(),
        blobSizeInBytes: 3,
        enqueuedTimeUtc: new Date().toISOString(),
      });
      await until('the notification', () => uploads.length === 1);
      assert.equal(uploads[0]?.blobName, 'dev-1/log.txt');
      await listener.stop();
      await listener.stop();
    });
  });
});
