/**
 * Senders to the Event Hubs entity. The built-in endpoint of an IoT Hub cannot be written to; an event hub that is a
 * routing endpoint can, and so can this one with a policy that has Send.
 */
import rhea, { type Delivery, type EventContext, type Message } from 'rhea';
import type { EventLog } from '../event-log.ts';
import { encodePlace, type Place } from '../event-message.ts';
import { partitionOf } from '../partition-hash.ts';
import type { Address } from './addresses.ts';
import type { AmqpConnection, AmqpNode, Attachment } from './connection.ts';
import { type Incoming, refuse } from './link.ts';
import { BATCH_FORMAT, mapEntriesOf, messagesOfBatch, sectionsOf } from './sections.ts';
import type { AmqpWriter } from './writer.ts';

export interface EventProducerParts {
  log: EventLog;
  eventHubName: string;
}

/** Of the Standard tier, for an event and for a batch. */
const MAX_BYTES = 1024 * 1024;
const CREDIT = 300;
const HEADER = 0x70;
const DELIVERY_ANNOTATIONS = 0x71;
const MESSAGE_ANNOTATIONS = 0x72;
const PARTITION_KEY = 'x-opt-partition-key';
/** What the log itself says of an event; a producer cannot. */
const OWN_ANNOTATIONS: ReadonlySet<string> = new Set([
  'x-opt-sequence-number',
  'x-opt-offset',
  'x-opt-enqueued-time',
  PARTITION_KEY,
]);

export function eventProducerNode(parts: EventProducerParts): AmqpNode {
  const { log, eventHubName } = parts;
  let turn = 0;
  return {
    incoming(connection: AmqpConnection, link: Incoming, address: Address): Attachment | undefined {
      if (address.node !== 'eventHub') return undefined;
      const given = address.partition;
      const path = given === undefined ? eventHubName : `${eventHubName}/Partitions/${given}`;
      if (connection.claims.eventHub('Send', path) === undefined) {
        refuse(
          link,
          'amqp:unauthorized-access',
          `Unauthorized access. 'Send' claim(s) are required: ${path}`,
        );
        return undefined;
      }
      if (given !== undefined && !log.partitions[Number(given)]) {
        const last = log.partitions.length - 1;
        refuse(
          link,
          'com.microsoft:argument-out-of-range',
          `The specified partition is invalid. It should be between 0 and ${last}.`,
        );
        return undefined;
      }
      link.local.attach.max_message_size = MAX_BYTES;
      link.set_credit_window(CREDIT);
      link.add_credit(CREDIT);
      link.on('message', (context: EventContext) => {
        const { delivery } = context;
        if (!delivery) return;
        const choose = (key: string | undefined) => {
          if (given !== undefined) return Number(given);
          if (key !== undefined) return partitionOf(key, log.partitions.length);
          turn = (turn + 1) % log.partitions.length;
          return turn;
        };
        store(log, context, choose).then(
          () => delivery.accept(),
          (error: unknown) => rejectWith(delivery, error),
        );
      });
      return {
        overdue: () =>
          connection.claims.eventHub('Send', path) === undefined
            ? 'ExpiredToken: The token is expired.'
            : undefined,
      };
    },
  };
}

class TooLarge extends Error {}

async function store(
  log: EventLog,
  context: EventContext,
  choose: (key: string | undefined) => number,
): Promise<void> {
  const { format } = context as unknown as { format?: number };
  const raw = context.message as unknown as Message | Buffer;
  if (!Buffer.isBuffer(raw)) {
    const key = keyOf(raw);
    await log.appendTo(choose(key), (writer, place) => {
      const bytes = rhea.message.encode({ ...raw, header: undefined });
      return withPlace(writer, place, key, bytes);
    });
    return;
  }
  if (format !== BATCH_FORMAT) throw new RangeError(`Unknown message format ${format}`);
  if (raw.length > MAX_BYTES) throw new TooLarge(`The batch exceeds ${MAX_BYTES} bytes`);
  const batchKey = keyIn(raw);
  // Without a key the whole batch goes to one partition, as it came.
  const partition = choose(batchKey);
  const stored = messagesOfBatch(raw).map((bytes) => {
    const key = keyIn(bytes) ?? batchKey;
    return log.appendTo(partition, (writer, place) => withPlace(writer, place, key, bytes));
  });
  await Promise.all(stored);
}

/** The message with the log's annotations beside its own, which are kept byte for byte. */
function withPlace(writer: AmqpWriter, place: Place, key: string | undefined, message: Buffer): Buffer {
  writer.reset();
  writer.descriptor(MESSAGE_ANNOTATIONS);
  const map = writer.map();
  let count = encodePlace(writer, place);
  if (key !== undefined) {
    writer.symbol(PARTITION_KEY);
    writer.string(key);
    count += 2;
  }
  const sections = sectionsOf(message);
  const given = sections.find(({ code }) => code === MESSAGE_ANNOTATIONS);
  for (const { key: name, bytes } of given ? mapEntriesOf(message, given.valueStart) : []) {
    if (OWN_ANNOTATIONS.has(name)) continue;
    writer.raw(bytes);
    count += 2;
  }
  writer.endCompound(map, count);
  const dropped = new Set([HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS]);
  for (const { code, start, end } of sections) {
    if (!dropped.has(code)) writer.raw(message.subarray(start, end));
  }
  return writer.bytes();
}

function keyIn(message: Buffer): string | undefined {
  const section = sectionsOf(message).find(({ code }) => code === MESSAGE_ANNOTATIONS);
  if (!section) return undefined;
  return keyOf(rhea.message.decode(message.subarray(section.start, section.end)) as unknown as Message);
}

function keyOf(message: Message): string | undefined {
  const key = message.message_annotations?.[PARTITION_KEY];
  return key === undefined || key === null ? undefined : String(key);
}

function rejectWith(delivery: Delivery, error: unknown): void {
  const condition = error instanceof TooLarge ? 'amqp:link:message-size-exceeded' : 'amqp:decode-error';
  delivery.reject({ condition, description: error instanceof Error ? error.message : String(error) });
}
