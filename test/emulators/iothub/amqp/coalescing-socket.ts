/**
 * What rhea takes for a socket. rhea writes every frame by itself; here the frames of one turn of the event loop go out
 * as one write, which over TLS is the difference between one record and hundreds.
 */
import type { Duplex } from 'node:stream';

type Handler = (argument?: unknown) => void;

export class CoalescingSocket {
  readonly #stream: Duplex;
  #chunks: Buffer[] = [];
  #scheduled = false;
  #ended = false;
  #end: Handler | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    // A cut connection has no 'end'; rhea must hear of it all the same, once.
    const over = () => {
      const handler = this.#end;
      this.#end = undefined;
      handler?.();
    };
    stream.on('end', over);
    stream.on('close', over);
  }

  /** Bytes that the network has not taken yet. */
  get backlogBytes(): number {
    return this.#stream.writableLength;
  }

  /** Resolves when the network has taken what was written, or the connection is gone. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#stream.off('drain', done);
        this.#stream.off('close', done);
        resolve();
      };
      if (!this.#stream.writableNeedDrain) return resolve();
      this.#stream.on('drain', done);
      this.#stream.on('close', done);
    });
  }

  write(chunk: Buffer): void {
    this.#chunks.push(chunk);
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => this.#flush());
  }

  end(): void {
    if (this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#stream.end();
  }

  destroy(): void {
    this.#ended = true;
    this.#stream.destroy();
  }

  on(event: string, handler: Handler): void {
    if (event === 'end') this.#end = handler;
    else this.#stream.on(event, handler);
  }

  removeAllListeners(event: string): void {
    if (event === 'end') this.#end = undefined;
  }

  get_id_string(): string {
    return 'client';
  }

  #flush(): void {
    this.#scheduled = false;
    const chunks = this.#chunks;
    if (chunks.length === 0) return;
    this.#chunks = [];
    if (this.#ended || !this.#stream.writable) return;
    this.#stream.write(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
  }
}
