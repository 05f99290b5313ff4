/** Receivers on the partitions of the event stream: the Event Hubs-compatible endpoint. */
import type { EventLog } from '../event-log.ts';
import { encodeRuntimeMetric } from '../event-message.ts';
import type { Faults } from '../faults.ts';
import type { PartitionLog } from '../partition-log.ts';
import type { Address } from './addresses.ts';
import type { AmqpConnection, AmqpNode, Attachment } from './connection.ts';
import { freeSlots, heldBack, type Outgoing, plain, refuse } from './link.ts';
import { type Reader, Readers } from './readers.ts';
import { parseStart } from './start-position.ts';
import { AmqpWriter } from './writer.ts';

export interface EventReceiverParts {
  log: EventLog;
  faults: Faults;
  eventHubName: string;
  consumerGroups: ReadonlySet<string>;
}

const RUNTIME_METRIC = 'com.microsoft:enable-receiver-runtime-metric';
const MAX_BATCH = 300;
const MAX_BACKLOG_BYTES = 1 << 20;

export function eventReceiverNode(parts: EventReceiverParts): AmqpNode {
  const { log, eventHubName, consumerGroups } = parts;
  const readers = new Readers();
  const groups = new Set([...consumerGroups].map((group) => group.toLowerCase()));
  return {
    outgoing(connection: AmqpConnection, link: Outgoing, address: Address): Attachment | undefined {
      if (address.node !== 'partition') return undefined;
      const { consumerGroup } = address;
      const path = `${eventHubName}/ConsumerGroups/${consumerGroup}/Partitions/${address.partition}`;
      if (connection.claims.eventHub('Listen', path) === undefined) {
        refuse(
          link,
          'amqp:unauthorized-access',
          `Unauthorized access. 'Listen' claim(s) are required: ${path}`,
        );
        return undefined;
      }
      if (!groups.has(consumerGroup.toLowerCase())) {
        const entity = `${eventHubName}:${consumerGroup}`;
        refuse(link, 'amqp:not-found', `The messaging entity '${entity}' could not be found.`);
        return undefined;
      }
      const index = Number(address.partition);
      const partition = log.partitions[index];
      if (!partition) {
        refuse(
          link,
          'com.microsoft:argument-out-of-range',
          `The specified partition is invalid for an EventHub partition sender or receiver. It should be between 0 and ${log.partitions.length - 1}.`,
        );
        return undefined;
      }
      const properties = (link.properties ?? {}) as Record<string, unknown>;
      const epoch = plain(properties['com.microsoft:epoch']);
      const givenName = plain(properties['com.microsoft:receiver-name']) ?? link.target?.address;
      const delivery = new EventDelivery(parts, connection, link, partition, index);
      const reader: Reader = {
        name: String(givenName ?? link.name),
        epoch: epoch === undefined || epoch === null ? undefined : Number(epoch),
        stolen: (description) => connection.end(link, 'amqp:link:stolen', description),
      };
      const refusal = readers.add(consumerGroup, index, reader);
      if (refusal) {
        refuse(link, refusal.condition, refusal.description);
        return undefined;
      }
      delivery.start().catch(() => connection.cut());
      return {
        closed: () => {
          readers.remove(consumerGroup, index, reader);
          delivery.stop();
        },
        overdue: () =>
          connection.claims.eventHub('Listen', path) === undefined
            ? 'ExpiredToken: The token is expired.'
            : undefined,
      };
    },
  };
}

/** Feeds one receiver: as many stored messages as it has credit for, no faster than the network takes them. */
class EventDelivery {
  readonly #parts: EventReceiverParts;
  readonly #connection: AmqpConnection;
  readonly #link: Outgoing;
  readonly #partition: PartitionLog;
  readonly #index: number;
  readonly #writer = new AmqpWriter();
  readonly #withMetric: boolean;
  readonly #wake = () => {
    // The log cannot be read: not something that the client can be told.
    this.#pump().catch(() => this.#connection.cut());
  };
  #offset = 0;
  #tag = 0;
  #located = false;
  #pumping = false;
  #stopped = false;

  constructor(
    parts: EventReceiverParts,
    connection: AmqpConnection,
    link: Outgoing,
    partition: PartitionLog,
    index: number,
  ) {
    this.#parts = parts;
    this.#connection = connection;
    this.#link = link;
    this.#partition = partition;
    this.#index = index;
    const wanted = [link.desired_capabilities ?? []].flat().map(String);
    this.#withMetric = wanted.includes(RUNTIME_METRIC);
    if (this.#withMetric) link.local.attach.offered_capabilities = [RUNTIME_METRIC];
    // As the receiver asks: unsettled only when it says so. Not known what the service does for "mixed".
    link.local.attach.snd_settle_mode = link.snd_settle_mode === 0 ? 0 : 1;
    link.local.attach.rcv_settle_mode = link.rcv_settle_mode ?? 0;
  }

  async start(): Promise<void> {
    const start = parseStart((this.#link.source as { filter?: unknown } | undefined)?.filter);
    if (!start) return this.#refuse('com.microsoft:argument-error', 'The filter is not understood.');
    const offset = await this.#partition.locate(start);
    if (this.#stopped) return;
    if (offset === undefined) {
      const { last } = this.#partition;
      const [what, value, end] =
        start.at === 'sequenceNumber'
          ? ['sequence number', start.value, last.sequenceNumber]
          : ['offset', start.at === 'offset' ? start.value : 0, last.offset];
      return this.#refuse(
        'com.microsoft:argument-error',
        `The supplied ${what} '${value}' is invalid. The last ${what} in the system is '${end}'`,
      );
    }
    this.#offset = offset;
    this.#located = true;
    this.#partition.on('appended', this.#wake);
    this.#parts.faults.on('eased', this.#wake);
    this.#link.on('sender_flow', this.#wake);
    this.#link.on('settled', this.#wake);
    this.#wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#partition.off('appended', this.#wake);
    this.#parts.faults.off('eased', this.#wake);
  }

  #refuse(condition: string, description: string): void {
    this.#connection.end(this.#link, condition, description);
  }

  async #pump(): Promise<void> {
    if (this.#pumping || this.#stopped || !this.#located) return;
    this.#pumping = true;
    try {
      while (await this.#sendSome());
    } finally {
      this.#pumping = false;
    }
  }

  /** Returns whether it is worth trying again at once. */
  async #sendSome(): Promise<boolean> {
    const { faults } = this.#parts;
    const link = this.#link;
    if (this.#stopped || faults.isPaused(this.#index)) return false;
    if (faults.delayOf('events') > 0) {
      await faults.delayFor('events');
      if (this.#stopped) return false;
    }
    if (this.#connection.socket.backlogBytes > MAX_BACKLOG_BYTES) {
      await this.#connection.socket.drained();
      return !this.#stopped;
    }
    // The session's window is closed: what was handed over already goes first.
    if (heldBack(link.session) > 0) {
      await soon(5);
      return !this.#stopped;
    }
    const count = Math.min(link.credit, freeSlots(link.session), MAX_BATCH);
    if (count <= 0) return false;
    const read = this.#partition.read(this.#offset, count);
    const records = Array.isArray(read) ? read : await read;
    if (this.#stopped) return false;
    if (records.length === 0) {
      link.set_drained(true);
      return false;
    }
    const metric = this.#withMetric ? encodeRuntimeMetric(this.#writer, this.#partition.last) : undefined;
    for (const { message, nextOffset } of records) {
      const payload = metric ? Buffer.concat([metric, message]) : message;
      const tag = Buffer.allocUnsafe(4);
      tag.writeUInt32BE(this.#tag++ >>> 0);
      link.send(payload, tag, 0);
      this.#offset = nextOffset;
    }
    // rhea counts the credit down when it writes, after this turn.
    await soon(0);
    return !this.#stopped;
  }
}

function soon(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    if (milliseconds === 0) setImmediate(resolve);
    else setTimeout(resolve, milliseconds);
  });
}
