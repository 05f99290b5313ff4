import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import type { Authority } from '../../test/emulators/authority.ts';
import type { Random } from './random.ts';

/** What the proxy answers instead of the server, or does to the server's answer. */
export type HttpFault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly retryAfterSeconds?: number;
      readonly share?: number;
    }
  /** With status 200, without asking the server. */
  | { readonly kind: 'body'; readonly body: string; readonly contentType: string }
  /** The server does its work, and half of its answer arrives as if it were whole. */
  | { readonly kind: 'truncate' }
  /** The server answers late. */
  | { readonly kind: 'delay'; readonly delayMs: number };

interface HttpFaultsOptions {
  /** Where the real server listens. */
  readonly port: number;
  /** The certificates of the server and of this proxy, which may not exist before the first connection. Without it both speak plain HTTP. */
  readonly authority?: () => Promise<Pick<Authority, 'certificate' | 'key' | 'ca'>>;
  readonly random: Random;
}

/** An HTTP proxy on a free port of this machine between a client and a server, which fails as servers, gateways and login pages do. */
export class HttpFaults {
  readonly #options: HttpFaultsOptions;
  readonly #http: http.Server;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  fault: HttpFault | undefined;

  constructor(options: HttpFaultsOptions) {
    this.#options = options;
    this.#http = http.createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
    this.#server = net.createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      this.#secured(socket).then(
        (secured) => this.#accept(secured),
        () => socket.destroy(),
      );
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #secured(socket: net.Socket): Promise<net.Socket> {
    const authority = await this.#options.authority?.();
    if (!authority) return socket;
    const { certificate, key } = authority;
    const secured = new tls.TLSSocket(socket, { isServer: true, cert: certificate, key });
    secured.on('error', () => socket.destroy());
    return secured;
  }

  /** IoT Hub speaks HTTP and AMQP on one port here. AMQP passes as it is. */
  #accept(socket: net.Socket): void {
    socket.once('data', (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      if (first.subarray(0, 4).toString('latin1') !== 'AMQP') {
        this.#http.emit('connection', socket);
        socket.resume();
        return;
      }
      this.#pass(socket).catch(() => socket.destroy());
    });
  }

  async #pass(socket: net.Socket): Promise<void> {
    const { port, authority } = this.#options;
    const { ca } = (await authority?.()) ?? {};
    const server =
      ca === undefined
        ? net.connect(port, '127.0.0.1')
        : tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca });
    server.on('error', () => socket.destroy());
    server.on('close', () => socket.destroy());
    socket.on('close', () => server.destroy());
    socket.pipe(server).pipe(socket);
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { fault } = this;
    if (fault?.kind === 'status' && this.#options.random.chance(fault.share ?? 1)) {
      if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', fault.retryAfterSeconds);
      response.writeHead(fault.status, { 'content-type': 'text/plain' }).end('not now');
      return;
    }
    if (fault?.kind === 'body') {
      response.writeHead(200, { 'content-type': fault.contentType }).end(fault.body);
      return;
    }
    const { status, headers, body } = await this.#forward(request, Buffer.concat(chunks));
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    const kept = fault?.kind === 'truncate' ? body.subarray(0, Math.floor(body.length / 2)) : body;
    const { 'transfer-encoding': _, ...others } = headers;
    // An answer to HEAD has a length and no body.
    const length =
      request.method === 'HEAD' || status === 204 || status === 304 ? {} : { 'content-length': kept.length };
    response.writeHead(status, { ...others, ...length }).end(kept);
  }

  async #forward(
    request: http.IncomingMessage,
    body: Buffer,
  ): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: Buffer }> {
    const { port, authority } = this.#options;
    const { ca } = (await authority?.()) ?? {};
    const options = {
      host: '127.0.0.1',
      port,
      method: request.method,
      path: request.url,
      headers: request.headers,
    };
    const sent =
      ca === undefined ? http.request(options) : https.request({ ...options, servername: 'localhost', ca });
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [http.IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    return { status: answer.statusCode ?? 502, headers: answer.headers, body: Buffer.concat(chunks) };
  }
}
