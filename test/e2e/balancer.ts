import { once } from 'node:events';
import net from 'node:net';

/** A load balancer for connections: each goes to the next one of its targets that accepts it. */
export class Balancer {
  /** Ports and hosts, and how many connections each has got. */
  readonly targets: { readonly host: string; readonly port: number; connections: number }[] = [];
  readonly #sockets = new Set<net.Socket>();
  readonly #server = net.createServer((client) => {
    this.#keep(client);
    this.#pass(client, this.targets.length);
  });
  #next = 0;

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  add(url: string): void {
    const { hostname, port } = new URL(url);
    this.targets.push({ host: hostname, port: Number(port), connections: 0 });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(client: net.Socket, attempts: number): void {
    const target = this.targets[this.#next++ % this.targets.length];
    if (!target || attempts === 0) {
      client.destroy();
      return;
    }
    const there = net.connect(target.port, target.host);
    this.#keep(there);
    let isConnected = false;
    there.on('connect', () => {
      isConnected = true;
      target.connections += 1;
      client.pipe(there).pipe(client);
    });
    there.on('close', () => {
      if (isConnected) client.destroy();
      else this.#pass(client, attempts - 1);
    });
    client.on('close', () => there.destroy());
  }

  #keep(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
