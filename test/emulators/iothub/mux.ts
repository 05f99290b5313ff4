/**
 * One TLS port for every protocol of the hub. The first bytes of a connection tell AMQP ("AMQP"), MQTT (a CONNECT
 * packet, 0x10) and HTTP (a method name) apart; an HTTP upgrade may turn into AMQP or MQTT over WebSocket.
 */
import type { X509Certificate } from 'node:crypto';
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { clientCertificateOf } from './client-certificate.ts';
import type { FaultProtocol, Faults } from './faults.ts';
import type { ClientCertificate } from './hub.ts';
import type { RestHandler } from './rest/handler.ts';

export type AcceptStream = (socket: Duplex, certificate: ClientCertificate | undefined) => void;

export interface MuxOptions {
  /** PEM texts. */
  certificate: string;
  key: string;
  /** Authorities whose client certificates count as trusted. */
  deviceAuthorities: readonly X509Certificate[];
  host: string;
  /** 0 takes a free port; further ports are listened on as well. */
  port: number;
  furtherPorts: readonly number[];
  amqp: AcceptStream;
  mqtt: AcceptStream;
  rest: RestHandler;
  faults: Faults;
}

const FIRST_BYTES_TIMEOUT_MS = 30_000;
const WEB_SOCKET_PATH = '/$iothub/websocket';
/** The path of Event Hubs over WebSocket. */
const EVENT_HUBS_WEB_SOCKET_PATH = '/$servicebus/websocket';

export class Mux {
  readonly #options: MuxOptions;
  readonly #http: HttpServer;
  readonly #webSockets: WebSocketServer;
  /** Below TLS, so that a client in the middle of its handshake is cut, too, when the server stops. */
  readonly #connections = new Set<Socket>();
  readonly #sockets = new Map<TLSSocket, FaultProtocol | 'unknown'>();
  #servers: TlsServer[] = [];
  #port = 0;

  constructor(options: MuxOptions) {
    this.#options = options;
    this.#http = createHttpServer({ keepAliveTimeout: 30_000 }, options.rest);
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as TLSSocket, head));
    this.#http.on('clientError', (_error, socket) => socket.destroy());
    this.#webSockets = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) =>
        ['AMQPWSB10', 'mqtt', 'mqttv3.1'].find((known) => offered.has(known)) ?? false,
    });
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    this.#port = await this.#listen(this.#options.port);
    for (const port of this.#options.furtherPorts) await this.#listen(port);
  }

  async stop(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    this.#http.closeAllConnections();
    for (const socket of [...this.#sockets.keys(), ...this.#connections]) socket.destroy();
    this.#webSockets.close();
    await Promise.all(closed);
  }

  /** Cuts connections of one protocol or all; returns how many. */
  cut(protocol?: FaultProtocol): number {
    let count = 0;
    for (const [socket, spoken] of this.#sockets) {
      if (protocol !== undefined && spoken !== protocol) continue;
      socket.destroy();
      count += 1;
    }
    return count;
  }

  #listen(port: number): Promise<number> {
    const { certificate, key, host } = this.#options;
    const server = createTlsServer({
      cert: certificate,
      key,
      // Devices may show a certificate; whether it is good enough depends on the device and is decided later.
      requestCert: true,
      rejectUnauthorized: false,
      // An empty list, since without one Node takes its own, and OpenSSL sends what it finds there of the server's chain.
      ca: [],
    });
    server.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
    server.on('secureConnection', (socket) => this.#accepted(socket));
    server.on('tlsClientError', () => undefined);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        server.on('error', () => undefined);
        this.#servers.push(server);
        resolve((server.address() as AddressInfo).port);
      });
    });
  }

  #accepted(socket: TLSSocket): void {
    this.#sockets.set(socket, 'unknown');
    socket.setNoDelay(true);
    socket.once('close', () => this.#sockets.delete(socket));
    const forget = () => socket.destroy();
    socket.on('error', forget);
    const timer = setTimeout(forget, FIRST_BYTES_TIMEOUT_MS);
    socket.once('close', () => clearTimeout(timer));
    const look = () => {
      const chunk = socket.read() as Buffer | null;
      if (!chunk || chunk.length === 0) {
        socket.once('readable', look);
        return;
      }
      clearTimeout(timer);
      socket.unshift(chunk);
      this.#dispatch(socket, chunk);
    };
    socket.once('readable', look);
  }

  #dispatch(socket: TLSSocket, first: Buffer): void {
    const protocol: FaultProtocol =
      first[0] === 0x41 && first.subarray(0, 4).toString('latin1') === 'AMQP'.slice(0, first.length)
        ? 'amqp'
        : first[0] === 0x10
          ? 'mqtt'
          : 'http';
    this.#sockets.set(socket, protocol);
    // MQTT has a refusal of its own; the others are cut.
    if (protocol !== 'mqtt' && this.#options.faults.isRefusing(protocol)) {
      socket.destroy();
      return;
    }
    if (protocol === 'http') this.#http.emit('connection', socket);
    else this.#options[protocol](socket, this.#certificateOf(socket));
  }

  #certificateOf(socket: TLSSocket): ClientCertificate | undefined {
    return clientCertificateOf(socket, this.#options.deviceAuthorities);
  }

  #upgrade(request: IncomingMessage, socket: TLSSocket, head: Buffer): void {
    const path = (request.url ?? '').split('?')[0];
    if (path !== WEB_SOCKET_PATH && path !== EVENT_HUBS_WEB_SOCKET_PATH) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    this.#webSockets.handleUpgrade(request, socket as unknown as Socket, head, (webSocket) => {
      const protocol: FaultProtocol = webSocket.protocol === 'AMQPWSB10' ? 'amqp' : 'mqtt';
      this.#sockets.set(socket, protocol);
      const stream = createWebSocketStream(webSocket);
      stream.on('error', () => stream.destroy());
      if (protocol !== 'mqtt' && this.#options.faults.isRefusing(protocol)) stream.destroy();
      else this.#options[protocol](stream, this.#certificateOf(socket));
    });
  }
}
