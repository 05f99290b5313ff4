import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseJson, parseJsonLines, parseLenientJson } from '../../../sidecar/translate/decode/json.ts';
import { DEFAULT_LIMITS } from '../../../sidecar/translate/decode/limits.ts';
import { Undecodable } from '../../../sidecar/translate/decode/undecodable.ts';

type Parse = typeof parseJson;
const read = (parse: Parse, text: string): unknown => parse(text, DEFAULT_LIMITS, false);

function reason(parse: Parse, text: string): string {
  const value = read(parse, text);
  assert.ok(value instanceof Undecodable, `${text} was read`);
  return value.reason;
}

describe('parseJson', () => {
  test('forgives zero bytes at the end, and reads lines of JSON as an array', () => {
    assert.deepEqual(read(parseJson, '{"t":7}\0'), { t: 7 });
    assert.deepEqual(read(parseJson, '{"t":7}\r\n\0\0\0 '), { t: 7 });
    assert.deepEqual(read(parseJson, '{"t":1}\n{"t":2}\n'), [{ t: 1 }, { t: 2 }]);
    assert.deepEqual(read(parseJson, '\r\n[1]\r\n\r\n{"t":2}'), [[1], { t: 2 }]);
  });

  test('says what would read the text', () => {
    assert.match(reason(parseJson, '{"t": NaN}'), /"body": "lenient"/);
    assert.match(reason(parseJson, 'eyJ0ZW1wIjoyMX0='), /"encoding": "base64"/);
    assert.match(reason(parseJson, '{"t":1}\n{"t":'), /"body": "lines"/);
    assert.match(reason(parseJson, 'status ok'), /"body": "text"/);
    assert.match(reason(parseJson, '{"t":1}{"t":2}'), /is not valid JSON: Unexpected/);
  });
});

describe('parseLenientJson', () => {
  test('takes bare NaN and Infinity in every spelling as null, and leaves texts and numbers alone', () => {
    const words = [
      'NaN',
      'nan',
      '-nan',
      '+NaN',
      'Infinity',
      '-Infinity',
      'inf',
      '-INF',
      'nan(ind)',
      '1.#QNAN',
      '-1.#IND',
    ];
    for (const word of words)
      assert.deepEqual(
        read(parseLenientJson, `{"a": ${word},"b":[${word} ,1.5,-1],"c":"${word}"}`),
        { a: null, b: [null, 1.5, -1], c: word },
        word,
      );
    assert.deepEqual(read(parseLenientJson, '{"a":null,"nan":true,"b":"\\"NaN"}'), {
      a: null,
      nan: true,
      b: '"NaN',
    });
    assert.match(reason(parseLenientJson, '{"a": nano}'), /not valid JSON/);
  });

  test('reads JSON that was written twice', () => {
    assert.deepEqual(read(parseLenientJson, '"{\\"temp\\": 20}"'), { temp: 20 });
    assert.deepEqual(read(parseLenientJson, '"{\\"temp\\": NaN}\\u0000"'), { temp: null });
    assert.equal(read(parseLenientJson, '"plain"'), 'plain');
  });

  test('reads whatever JSON.parse reads, with the same value', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: unknown = JSON.parse(text);
        fc.pre(typeof value !== 'string');
        assert.deepEqual(read(parseLenientJson, text), value);
      }),
    );
  });

  test('looks at each character once', () => {
    for (const text of [
      '"'.repeat(200_000),
      '\\"'.repeat(200_000),
      `"${'\\"'.repeat(100_000)}`,
      '-n'.repeat(200_000),
    ])
      assert.match(reason(parseLenientJson, text), /not valid JSON/);
  });
});

describe('parseJsonLines', () => {
  test('gives an array, also of one line, and names the line that is wrong', () => {
    assert.deepEqual(read(parseJsonLines, '{"t":1}'), [{ t: 1 }]);
    assert.deepEqual(read(parseJsonLines, '{"t":1}\r\n\r\n{"t":nan}\n\0'), [{ t: 1 }, { t: null }]);
    assert.match(reason(parseJsonLines, '{"t":1}\n{"t":'), /^Line 2: The body is not valid JSON/);
  });
});
