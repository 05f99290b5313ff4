import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { QuotaUse } from '../../sidecar/contract/quota.ts';
import { ScriptHub } from './script-hub.ts';

const DAY = '2026-01-05';

function use(more: Partial<QuotaUse> = {}): QuotaUse {
  return {
    day: DAY,
    since: `${DAY}T00:00:00.000Z`,
    used: 0,
    limit: 1_000,
    forecast: 0,
    sources: [],
    devices: [],
    ...more,
  };
}

const device = (name: string, messages: number, floods = false) => ({
  device: name,
  messages,
  excess: 0,
  share: 0,
  recent: 1,
  floods,
});

async function started(t: TestContext) {
  const hub = new ScriptHub(t, 'Plant.Hub');
  hub.set('sidecarUrl', 'http://127.0.0.*:8780');
  const tell = (sidecar: string, quota: QuotaUse, more: object = {}) => {
    const addresses = [`http://127.0.0.${sidecar === 'a' ? 1 : 2}:8780`];
    const status = { sidecar, state: 'running', addresses, quota, ...more };
    return hub.call('ReceiveStatus', JSON.stringify({ status }), 'NOTHING');
  };
  const rows = (property: string) =>
    (JSON.parse(JSON.stringify(hub.get(property))) as { rows: Record<string, unknown>[] }).rows;
  return { hub, tell, rows };
}

test('the use of the quota is that of all sidecars, also of those that have ended', async (t) => {
  const { hub, tell, rows } = await started(t);
  await tell(
    'a',
    use({
      used: 300,
      forecast: 500,
      sources: [{ source: 'telemetry', messages: 300, share: 100 }],
      devices: [device('press', 200), device('pump', 100)],
    }),
  );
  const b = use({
    used: 100,
    forecast: 200,
    since: `${DAY}T06:00:00.000Z`,
    sources: [
      { source: 'telemetry', messages: 60, share: 60 },
      { source: 'method', messages: 40, share: 40 },
    ],
    devices: [device('pump', 150, true)],
  });
  await tell('b', b);
  await tell('b', b);
  await tell(
    'a',
    use({ used: 301, forecast: 500, sources: [{ source: 'telemetry', messages: 301, share: 100 }] }),
    {
      leaves: true,
    },
  );
  await tell('b', b);
  assert.equal(hub.get('quotaUsed'), 401);
  assert.equal(hub.get('quotaForecast'), 700);
  assert.equal(hub.get('quotaLimit'), 1_000);
  assert.equal(hub.get('quotaPercent'), 40.1);
  assert.equal((hub.get('quotaSince') as Date).toISOString(), `${DAY}T00:00:00.000Z`);
  assert.deepEqual(
    rows('quotaSources').map(({ source, messages, share }) => [source, messages, share]),
    [
      ['telemetry', 361, 90],
      ['method', 40, 10],
    ],
  );
  assert.deepEqual(
    rows('quotaDevices').map(({ device: name, messages, floods }) => [name, messages, floods]),
    [['pump', 150, true]],
  );
});

test('the devices of two sidecars are one list of ten', async (t) => {
  const { tell, rows } = await started(t);
  const ten = (prefix: string) =>
    Array.from({ length: 10 }, (_, index) => device(`${prefix}${index}`, 10 + index));
  await tell('a', use({ used: 200, devices: [...ten('a'), device('both', 9)] }));
  await tell('b', use({ used: 200, devices: [...ten('b'), device('both', 12)] }));
  const found = rows('quotaDevices');
  assert.equal(found.length, 10);
  assert.deepEqual([found[0]?.['device'], found[0]?.['messages'], found[0]?.['share']], ['both', 21, 5.3]);
});

test('the warning fires at 80 percent, once a day', async (t) => {
  const { hub, tell } = await started(t);
  const sources = [
    { source: 'method' as const, messages: 100, share: 12.5 },
    { source: 'telemetry' as const, messages: 700, share: 87.5 },
  ];
  await tell('a', use({ used: 799, sources, devices: [device('press', 700, true)] }));
  assert.equal(hub.fired('QuotaWarning').length, 0);
  for (const sidecar of ['a', 'a', 'b'])
    await tell(sidecar, use({ used: 800, sources, devices: [device('press', 700, true)] }));
  const [warning, ...more] = hub.fired('QuotaWarning');
  assert.deepEqual(more, []);
  const { source, device: first, flooding, percent, used } = warning ?? {};
  assert.deepEqual(
    { source, first, flooding, percent, used },
    {
      source: 'telemetry',
      first: 'press',
      flooding: 'press',
      percent: 80,
      used: 800,
    },
  );
  await tell('a', use({ day: '2026-01-06', used: 3 }));
  assert.equal(hub.get('quotaUsed'), 3, 'the counts of yesterday are gone');
  await tell('a', use({ day: '2026-01-06', used: 900, sources }));
  assert.equal(hub.fired('QuotaWarning').length, 2);
});

test('without a limit nothing is warned of', async (t) => {
  const { hub, tell } = await started(t);
  const { limit: _, ...unlimited } = use({ used: 1_000_000, sources: [] });
  await tell('a', unlimited);
  assert.equal(hub.get('quotaUsed'), 1_000_000);
  assert.equal(hub.get('quotaLimit'), 0);
  assert.equal(hub.fired('QuotaWarning').length, 0);
});

test('the canary is shown as the sidecar tells it that runs it', async (t) => {
  const { hub, tell, rows } = await started(t);
  assert.equal(hub.get('canaryState'), 'off');
  const path = { path: 'telemetry', state: 'ok', p50: 40, p95: 90, p99: 120, rounds: 60, failures: 0 };
  const canary = { state: 'ok', device: 'canary', time: `${DAY}T10:00:00.000Z`, paths: [path] };
  await tell('a', use(), { canary });
  await tell('b', use());
  assert.equal(hub.get('canaryState'), 'ok');
  assert.equal(hub.get('canarySidecar'), 'a');
  assert.equal(hub.get('canaryTelemetryP95'), 90);
  assert.equal(rows('canaryPaths').length, 1);
  await tell('b', use(), { canary: { state: 'off', device: 'canary', paths: [] } });
  assert.equal(hub.get('canaryState'), 'off');
  assert.equal(hub.get('canarySidecar'), '');
  assert.deepEqual(rows('canaryPaths'), []);
});
