import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Harness, startHarness } from './state-harness.ts';

// biome-ignore lint/suspicious/noExplicitAny: the SDK gives jobs no type
type Job = any;

describe('scheduled jobs', () => {
  let hub: Harness;
  before(async () => {
    hub = await startHarness();
    for (const deviceId of ['a', 'b', 'c']) {
      await hub.registry.create({ deviceId });
      hub.state.twins.patch(deviceId, undefined, { tags: { group: deviceId === 'c' ? 2 : 1 } });
    }
  });
  after(async () => {
    await hub.stop();
  });

  async function finished(jobId: string): Promise<Job> {
    for (let turn = 0; turn < 500; turn += 1) {
      const job: Job = (await hub.jobClient.getJob(jobId)).jobStatus;
      if (['completed', 'failed', 'cancelled'].includes(job.status)) return job;
      await delay(20);
    }
    throw new Error(`job ${jobId} does not end`);
  }
  const rows = async (where: string): Promise<Job[]> =>
    (
      await hub.call('POST', '/devices/query', {
        body: { query: `SELECT * FROM devices.jobs WHERE ${where}` },
      })
    ).json;

  test('updates twins that match, and shows a row per device', async () => {
    hub.wire.events.length = 0;
    const patch = {
      etag: '*',
      tags: { season: 'winter' },
      properties: { desired: { heat: true }, reported: {} },
    };
    const created: Job = (
      await hub.jobClient.scheduleTwinUpdate('twin-job', 'tags.group = 1', patch, new Date(), 120)
    ).jobStatus;
    assert.equal(created.status, 'queued');
    assert.equal(created.type, 'scheduleUpdateTwin');
    const job = await finished('twin-job');
    assert.equal(job.status, 'completed');
    assert.deepEqual(job.deviceJobStatistics, {
      deviceCount: 2,
      failedCount: 0,
      succeededCount: 2,
      runningCount: 0,
      pendingCount: 0,
    });
    assert.equal((await hub.registry.getTwin('a')).responseBody.tags.season, 'winter');
    assert.equal((await hub.registry.getTwin('c')).responseBody.tags.season, undefined);
    const found = await rows("devices.jobs.jobId = 'twin-job'");
    assert.deepEqual(
      found.map((row) => [row.deviceId, row.jobType, row.status]),
      [
        ['a', 'scheduleUpdateTwin', 'completed'],
        ['b', 'scheduleUpdateTwin', 'completed'],
      ],
    );
    const outcome = hub.wire.events.filter((event) => event.source === 'deviceJobLifecycleEvents');
    assert.deepEqual(
      outcome.map((event) => event.properties.application.jobId),
      ['twin-job', 'twin-job'],
    );
  });

  test('calls methods on present devices and gives up on absent ones when the time is over', async () => {
    hub.wire.methods.set('a', (request) => ({ status: 200, payload: request.payload }));
    await hub.jobClient.scheduleDeviceMethod(
      'method-job',
      "deviceId IN ['a', 'b']",
      { methodName: 'reboot', payload: { in: 5 }, responseTimeoutInSeconds: 15 },
      new Date(),
      1,
    );
    const job = await finished('method-job');
    assert.equal(job.deviceJobStatistics.succeededCount, 1);
    assert.equal(job.deviceJobStatistics.failedCount, 1);
    const [a, b] = await rows("jobId = 'method-job'");
    assert.deepEqual(a.outcome, { deviceMethodResponse: { status: 200, payload: { in: 5 } } });
    assert.equal(b.error.code, 'JobRunPreconditionFailed');
    assert.equal(b.status, 'failed');
  });

  test('waits for a device that comes later', async () => {
    hub.wire.methods.delete('b');
    await hub.jobClient.scheduleDeviceMethod(
      'late-job',
      "deviceId = 'b'",
      { methodName: 'x' },
      new Date(),
      30,
    );
    await delay(150);
    hub.wire.methods.set('b', () => ({ status: 204, payload: null }));
    assert.equal((await finished('late-job')).deviceJobStatistics.succeededCount, 1);
    hub.wire.methods.delete('b');
  });

  test('waits for the start time and can be cancelled', async () => {
    const later = new Date(Date.now() + 3600_000);
    const patch = { etag: '*', tags: { never: true } };
    const created: Job = (await hub.jobClient.scheduleTwinUpdate('later-job', '*', patch, later, 60))
      .jobStatus;
    assert.equal(created.status, 'queued');
    let state = '';
    for (let turn = 0; turn < 100 && state !== 'scheduled'; turn += 1) {
      state = (await hub.jobClient.getJob('later-job')).jobStatus.status;
      await delay(10);
    }
    assert.equal(state, 'scheduled');
    const cancelled: Job = (await hub.jobClient.cancelJob('later-job')).jobStatus;
    assert.equal(cancelled.status, 'cancelled');
    await assert.rejects(hub.jobClient.cancelJob('later-job'));
    assert.equal((await hub.registry.getTwin('a')).responseBody.tags.never, undefined);
  });

  test('allows as many jobs at a time as the tier has', async () => {
    await hub.jobClient.scheduleDeviceMethod(
      'slow-job',
      "deviceId = 'b'",
      { methodName: 'x' },
      new Date(),
      60,
    );
    const second = await hub.call('PUT', '/jobs/v2/second', {
      body: { type: 'scheduleUpdateTwin', updateTwin: { etag: '*', tags: {} }, queryCondition: '*' },
    });
    assert.equal(second.status, 429);
    assert.match(second.json.Message, /^ErrorCode:ThrottlingMaxActiveJobCountExceeded;/);
    const cancelled: Job = (await hub.jobClient.cancelJob('slow-job')).jobStatus;
    assert.equal(cancelled.deviceJobStatistics.failedCount, 1);
    assert.equal((await rows("jobId = 'slow-job'"))[0].status, 'canceled');
  });

  test('lists jobs by type and state, in pages', async () => {
    const query = hub.jobClient.createQuery('scheduleUpdateTwin' as never, 'completed' as never, 1);
    const { result } = await query.next();
    assert.deepEqual(
      (result as Job[]).map((job) => job.jobId),
      ['twin-job'],
    );
    const page = await hub.call('GET', '/jobs/v2/query', { headers: { 'x-ms-max-item-count': '2' } });
    assert.equal(page.json.length, 2);
    assert.equal(page.headers['x-ms-item-type'], 'JobResponse');
    const rest = await hub.call('GET', '/jobs/v2/query', {
      headers: { 'x-ms-continuation': String(page.headers['x-ms-continuation']) },
    });
    assert.equal(new Set([...page.json, ...rest.json].map((job: Job) => job.jobId)).size, 5);
  });

  test('refuses malformed jobs', async () => {
    const create = (body: unknown) => hub.call('PUT', '/jobs/v2/bad', { body });
    const good = { type: 'scheduleUpdateTwin', updateTwin: { etag: '*' }, queryCondition: '*' };
    assert.match((await create({ ...good, type: 'scheduleTwinUpdate' })).json.Message, /GenericBadRequest/);
    assert.match((await create({ ...good, queryCondition: '' })).json.Message, /ArgumentNull/);
    assert.match((await create({ ...good, queryCondition: 'tags.x = = 1' })).json.Message, /ArgumentInvalid/);
    assert.match((await create({ ...good, updateTwin: {} })).json.Message, /GenericBadRequest/);
    assert.match(
      (await create({ ...good, maxExecutionTimeInSeconds: null })).json.Message,
      /GenericBadRequest/,
    );
    const twice = await hub.call('PUT', '/jobs/v2/twin-job', { body: good });
    assert.equal(twice.status, 409);
    assert.match(twice.json.Message, /JobAlreadyExists/);
    const none = await hub.call('GET', '/jobs/v2/none');
    assert.equal(none.status, 404);
    assert.match(none.json.Message, /JobNotFound/);
  });

  test('works on modules', async () => {
    await hub.registry.addModule({ deviceId: 'a', moduleId: 'm' });
    const patch = { etag: '*', properties: { desired: { speed: 3 } } };
    const condition = "FROM devices.modules WHERE moduleId = 'm'";
    await hub.jobClient.scheduleTwinUpdate('module-job', condition, patch, new Date(), 60);
    assert.equal((await finished('module-job')).deviceJobStatistics.succeededCount, 1);
    assert.equal((await hub.registry.getModuleTwin('a', 'm')).responseBody.properties.desired.speed, 3);
  });
});
