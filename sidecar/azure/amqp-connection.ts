import rhea, { type Connection, type ConnectionOptions } from 'rhea';
import { ConnectorError } from '../errors/connector-error.ts';
import { proxiedWebSocket } from '../lib/proxy.ts';
import type { HostAddress } from './connection-string.ts';

/** AMQP over TLS on port 5671, or AMQP over WebSockets on port 443, for networks that allow port 443 only. */
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

/** Starts one connection. rhea does not reconnect it. */
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

/** Closes a connection in any state and ignores its later events. Does not wait. */
export function closeConnection(connection: Connection): void {
  connection.removeAllListeners();
  for (const event of [
    'error',
    'disconnected',
    'receiver_error',
    'sender_error',
    'session_error',
    'connection_error',
    'protocol_error',
  ]) {
    connection.on(event, () => {});
  }
  connection.close();
  const { socket } = connection as unknown as { socket?: { destroy?(error: Error): void; end(): void } };
  // In the next turn of the event loop, because rhea writes the close frame and sets its timers in this one. With an error, because rhea
  // clears its timers only when the socket fails.
  setImmediate(() => {
    const error = new ConnectorError('AZURE_CANCELLED', 'The connection was closed by the sidecar.');
    if (socket?.destroy) socket.destroy(error);
    else socket?.end();
  });
}
