import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { ConnectorError } from '../errors/connector-error.ts';
import type { ContainerFiles } from '../files/container-files.ts';
import { freePiece } from '../files/pieces.ts';
import type { FileFacts, UploadOptions, UploadState } from '../files/types.ts';
import type { OperationContext } from '../operations/context.ts';
import { UPLOAD_HEADERS, type UploadHeader } from './blob-headers.ts';
import { callerSignal, sendResult } from './reply.ts';

const PATH = '/storage/:account/containers/:container/blobs/*path';
const ROUTE = '/v1/storage/{account}/containers/{container}/blobs/{path}';
/** How long a stream may be idle, in milliseconds. */
const IDLE_MS = 120_000;

interface BlobRouteOptions {
  readonly context: Omit<OperationContext, 'signal' | 'invalid'>;
  readonly authorise: RequestHandler;
}

/**
 * Streams the bodies of blobs: GET and HEAD with ranges and conditions, PUT of a whole blob, PUT of a chunk with `Upload-Id` and
 * `Content-Range`, and GET with `Upload-Id` for the state of a resumable upload.
 */
export function blobRoutes({ context, authorise }: BlobRouteOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const prepare: RequestHandler = (request, response, next) => {
    response.locals.route = ROUTE;
    request.socket.setTimeout(IDLE_MS, () => request.socket.destroy());
    response.once('close', () => request.socket.setTimeout(0));
    next();
  };
  const target = (request: Request): { files: ContainerFiles; path: string } => {
    const { account, container, path } = request.params as Record<string, unknown>;
    return {
      files: context.storages.require(String(account)).container(String(container)),
      path: Array.isArray(path) ? path.join('/') : String(path),
    };
  };
  router.get(PATH, authorise, prepare, async (request, response) => {
    const { files, path } = target(request);
    const signal = callerSignal(request, response);
    const id = uploadIdOf(request);
    if (id === undefined) await download(request, response, files, path, signal);
    else sendUpload(request, response, await files.uploadState(path, id, signal));
  });
  router.put(PATH, authorise, prepare, async (request, response) => {
    // The rest of a body is not read after a failure.
    response.set('Connection', request.complete ? 'keep-alive' : 'close');
    const { files, path } = target(request);
    const state = await upload(request, files, path, callerSignal(request, response));
    sendUpload(request, response, state);
  });
  router.all(PATH, authorise, (request, response) => {
    response.set('Allow', 'GET, HEAD, PUT');
    throw new ConnectorError('METHOD_NOT_ALLOWED', `${request.method} is not allowed here.`);
  });
  return router;
}

async function download(
  request: Request,
  response: Response,
  files: ContainerFiles,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const ifNoneMatch = request.get('if-none-match');
  const wanted = await wantedRange(request, files, path, signal);
  const { facts, start, end, body } = await files.open(
    path,
    { ifMatch: request.get('if-match'), range: wanted },
    signal,
  );
  response.set(headersOf(facts));
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, facts.etag)) {
    body.destroy();
    response.status(304).end();
    return;
  }
  const partial = wanted !== undefined && /^bytes=(\d{1,15}-\d{0,15}|-\d{1,15})$/.test(wanted.trim());
  const isRange = partial && end >= start;
  response.status(isRange ? 206 : 200);
  response.set('Content-Length', String(end - start + 1));
  if (isRange) response.set('Content-Range', `bytes ${start}-${end}/${facts.size}`);
  else if (facts.contentMd5) response.set('Content-MD5', facts.contentMd5);
  if (request.method === 'HEAD') {
    body.destroy();
    response.end();
    return;
  }
  await send(body, response, signal).catch((thrown) => {
    // The headers of the file are set, and perhaps sent: the client sees that the connection ends before the file does.
    response.destroy();
    if (!signal.aborted) throw thrown;
  });
}

async function send(body: Readable, response: Response, signal: AbortSignal): Promise<void> {
  for await (const piece of body) {
    const sent = response.write(piece, (error) => {
      if (!error) freePiece(piece as Buffer);
    });
    if (!sent) await once(response, 'drain', { signal });
  }
  response.end();
}

/** The range, unless `If-Range` names another version of the blob. */
async function wantedRange(
  request: Request,
  files: ContainerFiles,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const range = request.get('range');
  const ifRange = request.get('if-range');
  if (range === undefined || ifRange === undefined) return range;
  return (await files.facts(path, signal)).etag === ifRange ? range : undefined;
}

function headersOf(facts: FileFacts): Record<string, string> {
  return {
    'Content-Type': facts.contentType,
    ETag: facts.etag,
    'Accept-Ranges': 'bytes',
    // A browser must save uploaded content and never run it.
    'Content-Disposition': 'attachment',
    'Content-Security-Policy': 'sandbox',
    ...(facts.contentEncoding ? { 'Content-Encoding': facts.contentEncoding } : {}),
    ...(facts.lastModified ? { 'Last-Modified': new Date(facts.lastModified).toUTCString() } : {}),
    ...(facts.contentMd5 ? { 'X-Blob-MD5': facts.contentMd5 } : {}),
  };
}

function matches(header: string, etag: string): boolean {
  return header === '*' || header.split(/\s*,\s*/).some((one) => one.replace(/^W\//, '') === etag);
}

async function upload(
  request: Request,
  files: ContainerFiles,
  path: string,
  signal: AbortSignal,
): Promise<UploadState> {
  const encoding = request.get('content-encoding') ?? 'identity';
  if (encoding !== 'identity') {
    throw new ConnectorError(
      'REQUEST_INVALID',
      `Content-Encoding is ${encoding}; a blob must be sent without encoding.`,
    );
  }
  const options: UploadOptions = {
    ifMatch: request.get('if-match'),
    ifNoneMatch: request.get('if-none-match'),
    contentType: request.get('content-type'),
  };
  const { contentRange, contentMd5, blobMd5 } = UPLOAD_HEADERS;
  const uploadId = uploadIdOf(request);
  const length = Number(request.get('content-length') ?? Number.NaN);
  if (uploadId === undefined) {
    const size = Number.isNaN(length) ? undefined : length;
    return files.upload(path, request, { ...options, contentMd5: md5Of(request, contentMd5), size }, signal);
  }
  const range = new RegExp(contentRange.pattern).exec(request.get(contentRange.name) ?? '');
  const [offset, last, size] = (range ?? []).slice(1).map(Number) as [number, number, number];
  if (!range || last < offset || last >= size || (!Number.isNaN(length) && length !== last - offset + 1)) {
    throw new ConnectorError(
      'REQUEST_INVALID',
      'With Upload-Id the header Content-Range must be such as "bytes 0-4194303/10000000" and fit the length of the body.',
    );
  }
  if (request.get(contentMd5.name) !== undefined) {
    throw new ConnectorError(
      'REQUEST_INVALID',
      'With Upload-Id the MD5 of the whole file goes in X-Blob-MD5.',
    );
  }
  const chunk = { uploadId, offset, length: last - offset + 1, size, contentMd5: md5Of(request, blobMd5) };
  return files.uploadChunk(path, request, { ...options, ...chunk }, signal);
}

function sendUpload(request: Request, response: Response, state: UploadState): void {
  if (state.etag) response.set('ETag', state.etag);
  sendResult(request, response, state);
}

function uploadIdOf(request: Request): string | undefined {
  const { name, pattern } = UPLOAD_HEADERS.uploadId;
  const id = request.get(name);
  if (id === undefined || new RegExp(pattern).test(id)) return id;
  throw new ConnectorError(
    'REQUEST_INVALID',
    'Upload-Id must be 8 to 64 letters, digits, hyphens and underscores, of your own choice.',
  );
}

function md5Of(request: Request, { name, pattern }: UploadHeader): string | undefined {
  const value = request.get(name);
  if (value === undefined || new RegExp(pattern).test(value)) return value;
  throw new ConnectorError('REQUEST_INVALID', `${name} is not an MD5 in base64.`);
}
