import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import rhea from 'rhea';
import { createFrameReader } from '../../../sidecar/azure/event-hubs/amqp-frames.ts';

interface Frame {
  readonly channel: number;
  readonly type: number;
  readonly performative: Record<string, unknown>;
  readonly payload?: Buffer;
}

interface Frames {
  transfer(fields: object): { value: unknown[]; described(): object };
  flow(fields: object): { described(): object };
  amqp_frame(channel: number, performative: object, payload?: Buffer): object;
  write_frame(frame: object): Buffer;
}

/** Left out of the library's types. */
interface Outcomes {
  accepted(): { described(): unknown };
}

// Not public: what the library itself writes and reads frames with.
const frames = createRequire(createRequire(import.meta.url).resolve('rhea'))('./frames.js') as Frames;
const { amqp_transport: transport } = rhea.create_connection({ reconnect: false } as never) as unknown as {
  amqp_transport: { read(buffer: Buffer): number };
};
const { read: original } = transport;

const FIELDS = [
  'handle',
  'delivery_id',
  'delivery_tag',
  'message_format',
  'settled',
  'more',
  'rcv_settle_mode',
  'resume',
  'aborted',
  'batchable',
];

/** What a reader hands on of a buffer, how many bytes it took, and what it threw. */
function outcome(read: (buffer: Buffer) => number, buffer: Buffer) {
  const handed: unknown[] = [];
  const note = (name: string) => (frame: Frame) => {
    const { channel, type, performative, payload } = frame;
    const fields = FIELDS.map((field) => performative[field] ?? undefined);
    handed.push({ name, channel, type, fields: name === 'transfer' ? fields : undefined, payload });
  };
  const reader = Object.assign(Object.create(Object.getPrototypeOf(transport)), {
    identifier: 'x',
    header_received: { protocol_id: 0 },
    frame_type: 0,
    read_complete: false,
    handler: { on_transfer: note('transfer'), on_flow: note('flow') },
  });
  try {
    return { read: read.call(reader, buffer), handed };
  } catch (error) {
    return { error: (error as Error).message, handed };
  }
}

let fellBack = 0;
const fast = createFrameReader(function (this: never, buffer: Buffer) {
  fellBack += 1;
  return original.call(this, buffer);
});

const transfer = (fields: object, payload = Buffer.from('payload'), channel = 0) =>
  frames.write_frame(frames.amqp_frame(channel, frames.transfer(fields).described(), payload));
const flow = () =>
  frames.write_frame(
    frames.amqp_frame(
      0,
      frames.flow({ incoming_window: 1, next_outgoing_id: 2, outgoing_window: 3 }).described(),
    ),
  );

describe('the fast frame reader', () => {
  test("hands on what the library's own does, without asking it for transfers", () => {
    const before = fellBack;
    const buffer = Buffer.concat([
      transfer({
        handle: 0,
        delivery_id: 0,
        delivery_tag: Buffer.from([1]),
        message_format: 0,
        settled: true,
      }),
      transfer(
        { handle: 3, delivery_id: 70_000, delivery_tag: Buffer.alloc(16, 7), more: true },
        Buffer.alloc(300, 1),
        5,
      ),
    ]);
    assert.deepEqual(outcome(fast, buffer), outcome(original, buffer));
    assert.equal(fellBack, before);
    assert.equal(outcome(fast, buffer).handed.length, 2);
  });

  test('leaves other frames, delivery states and heartbeats to the library', () => {
    const heartbeat = frames.write_frame({ channel: 0, type: 0 });
    const withState = frames.transfer({ handle: 0, delivery_id: 1, batchable: true });
    withState.value[7] = (rhea.message as unknown as Outcomes).accepted().described();
    const stated = frames.write_frame(frames.amqp_frame(0, withState.described(), Buffer.from('payload')));
    const buffer = Buffer.concat([flow(), heartbeat, stated, transfer({ handle: 0, delivery_id: 2 })]);
    const before = fellBack;
    assert.deepEqual(outcome(fast, buffer), outcome(original, buffer));
    assert.equal(fellBack, before + 3);
  });

  test('agrees on any transfers, cut anywhere and damaged anywhere', () => {
    const uint = fc.nat(0xffffffff);
    const fields = fc.record(
      {
        handle: uint,
        delivery_id: uint,
        delivery_tag: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        message_format: uint,
        settled: fc.boolean(),
        more: fc.boolean(),
        batchable: fc.boolean(),
        aborted: fc.boolean(),
      },
      { requiredKeys: ['handle'] },
    );
    const frame = fc.oneof(
      { arbitrary: fc.tuple(fields, fc.uint8Array({ maxLength: 400 }), fc.nat(65_535)), weight: 5 },
      { arbitrary: fc.constant(undefined), weight: 1 },
    );
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 6 }),
        fc.nat(3000),
        fc.option(fc.tuple(fc.nat(3000), fc.nat(255))),
        (list, cut, damage) => {
          const buffer = Buffer.concat(
            list.map((item) => (item ? transfer(item[0], Buffer.from(item[1]), item[2]) : flow())),
          ).subarray(0, cut);
          if (damage && damage[0] < buffer.length) buffer[damage[0]] = damage[1];
          assert.deepEqual(outcome(fast, buffer), outcome(original, buffer));
        },
      ),
      { numRuns: 1000, examples: [[[[{ handle: 0 }, new Uint8Array(), 0]], 5, [3, 0]]] },
    );
  });
});
