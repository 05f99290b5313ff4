import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toDateTime } from '../../../sidecar/translate/coerce/date-time.ts';
import { zoneReader } from '../../../sidecar/translate/coerce/zone.ts';

function inZone(text: string, name: string): string {
  const time = toDateTime(text, zoneReader(name));
  assert.equal(typeof time, 'number', text);
  return new Date(time as number).toISOString();
}

describe('times of a zone', () => {
  test('text without an offset is of the zone, text with one is not', () => {
    assert.equal(inZone('2026-07-01T12:00:00', 'Europe/Berlin'), '2026-07-01T10:00:00.000Z');
    assert.equal(inZone('2026-01-01 12:00', 'Europe/Berlin'), '2026-01-01T11:00:00.000Z');
    assert.equal(inZone('2026-01-02', 'Asia/Kolkata'), '2026-01-01T18:30:00.000Z');
    assert.equal(inZone('2026-01-01T12:00:00Z', 'Europe/Berlin'), '2026-01-01T12:00:00.000Z');
    assert.equal(inZone('2026-01-01T12:00:00+05:00', 'Europe/Berlin'), '2026-01-01T07:00:00.000Z');
    assert.equal(inZone('2026-01-01T12:00:00', '+05:30'), '2026-01-01T06:30:00.000Z');
    assert.equal(inZone('1767323045000', 'Europe/Berlin'), '2026-01-02T03:04:05.000Z');
  });

  test('an hour that comes twice is the first, one that is skipped moves on', () => {
    assert.equal(inZone('2026-10-25T02:30:00', 'Europe/Berlin'), '2026-10-25T00:30:00.000Z');
    assert.equal(inZone('2026-10-25T03:00:00', 'Europe/Berlin'), '2026-10-25T02:00:00.000Z');
    assert.equal(inZone('2026-03-29T02:30:00', 'Europe/Berlin'), '2026-03-29T01:30:00.000Z');
  });

  test('a zone that is not known is none', () => {
    for (const name of ['Mars/Olympus', '', 'CEST+1', '25:00'])
      assert.equal(zoneReader(name), undefined, name);
  });

  test('local time and back give the same, but for the hours that clocks repeat or skip', () => {
    const zones = [
      'Europe/Berlin',
      'America/New_York',
      'Asia/Kolkata',
      'Australia/Lord_Howe',
      'UTC',
      '-03:30',
    ];
    const range = { min: Date.UTC(1980, 0, 1), max: Date.UTC(2037, 0, 1) };
    for (const name of zones) {
      const read = zoneReader(name);
      assert.ok(read !== undefined);
      const format = new Intl.DateTimeFormat('sv-SE', {
        timeZone: name,
        dateStyle: 'short',
        timeStyle: 'medium',
      });
      const localText = (timeMs: number): string => format.format(timeMs).replace(' ', 'T');
      fc.assert(
        fc.property(fc.integer(range), (anyMs) => {
          const timeMs = anyMs - (anyMs % 1000);
          const text = localText(timeMs);
          const back = toDateTime(text, read) as number;
          // the same wall clock, and never the later of two
          assert.equal(localText(back), text);
          assert.ok(back <= timeMs && timeMs - back <= 7_200_000, `${name} ${text}`);
        }),
        { numRuns: 200 },
      );
    }
  });
});
