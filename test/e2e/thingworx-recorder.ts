import http from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What ThingWorx answered to one ReceiveUpdates of a lane, also when the sidecar that called was gone by then. Probes, which send a row again that
 * was accepted before, have no stream and do not count.
 */
interface Applied {
  readonly hubThing: string;
  readonly accepted: number;
  readonly repeated: number;
}

/** Stands between sidecars and ThingWorx and writes down what was applied: a sidecar's own account ends when it loses its partition. */
export class ThingworxRecorder {
  readonly applied: Applied[] = [];
  /** The address of ThingWorx; known only when the system has started. */
  target: () => string = () => '';
  readonly #server = http.createServer((request, response) => this.#forward(request, response));

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/Thingworx`;
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  count(what: 'accepted' | 'repeated'): number {
    return this.applied.reduce((sum, call) => sum + call[what], 0);
  }

  #forward(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, headers, url = '' } = request;
      const upstream = http.request(new URL(url, this.target()), { method, headers }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () => {
          const body = Buffer.concat(parts);
          this.#note(url, Buffer.concat(chunks).toString(), body.toString());
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          response.end(body);
        });
      });
      upstream.on('error', () => response.destroy());
      upstream.end(Buffer.concat(chunks));
    });
  }

  #note(url: string, question: string, body: string): void {
    const [, hubThing] = /\/Things\/([^/]+)\/Services\/ReceiveUpdates$/.exec(url) ?? [];
    if (hubThing === undefined || !body.startsWith('{')) return;
    const { batch } = JSON.parse(question) as { batch: { stream?: string } };
    if (batch.stream === undefined) return;
    const { accepted, repeated } = JSON.parse(body) as { accepted?: number; repeated?: number };
    if (accepted !== undefined)
      this.applied.push({ hubThing: decodeURIComponent(hubThing), accepted, repeated: repeated ?? 0 });
  }
}
