import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import common from 'azure-iot-common';
import type { Client } from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import mqtt from 'azure-iot-device-mqtt';
import type { Client as ServiceClient } from 'azure-iothub';
import type { IotHubEmulator } from '../iothub/emulator.ts';
import {
  addDevice,
  type DeviceTransport,
  openDevice,
  openService,
  startTrusted,
  until,
} from './wire-support.ts';

const transports = {
  MQTT: mqtt.Mqtt as unknown as DeviceTransport,
  AMQP: amqp.Amqp as unknown as DeviceTransport,
};

interface FeedbackRecord {
  originalMessageId: string;
  statusCode: string;
  description: string;
  deviceId: string;
  deviceGenerationId: string;
  enqueuedTimeUtc: string;
}

interface Receiver {
  on(event: 'message', listener: (message: common.Message) => void): void;
  complete(message: common.Message): Promise<unknown>;
  abandon(message: common.Message): Promise<unknown>;
}

/** All feedback that the service gets; of one device with of(). */
async function collectFeedback(service: ServiceClient) {
  const records: FeedbackRecord[] = [];
  const { result } = (await service.getFeedbackReceiver()) as unknown as { result: Receiver };
  result.on('message', (message) => {
    records.push(...(JSON.parse(message.getData().toString()) as FeedbackRecord[]));
    void result.complete(message);
  });
  return { of: (deviceId: string) => records.filter((record) => record.deviceId === deviceId) };
}

/** The SDK has no function for it; its REST client does the call. */
function purge(service: ServiceClient, deviceId: string): Promise<{ totalMessagesPurged: number }> {
  const { _restApiClient: rest } = service as unknown as {
    _restApiClient: { executeApiCall(...args: unknown[]): void };
  };
  const path = `/devices/${deviceId}/commands?api-version=2021-04-12`;
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, body: { totalMessagesPurged: number }) =>
      error ? reject(error) : resolve(body);
    rest.executeApiCall('DELETE', path, {}, null, done);
  });
}

function command(id: string, ack = 'full', body = `body of ${id}`): common.Message {
  const message = new common.Message(body);
  message.messageId = id;
  message.ack = ack;
  return message;
}

function listen(device: Client): common.Message[] {
  const messages: common.Message[] = [];
  device.on('message', (message: common.Message) => messages.push(message));
  return messages;
}

for (const [name, transport] of Object.entries(transports)) {
  describe(`cloud-to-device messages over ${name}`, () => {
    let hub: IotHubEmulator;
    let service: ServiceClient;
    let feedback: Awaited<ReturnType<typeof collectFeedback>>;
    before(async () => {
      hub = await startTrusted({ feedbackBatchMs: 50, commandMaxDeliveryCount: 3, commandLockMs: 60_000 });
      service = await openService(hub);
      service.setRetryPolicy(new common.NoRetry());
      feedback = await collectFeedback(service);
    });
    after(async () => {
      await service.close();
      await hub.stop();
    });

    test('a message waits for the device, arrives whole, and its completion is told', async () => {
      const connectionString = addDevice(hub, 'dev-c');
      const sent = command('c-1', 'full', '{"set":1}');
      sent.correlationId = 'corr';
      sent.contentType = 'application/json';
      sent.contentEncoding = 'utf-8';
      sent.properties.add('kind', 'a=b&c/ä');
      await service.send('dev-c', sent);
      assert.equal(hub.commands.count('dev-c'), 1);
      const device = await openDevice(hub, connectionString, transport);
      const messages = listen(device);
      await until(() => messages.length === 1);
      const [received] = messages as [common.Message];
      assert.equal(received.getData().toString(), '{"set":1}');
      assert.equal(received.messageId, 'c-1');
      assert.equal(received.correlationId, 'corr');
      assert.equal(received.contentType, 'application/json');
      assert.equal(received.properties.getValue('kind'), 'a=b&c/ä');
      await device.complete(received);
      await until(() => feedback.of('dev-c').length === 1);
      assert.deepEqual(
        { ...feedback.of('dev-c')[0], enqueuedTimeUtc: '', deviceGenerationId: '' },
        {
          originalMessageId: 'c-1',
          statusCode: 'Success',
          description: 'Success',
          deviceId: 'dev-c',
          deviceGenerationId: '',
          enqueuedTimeUtc: '',
        },
      );
      assert.equal(feedback.of('dev-c')[0]?.deviceGenerationId, hub.identities.get('dev-c')?.generationId);
      assert.equal(hub.commands.count('dev-c'), 0);
      await device.close();
    });

    test('feedback comes for what was asked only', async () => {
      const device = await openDevice(hub, addDevice(hub, 'dev-ack'), transport);
      const messages = listen(device);
      for (const ack of ['none', 'negative', 'positive', 'full'])
        await service.send('dev-ack', command(ack, ack));
      await until(() => messages.length === 4);
      for (const message of messages) await device.complete(message);
      await until(() => feedback.of('dev-ack').length === 2);
      assert.deepEqual(
        feedback
          .of('dev-ack')
          .map(({ originalMessageId }) => originalMessageId)
          .sort(),
        ['full', 'positive'],
      );
      await device.close();
    });

    test('a message that expires is reported so', async () => {
      addDevice(hub, 'dev-exp');
      const message = command('exp-1');
      message.expiryTimeUtc = new Date(Date.now() + 200).getTime();
      await service.send('dev-exp', message);
      await until(() => feedback.of('dev-exp').length === 1);
      assert.equal(feedback.of('dev-exp')[0]?.statusCode, 'Expired');
      assert.equal(hub.commands.count('dev-exp'), 0);
    });

    test('purging removes what waits', async () => {
      addDevice(hub, 'dev-purge');
      for (const id of ['p-1', 'p-2']) await service.send('dev-purge', command(id));
      assert.equal((await purge(service, 'dev-purge')).totalMessagesPurged, 2);
      await until(() => feedback.of('dev-purge').length === 2);
      assert.ok(feedback.of('dev-purge').every(({ statusCode }) => statusCode === 'Purged'));
    });

    test('the queue takes fifty messages and refuses the next', async () => {
      addDevice(hub, 'dev-full');
      for (let index = 0; index < 50; index += 1)
        await service.send('dev-full', command(`f-${index}`, 'none'));
      await assert.rejects(service.send('dev-full', command('f-50')), {
        name: 'DeviceMaximumQueueDepthExceededError',
      });
      await assert.rejects(service.send('nobody', command('x')), { name: 'DeviceNotFoundError' });
      await assert.rejects(service.send('dev-full', command('big', 'none', 'x'.repeat(70_000))));
    });
  });
}

describe('cloud-to-device messages that are not completed', () => {
  let hub: IotHubEmulator;
  let service: ServiceClient;
  let feedback: Awaited<ReturnType<typeof collectFeedback>>;
  before(async () => {
    hub = await startTrusted({ feedbackBatchMs: 50, commandMaxDeliveryCount: 3, commandLockMs: 400 });
    service = await openService(hub);
    service.setRetryPolicy(new common.NoRetry());
    feedback = await collectFeedback(service);
  });
  after(async () => {
    await service.close();
    await hub.stop();
  });

  test('rejected by the device (AMQP)', async () => {
    const device = await openDevice(hub, addDevice(hub, 'dev-rej'), transports.AMQP);
    const messages = listen(device);
    await service.send('dev-rej', command('r-1'));
    await until(() => messages.length === 1);
    await device.reject(messages[0] as common.Message);
    await until(() => feedback.of('dev-rej').length === 1);
    assert.equal(feedback.of('dev-rej')[0]?.statusCode, 'Rejected');
    await device.close();
  });

  test('abandoned by the device until there were too many deliveries (AMQP)', async () => {
    const device = await openDevice(hub, addDevice(hub, 'dev-aband'), transports.AMQP);
    let deliveries = 0;
    device.on('message', (message: common.Message) => {
      deliveries += 1;
      void device.abandon(message);
    });
    await service.send('dev-aband', command('a-1'));
    await until(() => feedback.of('dev-aband').length === 1);
    assert.equal(feedback.of('dev-aband')[0]?.statusCode, 'DeliveryCountExceeded');
    assert.equal(deliveries, 3);
    await device.close();
  });

  test('not settled in time: delivered again', async () => {
    const device = await openDevice(hub, addDevice(hub, 'dev-lock'), transports.AMQP);
    const messages = listen(device);
    await service.send('dev-lock', command('l-1'));
    await until(() => messages.length === 2);
    await device.complete(messages[1] as common.Message);
    await until(() => hub.commands.count('dev-lock') === 0);
    await device.close();
  });

  test('under way when the device disconnects: delivered again to the next connection', async () => {
    const connectionString = addDevice(hub, 'dev-gone');
    const first = await openDevice(hub, connectionString, transports.AMQP);
    const seen = listen(first);
    await service.send('dev-gone', command('g-1'));
    await until(() => seen.length === 1);
    await first.close();
    const second = await openDevice(hub, connectionString, transports.MQTT);
    const again = listen(second);
    await until(() => again.length === 1);
    assert.equal(again[0]?.messageId, 'g-1');
    await second.close();
  });

  test('feedback comes in batches, and again when the service abandons it', async () => {
    const own = await startTrusted({ feedbackBatchMs: 60_000 });
    const other = await openService(own);
    const device = await openDevice(own, addDevice(own, 'busy'), transports.AMQP);
    device.on('message', (message: common.Message) => void device.complete(message));
    const batches: number[] = [];
    const { result: receiver } = (await other.getFeedbackReceiver()) as unknown as { result: Receiver };
    receiver.on('message', (message) => {
      batches.push((JSON.parse(message.getData().toString()) as unknown[]).length);
      void (batches.length === 1 ? receiver.abandon(message) : receiver.complete(message));
    });
    // A batch that is full does not wait for its time.
    for (let index = 0; index < 64; index += 1) {
      await other.send('busy', command(`b-${index}`));
      await until(() => own.commands.count('busy') === 0);
    }
    await until(() => batches.length === 2);
    assert.deepEqual(batches, [64, 64]);
    await device.close();
    await other.close();
    await own.stop();
  });

  test('file notifications reach the service', async () => {
    const { result: receiver } = (await service.getFileNotificationReceiver()) as unknown as {
      result: Receiver;
    };
    const received: unknown[] = [];
    receiver.on('message', (message) => {
      received.push(JSON.parse(message.getData().toString()));
      void receiver.complete(message);
    });
    const notification = {
      deviceId: 'dev-file',
      blobUri: 'https://localhost/uploads/dev-file/a.txt',
      blobName: 'dev-file/a.txt',
      lastUpdatedTime: new Date().toISOString(),
      blobSizeInBytes: 3,
      enqueuedTimeUtc: new Date().toISOString(),
    };
    hub.feeds.fileUploaded(notification);
    await until(() => received.length === 1);
    assert.deepEqual(received, [notification]);
  });

  test('a policy without ServiceConnect is refused', async () => {
    await assert.rejects(async () => {
      const client = await openService(hub, 'registryRead');
      try {
        await client.send('dev-rej', command('no'));
      } finally {
        await client.close();
      }
    }, /Unauthorized|UnauthorizedError/);
  });
});
