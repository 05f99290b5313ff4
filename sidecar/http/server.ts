import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConnectorError } from '../errors/connector-error.ts';

/** The listening socket of the sidecar. */
export class HttpServer {
  readonly #server: Server;
  readonly #address: { host: string; port: number };
  #stopped: Promise<void> | undefined;

  constructor(app: RequestListener, address: { host: string; port: number }) {
    // Requests carry short JSON or stream: a client that trickles its headers is no client.
    this.#server = createServer({ headersTimeout: 10_000, requestTimeout: 0, maxHeaderSize: 32_768 }, app);
    this.#address = address;
  }

  /** Resolves with the port. Throws PORT_TAKEN or SETTING_INVALID. */
  async start(): Promise<number> {
    const { host, port } = this.#address;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => {
        const taken = cause.code === 'EADDRINUSE';
        const message = taken
          ? `SIDECAR_PORT: ${host}:${port} is in use by another program.`
          : `SIDECAR_HOST: cannot listen on ${host}:${port} (${cause.code}).`;
        reject(new ConnectorError(taken ? 'PORT_TAKEN' : 'SETTING_INVALID', message, { cause }));
      });
      this.#server.listen(port, host, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Answers what was asked, takes nothing new, and gives slow callers five seconds. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= new Promise((resolve) => {
      const timer = setTimeout(() => this.#server.closeAllConnections(), 5_000);
      this.#server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
    return this.#stopped;
  }
}
