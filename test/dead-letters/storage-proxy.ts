import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Azurite } from '../emulators/azurite.ts';

/** Stands before a storage account: counts what is read of blobs, and can lose an answer after the request was carried out. */
export class StorageProxy {
  readonly #server: http.Server;
  readonly #azurite: Azurite;
  /** Bytes of answers to GET, by the ending of the blob's name. */
  readonly bytesRead = new Map<string, number>();
  requests = 0;
  #loses: ((method: string, url: string) => boolean) | undefined;

  constructor(azurite: Azurite) {
    this.#azurite = azurite;
    this.#server = http.createServer((request, response) => {
      const { method = '', url = '', headers } = request;
      this.requests += 1;
      const options = { host: '127.0.0.1', port: azurite.port, method, path: url, headers };
      const forwarded = http.request(options, (answer) => {
        if (this.#loses?.(method, url)) {
          this.#loses = undefined;
          answer.resume();
          response.destroy();
          return;
        }
        const ending = /\.(\w+)(\?|$)/.exec(url)?.[1] ?? '';
        if (method === 'GET')
          answer.on('data', ({ length }: Buffer) =>
            this.bytesRead.set(ending, (this.bytesRead.get(ending) ?? 0) + length),
          );
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      forwarded.on('error', () => response.destroy());
      request.pipe(forwarded);
    });
  }

  get connectionString(): string {
    const { port } = this.#server.address() as AddressInfo;
    return this.#azurite.connectionString.replaceAll(`:${this.#azurite.port}/`, `:${port}/`);
  }

  /** The answer to the next such request is lost. */
  loseAnswer(to: (method: string, url: string) => boolean): void {
    this.#loses = to;
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
