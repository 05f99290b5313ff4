import rhea from 'rhea';
import { AmqpReader } from './amqp-reader.ts';
import { IncomingTransfers, type TransferFields } from './incoming-transfers.ts';
import { InternedStrings } from './interned-strings.ts';

/** What rhea passes on of a frame. */
interface TransferFrame {
  readonly size: number;
  readonly type: 0;
  readonly channel: number;
  /** By rhea's names; absent and null are undefined. */
  readonly performative: TransferFields;
  readonly payload: Buffer;
}

/** The parts of rhea's transport (lib/transport.js) that are used here. */
interface Transport {
  readonly handler: {
    on_transfer(frame: TransferFrame): void;
    /** The sessions by their channel. */
    readonly remote_channel_map?: Readonly<Record<number, { readonly incoming: unknown } | undefined>>;
  };
  readonly header_received: unknown;
  readonly frame_type: number;
  readonly read_complete: unknown;
  /** Reads the complete frames at the start of the buffer. Returns their length in bytes. */
  read(buffer: Buffer): number;
}

type TransportPrototype = Transport & { [FAST]?: true };

const FAST = Symbol.for('azure-iot-sidecar.fast-frames');

/** The number of fields of the transfer performative (AMQP 1.0, part 2.7.5). */
const TRANSFER_FIELDS = 11;

/** An AMQP frame without extended header: its size, 2 x 4 bytes of header, of type AMQP (part 2.3). */
const DATA_OFFSET = 2;
const AMQP_FRAME = 0;
const SIZE_BYTES = 4;
const HEADER_BYTES = 8;
/** A described list: 0x00 0x53 and the code of the performative. */
const TRANSFER_CODE = 0x14;

/**
 * Reads transfer frames without rhea's object for every field. All other frames and malformed ones go to rhea's own transport. rhea has no
 * public interface for this, so its prototype is taken from a connection that is never opened. If a later rhea is built differently, nothing
 * is replaced and receiving is slower (docs/decisions/003). test/azure/event-hubs/amqp-frames.test.ts compares the two.
 */
export function installFastFrames(): void {
  const { amqp_transport } = rhea.create_connection({ reconnect: false } as never) as unknown as {
    amqp_transport?: Transport;
  };
  const prototype: TransportPrototype | undefined = amqp_transport && Object.getPrototypeOf(amqp_transport);
  // With DEBUG=rhea:* rhea logs every frame that it reads.
  if (typeof prototype?.read !== 'function' || prototype[FAST] || process.env.DEBUG) return;
  prototype.read = createFrameReader(prototype.read);
  Object.defineProperty(prototype, FAST, { value: true });
}

/** The reader alone. Does what `original` would do. */
export function createFrameReader(original: Transport['read']): Transport['read'] {
  const names = new InternedStrings();
  return function (this: Transport, buffer: Buffer): number {
    if (!this.header_received || this.frame_type !== AMQP_FRAME) return original.call(this, buffer);
    let offset = 0;
    while (offset + SIZE_BYTES <= buffer.length && !this.read_complete) {
      const size = buffer.readUInt32BE(offset);
      if (size < HEADER_BYTES) return offset + original.call(this, buffer.subarray(offset));
      if (size > buffer.length - offset) break;
      const transfer = readTransfer(buffer, offset, size, names);
      if (transfer) pass(this.handler, buffer.readUInt16BE(offset + 6), size, transfer);
      else original.call(this, buffer.subarray(offset, offset + size));
      offset += size;
    }
    return offset;
  };
}

/** The fields of a transfer, absent and null ones undefined, and what follows them. */
interface Transfer {
  readonly fields: readonly unknown[];
  readonly payload: Buffer;
}

/** The frame at the offset, when it is a transfer with a payload and fields of primitive types. */
function readTransfer(
  buffer: Buffer,
  offset: number,
  size: number,
  names: InternedStrings,
): Transfer | undefined {
  const start = offset + HEADER_BYTES;
  const end = offset + size;
  if (buffer[offset + 4] !== DATA_OFFSET || buffer[offset + 5] !== AMQP_FRAME) return undefined;
  if (buffer[start] !== 0x00 || buffer[start + 1] !== 0x53 || buffer[start + 2] !== TRANSFER_CODE)
    return undefined;
  const reader = new AmqpReader(buffer, names, start + 3);
  let fields: unknown[];
  try {
    fields = reader.list(TRANSFER_FIELDS);
  } catch {
    return undefined;
  }
  if (reader.at >= end) return undefined;
  return { fields, payload: buffer.subarray(reader.at, end) };
}

/** To the session of the channel when it takes transfers as they are, otherwise to rhea. */
function pass(handler: Transport['handler'], channel: number, size: number, transfer: Transfer): void {
  const { fields, payload } = transfer;
  const incoming = handler.remote_channel_map?.[channel]?.incoming;
  if (incoming instanceof IncomingTransfers) incoming.take(transferOf(fields), payload);
  else handler.on_transfer({ size, type: AMQP_FRAME, channel, performative: transferOf(fields), payload });
}

function transferOf(fields: readonly unknown[]): TransferFields {
  return {
    handle: fields[0] ?? undefined,
    delivery_id: fields[1] ?? undefined,
    delivery_tag: fields[2] ?? undefined,
    message_format: fields[3] ?? undefined,
    settled: fields[4] ?? undefined,
    more: fields[5] ?? undefined,
    rcv_settle_mode: fields[6] ?? undefined,
    state: fields[7] ?? undefined,
    resume: fields[8] ?? undefined,
    aborted: fields[9] ?? undefined,
    batchable: fields[10] ?? undefined,
  } as TransferFields;
}
