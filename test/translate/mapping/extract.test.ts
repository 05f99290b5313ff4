import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Wrong } from '../../../sidecar/translate/coerce/wrong.ts';
import { bytesReader, matcher, numberReader } from '../../../sidecar/translate/mapping/extract.ts';
import { Flaw } from '../../../sidecar/translate/mapping/path.ts';
import { BYTES_TYPES } from '../../../sidecar/translate/mapping/schema.ts';

const codeOf = (value: unknown): unknown => (value instanceof Wrong ? value.code : value);

describe('numberReader', () => {
  test('takes one decimal mark, groups of three and a unit', () => {
    const cases: ['.' | ',', unknown, unknown][] = [
      [',', '24,39', 24.39],
      [',', '1.234,5', 1234.5],
      [',', '-1 234 567,8', -1234567.8],
      [',', "1'234", 1234],
      [',', '12', 12],
      ['.', '21.5 °C', 21.5],
      ['.', '45%', 45],
      ['.', '1,234.5 kWh', 1234.5],
      ['.', '5 m2', 5],
      ['.', '-.5', -0.5],
      ['.', '1e3 W', 1000],
      ['.', ' 7 ', 7],
      ['.', 8, 8],
      ['.', 18446744073709551615n, 18446744073709551615n],
      ['.', '24,39', 'VALUE_WRONG_TYPE'],
      [',', '24.39', 'VALUE_WRONG_TYPE'],
      [',', '1.2.3', 'VALUE_WRONG_TYPE'],
      ['.', '12:30', 'VALUE_WRONG_TYPE'],
      ['.', '1.2.3', 'VALUE_WRONG_TYPE'],
      ['.', '2026-01-02', 'VALUE_WRONG_TYPE'],
      ['.', 'abc', 'VALUE_WRONG_TYPE'],
      ['.', '%', 'VALUE_WRONG_TYPE'],
      ['.', '', 'VALUE_WRONG_TYPE'],
      ['.', true, 'VALUE_WRONG_TYPE'],
      ['.', '1'.repeat(500), 'VALUE_WRONG_TYPE'],
    ];
    for (const [mark, value, expected] of cases)
      assert.equal(codeOf(numberReader(mark)(value)), expected, `${mark} ${String(value)}`);
  });
});

describe('bytesReader', () => {
  test('reads every type in both orders, from both ends', () => {
    const bytes = Buffer.alloc(16);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const type of BYTES_TYPES) {
      bytes.fill(0);
      const size = Number(/\d+/.exec(type)?.[0]) / 8;
      const value = type.startsWith('u') ? 200 : type.startsWith('f') ? -1.5 : -100;
      const little = !type.endsWith('be');
      if (type.startsWith('f')) {
        if (size === 4) view.setFloat32(3, value, little);
        else view.setFloat64(3, value, little);
      } else if (size === 8) view.setBigInt64(3, BigInt(value), little);
      else if (size === 4) view.setInt32(3, value, little);
      else if (size === 2) view.setInt16(3, value, little);
      else view.setInt8(3, value);
      for (const at of [3, 3 - 16])
        for (const [encoding, text] of [
          ['base64', bytes.toString('base64')],
          ['hex', bytes.toString('hex')],
        ] as const)
          assert.equal(Number(bytesReader({ at, type, encoding })(text)), value, `${type} ${at} ${encoding}`);
      assert.equal(Number(bytesReader({ at: 3, type })(new Uint8Array(bytes))), value, type);
    }
  });

  test('refuses what is no bytes, and places that are not there', () => {
    const read = bytesReader({ at: 2, type: 'uint16be' });
    assert.equal(codeOf(read('not base64!')), 'VALUE_WRONG_TYPE');
    assert.equal(codeOf(read(5)), 'VALUE_WRONG_TYPE');
    assert.equal(codeOf(read('AAAA')), 'VALUE_OUT_OF_RANGE');
    assert.equal(codeOf(bytesReader({ at: -3, type: 'uint8' })('AAA=')), 'VALUE_OUT_OF_RANGE');
    assert.equal(codeOf(bytesReader({ at: 0, type: 'uint8', encoding: 'hex' })('0x1')), 'VALUE_WRONG_TYPE');
    assert.equal(bytesReader({ at: 1, type: 'uint8', encoding: 'hex' })('0x01:FF'), 255);
  });
});

describe('matcher', () => {
  const match = (pattern: string, value: unknown): unknown => {
    const read = matcher(pattern);
    assert.ok(!(read instanceof Flaw), pattern);
    return codeOf(read(value));
  };

  test('gives the first group that took part, or the whole match', () => {
    assert.equal(match('code=(\\d+)', 'a code=17;'), '17');
    assert.equal(match('\\d+', 'a 17;'), '17');
    assert.equal(match('(a)|(b)', 'xb'), 'b');
    assert.equal(match('\\d\\d', 1234), '12');
    assert.equal(match('x', 'y'), 'VALUE_WRONG_TYPE');
    assert.equal(match('x', { x: 1 }), 'VALUE_WRONG_TYPE');
  });

  test('a text cannot make it stand still', () => {
    const poison: [string, string][] = [
      ['^(.*?)\\s*,\\s*(.*?)\\s*;$', ' '.repeat(6001)],
      ['^(.*?)\\s*,\\s*(.*?)\\s*;$', `${' '.repeat(60_000)},;,`],
      ['a*a*a*a*b', 'a'.repeat(60_000)],
      ['^a*a*a*a*b$', `${'a'.repeat(60_000)}b `],
      ['(a{1,9}){1,9}b', 'a'.repeat(60_000)],
      ['\\d*\\d*\\d*x', '7'.repeat(60_000)],
      ['(a{1,30}){1,30}bc', `${'a'.repeat(60_000)}bb bc`],
    ];
    for (const [pattern, text] of poison) {
      const outcome = match(pattern, text);
      assert.ok(outcome === 'VALUE_WRONG_TYPE' || outcome === 'VALUE_OUT_OF_RANGE', pattern);
    }
  });
});
