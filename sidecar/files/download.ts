import { Readable } from 'node:stream';
import type { BlobClient } from '@azure/storage-blob';
import type { Conditions, Download, FileFacts } from '../contract/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { failure } from './failure.ts';
import { factsOf } from './listing.ts';
import { conditionsOf, type Place } from './place.ts';

/** What one call fetches: small enough to be tried again, large enough that its overhead does not count. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Bytes of one version of a blob. */
export async function readRange(
  blob: BlobClient,
  offset: number,
  length: number,
  etag: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const answer = await blob.download(offset, length, {
    abortSignal: signal,
    conditions: conditionsOf({ ifMatch: etag }),
    maxRetryRequests: 3,
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer.readableStreamBody ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * Opens a file for reading. Pieces are fetched one ahead of the reader, all of the version that the first call saw, so that memory
 * stays the same for any size and a broken connection to Azure costs one piece.
 */
export async function openFile(
  place: Place,
  path: string,
  options: Conditions & { range?: string | undefined },
  signal: AbortSignal,
): Promise<Download> {
  const blob = place.blob(path);
  const facts = await place.attempt(`Reading ${path}`, async () => {
    const conditions = conditionsOf({ ifMatch: options.ifMatch });
    return factsOf(blob.name, await blob.getProperties({ abortSignal: signal, conditions }));
  });
  if (facts.kind === 'folder') throw new ConnectorError('FILE_NOT_FOUND', `${path} is a folder.`);
  const { start, end } = parseRange(options.range, facts.size);
  const action = `Reading ${path}`;
  const body = Readable.from(pieces(blob, facts, { start, end }, { action, host: place.host, signal }), {
    objectMode: false,
    highWaterMark: PIECE_BYTES,
  });
  return { facts, start, end, body };
}

async function* pieces(
  blob: BlobClient,
  facts: FileFacts,
  { start, end }: { start: number; end: number },
  { action, host, signal }: { action: string; host: string; signal: AbortSignal },
): AsyncGenerator<Buffer> {
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  const fetchAt = (offset: number) => {
    const reading = readRange(blob, offset, Math.min(PIECE_BYTES, end + 1 - offset), facts.etag, either);
    // Whoever does not come to wait for it has gone.
    reading.catch(() => undefined);
    return reading;
  };
  try {
    let ahead = start <= end ? fetchAt(start) : undefined;
    for (let offset = start; ahead; offset += PIECE_BYTES) {
      const piece: Buffer = await ahead;
      ahead = offset + PIECE_BYTES <= end ? fetchAt(offset + PIECE_BYTES) : undefined;
      yield piece;
    }
  } catch (thrown) {
    throw failure(thrown, action, host);
  } finally {
    stopped.abort();
  }
}

/**
 * One range of RFC 9110; anything else in the header counts as no range, as the RFC wants. For an empty file `end` is -1.
 * @throws ConnectorError RANGE_NOT_SATISFIABLE
 */
export function parseRange(header: string | undefined, size: number): { start: number; end: number } {
  const whole = { start: 0, end: size - 1 };
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return whole;
  const [, first = '', last = ''] = match;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return whole;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start >= size || (first === '' && Number(last) === 0)) {
    throw new ConnectorError('RANGE_NOT_SATISFIABLE', `The file has ${size} bytes; ${header} lies outside.`, {
      details: { size },
    });
  }
  return { start, end };
}
