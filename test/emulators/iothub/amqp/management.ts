/** The $management node of the Event Hubs endpoint: READ of the hub and of one partition. */
import rhea, { type EventContext } from 'rhea';
import type { EventLog } from '../event-log.ts';
import type { AmqpConnection, AmqpNode, Attachment } from './connection.ts';
import type { Incoming } from './link.ts';

const CREDIT = 100;
/** DateTime.MinValue of the service. */
const NEVER_MS = Date.parse('0001-01-01T00:00:00Z');

interface Answer {
  code: number;
  text: string;
  condition?: string;
  body?: unknown;
}

export function managementNode(log: EventLog, eventHubName: string): AmqpNode {
  const { types } = rhea;

  const readHub = (): unknown => ({
    name: eventHubName,
    type: 'com.microsoft:eventhub',
    created_at: types.wrap_timestamp(log.createdAtMs),
    partition_count: types.wrap_int(log.partitions.length),
    partition_ids: types.wrap_array(
      log.partitions.map((_, index) => String(index)),
      0xa1,
      undefined,
    ),
    georeplication_factor: types.wrap_int(1),
  });

  const readPartition = (index: number): unknown => {
    const partition = log.partitions[index];
    if (!partition) return undefined;
    const { last } = partition;
    return {
      name: eventHubName,
      type: 'com.microsoft:partition',
      partition: String(index),
      begin_sequence_number: types.wrap_long(partition.beginSequence),
      last_enqueued_sequence_number: types.wrap_long(last.sequenceNumber),
      last_enqueued_offset: String(last.offset),
      last_enqueued_time_utc: types.wrap_timestamp(last.sequenceNumber < 0 ? NEVER_MS : last.enqueuedTimeMs),
      is_partition_empty: partition.isEmpty,
    };
  };

  const read = (connection: AmqpConnection, properties: Record<string, unknown>): Answer => {
    if (connection.claims.eventHub('Listen', eventHubName) === undefined) {
      return {
        code: 401,
        text: 'Unauthorized access. Listen claim required.',
        condition: 'amqp:unauthorized-access',
      };
    }
    if (properties.operation !== 'READ') return { code: 501, text: 'Only READ is served' };
    if (String(properties.name).toLowerCase() !== eventHubName.toLowerCase()) {
      const text = `The messaging entity ${String(properties.name)} could not be found.`;
      return { code: 404, text, condition: 'amqp:not-found' };
    }
    if (properties.type === 'com.microsoft:eventhub') return { code: 200, text: 'OK', body: readHub() };
    const body = readPartition(Number(properties.partition));
    if (properties.type === 'com.microsoft:partition' && body) return { code: 200, text: 'OK', body };
    const text = `The specified partition is invalid: ${String(properties.partition)}`;
    return { code: 400, text, condition: 'com.microsoft:argument-out-of-range' };
  };

  return {
    outgoing: (): Attachment => ({}),
    incoming: (connection: AmqpConnection, link: Incoming): Attachment => {
      link.set_credit_window(CREDIT);
      link.add_credit(CREDIT);
      link.on('message', (context: EventContext) => {
        const { message, delivery } = context;
        if (!message || !delivery) return;
        delivery.accept();
        // A token may come with the request instead of before it.
        const properties = (message.application_properties ?? {}) as Record<string, unknown>;
        if (typeof properties.security_token === 'string') tryPut(connection, properties.security_token);
        const reply = connection.replyLink(message.reply_to, 'management');
        if (!reply) return;
        const { code, text, condition, body } = read(connection, properties);
        reply.send({
          correlation_id: message.message_id,
          application_properties: {
            'status-code': types.wrap_int(code),
            'status-description': text,
            ...(condition ? { 'error-condition': types.wrap_symbol(condition) } : {}),
          },
          body,
        } as never);
      });
      return {};
    },
  };
}

function tryPut(connection: AmqpConnection, token: string): void {
  try {
    connection.claims.put(token);
  } catch {
    // The rights check that follows says what is missing.
  }
}
