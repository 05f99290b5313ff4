import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import common from 'azure-iot-common';
import type { Row } from '../../scripts/local/platform.ts';
import { contentText, readContent } from '../../sidecar/jobs/job-content.ts';
import { DialAgent, sdkClients } from '../emulators/iothub-tests/state-harness.ts';
import { eventually, Factory } from '../operations/factory.ts';

/** Ids between those of three devices; one condition holds some hundred. */
const DEVICES = ['split-0000', 'split-0700', 'split-1199'];
const CONDITION = `deviceId IN [${Array.from({ length: 1_200 }, (_, index) => `'split-${String(index).padStart(4, '0')}'`).join(', ')}]`;

test('what a part does is kept with all its digits', () => {
  const text = '{"method":{"methodName":"restart","payload":{"serial":12345678901234567890}}}';
  assert.equal(contentText(readContent(text)), text);
});

/** On the tier S1, where IoT Hub runs one job at a time. */
describe('jobs of more ids than a condition holds', () => {
  const factory = new Factory();
  let jobClient: ReturnType<typeof sdkClients>['jobClient'];
  let agent: DialAgent;
  /** The devices that were called, in order, and how the answers that wait are given. */
  const called: string[] = [];
  let held: (() => void)[] = [];
  let isHolding = false;

  before(async () => {
    await factory.start();
    const { iotHubConnectionString, caFile } = factory.system.cloud;
    const [host = '', port] = (common.ConnectionString.parse(iotHubConnectionString).HostName ?? '').split(
      ':',
    );
    agent = new DialAgent(Number(port ?? 443), await readFile(caFile, 'utf8'));
    ({ jobClient } = sdkClients(iotHubConnectionString.replace(/HostName=[^;]+/, `HostName=${host}`), agent));
    for (const deviceId of DEVICES) {
      await factory.createDevice(deviceId);
      const client = await factory.connect(deviceId);
      client.onDeviceMethod('restart', (_request, response) => {
        called.push(deviceId);
        const answer = () => void response.send(200, { by: deviceId });
        if (isHolding) held.push(answer);
        else answer();
      });
    }
  });
  after(async () => {
    agent.destroy();
    await factory.stop();
  });

  const rows = async (service: string, parameters: Row) =>
    (await factory.hub<{ rows: Row[] }>(service, parameters)).rows;

  async function until(jobId: string, ...states: string[]): Promise<Row> {
    return await eventually(async () => {
      const job = await factory.hub('GetJob', { jobId });
      assert.ok(states.includes(String(job.status)), JSON.stringify({ ...job, condition: '' }));
      return job;
    });
  }

  /** Begins a method job and gives its id when the device of its first part has been called and does not answer. */
  async function beginHeld(): Promise<string> {
    called.length = 0;
    isHolding = true;
    const jobId = await factory.hub<string>('ScheduleMethod', {
      condition: CONDITION,
      methodName: 'restart',
      payloadText: '{"serial":12345678901234567890}',
      responseTimeoutSeconds: 300,
    });
    await eventually(async () => assert.deepEqual(called, ['split-0000']));
    return jobId;
  }

  function release(): void {
    isHolding = false;
    for (const answer of held) answer();
    held = [];
  }

  test('they have one id, one state and one list of results; IoT Hub has the parts', async () => {
    const jobId = await factory.hub<string>('ScheduleTwinUpdate', {
      condition: `${CONDITION} AND is_defined(deviceId)`,
      tags: { stage: 'test' },
    });
    const job = await until(jobId, 'completed', 'failed', 'cancelled');
    assert.deepEqual(
      [job.status, job.type, job.deviceCount, job.succeededCount, job.failedCount, job.jobId],
      ['completed', 'scheduleUpdateTwin', 3, 3, 0, jobId],
    );
    assert.match(String(job.message), /^IoT Hub has taken (\d+) of \1 parts\.$/);
    for (const deviceId of DEVICES)
      assert.deepEqual((await factory.call(deviceId, 'GetTwin')).tags, { stage: 'test' });
    const parts = Number(/of (\d+)/.exec(String(job.message))?.[1]);
    assert.ok(parts >= 3, `${parts}`);
    for (let part = 1; part <= parts; part += 1) {
      const { jobStatus } = await jobClient.getJob(`${jobId}.${part}`);
      assert.equal((jobStatus as unknown as Row).status, 'completed');
    }
    await assert.rejects(jobClient.getJob(`${jobId}.${parts + 1}`));
    const found: unknown[] = [];
    let continuationToken: unknown;
    do {
      const page = await rows('GetJobResults', {
        jobId,
        pageSize: 1,
        ...(continuationToken ? { continuationToken } : {}),
      });
      assert.equal(page.length, 1);
      found.push(page[0]?.deviceId);
      continuationToken = page[0]?.continuationToken;
    } while (continuationToken);
    assert.deepEqual(found, DEVICES);
    const listed = await rows('ListJobs', { type: 'scheduleUpdateTwin' });
    assert.deepEqual(
      listed.map((row) => row.jobId),
      [jobId],
    );
    assert.deepEqual(await rows('ListJobs', { status: 'running' }), []);
    await assert.rejects(
      factory.hub('ScheduleTwinUpdate', { condition: '*', tags: { a: 1 }, jobId }),
      /AZURE_CONFLICT/,
    );
  });

  test('a sidecar that is killed in the middle goes on, and calls each device once', async () => {
    const jobId = await beginHeld();
    const begun = await until(jobId, 'running');
    assert.match(String(begun.message), /^IoT Hub has taken 1 of \d+ parts\.$/);
    await factory.system.sidecar.kill();
    await factory.system.sidecar.start();
    await eventually(async () => assert.ok(await factory.hub('GetJob', { jobId })));
    release();
    const job = await until(jobId, 'completed', 'failed', 'cancelled');
    assert.deepEqual([job.status, job.deviceCount, job.succeededCount], ['completed', 3, 3]);
    assert.deepEqual(called, DEVICES);
    const results = await rows('GetJobResults', { jobId });
    assert.deepEqual(
      results.map(({ deviceId, payload }) => [deviceId, payload]),
      [['split-0000', { by: 'split-0000' }]],
    );
  });

  test('cancelled in the middle, no other part begins', async () => {
    const jobId = await beginHeld();
    const job = await factory.hub('CancelJob', { jobId });
    assert.equal(job.status, 'cancelled');
    release();
    assert.equal((await factory.hub('CancelJob', { jobId })).status, 'cancelled', 'once more is no error');
    await assert.rejects(jobClient.getJob(`${jobId}.2`));
    assert.deepEqual(called, ['split-0000']);
  });

  test('what IoT Hub refuses is told by the call', async () => {
    await assert.rejects(
      factory.hub('ScheduleTwinUpdate', { condition: `${CONDITION} AND tags..`, tags: { a: 1 } }),
      /AZURE_REJECTED/,
    );
    await assert.rejects(
      factory.hub('ScheduleTwinUpdate', { condition: `${CONDITION} OR tags.a = 1`, tags: { a: 1 } }),
      /REQUEST_INVALID: condition has \d+ bytes/,
    );
    await assert.rejects(
      factory.hub('ScheduleTwinUpdate', { condition: CONDITION, tags: { a: 1 }, jobId: 'x'.repeat(128) }),
      /REQUEST_INVALID: jobId has 128 characters; expected at most 126/,
    );
    await assert.rejects(
      factory.hub('GetJobResults', { jobId: 'no-such-job', continuationToken: 'x' }),
      /AZURE_NOT_FOUND|AZURE_REJECTED/,
    );
  });
});
