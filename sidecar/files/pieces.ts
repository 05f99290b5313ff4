import { setImmediate } from 'node:timers/promises';

/** About one millisecond of work with the bytes of a file. */
const TURN_BYTES = 512 * 1024;

/**
 * Frees the memory of a piece of a body as soon as nobody needs it any more. Garbage of some 64 KiB a piece has the collector look through the
 * whole heap for every few mebibytes of a file. The piece must belong to the caller alone, and be read and written to its end: it is empty
 * afterwards. One that shares its memory with other buffers is left to the collector.
 */
export function freePiece({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/**
 * Lets the other work of the thread have its turn after some bytes. Waiting for the next piece does not: while more bytes are there, Node reads
 * up to 2 MiB from a connection before it looks at timers and at other connections.
 */
export class ThreadTurns {
  #bytes = 0;

  async after(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes < TURN_BYTES) return;
    this.#bytes = 0;
    await setImmediate();
  }
}
