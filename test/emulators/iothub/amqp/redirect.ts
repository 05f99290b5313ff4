/**
 * `<hub>/messages/events/...`: the hub sends receivers on to the Event Hubs endpoint behind it, with the link error
 * amqp:link:redirect and the address there.
 */
import type { Address } from './addresses.ts';
import type { AmqpConnection, AmqpNode } from './connection.ts';
import { type Link, refuse } from './link.ts';

export interface RedirectTarget {
  /** Host name of the Event Hubs namespace. */
  hostName: string;
  /** Known once the server listens. */
  port: () => number;
  eventHubName: string;
}

export function redirectNode(target: RedirectTarget): AmqpNode {
  const redirect = (connection: AmqpConnection, link: Link, address: Address): undefined => {
    if (address.node !== 'hubEvents') return undefined;
    if (!connection.claims.hub('ServiceConnect')) {
      refuse(link, 'amqp:unauthorized-access', 'Unauthorized access. ServiceConnect is required.');
      return undefined;
    }
    const { hostName, eventHubName } = target;
    const port = target.port();
    refuse(link, 'amqp:link:redirect', 'The link is redirected to the Event Hubs-compatible endpoint.', {
      hostname: hostName,
      'network-host': hostName,
      port,
      address: `amqps://${hostName}:${port}/${eventHubName}${address.rest}`,
    });
    return undefined;
  };
  return { outgoing: redirect, incoming: redirect };
}
