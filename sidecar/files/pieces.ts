import { setImmediate } from 'node:timers/promises';

/** About one millisecond of work with the bytes of a file. */
const TURN_BYTES = 512 * 1024;

/**
 * Frees the memory of a piece of a body at once. A file has a piece for each 64 KiB; as garbage they make the collector mark the whole heap every
 * few mebibytes. The caller must be the only one that uses the piece, and must have read it or written it to its end: it is empty afterwards.
 * Does nothing if other buffers share the memory.
 */
export function freePiece({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/**
 * Lets other work of the thread run while a file is transferred. Waiting for the next piece is not enough: while a connection has more data, Node
 * reads up to 2 MiB of it before it runs timers.
 */
export class ThreadTurns {
  #bytes = 0;

  /** Call it with the bytes of each piece. */
  async after(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes < TURN_BYTES) return;
    this.#bytes = 0;
    await setImmediate();
  }
}
