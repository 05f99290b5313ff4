import assert from 'node:assert/strict';
import { deflateSync, gzipSync } from 'node:zlib';
import { encode } from 'cbor-x';
import fc from 'fast-check';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { readAvroFile } from '../../sidecar/ingest/storage/avro-file.ts';
import { validateMappings } from '../../sidecar/translate/mapping/validate.ts';
import { avroFile, pieces, ROUTED_SCHEMA, routedRecord } from '../ingest/storage/files.ts';
import { directory, message, thing, translate } from '../translate/support.ts';
import { type FuzzOptions, type FuzzReport, fuzz } from './fuzz-run.ts';

const THINGS = directory(
  thing('dev-1', { a: 'NUMBER', b: 'STRING', c: 'JSON', d: 'DATETIME', e: 'BOOLEAN' }),
);

const key = fc.oneof(
  fc.constantFrom('a', 'b', 'c', 'd', 'e', '__proto__', 'constructor', ''),
  fc.string({ maxLength: 8 }),
);
const value = fc.anything({
  maxDepth: 5,
  maxKeys: 6,
  key,
  values: [
    fc.string({ maxLength: 12, unit: 'binary' }),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('2024-01-02T03:04:05Z', '1e400', '9007199254740993', -0, 2 ** 53),
  ],
});

/** Members of messages of OPC Publisher, in both of its forms, right and wrong. */
const opcMember = fc.constantFrom(
  'NodeId',
  'EndpointUrl',
  'Value',
  'SourceTimestamp',
  'StatusCode',
  'Messages',
  'Payload',
  'MessageType',
  'DataSetWriterId',
  'Type',
  'Body',
  'Dimensions',
);
const opcLeaf = fc.oneof(
  value,
  fc.constantFrom('ns=2;s=a', 'nsu=http://x;i=7', 'ua-data', 0x80_00_00_00, [[1], [2, 3]]),
);
const opcValue = fc.oneof(
  fc.dictionary(opcMember, opcLeaf, { maxKeys: 8 }),
  fc.array(fc.dictionary(opcMember, fc.oneof(opcLeaf, fc.dictionary(opcMember, opcLeaf)), { maxKeys: 8 }), {
    maxLength: 4,
  }),
);

/** A valid text or binary form, with some bytes changed, cut off, repeated or inserted. */
function damaged(whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(3), fc.nat(), fc.nat(255));
  return fc.tuple(whole, fc.array(change, { maxLength: 4 })).map(([bytes, changes]) => {
    let result = Buffer.from(bytes);
    for (const [kind, where, byte] of changes) {
      const at = result.length === 0 ? 0 : where % result.length;
      if (kind === 0 && result.length > 0) result[at] = byte;
      else if (kind === 1) result = result.subarray(0, at);
      else if (kind === 2)
        result = Buffer.concat([result.subarray(0, at), Buffer.from([byte]), result.subarray(at)]);
      else result = Buffer.concat([result, result.subarray(at)]);
    }
    return result;
  });
}

const json = (values: fc.Arbitrary<unknown>) => values.map((one) => Buffer.from(JSON.stringify(one) ?? ''));
const compressed = (bytes: fc.Arbitrary<Uint8Array>) =>
  fc.tuple(bytes, fc.constantFrom('', 'gzip', 'deflate')).map(([body, contentEncoding]) => ({
    body:
      contentEncoding === 'gzip' ? gzipSync(body) : contentEncoding === 'deflate' ? deflateSync(body) : body,
    contentEncoding,
  }));

/** Whatever a device sends becomes updates or refusals with a reason, and is never thrown. */
function fuzzBodies(
  part: string,
  contentType: string,
  bytes: fc.Arbitrary<Uint8Array>,
  options: FuzzOptions,
): Promise<FuzzReport> {
  return fuzz(part, options, compressed(damaged(bytes)), ({ body, contentEncoding }) => {
    const result = translate(
      {},
      message(body, { contentType, ...(contentEncoding ? { contentEncoding } : {}) }),
      THINGS,
    );
    assert.equal(({} as Record<string, unknown>)['a'], undefined, 'A prototype was changed.');
    const [refusal] = result.refusals;
    if (refusal) {
      assert.ok(
        refusal.reason.length > 0 && refusal.reason.length < 2_000,
        'The reason is empty or too long.',
      );
      return refusal.code;
    }
    return result.updates.length > 0 ? 'values' : 'nothing';
  });
}

/** One report for each decoder. */
export async function fuzzDecoders({ inputs, seed }: FuzzOptions): Promise<FuzzReport[]> {
  const options = { inputs: Math.ceil(inputs / 5), seed };
  const written = await avroFile(
    ROUTED_SCHEMA,
    [1, 2, 3].map((number) => {
      const record = routedRecord({ device: 'dev-1', number });
      return { ...record, Body: { bytes: record.Body } };
    }),
    {},
  );
  return [
    await fuzzBodies('JSON', 'application/json', json(value), options),
    await fuzzBodies(
      'CBOR',
      'application/cbor',
      value.map((one) => encode(one)),
      options,
    ),
    await fuzzBodies('OPC UA', 'application/opcua+uajson', json(opcValue), options),
    await fuzz('Avro', options, damaged(fc.constant(new Uint8Array(written))), async (bytes) => {
      let records = 0;
      try {
        for await (const record of readAvroFile(pieces(Buffer.from(bytes))))
          records += record === undefined ? 0 : 1;
        return `${records} records`;
      } catch (error) {
        assert.ok(error instanceof ConnectorError && error.code !== 'INTERNAL', `${error}`);
        return error.code;
      }
    }),
    await fuzz('mapping documents', options, fc.oneof(value, mappingDocument), async (document) => {
      const problems = await validateMappings(document);
      return problems.length > 0 ? 'problems' : 'valid';
    }),
  ];
}

const mappingDocument = fc.record({
  rules: fc.array(
    fc.dictionary(
      fc.constantFrom(
        'name',
        'when',
        'decode',
        'select',
        'thing',
        'properties',
        'time',
        'each',
        'ignore',
        'values',
      ),
      fc.oneof(
        value,
        fc.constantFrom('$.a', '$..b[?(@.c>1)]', '=1+', '={$sum([1..1e9])}', '(a+)+$', '\ud800'),
      ),
      { maxKeys: 6 },
    ),
    { maxLength: 3 },
  ),
});
