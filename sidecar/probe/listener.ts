import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A login that a request carried, and whether the request was the first. */
interface ReceivedLogin {
  readonly password: string;
  readonly first: boolean;
}

/** A small HTTP server that scripts of ThingWorx call; it writes down with which login. */
export class Listener {
  readonly #server: Server;
  readonly #url: URL;
  #requests = 0;
  #login: ReceivedLogin | undefined;

  /** `url`: how ThingWorx reaches it. Without a port a free one is used. */
  constructor(url: string) {
    this.#url = new URL(url);
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  async start(): Promise<void> {
    const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(this.#url.hostname);
    this.#server.listen(Number(this.#url.port || 0), loopback ? '127.0.0.1' : '0.0.0.0');
    await once(this.#server, 'listening');
    this.#url.port = String((this.#server.address() as AddressInfo).port);
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  get protectedUrl(): string {
    return new URL('/protected', this.#url).href;
  }

  get missingUrl(): string {
    return new URL('/missing', this.#url).href;
  }

  /** What arrived since the last call. */
  takeLogin(): ReceivedLogin | undefined {
    const login = this.#login;
    this.#login = undefined;
    this.#requests = 0;
    return login;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.url !== '/protected') {
      respond(response, 404, { 'content-type': 'application/json' });
      return;
    }
    this.#requests += 1;
    const [, encoded] = /^Basic (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (encoded === undefined) {
      respond(response, 401, {
        'content-type': 'application/json',
        'www-authenticate': 'Basic realm="probe"',
      });
      return;
    }
    const text = Buffer.from(encoded, 'base64').toString('utf8');
    this.#login = { password: text.slice(text.indexOf(':') + 1), first: this.#requests === 1 };
    respond(response, 200, { 'content-type': 'application/json' });
  }
}

function respond(response: ServerResponse, status: number, headers: Record<string, string>): void {
  response.writeHead(status, headers).end('{"answer":true}');
}
