import rhea, { type Connection, type ConnectionOptions } from 'rhea';
import { proxiedWebSocket } from '../../lib/proxy.ts';
import type { HostAddress } from '../connection-string.ts';

/** How AMQP travels: over TLS on a port of its own, or in WebSockets on port 443, which firewalls and proxies let through. */
export type AmqpTransport = 'amqp' | 'amqp-websockets';

/** The service side of an IoT Hub. */
export interface AmqpAddress extends HostAddress {
  /** Default `amqp`. */
  readonly transport?: AmqpTransport | undefined;
}

const AMQP_PORT = 5671;
const WEB_SOCKET_PORT = 443;
/** Path and protocol of IoT Hub (learn.microsoft.com, "Choose a device communication protocol"); Event Hubs' are known to its SDK. */
const WEB_SOCKET_PATH = '$iothub/websocket';
const WEB_SOCKET_PROTOCOL = 'AMQPWSB10';

/** Begins to connect, once: whatever ends the connection, rhea does not open it again. */
export function connectAmqp(address: AmqpAddress, options: Partial<ConnectionOptions> = {}): Connection {
  const { host, transport = 'amqp' } = address;
  const container = rhea.create_container();
  const common = { ...options, host, hostname: host, reconnect: false };
  if (transport === 'amqp') {
    const tls = {
      ...common,
      transport: 'tls',
      port: address.port ?? AMQP_PORT,
      // Server names are for names: an address in SNI is an error to Node.
      ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    };
    return container.connect(tls as unknown as ConnectionOptions);
  }
  const name = host.includes(':') ? `[${host}]` : host;
  const url = `wss://${name}:${address.port ?? WEB_SOCKET_PORT}/${WEB_SOCKET_PATH}`;
  const open = container.websocket_connect(proxiedWebSocket() as never)(url, [WEB_SOCKET_PROTOCOL], {});
  return container.connect({ ...common, connection_details: open } as unknown as ConnectionOptions);
}
