import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test';
import type { HubSettings } from '../../sidecar/contract/hub-settings.ts';
import { QuotaMeter } from '../../sidecar/quota/quota-meter.ts';
import type { ReceivedMessage } from '../../sidecar/translate/types.ts';
import { listeningLog } from '../dead-letters/letters.ts';

const NOON_MS = Date.UTC(2026, 0, 5, 12);
const HOUR_MS = 3_600_000;

describe('the use of the daily quota', () => {
  let directory: string;
  let settings: Partial<HubSettings>;
  let meters: QuotaMeter[];
  let sequenceNumber: number;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'quota-'));
    settings = { tier: 'S1', units: 2 };
    meters = [];
    sequenceNumber = 0;
  });
  afterEach(async () => {
    for (const meter of meters) await meter.stop();
    await rm(directory, { recursive: true });
  });

  async function start(): Promise<QuotaMeter> {
    const meter = new QuotaMeter({
      directory,
      settings: () => settings as HubSettings,
      canaryDevice: () => 'canary',
      log: listeningLog().log,
    });
    meters.push(meter);
    await meter.start();
    return meter;
  }

  function message(bytes: number, more: Partial<ReceivedMessage> = {}): ReceivedMessage {
    sequenceNumber += 1;
    return {
      body: new Uint8Array(bytes),
      systemProperties: {},
      applicationProperties: {},
      deviceId: 'press',
      source: 'Telemetry',
      enqueuedTimeMs: Date.now(),
      sequenceNumber,
      offset: String(sequenceNumber),
      partitionId: '0',
      ...more,
    } as ReceivedMessage;
  }

  const at = ({ mock }: TestContext, timeMs: number) => mock.timers.enable({ apis: ['Date'], now: timeMs });
  const bySource = (meter: QuotaMeter) =>
    Object.fromEntries(meter.use.sources.map(({ source, messages }) => [source, messages]));

  test('counts telemetry in steps of 4 KB, and of 0.5 KB in the free tier, properties included', async (t) => {
    at(t, NOON_MS);
    const meter = await start();
    meter.received('stream', '0', [message(0), message(4_096), message(4_097)]);
    assert.deepEqual(bySource(meter), { telemetry: 4 });
    meter.received('stream', '0', [message(4_090, { applicationProperties: { line: 'A17' } })]);
    assert.deepEqual(bySource(meter), { telemetry: 6 });
    settings = { tier: 'F1', units: 1 };
    meter.received('stream', '0', [message(1_025)]);
    assert.deepEqual(bySource(meter), { telemetry: 9 });
    const { limit, percent, used } = meter.use;
    assert.deepEqual({ limit, percent, used }, { limit: 8_000, percent: 0.1, used: 9 });
  });

  test('counts nothing that is free or of another day, and nothing twice', async (t) => {
    at(t, NOON_MS);
    const meter = await start();
    const yesterday = message(1, { enqueuedTimeMs: NOON_MS - 13 * HOUR_MS });
    const twice = message(1);
    const desired = { body: Buffer.from('{"properties":{"desired":{}}}'), source: 'twinChangeEvents' };
    const lifecycle = message(1, { source: 'deviceLifecycleEvents' });
    meter.received('stream', '0', [yesterday, twice, message(1, desired), lifecycle]);
    meter.received('stream', '0', [twice]);
    assert.deepEqual(bySource(meter), { telemetry: 1 });
    const reported = { body: Buffer.from('{"properties":{"reported":{}}}'), source: 'twinChangeEvents' };
    meter.received('stream', '0', [message(1, reported)]);
    meter.received('stream', '1', [message(1, { deviceId: 'canary', sequenceNumber: 1 })]);
    assert.deepEqual(bySource(meter), { telemetry: 1, twin: 1, canary: 1 });
  });

  test('counts messages whose times are not in order, and those of another stream from its begin', async (t) => {
    at(t, NOON_MS);
    const meter = await start();
    meter.received('stream', '0', [message(1), message(1, { enqueuedTimeMs: NOON_MS - 50 }), message(1)]);
    meter.received('other', '0', [message(1, { sequenceNumber: 0 })]);
    assert.deepEqual(bySource(meter), { telemetry: 4 });
  });

  test('counts operations by what they are for', async (t) => {
    at(t, NOON_MS);
    const meter = await start();
    const call = { kind: 'method', deviceId: 'press', sizes: [0, 5_000], isOwn: false } as const;
    meter.used(call);
    meter.used({ ...call, deviceId: 'canary' });
    meter.used({ kind: 'twin', deviceId: 'press', sizes: [10], isOwn: true });
    meter.used({ kind: 'twin', sizes: [9_000], isOwn: false });
    meter.used({ kind: 'message', deviceId: 'pump', sizes: [10], isOwn: false });
    meter.uploaded('pump');
    assert.deepEqual(bySource(meter), { method: 3, twin: 3, message: 1, upload: 2, canary: 3, sidecar: 1 });
    const devices = meter.use.devices.map(({ device, messages }) => [device, messages]);
    assert.deepEqual(devices, [
      ['press', 4],
      ['canary', 3],
      ['pump', 3],
    ]);
  });

  test('counts each device of a job once, and no job of yesterday', async (t) => {
    at(t, NOON_MS);
    const meter = await start();
    const job = { kind: 'job', jobId: 'j', messagesPerDevice: 2, endTime: undefined } as const;
    for (const devices of [3, 3, 10]) meter.used({ ...job, devices });
    const endTime = new Date(NOON_MS - 24 * HOUR_MS).toISOString();
    meter.used({ ...job, jobId: 'old', devices: 500, endTime });
    assert.deepEqual(bySource(meter), { job: 20 });
  });

  test('forecasts by the last hour, or by less when it has not been counted for an hour', async (t) => {
    at(t, NOON_MS);
    const meter = await start();
    const one = { kind: 'twin', sizes: [1], isOwn: false } as const;
    for (let i = 0; i < 60; i += 1) {
      meter.used(one);
      t.mock.timers.tick(60_000);
    }
    const { used, forecast } = meter.use;
    assert.equal(used, 60);
    assert.ok(Math.abs(forecast - (60 + 11 * 60)) <= 70, `${forecast}`);
    t.mock.timers.tick(2 * HOUR_MS);
    assert.equal(meter.use.forecast, 60, 'nothing more for two hours');
  });

  test('begins anew at midnight UTC', async (t) => {
    at(t, NOON_MS);
    const meter = await start();
    meter.used({ kind: 'twin', sizes: [1], isOwn: false });
    assert.equal(meter.use.day, '2026-01-05');
    assert.equal(Date.parse(meter.use.since), NOON_MS);
    t.mock.timers.tick(12 * HOUR_MS);
    const { day, since, used, devices } = meter.use;
    assert.deepEqual({ day, used, devices }, { day: '2026-01-06', used: 0, devices: [] });
    assert.equal(since, '2026-01-06T00:00:00.000Z');
  });

  test('goes on after a restart without counting anything twice', async (t) => {
    at(t, NOON_MS);
    const before = await start();
    const received = [message(1), message(1)];
    before.received('stream', '0', received);
    before.used({ kind: 'job', jobId: 'j', devices: 4, messagesPerDevice: 1, endTime: undefined });
    await before.stop();
    const after = await start();
    assert.deepEqual(after.use, before.use);
    after.received('stream', '0', [...received, message(1)]);
    after.used({ kind: 'job', jobId: 'j', devices: 4, messagesPerDevice: 1, endTime: undefined });
    assert.deepEqual(bySource(after), { telemetry: 3, job: 4 });
  });

  test('has no limit while the tier is unknown', async () => {
    settings = { tier: 'unknown', units: 1 };
    const { limit, percent } = (await start()).use;
    assert.deepEqual({ limit, percent }, { limit: undefined, percent: undefined });
  });
});
