/** The nodes of the hub's back end: sending cloud-to-device messages, receiving feedback and file notifications. */
import rhea, { type EventContext, type Message } from 'rhea';
import type { Commands } from '../commands.ts';
import { HubError } from '../hub-error.ts';
import type { Quotas } from '../quotas.ts';
import { decode } from '../sas.ts';
import type { FeedMessage, ServiceFeed } from '../service-feeds.ts';
import type { AmqpConnection, AmqpNode, Attachment } from './connection.ts';
import { type Incoming, type Link, type Outgoing, refuse } from './link.ts';
import { LockedDelivery } from './locked-delivery.ts';
import { conditionOf, toCommand } from './messages.ts';

const CREDIT = 50;
const MAX_COMMAND_BYTES = 64 * 1024;
const commandAddress = /^\/?devices\/([^/]+)\/messages\/devicebound\/?$/i;

export function deviceBoundNode(commands: Commands, quotas: Quotas): AmqpNode {
  return {
    incoming(connection: AmqpConnection, link: Incoming): Attachment | undefined {
      if (!isService(connection, link)) return undefined;
      link.local.attach.max_message_size = MAX_COMMAND_BYTES;
      link.set_credit_window(CREDIT);
      link.add_credit(CREDIT);
      link.on('message', ({ message, delivery }: EventContext) => {
        if (!message || !delivery) return;
        enqueue(commands, quotas, message).then(
          () => delivery.accept(),
          (error: unknown) => {
            const hubError = HubError.from(error);
            delivery.reject({ condition: conditionOf(hubError), description: hubError.message });
          },
        );
      });
      return { overdue: () => overdue(connection) };
    },
  };
}

async function enqueue(commands: Commands, quotas: Quotas, message: Message): Promise<void> {
  quotas.take('commandSend');
  const device = commandAddress.exec(String(message.to ?? ''));
  if (!device?.[1])
    throw new HubError('ArgumentInvalid', `The address ${String(message.to)} names no device`);
  await commands.enqueue(decode(device[1]), toCommand(message));
}

export function feedNode(feed: ServiceFeed, hubName: string): AmqpNode {
  return {
    outgoing(connection: AmqpConnection, link: Outgoing): Attachment | undefined {
      if (!isService(connection, link)) return undefined;
      const delivery = new LockedDelivery(link, {
        receive: () => {
          const locked = feed.receive();
          return locked && { lockToken: locked.lockToken, message: encode(locked.item, hubName) };
        },
        settle: (lockToken, outcome) => feed.settle(lockToken, outcome),
      });
      const wake = () => delivery.wake();
      feed.on('available', wake);
      delivery.start();
      return {
        closed: () => {
          feed.off('available', wake);
          delivery.stop();
        },
        overdue: () => overdue(connection),
      };
    },
  };
}

function encode(item: FeedMessage, hubName: string): object {
  return {
    user_id: Buffer.from(hubName),
    content_type: item.contentType,
    message_annotations: { 'iothub-enqueuedtime': rhea.types.wrap_timestamp(item.enqueuedTimeMs) },
    body: rhea.message.data_section(item.body),
  };
}

function isService(connection: AmqpConnection, link: Link): boolean {
  if (connection.claims.hub('ServiceConnect')) return true;
  refuse(link, 'amqp:unauthorized-access', 'Unauthorized access. ServiceConnect is required.');
  return false;
}

function overdue(connection: AmqpConnection): string | undefined {
  return connection.claims.hub('ServiceConnect') ? undefined : 'ExpiredToken: The token is expired.';
}
