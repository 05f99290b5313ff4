/**
 * Frees the memory of a piece of a body as soon as nobody needs it any more. Garbage of some 64 KiB a piece has the collector look through the
 * whole heap for every few mebibytes of a file. The piece must belong to the caller alone, and be read and written to its end: it is empty
 * afterwards. One that shares its memory with other buffers is left to the collector.
 */
export function freePiece({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
