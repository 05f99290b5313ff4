import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Faults } from '../control/faults.ts';
import { isCollection } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { Authentication, type Login } from '../security/authentication.ts';
import { PlatformError } from '../values.ts';
import { MashupViewer } from '../viewer/viewer.ts';
import { sendError } from './encode.ts';
import { EntityRoutes } from './entities.ts';
import { Exchange } from './exchange.ts';
import type { LivePage } from './page.ts';
import { StatusRoutes } from './status.ts';
import type { TransferRoutes } from './transfer.ts';

export interface ServerOptions {
  host: string;
  port: number;
  bodyLimitBytes: number;
}

/** The HTTP side of the platform. */
export class PlatformServer {
  readonly status: StatusRoutes;
  private readonly platform: Platform;
  private readonly transfer: TransferRoutes;
  private readonly faults: Faults;
  private readonly page: LivePage;
  private readonly options: ServerOptions;
  private readonly authentication: Authentication;
  private readonly entities: EntityRoutes;
  private readonly viewer: MashupViewer;
  private server: Server | undefined;
  private port = 0;

  constructor(
    platform: Platform,
    parts: { transfer: TransferRoutes; faults: Faults; page: LivePage },
    options: ServerOptions,
  ) {
    this.platform = platform;
    this.transfer = parts.transfer;
    this.faults = parts.faults;
    this.page = parts.page;
    this.options = options;
    this.authentication = new Authentication(platform, () => this.faults.nowMs());
    this.entities = new EntityRoutes(platform, options);
    this.viewer = new MashupViewer(this.authentication);
    this.status = new StatusRoutes(platform);
    this.port = options.port;
  }

  get url(): string {
    return `http://${this.options.host}:${this.port}`;
  }

  /** Starts listening; after a stop on the same port again. */
  async start(): Promise<void> {
    if (this.server !== undefined) {
      return;
    }
    const server = createServer({ maxHeaderSize: 65_536, requestTimeout: 0 }, (request, response) => {
      void this.receive(request, response);
    });
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, this.options.host, resolve);
    });
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    if (server !== undefined) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    }
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    response.setHeader('Date', new Date(this.faults.nowMs()).toUTCString());
    const url = new URL(request.url ?? '/', 'http://localhost');
    let segments: string[];
    try {
      segments = url.pathname.split('/').slice(1).map(decodeURIComponent);
    } catch {
      segments = [url.pathname];
    }
    const inside = segments[0] === 'Thingworx';
    const exchange = new Exchange(request, response, inside ? segments.slice(1) : segments, url.searchParams);
    if (!inside && this.page.handle(exchange)) {
      return;
    }
    this.status.requests += 1;
    try {
      if (inside && (await this.viewer.handle(exchange))) {
        return;
      }
      if (!(await this.faults.apply(exchange, url.pathname))) {
        await this.route(exchange, inside);
      }
    } catch (error) {
      if (!(error instanceof PlatformError)) {
        this.platform.logs.write('ErrorLog', {
          level: 'ERROR',
          content: error instanceof Error ? (error.stack ?? error.message) : String(error),
          origin: 'c.t.w.Emulator',
        });
      }
      sendError(exchange, error);
    }
  }

  private async route(exchange: Exchange, inside: boolean): Promise<void> {
    if (!inside) {
      throw new PlatformError('Not Found', { status: 404 });
    }
    const [first = ''] = exchange.segments;
    if (first === 'health') {
      this.status.health(exchange);
      return;
    }
    this.authenticate(exchange);
    if (exchange.user === '') {
      return;
    }
    if (first === 'Metrics') {
      this.status.metrics(exchange);
    } else if (isCollection(first)) {
      await this.entities.handle(exchange, first);
    } else if (!(await this.transfer.handle(exchange))) {
      throw new PlatformError(`Not Found : [${exchange.segments.join('/')}]`, { status: 404 });
    }
  }

  private authenticate(exchange: Exchange): void {
    const login = this.authentication.login({
      appKey: exchange.header('appkey') ?? this.keyInUrl(exchange),
      authorization: exchange.header('authorization'),
      cookie: exchange.header('cookie'),
      remoteAddress: exchange.request.socket.remoteAddress ?? '',
    });
    if ('reason' in login) {
      if (login.status === 401) {
        exchange.response.setHeader('WWW-Authenticate', 'Basic realm=ThingWorx');
      }
      throw new PlatformError(login.status === 401 ? 'Unauthorized' : 'Forbidden', { status: login.status });
    }
    this.requireXsrfToken(exchange, login);
    if (login.method !== 'session' && exchange.header('x-thingworx-session') !== 'false') {
      const id = this.authentication.open(login.user);
      exchange.response.setHeader('Set-Cookie', `JSESSIONID=${id}; Path=/Thingworx; HttpOnly`);
    }
    exchange.user = login.user;
    exchange.loginMethod = login.method;
  }

  /** With the switch at `refuse` a key in the URL is no login at all. */
  private keyInUrl(exchange: Exchange): string | undefined {
    const key = exchange.query.get('appKey') ?? undefined;
    return this.platform.switches.appKeyInUrl === 'accept' ? key : undefined;
  }

  /** Browsers send Basic and cookies by themselves, so changes need the token; uploads always. Any value will do. */
  private requireXsrfToken(exchange: Exchange, login: Login): void {
    const safe = exchange.method === 'GET' || exchange.method === 'HEAD' || exchange.method === 'OPTIONS';
    const [first = ''] = exchange.segments;
    const needed = login.method !== 'appKey' || first === 'ExtensionPackageUploader' || first === 'Importer';
    if (!safe && needed && exchange.header('x-xsrf-token') === undefined) {
      // The status is not known; 403 is what the platform uses for forbidden content types as well.
      throw new PlatformError('XSRF token is missing', { status: 403 });
    }
  }
}
