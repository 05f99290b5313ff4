import { toConnectorError } from '../../errors/connector-error.ts';
import type { ReceivedMessage } from '../../translate/types.ts';
import { AVRO_MAGIC, readAvroFile } from './avro-file.ts';
import { readLines } from './json-lines.ts';
import { EndsEarly, malformed } from './malformed.ts';
import { messageOfLine, messageOfRecord, type StoredPlace } from './stored-message.ts';

/** One record of a file: a message, or what is wrong with a line that is none. */
export type StoredRecord =
  | { readonly message: ReceivedMessage; readonly index: number }
  | { readonly flaw: string; readonly index: number };

/**
 * The messages in a file that IoT Hub routed (Avro, or JSON by lines) or Event Hubs Capture wrote (Avro), told apart by its first bytes.
 * A file of lines goes on after a line that is no message, unless it is the first: then the file is no such file.
 * Throws FILE_MALFORMED, after the messages before the damage.
 */
export async function* readStoredFile(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<StoredRecord> {
  const source = chunks[Symbol.asyncIterator]();
  try {
    const begin = await firstBytes(source);
    if (begin.length === 0) return;
    const all = resumed(begin, source);
    const partition = partitionOf(file);
    if (begin.subarray(0, AVRO_MAGIC.length).equals(AVRO_MAGIC)) yield* avroRecords(all, { file, partition });
    else yield* lineRecords(all, { file, partition });
  } finally {
    await source.return?.();
  }
}

/** `.../<partition>/<yyyy>/<MM>/<dd>/...`, the default of both writers; '' when the name is made otherwise. */
export function partitionOf(file: string): string {
  return /\/([^/]{1,64})\/\d{4}\/\d{2}\/\d{2}\//.exec(file)?.[1] ?? '';
}

async function* avroRecords(
  chunks: AsyncIterable<Uint8Array>,
  place: Omit<StoredPlace, 'index'>,
): AsyncGenerator<StoredRecord> {
  let index = 0;
  for await (const record of readAvroFile(chunks)) {
    yield { message: messageOfRecord(record, { ...place, index }), index };
    index += 1;
  }
}

async function* lineRecords(
  chunks: AsyncIterable<Uint8Array>,
  place: Omit<StoredPlace, 'index'>,
): AsyncGenerator<StoredRecord> {
  let index = 0;
  // A line that breaks off is damage when others follow, and not yet whole when it is the last.
  let broken: EndsEarly | undefined;
  for await (const line of readLines(chunks)) {
    if (broken) yield { flaw: broken.message, index: index++ };
    broken = undefined;
    try {
      yield { message: messageOfLine(line, { ...place, index }), index };
      index += 1;
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error instanceof EndsEarly) broken = error;
      else if (index === 0 || error.code !== 'FILE_MALFORMED')
        throw error.code === 'FILE_MALFORMED' ? malformed('holds no messages of IoT Hub') : error;
      else yield { flaw: error.message, index: index++ };
    }
  }
  if (broken) throw broken;
}

async function firstBytes(source: AsyncIterator<Uint8Array>): Promise<Buffer> {
  let begin: Buffer = Buffer.alloc(0);
  while (begin.length < AVRO_MAGIC.length) {
    const { done, value } = await source.next();
    if (done) break;
    begin = Buffer.concat([begin, value]);
  }
  return begin;
}

async function* resumed(begin: Buffer, source: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield begin;
  for (;;) {
    const { done, value } = await source.next();
    if (done) return;
    yield value;
  }
}
