import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PathRecord } from '../../sidecar/canary/path-record.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';

const failure = { error: new ConnectorError('CANARY_TIMEOUT', 'late') };
const MINUTE_MS = 60_000;

describe('the record of a path', () => {
  test('has the percentiles of the last hour, by nearest rank', () => {
    const record = new PathRecord('telemetry');
    record.note({ ms: 9_999 }, 0);
    const begin = 61 * MINUTE_MS;
    for (let i = 1; i <= 100; i += 1) record.note({ ms: 101 - i }, begin + i);
    record.note(failure, begin + 200);
    const { p50, p95, p99, last, rounds, failures } = record.row(begin + 200);
    assert.deepEqual(
      { p50, p95, p99, last, rounds, failures },
      {
        p50: 50,
        p95: 95,
        p99: 99,
        last: 1,
        rounds: 101,
        failures: 1,
      },
    );
  });

  test('has no percentiles without a success', () => {
    const record = new PathRecord('twin');
    record.note(failure, 1);
    assert.deepEqual(record.row(1), { path: 'twin', state: 'unknown', rounds: 1, failures: 1 });
  });

  test('changes its state with two of a kind in a row, and at once with the first success', () => {
    const record = new PathRecord('method');
    const states = [
      { ms: 1 },
      failure,
      { ms: 1 },
      failure,
      failure,
      failure,
      { ms: 1 },
      failure,
      { ms: 1 },
      { ms: 1 },
    ].map((outcome, index) => record.note(outcome, index));
    const none = undefined;
    assert.deepEqual(states, ['ok', none, none, none, 'failed', none, none, none, none, 'ok']);
    assert.deepEqual(record.counts, { ok: 5, failed: 5 });
  });

  test('says why only while it is failed, and since when', () => {
    const record = new PathRecord('method');
    record.note(failure, 1_000);
    record.note(failure, 2_000);
    const { state, since, code, reason } = record.row(3_000);
    assert.deepEqual(
      { state, since, code, reason },
      { state: 'failed', since: '1970-01-01T00:00:02.000Z', code: 'CANARY_TIMEOUT', reason: 'late' },
    );
    record.note({ ms: 1 }, 3_000);
    record.note({ ms: 1 }, 4_000);
    const recovered = record.row(4_000);
    assert.equal(recovered.state, 'ok');
    assert.equal(recovered.reason, undefined);
  });

  test('goes on after a restart', () => {
    const before = new PathRecord('telemetry');
    before.note({ ms: 7 }, 1_000);
    before.note(failure, 2_000);
    before.note(failure, 3_000);
    const after = new PathRecord('telemetry');
    after.restore(JSON.parse(JSON.stringify(before.kept())));
    assert.deepEqual(after.row(4_000), before.row(4_000));
    assert.equal(after.note({ ms: 1 }, 5_000), undefined);
    assert.equal(after.note({ ms: 1 }, 6_000), 'ok');
  });

  test('forgets what lies ahead after the clock was set back', () => {
    const record = new PathRecord('telemetry');
    record.note({ ms: 7 }, 10 * MINUTE_MS);
    record.note({ ms: 3 }, 5 * MINUTE_MS);
    const { rounds, p99 } = record.row(5 * MINUTE_MS);
    assert.deepEqual({ rounds, p99 }, { rounds: 1, p99: 3 });
  });
});
