import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  baseTypeOfNode,
  isArrayRank,
  knownDataType,
} from '../../../sidecar/operations/opc-publisher/node-types.ts';

test('a data type is known by its name or its node id in the namespace of OPC UA', () => {
  for (const [given, expected] of [
    ['Double', 'Double'],
    ['i=11', 'Double'],
    ['ns=0;i=6', 'Int32'],
    ['i=294', 'UtcTime'],
    ['ns=2;i=6', undefined],
    ['http://example.com#i=3002', undefined],
    ['constructor', undefined],
    ['', undefined],
  ] as const)
    assert.equal(knownDataType(given), expected, given);
});

test('the base type takes all values of the data type', () => {
  for (const [dataType, expected] of [
    ['Boolean', 'BOOLEAN'],
    ['UInt16', 'INTEGER'],
    ['Int32', 'INTEGER'],
    ['UInt32', 'LONG'],
    ['Int64', 'LONG'],
    ['Float', 'NUMBER'],
    ['String', 'STRING'],
    ['LocalizedText', 'STRING'],
    ['DateTime', 'DATETIME'],
    ['ByteString', 'BLOB'],
    ['Structure', 'JSON'],
  ] as const)
    assert.equal(baseTypeOfNode(dataType, false), expected, dataType);
  assert.equal(baseTypeOfNode('Double', true), 'JSON');
});

test('a rank that allows single values is none of an array', () => {
  for (const rank of ['OneDimension', 'OneOrMoreDimensions', 'TwoDimensions', 0, 1, 2])
    assert.ok(isArrayRank(rank), String(rank));
  for (const rank of ['Scalar', 'ScalarOrOneDimension', 'Any', -1, -2, -3, undefined])
    assert.ok(!isArrayRank(rank), String(rank));
});
