import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { ConnectorError } from '../errors/connector-error.ts';
import { STOPPING } from './app.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 lets the operating system choose. */
  readonly port: number;
  /** PEM texts; with them the server speaks HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Time limit for running requests when the server stops, in milliseconds; default 5000. */
  readonly drainMs?: number;
}

const MAX_HEADER_BYTES = 16_384;

/** Listens for the app. Stopping refuses new requests with STOPPING and lets running ones finish. */
export class HttpServer {
  readonly #app: Express;
  readonly #options: ServerOptions;
  #server: Server | undefined;
  #stopped: Promise<void> | undefined;

  constructor(app: Express, options: ServerOptions) {
    this.#app = app;
    this.#options = options;
  }

  /**
   * @returns the port
   * @throws ConnectorError PORT_TAKEN, or SETTING_INVALID for an address that this machine does not have
   */
  async start(): Promise<number> {
    const { tls } = this.#options;
    const limits = { maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: 65_000 };
    const server = tls
      ? createHttpsServer({ ...limits, ...tls, minVersion: 'TLSv1.2' }, this.#app)
      : createHttpServer(limits, this.#app);
    server.headersTimeout = 10_000;
    // Large files take long: the routes limit the duration and idle time of a body.
    server.requestTimeout = 0;
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
      server.listen({ host, port }, resolve);
    });
    this.#server = server;
    return (server.address() as AddressInfo).port;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#app.set(STOPPING, true);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), this.#options.drainMs ?? 5_000);
    await closed;
    clearTimeout(timer);
  }
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): ConnectorError {
  if (error.code === 'EADDRINUSE' || error.code === 'EACCES') {
    return new ConnectorError('PORT_TAKEN', `Port ${port} at ${host} cannot be used (${error.code}).`, {
      cause: error,
    });
  }
  return new ConnectorError('SETTING_INVALID', `SIDECAR_HOST: cannot listen at ${host} (${error.code}).`, {
    cause: error,
  });
}
