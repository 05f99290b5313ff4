import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { field, InfoTable } from '../thingworx/infotable.ts';
import { formatDate, parseDateText } from '../thingworx/script/date-format.ts';
import { formatDecimal } from '../thingworx/script/number-format.ts';
import { ScriptFixture } from './script-fixture.ts';

describe('global functions', () => {
  let fixture: ScriptFixture;
  before(() => {
    fixture = new ScriptFixture();
  });
  after(() => fixture.stop());

  test('dates', async () => {
    const source = `
      var d = new Date(2024, 0, 31, 13, 5, 9, 7);
      result = {
        format: dateFormat(d, "yyyy-MM-dd HH:mm:ss.SSS"),
        month: dateFormat(dateAddMonths(d, 1), "yyyy-MM-dd"),
        year: dateFormat(dateAddYears(d, -1), "yyyy"),
        day: dateFormat(dateAddDays(d, 1), "dd/MM"),
        ms: dateAddMilliseconds(d, 5).getTime() - d.getTime(),
        seconds: dateAddSeconds(d, 2).getTime() - d.getTime(),
        minutes: dateAddMinutes(d, 2).getTime() - d.getTime(),
        hours: dateAddHours(d, -1).getTime() - d.getTime(),
        difference: dateDifference(dateAddDays(d, 1), d) > 0,
        min: dateMin(d, new Date(0)).getTime(),
        max: dateMax(d, new Date(0)).getTime() === d.getTime(),
        week: dateDayOfWeek(d),
        ofYear: dateDayOfYear(d),
        offset: dateOffset(d) === -d.getTimezoneOffset() * 60000,
        parsed: parseDate("05.02.2024 07:08", "dd.MM.yyyy HH:mm").getTime() === new Date(2024, 1, 5, 7, 8).getTime(),
        iso: parseDateISO("2024-01-02T03:04:05.6789012Z").getTime(),
        isDate: parseDateISO("2024-01-02") instanceof Date
      };`;
    assert.deepEqual(await fixture.run(source), {
      format: '2024-01-31 13:05:09.007',
      month: '2024-02-29',
      year: '2023',
      day: '01/02',
      ms: 5,
      seconds: 2000,
      minutes: 120_000,
      hours: -3_600_000,
      difference: true,
      min: 0,
      max: true,
      week: 3,
      ofYear: 31,
      offset: true,
      parsed: true,
      iso: 1704164645678,
      isDate: true,
    });
  });

  test('fences', async () => {
    const corners = ['0,0', '0,10', '10,10', '10,0'];
    const fence = new InfoTable([field('at', 'LOCATION')]);
    for (const at of corners) {
      fence.addRow({ at });
    }
    const source = `
      result = {inside: containsLocation({latitude: 5, longitude: 5}, fence, "at"),
        outside: containsLocation({latitude: 5, longitude: 11}, fence, "at")};`;
    assert.deepEqual(await fixture.run(source, { variables: { fence } }), { inside: true, outside: false });
  });

  test('a date that cannot be read', async () => {
    const source = 'try { parseDate("x", "yyyy"); } catch (e) { result = e.name + "|" + e.message; }';
    assert.equal(
      await fixture.run(source, { result: 'STRING' }),
      'JavaException|java.lang.IllegalArgumentException: Invalid format: "x"',
    );
  });

  test('text, bytes and keys', async () => {
    const source = `
      result = {
        encode: base64EncodeString("h\\u00e9"), decode: base64DecodeString("aMOp"),
        bytes: base64DecodeBytes("AQL/"), again: base64EncodeBytes([1, 2, -1]), boxed: base64EncodeBytes({array: [1, 2, 255]}),
        key: decryptStringWithkey("k", encryptStringWithKey("k", "secret")),
        encrypted: encryptPropertyValue("secret").indexOf("secret"),
        guid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(generateGUID()),
        number: formatNumber(1234.5, "#,##0.00"), host: getHostIPAddress("localhost"),
        km: Math.round(distanceBetween({latitude: 0, longitude: 0}, {latitude: 0, longitude: 1}, "K"))
      };
      pause(1);`;
    assert.deepEqual(await fixture.run(source), {
      encode: 'aMOp',
      decode: 'h\u00e9',
      bytes: [1, 2, -1],
      again: 'AQL/',
      boxed: 'AQL/',
      key: 'secret',
      encrypted: -1,
      guid: true,
      number: '1,234.50',
      host: '127.0.0.1',
      km: 111,
    });
  });
});

test('date patterns', () => {
  const date = new Date(2024, 1, 3, 0, 4, 5, 60);
  const expected: [string, string][] = [
    ["yyyy-MM-dd'T'HH:mm:ss.SSS", '2024-02-03T00:04:05.060'],
    ['yy/M/d h:mm a', '24/2/3 12:04 AM'],
    ['EEEE, d MMMM yyyy', 'Saturday, 3 February 2024'],
    ['EEE MMM D', 'Sat Feb 34'],
    ["'o''clock' k K", "o'clock 24 0"],
    ['S SS', '0 06'],
  ];
  for (const [pattern, text] of expected) {
    assert.equal(formatDate(date, pattern), text);
  }
  assert.match(formatDate(date, 'Z ZZ'), /^[+-]\d{4} [+-]\d{2}:\d{2}$/);
  assert.throws(() => formatDate(date, 'jjj'), { message: 'Illegal pattern component: jjj' });
});

test('dates read by pattern', () => {
  assert.deepEqual(parseDateText('3 Feb 2024 1:02 PM', 'd MMM yyyy h:mm a'), new Date(2024, 1, 3, 13, 2));
  assert.deepEqual(
    parseDateText('2024-02-03 01:02:03.5 +0130', 'yyyy-MM-dd HH:mm:ss.SSS Z'),
    new Date(Date.UTC(2024, 1, 2, 23, 32, 3, 500)),
  );
  assert.deepEqual(parseDateText('2024 034', 'yyyy DDD'), new Date(2024, 1, 3));
  assert.throws(() => parseDateText('2024-02-30', 'yyyy-MM-dd'), { message: /Cannot parse/ });
  assert.throws(() => parseDateText('2024-02', 'yyyy-MM-dd'), { message: 'Invalid format: "2024-02"' });
});

test('number patterns', () => {
  const expected: [number, string, string][] = [
    [1234567.891, '#,##0.00', '1,234,567.89'],
    [0.5, '0', '0'],
    [1.5, '0', '2'],
    [0.25, '#.##', '.25'],
    [5, '000', '005'],
    [-5, '0.0', '-5.0'],
    [-5, '0.0;(0.0)', '(5.0)'],
    [0.125, '0.0%', '12.5%'],
    [3, '#.##', '3'],
    [12, '$0.00 each', '$12.00 each'],
  ];
  for (const [value, pattern, text] of expected) {
    assert.equal(formatDecimal(value, pattern), text, `${value} ${pattern}`);
  }
});
