import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { opcValue } from '../../../sidecar/operations/opc-publisher/opc-values.ts';

const written = (text: string, type?: string) => JSON.stringify(opcValue(text, type));

describe('a value for a node', () => {
  for (const text of ['1.10', '1e5', 'true', 'null', '00012', '[1]', '"quoted"', ''])
    test(`String takes ${JSON.stringify(text)} as it is`, () => {
      assert.equal(opcValue(text, 'String'), text);
      assert.equal(opcValue(text, 'string'), text);
    });

  const kept: readonly (readonly [string, string | undefined, string])[] = [
    ['9007199254740993', 'Int64', '9007199254740993'],
    ['-9223372036854775808', 'Int64', '-9223372036854775808'],
    ['18446744073709551615', 'UInt64', '18446744073709551615'],
    ['[9007199254740993, 1]', 'Int64', '[9007199254740993,1]'],
    ['12345678901234567890', undefined, '12345678901234567890'],
    ['1.10', 'Double', '1.10'],
    ['NaN', 'Float', '"NaN"'],
    ['true', 'Boolean', 'true'],
    ['2026-01-31T12:00:00Z', 'DateTime', '"2026-01-31T12:00:00Z"'],
    ['["a","b"]', undefined, '["a","b"]'],
    ['no JSON', undefined, '"no JSON"'],
    ['5', 'ns=2;i=3002', '5'],
  ];
  for (const [text, type, json] of kept)
    test(`${text} as ${type} is written as ${json}`, () => assert.equal(written(text, type), json));

  const refused: readonly (readonly [string, string])[] = [
    ['1e400', 'Double'],
    ['1e39', 'Float'],
    ['256', 'Byte'],
    ['-1', 'UInt64'],
    ['18446744073709551616', 'UInt64'],
    ['1.5', 'Int32'],
    ['1e3', 'Int32'],
    ['"1"', 'Int32'],
    ['null', 'Int32'],
    ['1', 'Boolean'],
    ['yes', 'Boolean'],
    ['[1, "2"]', 'Int16'],
  ];
  for (const [text, type] of refused)
    test(`${text} is no ${type}`, () => {
      assert.throws(() => opcValue(text, type), { code: 'REQUEST_INVALID', message: new RegExp(type) });
    });
});
