import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** An HTTP proxy as companies have them: tunnels by CONNECT, for those who give its login if it has one. */
export class ConnectProxy {
  /** The `host:port` of each tunnel that was asked for. */
  readonly targets: string[] = [];
  /** Plain requests; this proxy refuses them. */
  plainRequests = 0;
  readonly #login: string | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((_request, response) => {
    this.plainRequests += 1;
    response.writeHead(403).end();
  });

  constructor(login?: string) {
    this.#login = login;
    this.#server.on('connect', (request, socket: Socket, head: Buffer) => {
      this.targets.push(request.url ?? '');
      const expected = this.#login && `Basic ${Buffer.from(this.#login).toString('base64')}`;
      if (expected && request.headers['proxy-authorization'] !== expected) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(request.url ?? '') ?? [];
      const target = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        if (head.length > 0) target.write(head);
        target.pipe(socket).pipe(target);
      });
      for (const [end, other] of [
        [socket, target],
        [target, socket],
      ] as const) {
        this.#sockets.add(end);
        end.on('error', () => other.destroy());
        end.on('close', () => {
          this.#sockets.delete(end);
          other.destroy();
        });
      }
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The value of HTTPS_PROXY. */
  get url(): string {
    return `http://${this.#login ? `${this.#login}@` : ''}127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
