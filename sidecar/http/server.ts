import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Express } from 'express';
import { ConnectorError } from '../errors/connector-error.ts';
import { STOPPING } from './app.ts';
import { Connections } from './connections.ts';

interface ServerOptions {
  readonly host: string;
  /** 0 lets the operating system choose. */
  readonly port: number;
  /** PEM texts; with them the server speaks HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Time limit for running requests when the server stops, in milliseconds; default 5000. */
  readonly drainMs?: number;
  /** Time limit for the headers of a request, from the start of the connection or of the request, in milliseconds; default 10000. */
  readonly headersMs?: number;
}

const MAX_HEADER_BYTES = 16_384;
const HEADERS_MS = 10_000;
const MAX_CONNECTIONS = 1_024;
/** Connections on which the right token has not been seen; the oldest goes when another one comes. */
const MAX_STRANGERS = 256;

/** Forward secrecy and authenticated encryption: no cipher suite in CBC mode, none with plain RSA key exchange. */
const TLS = {
  minVersion: 'TLSv1.2',
  honorCipherOrder: true,
  handshakeTimeout: HEADERS_MS,
  ciphers: [
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'TLS_AES_128_GCM_SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
  ].join(':'),
} as const;

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
    const { tls, headersMs = HEADERS_MS } = this.#options;
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: 65_000,
      headersTimeout: headersMs,
      // How often Node.js looks for connections that are over that limit.
      connectionsCheckingInterval: headersMs / 5,
    };
    const server = tls
      ? createHttpsServer({ ...limits, ...tls, ...TLS }, this.#app)
      : createHttpServer(limits, this.#app);
    server.maxConnections = MAX_CONNECTIONS;
    server.maxRequestsPerSocket = 0;
    const connections = new Connections(MAX_STRANGERS);
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => connections.add(socket));
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
