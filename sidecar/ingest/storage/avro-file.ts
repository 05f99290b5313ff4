import { Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { AvroCursor } from './avro-cursor.ts';
import { type AvroReader, compileSchema } from './avro-schema.ts';
import { ByteStream } from './byte-stream.ts';
import { EndsEarly, malformed } from './malformed.ts';

export const AVRO_MAGIC = Buffer.from('Obj\u0001', 'latin1');

const SYNC_BYTES = 16;
const MAX_HEADER_VALUES = 100;

/**
 * The records of an Avro object container file (Avro 1.11, Object Container Files), as their bytes arrive; codecs null and deflate. Holds
 * one record, not one block: a block may be as large as the file. Throws FILE_MALFORMED, after the records that came before the damage.
 */
export async function* readAvroFile(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const stream = new ByteStream(chunks);
  try {
    const { read, codec, sync } = await stream.value(readHeader);
    while (!(await stream.atEnd())) {
      const { count, size } = await stream.value(readBlockHeader);
      if (codec === 'deflate') yield* records(inflated(stream.take(size)), count, read);
      else yield* records(stream.take(size), count, read);
      const marker = await stream.value((bytes) => fixed(bytes, SYNC_BYTES));
      if (!marker.equals(sync)) throw malformed('has a block that does not end where it should');
    }
  } finally {
    await stream.close();
  }
}

interface Header {
  readonly read: AvroReader;
  readonly codec: 'null' | 'deflate';
  readonly sync: Buffer;
}

function readHeader(bytes: Buffer): { value: Header; used: number } {
  const cursor = new AvroCursor(bytes);
  if (!cursor.fixed(AVRO_MAGIC.length).equals(AVRO_MAGIC)) throw malformed('is no Avro file');
  const meta = new Map<string, Buffer>();
  cursor.elements(() => {
    meta.set(cursor.string(), cursor.bytes());
    if (meta.size > MAX_HEADER_VALUES) throw malformed('has too many values in its header');
  });
  const sync = cursor.fixed(SYNC_BYTES);
  const codec = meta.get('avro.codec')?.toString('utf8') || 'null';
  if (codec !== 'null' && codec !== 'deflate')
    throw malformed(`is compressed with ${codec.slice(0, 50)}; null and deflate are possible`);
  return {
    value: { read: compileSchema(parseSchema(meta.get('avro.schema'))), codec, sync },
    used: cursor.at,
  };
}

function parseSchema(text: Buffer | undefined): unknown {
  try {
    return JSON.parse(text?.toString('utf8') ?? '') as unknown;
  } catch {
    throw malformed('has a schema that is not JSON');
  }
}

function readBlockHeader(bytes: Buffer): { value: { count: number; size: number }; used: number } {
  const cursor = new AvroCursor(bytes);
  const count = cursor.size();
  const size = cursor.size();
  if (count < 0 || size < 0) throw malformed('has a block of a negative size');
  return { value: { count, size }, used: cursor.at };
}

function fixed(bytes: Buffer, size: number): { value: Buffer; used: number } {
  return { value: new AvroCursor(bytes).fixed(size), used: size };
}

/** The records of one block, which must fill it exactly. */
async function* records(
  chunks: AsyncIterable<Uint8Array>,
  count: number,
  read: AvroReader,
): AsyncGenerator<unknown> {
  const block = new ByteStream(chunks);
  for (let left = count; left > 0; left -= 1) {
    if (await block.atEnd()) throw malformed('has a block with fewer records than it says');
    yield await block.value((bytes) => {
      const cursor = new AvroCursor(bytes);
      return { value: read(cursor), used: cursor.at };
    });
  }
  if (!(await block.atEnd())) throw malformed('has a block that is longer than its records');
}

async function* inflated(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw();
  const source = Readable.from(chunks);
  source.on('error', (error) => inflate.destroy(error));
  source.pipe(inflate);
  try {
    yield* inflate as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (error instanceof EndsEarly || !isZlibError(error)) throw error;
    throw malformed('has a block that cannot be decompressed');
  } finally {
    source.destroy();
    inflate.destroy();
  }
}

function isZlibError(error: unknown): boolean {
  return String((error as { code?: unknown } | null)?.code).startsWith('Z_');
}
