/**
 * Faults of azure-iothub that the sidecar works around (docs/decisions/032 and 033). Each test passes as long as the package has the fault:
 * when one fails after an update, the workaround can go.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from 'azure-iot-common';
import iothub from 'azure-iothub';
import { getErrorName } from 'azure-iothub/dist/common-amqp/amqp_common_errors.js';
import { RestApiClient } from 'azure-iothub/dist/common-http/rest_api_client.js';
import { DeviceMethod } from 'azure-iothub/dist/device_method.js';
import type { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import type { FeedbackRecord } from '../../../sidecar/azure/iot-hub/hub-listener.ts';
import { listenToFeedback } from '../../../sidecar/azure/iot-hub/hub-listener.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { until } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { connectDevice, openClients } from './hub-support.ts';

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Stands for the REST client of the package; records the requests and responds with one body. */
class Recorder {
  readonly requests: Request[] = [];
  readonly #body: unknown;

  constructor(body: unknown = { deviceId: 'd' }) {
    this.#body = body;
  }

  executeApiCall(...[method, path, headers, body, ...rest]: unknown[]): void {
    this.requests.push({ method, path, headers: headers ?? {}, body } as Request);
    const done = rest.at(-1) as (error: null, body: unknown, response: object) => void;
    done(null, this.#body, { headers: {} });
  }

  get last(): Request {
    return this.requests.at(-1) as Request;
  }
}

function registryOn(recorder: Recorder): iothub.Registry {
  return new iothub.Registry({ host: 'h', sharedAccessSignature: 's' } as never, recorder as never);
}

describe('faults of azure-iothub: requests', () => {
  test('scheduleDeviceMethod turns the payloads 0, false and the empty string into null, and drops the connect timeout', async () => {
    const recorder = new Recorder();
    const jobs = new iothub.JobClient(recorder as never);
    for (const payload of [0, false, '']) {
      const params = { methodName: 'm', payload, responseTimeoutInSeconds: 30, connectTimeoutInSeconds: 20 };
      await jobs.scheduleDeviceMethod('j', '*', params, new Date(), 60);
      const sent = recorder.last.body.cloudToDeviceMethod;
      assert.deepEqual(sent, { methodName: 'm', payload: null, responseTimeoutInSeconds: 30 });
    }
  });

  test('getJob and cancelJob do not encode the id', async () => {
    const recorder = new Recorder();
    const jobs = new iothub.JobClient(recorder as never);
    await jobs.getJob('a/b?c#d');
    assert.match(recorder.last.path, /^\/jobs\/v2\/a\/b\?c#d\?/);
    await jobs.cancelJob('a/b?c#d');
    assert.match(recorder.last.path, /^\/jobs\/v2\/a\/b\?c#d\/cancel\?/);
  });

  test('removeModule accepts an id of dots, which addresses the device', async () => {
    const recorder = new Recorder();
    await registryOn(recorder).removeModule('d', '..');
    assert.match(recorder.last.path, /^\/devices\/d\/modules\/\.\.\?/);
  });

  test('an update without authentication sends empty keys', async () => {
    const recorder = new Recorder();
    const registry = registryOn(recorder);
    const empty = { type: 'sas', symmetricKey: { primaryKey: '', secondaryKey: '' } };
    await registry.update({ deviceId: 'd', status: 'disabled' });
    assert.deepEqual(recorder.last.body.authentication, empty);
    await registry.updateDevices([{ deviceId: 'd' }] as never, true);
    assert.deepEqual((recorder.last.body as unknown as Request['body'][])[0]?.authentication, empty);
  });

  test('update and delete ignore the ETag; so does the removal of a configuration', async () => {
    const recorder = new Recorder();
    const registry = registryOn(recorder);
    await registry.update({ deviceId: 'd', etag: 'AAA=' });
    assert.equal(recorder.last.headers['If-Match'], '"*"');
    await registry.delete('d');
    assert.equal(recorder.last.headers['If-Match'], '"*"');
    await registry.removeConfiguration('c');
    assert.equal(recorder.last.headers['If-Match'], undefined);
  });

  test('updateTwin and updateDevices without force do check ETags', async () => {
    const recorder = new Recorder();
    const registry = registryOn(recorder);
    await registry.updateTwin('d', {}, 'AAA=');
    assert.equal(recorder.last.headers['If-Match'], '"AAA="');
    await registry.updateDevices([{ deviceId: 'd', etag: 'AAA=' }] as never, false);
    const [device] = recorder.last.body as unknown as Request['body'][];
    assert.deepEqual([device?.importMode, device?.etag], ['UpdateIfMatchETag', 'AAA=']);
  });

  test('the list of configurations is asked for without `top`', async () => {
    const recorder = new Recorder([]);
    await registryOn(recorder).getConfigurations();
    assert.equal(recorder.last.path, '/configurations?api-version=2021-04-12');
  });

  test('there is no twin replacement, no service statistics and no purge', () => {
    const names = [iothub.Registry, iothub.Client, iothub.JobClient, DeviceMethod].flatMap((type) =>
      Object.getOwnPropertyNames(type.prototype),
    );
    assert.deepEqual(
      names.filter((name) => /replace|purge|servicestat/i.test(name)),
      [],
    );
  });

  test('a query in promise style without a token reads the first page again', async () => {
    const asked: unknown[] = [];
    const registry = registryOn({
      executeApiCall: (...args: unknown[]) => {
        asked.push((args[2] as Record<string, string>)['x-ms-continuation']);
        (args.at(-1) as (...result: unknown[]) => void)(null, [], {
          headers: { 'x-ms-continuation': 'token' },
        });
      },
    } as never);
    const query = registry.createQuery('SELECT * FROM devices');
    await query.next(undefined as never);
    await query.next(undefined as never);
    assert.deepEqual(asked, [undefined, undefined]);
  });
});

describe('faults of azure-iothub: responses', () => {
  test('Device adds members that the hub did not send', async () => {
    const { responseBody } = await registryOn(new Recorder({ deviceId: 'd' })).get('d');
    assert.equal(responseBody.cloudToDeviceMessageCount, '0');
    assert.deepEqual(responseBody.authentication?.x509Thumbprint, {
      primaryThumbprint: null,
      secondaryThumbprint: null,
    });
  });

  test('Twin adds an ETag and tags that the hub did not send', async () => {
    const { responseBody } = await registryOn(new Recorder({ deviceId: 'd' })).getTwin('d');
    assert.equal(responseBody.etag, '*');
    assert.deepEqual(responseBody.tags, {});
  });

  test('an error has a code in the response body only: an offline device is "Not found"', () => {
    const body = JSON.stringify({ Message: JSON.stringify({ errorCode: 404103, message: 'not online' }) });
    const error = RestApiClient.translateError(body, { statusCode: 404 } as never) as Error & {
      responseBody: string;
    };
    assert.deepEqual([error.name, error.message, error.responseBody], ['Error', 'Not found', body]);
  });
});

describe('faults of azure-iothub: AMQP', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  before(async () => {
    hub = await startTrustedHub({ feedbackBatchMs: 20 });
    clients = await openClients(hub);
    await clients.registry.createDevice({ deviceId: 'dev-1' });
  });
  after(async () => {
    await clients.close();
    await hub.stop();
  });

  test('feedback is settled before the handler has taken it: what the process had not stored is lost', async () => {
    const device = await connectDevice(hub, clients, 'dev-1');
    device.on('message', (message: Message) => device.complete(message, () => {}));
    const service = iothub.Client.fromConnectionString(hub.connectionString());
    await service.open();
    const heard: string[] = [];
    const records: FeedbackRecord[] = [];
    const listener = listenToFeedback({
      credentials: clients.credentials,
      handler: (batch) => void records.push(...batch),
      onState: () => undefined,
    });
    try {
      const { result: receiver } = await service.getFeedbackReceiver();
      // Never completed, as in a process that ends while it handles the record.
      receiver.on('message', (message: Message) => heard.push(message.getData().toString()));
      await clients.messages.send('dev-1', { body: 'x', messageId: 'lost', ack: 'full' });
      await until('the package has the feedback', () => heard.some((text) => text.includes('lost')));
      await service.close();
      listener.start();
      await until('a later message is sent', () =>
        clients.messages.send('dev-1', { body: 'y', messageId: 'later', ack: 'full' }).then(
          () => true,
          () => false,
        ),
      );
      await until('the later feedback', () =>
        records.some(({ originalMessageId }) => originalMessageId === 'later'),
      );
      await sleep(100);
      assert.ok(!records.some(({ originalMessageId }) => originalMessageId === 'lost'));
    } finally {
      await listener.stop();
      await device.close();
    }
  });

  test('the name of an error that refers to itself is an endless recursion', () => {
    const error = new Error('cut') as Error & { amqpError?: unknown };
    error.amqpError = error;
    assert.throws(() => getErrorName(error), RangeError);
  });

  test('a connection that is cut during a send ends the process', async () => {
    const script = path.join(import.meta.dirname, 'cut-during-send.ts');
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      execFile(process.execPath, [script], { timeout: 60_000 }, (error, _stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stderr }),
      );
    });
    assert.notEqual(code, 0);
    assert.match(stderr, /RangeError: Maximum call stack size exceeded[\s\S]*getErrorName/);
  });
});
