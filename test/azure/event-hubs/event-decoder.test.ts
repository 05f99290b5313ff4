import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import rhea from 'rhea';
import { EventDecoder } from '../../../sidecar/azure/event-hubs/event-decoder.ts';
import { openEventSource } from '../../../sidecar/azure/event-hubs/event-source.ts';
import { Recorder, until } from '../helpers.ts';
import { EventHubServer, type StoredEvent } from './event-hub-server.ts';

const { types } = rhea;
const codec = rhea.message as unknown as { encode(message: object): Buffer };

const value = fc.oneof(
  fc.constantFrom('Telemetry', 'machine-07', 'mächine', ''),
  fc.string({ maxLength: 400, unit: 'binary' }),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, min: -1e15, max: 1e15 }),
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.constantFrom([1, 'two'], { inner: 3 }),
);
const key = fc.oneof(
  fc.string({ minLength: 1, maxLength: 30 }).filter((text) => text !== '__proto__'),
  fc.constantFrom(
    'iothub-connection-device-id',
    'iothub-message-source',
    'dt-subject',
    'x-opt-partition-key',
  ),
);
const map = fc.dictionary(key, value, { maxKeys: 8, noNullPrototype: true });
const event: fc.Arbitrary<StoredEvent> = fc
  .record({
    enqueuedMs: fc.nat(2 ** 41),
    annotations: map,
    properties: map,
    body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    message: fc.record(
      {
        message_id: fc.string({ minLength: 1 }),
        correlation_id: fc.oneof(fc.string({ minLength: 1 }), fc.nat()),
        content_type: fc.constantFrom('application/json', 'text/plain'),
        content_encoding: fc.constantFrom('utf-8', 'gzip'),
        creation_time: fc.date({ noInvalidDate: true }),
        durable: fc.boolean(),
        delivery_annotations: fc.constantFrom({ hop: 1 }),
        body: fc.constantFrom<unknown>('a value', { a: [1, 2] }, 7, null),
      },
      { requiredKeys: [] },
    ),
  })
  .map((parts) => parts as unknown as StoredEvent);

describe('the decoder of events', () => {
  const server = new EventHubServer(1);
  before(() => server.start());
  after(() => server.stop());

  /** What the event source delivers with a receiver, of everything on the server. */
  const received = async (receiver: 'own' | 'sdk') => {
    const recorder = new Recorder();
    const source = await openEventSource({
      endpoint: { kind: 'connectionString', connectionString: server.connectionString },
      consumerGroup: '$Default',
      receiver,
      handlers: recorder,
      startPosition: { from: 'earliest' },
      lagIntervalMs: 0,
    });
    try {
      const [stored = []] = server.partitions;
      await until('all events', () => recorder.events.length === stored.length);
    } finally {
      await source.stop();
    }
    return recorder.events;
  };

  test('gives what the receiver of the SDK gives, for any annotations, properties and bodies', async () => {
    server.append(0, ...fc.sample(event, 400));
    const [own, sdk] = [await received('own'), await received('sdk')];
    for (const [index, event] of own.entries()) assert.deepEqual(event, sdk[index]);
  });

  test('keeps bytes among properties, of which the SDK makes objects', () => {
    const bytes = Buffer.from([1, 2, 255]);
    const encoded = codec.encode({
      message_annotations: { 'x-opt-sequence-number': types.wrap_long(1), hash: bytes },
      application_properties: { bytes, list: [bytes] },
    });
    const { messages } = new EventDecoder().decode([encoded], '0');
    assert.deepEqual(messages[0]?.systemProperties, { hash: bytes });
    assert.deepEqual(messages[0]?.applicationProperties, { bytes, list: [bytes] });
  });

  test('counts what has no position and what is no message, and never throws', () => {
    const decoder = new EventDecoder();
    const whole = codec.encode({
      message_annotations: { 'x-opt-sequence-number': types.wrap_long(1), 'x-opt-offset': '10' },
      body: rhea.message.data_section(Buffer.from('{}')),
    });
    const bare = codec.encode({ body: rhea.message.data_section(Buffer.from('{}')) });
    const { messages, broken } = decoder.decode([whole, bare, undefined, Buffer.alloc(0)], '0');
    assert.deepEqual([messages.map(({ sequenceNumber }) => sequenceNumber), broken], [[1], 3]);
    const { warn } = console;
    console.warn = () => undefined;
    try {
      fc.assert(
        fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
          const damaged = Buffer.from(whole.subarray(0, length));
          if (at < damaged.length) damaged[at] = byte;
          const events = decoder.decode([damaged], '0');
          assert.equal(events.messages.length + events.broken, 1);
        }),
        { numRuns: 1000 },
      );
    } finally {
      console.warn = warn;
    }
  });
});
