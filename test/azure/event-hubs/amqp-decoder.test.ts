import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import rhea from 'rhea';
import { createDecoder } from '../../../sidecar/azure/event-hubs/amqp-decoder.ts';

interface Codec {
  encode(message: object): Buffer;
  decode(buffer: Buffer): object;
  data_section(data: Buffer): object;
  data_sections(data: Buffer[]): object;
}

const codec = rhea.message as unknown as Codec;
const { types } = rhea;
let fellBack = 0;
const decode = createDecoder((buffer) => {
  fellBack += 1;
  return codec.decode(buffer);
}, codec.data_section);

function compare(encoded: Buffer): { fast: boolean } {
  const before = fellBack;
  const mine = decode(encoded);
  const fast = fellBack === before;
  const original = codec.decode(encoded);
  assert.deepEqual(mine, original);
  assert.equal(Object.getPrototypeOf(mine), Object.getPrototypeOf(original));
  return { fast };
}

/** A telemetry message as IoT Hub sends it. */
const telemetry = {
  message_annotations: {
    'x-opt-sequence-number': types.wrap_long(123_456_789_012),
    'x-opt-offset': '1234567890',
    'x-opt-enqueued-time': types.wrap_timestamp(1_700_000_000_123),
    'iothub-connection-device-id': 'machine-07',
    'iothub-connection-auth-method': '{"scope":"device","type":"sas","issuer":"iothub"}',
    'iothub-enqueuedtime': types.wrap_timestamp(1_700_000_000_100),
    'iothub-message-source': 'Telemetry',
  },
  durable: true,
  priority: 3,
  message_id: 'abc-1',
  content_type: 'application/json',
  content_encoding: 'utf-8',
  absolute_expiry_time: new Date(1_700_000_100_000),
  application_properties: {
    alarm: 'true',
    level: 3,
    ratio: 0.5,
    large: 5_000_000_000,
    nothing: null,
    below: -7,
  },
  body: codec.data_section(Buffer.from('{"temperature":21.5}')),
};

describe('the fast AMQP decoder', () => {
  test("gives what the library's own gives for telemetry of IoT Hub, without asking it", () => {
    assert.ok(compare(codec.encode(telemetry)).fast);
  });

  for (const [what, message] of [
    [
      'a described value',
      { application_properties: { x: types.wrap_described('v', 'a:b') }, body: telemetry.body },
    ],
    ['several body sections', { body: codec.data_sections([Buffer.from('a'), Buffer.from('b')]) }],
    ['a body that is a value', { body: 'text' }],
    ['a list among the annotations', { message_annotations: { list: [1, 2] }, body: telemetry.body }],
    ['a footer', { footer: { sum: 'x' }, body: telemetry.body }],
    [
      'a number beyond 2^53',
      {
        message_annotations: { n: types.wrap_long(Buffer.from('7fffffffffffffff', 'hex')) },
        body: telemetry.body,
      },
    ],
  ] as const) {
    test(`leaves ${what} to the library`, () => {
      assert.ok(!compare(codec.encode(message)).fast);
    });
  }

  test('agrees on any annotations, properties and body', () => {
    const key = fc.oneof(
      fc.string({ minLength: 1, maxLength: 30 }).filter((text) => text !== '__proto__'),
      fc.string({ minLength: 100, maxLength: 300, unit: 'binary' }),
      // Names that are remembered, and of which the values are remembered as well.
      fc.constantFrom('iothub-connection-device-id', 'iothub-message-source', 'x-opt-offset', 'é', ''),
    );
    const value = fc.oneof(
      fc.constantFrom('Telemetry', 'machine-07', 'machine-70', 'mächine', ''),
      fc.string({ maxLength: 400, unit: 'binary' }),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true, min: -1e15, max: 1e15 }),
      fc.boolean(),
      fc.constant(null),
      fc.date({ noInvalidDate: true }),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    );
    const map = fc.dictionary(key, value, { maxKeys: 12 });
    fc.assert(
      fc.property(
        map,
        map,
        fc.uint8Array({ maxLength: 600 }),
        fc.option(fc.string()),
        (annotations, properties, body, id) => {
          compare(
            codec.encode({
              message_annotations: annotations,
              application_properties: properties,
              ...(id === null ? {} : { message_id: id, user_id: Buffer.from(id), group_sequence: 7 }),
              body: codec.data_section(Buffer.from(body)),
            }),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  test('agrees on damaged messages too, result or error', () => {
    const whole = codec.encode(telemetry);
    const outcome = (run: (buffer: Buffer) => object, buffer: Buffer) => {
      try {
        return { result: run(buffer) };
      } catch (error) {
        return { error: (error as Error).message };
      }
    };
    const { warn } = console;
    console.warn = () => undefined;
    try {
      fc.assert(
        fc.property(
          fc.nat(whole.length - 1),
          fc.integer({ min: 0, max: 255 }),
          fc.nat(whole.length),
          (at, byte, length) => {
            const damaged = Buffer.from(whole.subarray(0, length));
            if (at < damaged.length) damaged[at] = byte;
            assert.deepEqual(
              outcome(decode, damaged),
              outcome((buffer) => codec.decode(buffer), damaged),
            );
          },
        ),
        { numRuns: 500 },
      );
    } finally {
      console.warn = warn;
    }
  });
});
