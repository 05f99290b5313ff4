import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { rawNumber } from '../../sidecar/lib/exact-json.ts';
import { eventually, Factory, TRANSPORT_NAMES } from './factory.ts';

describe('jobs', () => {
  const factory = new Factory();
  before(async () => {
    await factory.start();
    for (const deviceId of ['job-mqtt', 'job-amqp', 'job-offline']) await factory.createDevice(deviceId);
  });
  after(() => factory.stop());

  async function ended(jobId: string): Promise<Row> {
    return await eventually(async () => {
      const job = await factory.hub('GetJob', { jobId });
      assert.ok(['completed', 'failed', 'cancelled'].includes(String(job.status)), JSON.stringify(job));
      return job;
    });
  }

  const rows = async (service: string, parameters: Row) =>
    (await factory.hub<{ rows: Row[] }>(service, parameters)).rows;

  test('a twin update reaches every device of the condition, and only those', async () => {
    const jobId = await factory.hub<string>('ScheduleTwinUpdate', {
      condition: "deviceId IN ['job-mqtt', 'job-amqp']",
      desired: { interval: 30 },
      tags: { stage: 'test' },
    });
    const job = await ended(jobId);
    assert.deepEqual(
      [job.status, job.type, job.deviceCount, job.succeededCount, job.failedCount],
      ['completed', 'scheduleUpdateTwin', 2, 2, 0],
    );
    const twin = await factory.call('job-amqp', 'GetTwin');
    assert.equal((twin.properties as { desired: Row }).desired.interval, 30);
    assert.deepEqual(twin.tags, { stage: 'test' });
    assert.deepEqual((await factory.call('job-offline', 'GetTwin')).tags ?? {}, {});
    const results = await rows('GetJobResults', { jobId });
    assert.deepEqual(results.map(({ deviceId, status }) => [deviceId, status]).sort(), [
      ['job-amqp', 'completed'],
      ['job-mqtt', 'completed'],
    ]);
  });

  test('a method job shows what each device answered, and who was not there', async () => {
    for (const transport of TRANSPORT_NAMES) {
      const client = await factory.connect(`job-${transport}`, transport);
      client.onDeviceMethod('restart', (request, response) => {
        void response.send(200, { by: transport, got: request.payload });
      });
    }
    const jobId = await factory.hub<string>('ScheduleMethod', {
      condition: "deviceId IN ['job-mqtt', 'job-amqp', 'job-offline']",
      methodName: 'restart',
      payload: { delay: 3 },
      jobId: 'restart-all',
      responseTimeoutSeconds: 5,
      maxExecutionSeconds: 3,
    });
    assert.equal(jobId, 'restart-all');
    await ended(jobId);
    const results = await rows('GetJobResults', { jobId });
    const byDevice = new Map(results.map((row) => [row.deviceId, row]));
    for (const transport of TRANSPORT_NAMES) {
      const row = byDevice.get(`job-${transport}`);
      assert.deepEqual([row?.status, row?.methodStatus], ['completed', 200]);
      assert.deepEqual(row?.payload, { by: transport, got: { delay: 3 } });
    }
    assert.equal(byDevice.get('job-offline')?.status, 'failed');
    assert.notEqual(byDevice.get('job-offline')?.errorCode, '');
    const page = await rows('GetJobResults', { jobId, pageSize: 2 });
    assert.equal(page.length, 2);
    const rest = await rows('GetJobResults', { jobId, continuationToken: page[0]?.continuationToken });
    assert.equal(rest.length, 1);
    assert.equal(rest[0]?.continuationToken, '');
  });

  test('a payload may be a text or a number, and what the device answers, too', async () => {
    await factory.createDevice('job-plain');
    const client = await factory.connect('job-plain');
    client.onDeviceMethod('echo', (request, response) => void response.send(200, request.payload));
    client.onDeviceMethod(
      'serial',
      (_, response) => void response.send(200, rawNumber('12345678901234567890')),
    );
    for (const [methodName, payloadText] of [
      ['echo', '"fast"'],
      ['serial', '12345678901234567890'],
    ] as const) {
      const jobId = await factory.hub<string>('ScheduleMethod', {
        condition: "deviceId = 'job-plain'",
        methodName,
        payloadText,
      });
      await ended(jobId);
      const [row] = await rows('GetJobResults', { jobId });
      assert.deepEqual([row?.payload, row?.payloadText], [undefined, payloadText]);
    }
  });

  test('a job that has not begun is listed and cancelled', async () => {
    const jobId = await factory.hub<string>('ScheduleTwinUpdate', {
      condition: '*',
      tags: { never: true },
      startTime: Date.now() + 3_600_000,
    });
    // IoT Hub answers `queued` at first.
    await eventually(async () => {
      const scheduled = await rows('ListJobs', { type: 'scheduleUpdateTwin', status: 'scheduled' });
      assert.deepEqual(
        scheduled.map((row) => row.jobId),
        [jobId],
      );
    });
    assert.equal((await factory.hub('CancelJob', { jobId })).status, 'cancelled');
    assert.deepEqual(await rows('ListJobs', { status: 'scheduled' }), []);
  });

  test('wrong input is refused with its code', async () => {
    for (const service of ['GetJob', 'GetJobResults', 'CancelJob'])
      await assert.rejects(factory.hub(service, { jobId: 'no-such-job' }), /AZURE_NOT_FOUND/, service);
    await assert.rejects(
      factory.hub('ScheduleTwinUpdate', { condition: '*' }),
      /REQUEST_INVALID: Nothing to change is given; expected desired, tags/,
    );
    await assert.rejects(
      factory.hub('ScheduleTwinUpdate', { condition: 'tags..', tags: { a: 1 } }),
      /AZURE_REJECTED/,
    );
    await assert.rejects(
      factory.hub('ScheduleMethod', { condition: '*', methodName: 'x', jobId: 'restart-all' }),
      /AZURE_CONFLICT/,
    );
    await assert.rejects(factory.hub('ScheduleMethod', { condition: '*' }), /REQUEST_INVALID: methodName/);
  });
});
