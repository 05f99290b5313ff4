import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import type { DeviceJob, JobStatus } from '../../../sidecar/azure/iot-hub/jobs.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { range, until } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { connectDevice, openClients } from './hub-support.ts';

const ENDED: readonly JobStatus[] = ['completed', 'failed', 'cancelled'];

describe('jobs', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  before(async () => {
    hub = await startTrustedHub();
    clients = await openClients(hub);
    await clients.bulkDevices(
      'create',
      range(12).map((index) => ({ deviceId: `dev-${index}` })),
    );
    for (const index of range(12))
      await clients.twins.patch({ deviceId: `dev-${index}` }, { tags: { line: index % 2 } });
  });
  after(async () => {
    await clients.close();
    await hub.stop();
  });

  async function ended(jobId: string): Promise<JobStatus> {
    let status: JobStatus = 'unknown';
    await until('the end of the job', async () => {
      status = (await clients.jobs.get(jobId)).status;
      return ENDED.includes(status);
    });
    return status;
  }

  test('a twin update over the devices of a condition, with its results page by page', async () => {
    const job = await clients.jobs.scheduleTwinUpdate(
      { jobId: 'paint', queryCondition: 'tags.line = 1' },
      { tags: { colour: 'red' }, desired: { speed: 3 } },
    );
    assert.equal(job.jobId, 'paint');
    assert.equal(job.type, 'scheduleUpdateTwin');
    assert.equal(await ended('paint'), 'completed');
    const { tags, properties } = await clients.twins.get({ deviceId: 'dev-1' });
    assert.equal(tags?.colour, 'red');
    assert.equal(properties.desired.speed, 3);
    assert.equal((await clients.twins.get({ deviceId: 'dev-2' })).tags?.colour, undefined);
    const results: DeviceJob[] = [];
    let continuationToken: string | undefined;
    do {
      const page = await clients.jobs.results('paint', {
        pageSize: 4,
        ...(continuationToken ? { continuationToken } : {}),
      });
      results.push(...page.items);
      continuationToken = page.continuationToken;
    } while (continuationToken);
    assert.equal(results.length, 6);
    assert.ok(results.every(({ status, jobId }) => status === 'completed' && jobId === 'paint'));
  });

  test('a method over devices: who answered and who did not', async () => {
    const device = await connectDevice(hub, clients, 'dev-3');
    try {
      device.onDeviceMethod('restart', (request, response) =>
        response.send(202, { got: request.payload }, () => {}),
      );
      const schedule = { queryCondition: "deviceId IN ['dev-3', 'dev-5']", maxExecutionSeconds: 3 };
      const { jobId } = await clients.jobs.scheduleMethod(schedule, {
        methodName: 'restart',
        payload: { delay: 1 },
        connectTimeoutSeconds: 1,
      });
      await ended(jobId);
      const { items } = await clients.jobs.results(jobId);
      const answered = items.find(({ deviceId }) => deviceId === 'dev-3');
      assert.equal(answered?.status, 'completed');
      assert.equal(answered?.outcome?.deviceMethodResponse?.status, 202);
      assert.equal(items.find(({ deviceId }) => deviceId === 'dev-5')?.status, 'failed');
    } finally {
      await device.close();
    }
  });

  test('a job of later is listed, cancelled, and its id stays taken', async () => {
    const startTime = new Date(Date.now() + 3_600_000);
    const schedule = { jobId: 'tomorrow', queryCondition: '*', startTime };
    const job = await clients.jobs.scheduleTwinUpdate(
      { ...schedule, queryCondition: 'tags.line = 0' },
      { tags: { x: 1 } },
    );
    assert.equal(Date.parse(job.startTime ?? ''), startTime.getTime());
    const listed = await clients.jobs.list({ type: 'scheduleUpdateTwin' });
    assert.ok(listed.items.some(({ jobId }) => jobId === 'tomorrow'));
    await assert.rejects(
      clients.jobs.scheduleTwinUpdate({ ...schedule, queryCondition: 'tags.line = 0' }, {}),
      { code: 'AZURE_CONFLICT' },
    );
    await clients.jobs.cancel('tomorrow');
    assert.equal(await ended('tomorrow'), 'cancelled');
    assert.ok(
      (await clients.jobs.list({ status: 'cancelled' })).items.some(({ jobId }) => jobId === 'tomorrow'),
    );
  });

  test('unknown job, malformed condition', async () => {
    await assert.rejects(clients.jobs.get('none'), { code: 'AZURE_NOT_FOUND' });
    await assert.rejects(clients.jobs.cancel('none'), { code: 'AZURE_NOT_FOUND' });
    await assert.rejects(
      clients.jobs.scheduleTwinUpdate({ queryCondition: 'tags.line = = 1' }, { tags: {} }),
      { code: 'AZURE_REJECTED' },
    );
  });
});
