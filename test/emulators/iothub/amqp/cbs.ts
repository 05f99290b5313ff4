/** The $cbs node: put-token requests, answered on the client's reply link. */
import rhea, { type EventContext } from 'rhea';
import { HubError } from '../hub-error.ts';
import type { AmqpConnection, AmqpNode, Attachment } from './connection.ts';
import type { Incoming, Outgoing } from './link.ts';

const CREDIT = 100;

export const cbsNode: AmqpNode = {
  outgoing: (): Attachment => ({}),
  incoming: (connection: AmqpConnection, link: Incoming): Attachment => {
    link.set_credit_window(CREDIT);
    link.add_credit(CREDIT);
    link.on('message', (context: EventContext) => {
      const { message, delivery } = context;
      if (!message || !delivery) return;
      delivery.accept();
      const reply = connection.replyLink(message.reply_to, 'cbs');
      if (!reply) return;
      answer(reply, message, put(connection, message));
    });
    return {};
  },
};

function put(connection: AmqpConnection, message: { body?: unknown; application_properties?: unknown }) {
  const { operation } = (message.application_properties ?? {}) as Record<string, unknown>;
  if (operation !== 'put-token') return { code: 400, text: `Unknown operation ${String(operation)}` };
  try {
    const { body } = message;
    connection.claims.put(typeof body === 'string' ? body : String((body as { content?: unknown })?.content));
    return { code: 200, text: 'OK' };
  } catch (error) {
    const { status, message: text } = HubError.from(error);
    return { code: status, text };
  }
}

/** Some clients insist on 200 and no other 2xx, and on int for the code. */
function answer(
  reply: Outgoing,
  request: { message_id?: unknown },
  result: { code: number; text: string },
): void {
  reply.send({
    correlation_id: request.message_id,
    application_properties: {
      'status-code': rhea.types.wrap_int(result.code),
      'status-description': result.text,
    },
    body: undefined,
  } as never);
}
