import { once } from 'node:events';
import net from 'node:net';

/**
 * What the proxy does. `pass`: forwards. `silent`: accepts connections and forwards nothing. `refuse`: closes the port. `slow`: forwards each chunk
 * after a delay. `cut`: forwards the beginning of each answer and resets the connection. `garbage`: answers with bytes that are no TLS and no HTTP.
 * Connections that were open in a silent time stay half-open after it: nothing is forwarded and nothing tells either side, as after a firewall has
 * forgotten them.
 */
export type ProxyMode = 'pass' | 'silent' | 'refuse' | 'slow' | 'cut' | 'garbage';

/** How much of what a server sends gets through before a connection is cut. */
const CUT_AFTER_BYTES = 700;
const GARBAGE = Buffer.from(
  '\u0000\u0001 no answer of any protocol \u00ff\u00fe\r\n\r\n'.repeat(8),
  'latin1',
);

/** A TCP proxy on a free port of this machine between a client and a server, which fails as networks do. */
export class FaultProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<net.Socket>();
  readonly #halfOpen = new WeakSet<net.Socket>();
  #server: net.Server | undefined;
  #port = 0;
  #mode: ProxyMode = 'pass';
  /** Connections that were accepted so far. */
  accepted = 0;
  /** The delay of each chunk in the mode `slow`. */
  delayMs = 2_000;

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    this.#server = net.createServer((socket) => this.#accept(socket));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as net.AddressInfo).port;
  }

  async set(mode: ProxyMode): Promise<void> {
    if (this.#mode === mode) return;
    if (mode === 'silent') for (const socket of this.#sockets) this.#halfOpen.add(socket);
    if (mode === 'refuse') await this.stop();
    else if (this.#mode === 'refuse') await this.start();
    this.#mode = mode;
    // Connections that are open meet these faults too.
    if (mode === 'garbage') this.reset();
  }

  /** Resets all connections. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(client: net.Socket): void {
    this.accepted += 1;
    if (this.#mode === 'garbage') {
      this.#sockets.add(client);
      client.on('error', () => undefined);
      client.on('close', () => this.#sockets.delete(client));
      client.end(GARBAGE);
      return;
    }
    const server = net.connect(this.#target);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      if (this.#mode === 'silent') this.#halfOpen.add(from);
      let bytes = 0;
      from.on('data', (chunk) => {
        if (from === server) bytes += chunk.length;
        if (this.#halfOpen.has(from)) return;
        if (this.#mode === 'slow') setTimeout(() => to.write(chunk), this.delayMs);
        else if (this.#mode === 'cut' && bytes > CUT_AFTER_BYTES) {
          client.resetAndDestroy();
          server.destroy();
        } else to.write(chunk);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        if (!this.#halfOpen.has(from)) to.destroy();
      });
    }
  }
}
