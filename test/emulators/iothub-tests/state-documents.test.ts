import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { HubNotification } from '../iothub/hub.ts';
import { HubError } from '../iothub/hub-error.ts';
import { holds } from '../iothub/query/evaluate.ts';
import { parseCondition, parseQuery } from '../iothub/query/syntax.ts';
import { encodeJsonLines, parseBody, recordOf, routingResolver } from '../iothub/routed-message.ts';
import {
  documentBytes,
  type JsonObject,
  merge,
  newSection,
  patchSection,
  replaceSection,
} from '../iothub/twin-document.ts';

const key = fc.stringMatching(/^[a-z]{1,3}$/);
const { document } = fc.letrec<{ document: JsonObject; value: unknown }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, fc.integer(), fc.string(), fc.boolean(), tie('document')),
  document: fc.dictionary(key, tie('value'), { maxKeys: 4 }) as fc.Arbitrary<JsonObject>,
}));

describe('twin documents', () => {
  test('a patch applied twice is a patch applied once', () => {
    fc.assert(
      fc.property(document, document, (before, patch) => {
        const once = merge(before, patch);
        assert.deepEqual(merge(once, patch), once);
      }),
    );
  });

  test('removing every key empties a document, and its metadata', () => {
    fc.assert(
      fc.property(document, (value) => {
        const section = replaceSection(newSection(), value, '2024-01-01T00:00:00.000Z', true);
        const removal = Object.fromEntries(Object.keys(value).map((name) => [name, null]));
        const empty = patchSection(section, removal, '2024-01-02T00:00:00.000Z', true);
        assert.deepEqual(empty.value, {});
        assert.deepEqual(empty.metadata, {
          $lastUpdated: '2024-01-02T00:00:00.000Z',
          $lastUpdatedVersion: 3,
        });
      }),
    );
  });

  test('metadata has the keys of the document, at every level', () => {
    const keysOf = (value: unknown): unknown =>
      typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .filter(([name]) => !name.startsWith('$'))
              .map(([name, inner]) => [name, keysOf(inner)]),
          )
        : {};
    fc.assert(
      fc.property(document, document, (first, second) => {
        const section = replaceSection(newSection(), first, 'a', false);
        const patched = patchSection(section, second, 'b', false);
        assert.deepEqual(keysOf(patched.metadata), keysOf(patched.value));
      }),
    );
  });

  test('sizes are those of the article', () => {
    assert.equal(
      documentBytes({ ab: 'xyz', n: 1, b: true, o: { k: 'ü' } }),
      2 + 3 + 1 + 8 + 1 + 4 + 1 + 1 + 2,
    );
  });
});

describe('the query language', () => {
  test('answers any text with a tree or the hub’s error', () => {
    const words = fc.constantFrom(
      ...[
        'SELECT',
        '*',
        'FROM',
        'devices',
        'WHERE',
        'tags.a',
        '=',
        "'x'",
        '1',
        '(',
        ')',
        '[',
        ']',
        'AND',
        'NOT',
      ],
      ...['IN', ',', 'COUNT()', 'AS', 'GROUP', 'BY', 'is_defined(', '.', '$', '"', '-', '[[', ']]', 'null'],
    );
    const text = fc.oneof(
      fc.array(words, { maxLength: 14 }).map((list) => list.join(' ')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (query) => {
        for (const parse of [parseQuery, parseCondition]) {
          try {
            parse(query);
          } catch (error) {
            assert.ok(HubError.is(error) && error.errorName === 'ArgumentInvalid', String(error));
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('a query nested without end is refused', () => {
  for (const text of [
    '('.repeat(8000),
    `${'NOT '.repeat(2000)}a`,
    `${'- '.repeat(4000)}1`,
    '['.repeat(8000),
  ]) {
    assert.throws(() => parseCondition(text), { errorName: 'ArgumentInvalid' });
  }
});

describe('messages as routing sees them', () => {
  const event: HubNotification = {
    source: 'Telemetry',
    deviceId: 'dev',
    moduleId: 'mod',
    body: Buffer.from('{"Weather":{"Temperature":50,"HistoricalData":[{"Month":"Feb"}]}}'),
    properties: {
      contentType: 'application/json',
      contentEncoding: 'UTF-8',
      messageId: 'm',
      componentName: 'thermostat1',
      application: { Severity: '3', $odd: 'yes', 'with-dash': 'd' },
    },
    modelId: 'dtmi:x;1',
  };
  const timeMs = Date.parse('2024-05-06T07:08:09.010Z');
  const check = (condition: string) =>
    holds(
      parseCondition(condition),
      routingResolver(event, timeMs, () => ({ tags: { Floor: 1 }, properties: {} })),
    );

  test('have system properties, application properties, body and twin under their names', () => {
    for (const condition of [
      "$contentType = 'application/json' AND $contentEncoding = 'UTF-8'",
      "$connectionDeviceId = 'dev' AND $connectionModuleId = 'mod' AND $messageId = 'm'",
      "$enqueuedTime > '2024-05-06T07:08:09Z' OR $enqueuedTime = '2024-05-06T07:08:09.010Z'",
      "$dt-dataschema = 'dtmi:x;1' AND $dt-subject = 'thermostat1'",
      'as_number(severity) <= 3',
      "$odd = 'yes'",
      "with-dash = 'd'",
      "$body.Weather.HistoricalData[0].Month = 'Feb'",
      '$BODY.weather.temperature = 50',
      '$twin.tags.floor = 1',
    ]) {
      assert.ok(check(condition), condition);
    }
    assert.ok(!check('severity <= 3'), 'application properties are texts');
    assert.ok(!check('is_defined($body)'), 'the whole body has no value');
  });

  test('have a body only when it is declared as JSON in a UTF encoding', () => {
    const utf16 = Buffer.from('\ufeff{"a":1}', 'utf16le');
    const utf32 = Buffer.alloc(7 * 4);
    for (const [index, character] of [...'{"a":1}'].entries()) {
      utf32.writeUInt32LE(character.codePointAt(0) ?? 0, index * 4);
    }
    assert.deepEqual(parseBody(Buffer.from('{"a":1}'), 'application/json; charset=utf-8', undefined), {
      a: 1,
    });
    assert.deepEqual(parseBody(utf16, 'application/json', 'utf-16'), { a: 1 });
    assert.deepEqual(parseBody(utf32, 'application/JSON', 'UTF-32'), { a: 1 });
    assert.equal(parseBody(Buffer.from('{"a":1}'), 'application/json', undefined), undefined);
    assert.equal(parseBody(Buffer.from('{"a":1}'), undefined, 'utf-8'), undefined);
    assert.equal(parseBody(Buffer.from('{"a"'), 'application/json', 'utf-8'), undefined);
  });

  test('are written as lines of JSON', () => {
    const line = JSON.parse(encodeJsonLines([recordOf(event, timeMs)]).toString('utf8'));
    assert.equal(line.EnqueuedTimeUtc, '2024-05-06T07:08:09.010Z');
    assert.equal(line.Body.Weather.Temperature, 50);
    assert.equal(line.SystemProperties['dt-subject'], 'thermostat1');
    assert.equal(line.Properties.Severity, '3');
  });
});
