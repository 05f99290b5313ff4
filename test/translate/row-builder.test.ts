import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ReceivedMessage, TranslationSettings } from '../../sidecar/translate/types.ts';
import { codes, directory, message, rows, thing, translate } from './support.ts';

const NOW = Date.UTC(2026, 10, 29, 10);
const THINGS = directory(thing('dev-1', { t: 'NUMBER' }));

const sent = (over: Partial<ReceivedMessage>, body: unknown = { t: 1 }): ReceivedMessage =>
  message(body, { enqueuedTimeMs: NOW, ...over });

describe('times that are not plausible', () => {
  const settings: TranslationSettings = { implausibleTime: 'enqueuedTime' };

  test('a clock that is wrong, or a unit, costs the time and not the value', () => {
    const wrong = {
      'a clock that was never set': 12_000,
      'seconds read as milliseconds': 1_767_323_050,
      'a clock in 2099': Date.UTC(2099, 0, 1),
      'microseconds read as milliseconds': 1_767_323_045_000_000,
      'a little too far ahead': NOW + 300_001,
      'the day before 2000': Date.UTC(1999, 11, 31, 23, 59, 59, 999),
    };
    for (const [name, creationTimeMs] of Object.entries(wrong)) {
      const { updates, ignored, refusals } = translate(settings, sent({ creationTimeMs }), THINGS);
      assert.deepEqual([updates[0]?.timeMs, codes(ignored), refusals], [NOW, ['TIME_IMPLAUSIBLE'], []], name);
      assert.match(ignored[0]?.reason ?? '', /the enqueued time 2026-11-29T10:00:00.000Z is used instead\.$/);
    }
  });

  test('the bounds are inclusive, late values are welcome, and both are settings', () => {
    for (const creationTimeMs of [Date.UTC(2000, 0, 1), NOW - 86_400_000 * 400, NOW + 300_000]) {
      const { updates, ignored } = translate(settings, sent({ creationTimeMs }), THINGS);
      assert.deepEqual([updates[0]?.timeMs, ignored], [creationTimeMs, []]);
    }
    const own = { ...settings, earliestTimeMs: NOW - 1000, maxAheadMs: 2000 };
    for (const [creationTimeMs, expected] of [
      [NOW - 1000, NOW - 1000],
      [NOW - 1001, NOW],
      [NOW + 2000, NOW + 2000],
      [NOW + 2001, NOW],
    ] as const) {
      const { updates } = translate(own, sent({ creationTimeMs }), THINGS);
      assert.equal(updates[0]?.timeMs, expected);
    }
  });

  test('unless the setting says so they are refused, each with its Thing and the cure', () => {
    const body = [{ t: 1 }, { t: 2 }];
    const { updates, refusals } = translate({}, sent({ creationTimeMs: 5 }, body), THINGS);
    assert.deepEqual([updates, codes(refusals)], [[], ['TIME_IMPLAUSIBLE', 'TIME_IMPLAUSIBLE']]);
    assert.match(
      refusals[0]?.reason ?? '',
      /is before 2000-01-01T00:00:00.000Z\. Set the clock of the device, .* implausibleTime/,
    );
    assert.equal(refusals[0]?.thing, 'dev-1');
  });

  test('times of rules and of OPC UA are bounded, too; a batch is told once', () => {
    const mappings = { version: 1, rules: [{ each: '$[*]', time: 'ts', properties: { t: 't' } }] };
    const body = [1, 2, 3].map((t) => ({ t, ts: 1_767_323_045 + t }));
    const mapped = translate({ ...settings, mappings }, sent({}, body), THINGS);
    assert.deepEqual(codes(mapped.ignored), ['TIME_IMPLAUSIBLE']);
    assert.deepEqual(rows(mapped), [{ t: 1 }, { t: 2 }, { t: 3 }]);
    assert.deepEqual(
      mapped.updates.map(({ timeMs }) => timeMs - NOW),
      [-2, -1, 0],
    );
    const opc = { t: { Value: 5, SourceTimestamp: '2099-01-01T00:00:00Z' } };
    assert.equal(translate(settings, sent({}, opc), THINGS).updates[0]?.timeMs, NOW);
  });

  test('no time is in the future where the time of the hub is not known', () => {
    const creationTimeMs = Date.UTC(2040, 0, 1);
    for (const over of [{ enqueuedTimeUnknown: true }, { enqueuedTimeMs: 0 }]) {
      const { updates } = translate({}, sent({ creationTimeMs, ...over }), THINGS);
      assert.equal(updates[0]?.timeMs, creationTimeMs);
    }
  });

  test('whatever the time is, the value is delivered within the bounds, or refused', () => {
    fc.assert(
      fc.property(fc.double(), fc.boolean(), (creationTimeMs, refuse) => {
        const policy: TranslationSettings = refuse ? {} : settings;
        const { updates, refusals } = translate(policy, sent({ creationTimeMs }), THINGS);
        assert.equal(updates.length + refusals.length, 1);
        for (const { timeMs } of updates)
          assert.ok(timeMs >= Date.UTC(2000, 0, 1) && timeMs <= NOW + 300_000, String(timeMs));
      }),
    );
  });
});

describe('a creation time that cannot be read', () => {
  test('is told with what came, wherever the protocol puts it', () => {
    for (const over of [
      { applicationProperties: { 'iothub-creation-time-utc': '01/02/2026 03:04:06' } },
      { systemProperties: { 'iothub-creation-time-utc': '01/02/2026 03:04:06' } },
    ]) {
      const { updates, ignored } = translate({}, sent(over), THINGS);
      assert.deepEqual([updates[0]?.timeMs, codes(ignored)], [NOW, ['TIME_UNREADABLE']]);
      assert.match(ignored[0]?.reason ?? '', /is "01\/02\/2026 03:04:06", which is no ISO 8601 time/);
    }
  });
});
