import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rangeOf, unitOf } from '../../../sidecar/operations/opc-publisher/engineering-units.ts';

const NamespaceUri = 'http://www.opcfoundation.org/UA/units/un/cefact';

test('a unit is the text of the server, else the symbol of its UNECE code, else the code', () => {
  for (const [value, expected] of [
    [{ NamespaceUri, UnitId: 4_408_652, DisplayName: { Text: '°C', Locale: 'en' } }, '°C'],
    [{ NamespaceUri, UnitId: 4_408_652, DisplayName: 'deg C' }, 'deg C'],
    [{ NamespaceUri, UnitId: 4_408_652, DisplayName: { Text: '' } }, '°C'],
    [{ TypeId: 'i=887', Encoding: 'Json', Body: { NamespaceUri, UnitId: 4_408_652 } }, '°C'],
    [{ NamespaceUri, UnitId: 20_529 }, '%'],
    [{ NamespaceUri, UnitId: 12_890 }, 'mV'],
    // A code without a symbol is better than nothing.
    [{ NamespaceUri, UnitId: 5_790_042 }, 'XYZ'],
    [{ NamespaceUri, UnitId: 5_066_068 }, 'mm'],
    // Units of another list have other numbers.
    [{ NamespaceUri: 'http://example.com/units', UnitId: 4_408_652 }, ''],
    [{ NamespaceUri, UnitId: -1 }, ''],
    [{}, ''],
    [null, ''],
    ['°C', ''],
  ] as const)
    assert.equal(unitOf(value), expected, JSON.stringify(value));
});

test('a range has two numbers in their order', () => {
  assert.deepEqual(rangeOf({ Low: -10, High: 300.5 }), { minimum: -10, maximum: 300.5 });
  assert.deepEqual(rangeOf({ TypeId: 'i=884', Body: { Low: 0, High: 1 } }), { minimum: 0, maximum: 1 });
  for (const value of [
    { Low: 0, High: 0 },
    { Low: 5, High: 1 },
    { Low: 'NaN', High: 1 },
    { High: 1 },
    null,
    7,
  ])
    assert.equal(rangeOf(value), undefined, JSON.stringify(value));
});

test('a body in a body in a body is no structure, however many there are', () => {
  let nested: unknown = { Low: 0, High: 1 };
  for (let level = 0; level < 100_000; level += 1) nested = { Body: nested };
  assert.equal(rangeOf(nested), undefined);
  assert.equal(unitOf(nested), '');
});
