import { Readable } from 'node:stream';
import type { BlobClient } from '@azure/storage-blob';
import { ConnectorError } from '../errors/connector-error.ts';
import { type BlobContainer, conditionsOf } from './blob-container.ts';
import { factsOf } from './listing.ts';
import { ThreadTurns } from './pieces.ts';
import { attempt, storageError, withRetries } from './storage-calls.ts';
import type { Conditions, Download, FileFacts } from './types.ts';

/** Bytes of one call: few enough for the timeout of a call, enough to make its overhead small. */
const CALL_BYTES = 16 * 1024 * 1024;
/** Connections in a row that may break without a single byte. */
const MAX_BROKEN = 5;

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
 * Opens a file for reading. Data are passed on at once and nothing is read ahead, so that the memory does not depend on the size. All data
 * are of the version that the first call found. After a broken connection to Azure the download resumes after the last byte.
 */
export async function openFile(
  container: BlobContainer,
  path: string,
  options: Conditions & { range?: string | undefined },
  signal: AbortSignal,
): Promise<Download> {
  const blob = container.blob(path);
  const facts = await container.attempt(`Reading ${path}`, async () => {
    const conditions = conditionsOf({ ifMatch: options.ifMatch });
    return factsOf(blob.name, await blob.getProperties({ abortSignal: signal, conditions }));
  });
  if (facts.kind === 'folder') throw new ConnectorError('FILE_NOT_FOUND', `${path} is a folder.`);
  const { start, end } = parseRange(options.range, facts.size);
  const action = `Reading ${path}`;
  const body = Readable.from(chunks(blob, facts, { start, end }, { action, host: container.host, signal }), {
    objectMode: false,
  });
  return { facts, start, end, body };
}

async function* chunks(
  blob: BlobClient,
  facts: FileFacts,
  { start, end }: { start: number; end: number },
  { action, host, signal }: { action: string; host: string; signal: AbortSignal },
): AsyncGenerator<Buffer> {
  const turns = new ThreadTurns();
  let offset = start;
  let broken = 0;
  while (offset <= end) {
    const length = Math.min(CALL_BYTES, end + 1 - offset);
    const conditions = conditionsOf({ ifMatch: facts.etag });
    const fetch = () => blob.download(offset, length, { abortSignal: signal, conditions });
    const answer = await attempt(action, host, () => withRetries(fetch, signal));
    try {
      for await (const chunk of answer.readableStreamBody ?? []) {
        const { byteLength } = chunk as Buffer;
        offset += byteLength;
        broken = 0;
        yield chunk as Buffer;
        await turns.after(byteLength);
      }
    } catch (thrown) {
      broken += 1;
      if (signal.aborted || broken > MAX_BROKEN) throw storageError(thrown, action, host);
    }
  }
}

/**
 * Parses one range of RFC 9110. Any other header value counts as no range, as the RFC requires. For an empty file `end` is -1.
 * @throws ConnectorError RANGE_NOT_SATISFIABLE
 */
function parseRange(header: string | undefined, size: number): { start: number; end: number } {
  const whole = { start: 0, end: size - 1 };
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return whole;
  const [, first = '', last = ''] = match;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return whole;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start >= size || (first === '' && Number(last) === 0)) {
    throw new ConnectorError('RANGE_NOT_SATISFIABLE', `The file has ${size} bytes; ${header} is outside.`, {
      details: { size },
    });
  }
  return { start, end };
}
