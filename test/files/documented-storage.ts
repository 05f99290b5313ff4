import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A blob as the server has it. */
export interface StoredBlob {
  /** deleted: soft-deleted. version: no current version, only earlier ones. */
  state: 'live' | 'deleted' | 'version';
  bytes: number;
  etag: string;
  metadata?: Record<string, string>;
  copy?: { id: string; status: 'pending' | 'success' | 'aborted' | 'failed' };
}

/**
 * What Azure Blob Storage has and Azurite lacks, by the reference of its REST API (Undelete Blob, Copy Blob, Abort Copy Blob, Get Blob
 * Properties, Delete Blob, List Blobs, Create Container): soft-deleted blobs, copies that take their time, pages of 5,000 names, containers
 * whose deletion takes its time, and a server that is busy. It checks no signature. Nothing here was compared with Azure itself.
 */
export class DocumentedStorage {
  /** By `container/name`. */
  readonly blobs = new Map<string, StoredBlob>();
  /** Method and path with query, in order. */
  readonly requests: string[] = [];
  /** Names that List Blobs gives for the container `many`. */
  names: string[] = [];
  readonly #server = createServer((request, response) => this.#answer(request, response));
  /** So many of the next requests are answered that the server is busy. */
  busy = 0;
  /** Containers whose deletion has not ended. */
  readonly deleting = new Set<string>();
  #count = 0;

  get connectionString(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `DefaultEndpointsProtocol=http;AccountName=acct;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:${port}/acct;`;
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  add(name: string, blob: Partial<StoredBlob> = {}): StoredBlob {
    this.#count += 1;
    const stored: StoredBlob = { state: 'live', bytes: 7, etag: `"0x${this.#count}"`, ...blob };
    this.blobs.set(name, stored);
    return stored;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '' } = request;
    this.requests.push(`${method} ${url}`);
    const address = new URL(url, 'http://127.0.0.1');
    const name = decodeURIComponent(address.pathname.slice('/acct/'.length));
    const comp = address.searchParams.get('comp');
    response.setHeader('x-ms-version', '2021-12-02');
    response.setHeader('x-ms-request-id', `request-${this.requests.length}`);
    if (this.busy > 0) {
      this.busy -= 1;
      fail(response, 503, 'ServerBusy');
    } else if (address.searchParams.get('restype') === 'container' && method === 'PUT') {
      if (this.deleting.has(name)) fail(response, 409, 'ContainerBeingDeleted');
      else response.writeHead(201, { etag: '"0x1"', 'last-modified': new Date().toUTCString() }).end();
    } else if (comp === 'list') this.#list(address, response);
    else if (comp === 'undelete') this.#undelete(name, response);
    else if (comp === 'copy') this.#abort(name, address.searchParams.get('copyid') ?? '', response);
    else if (method === 'HEAD') this.#properties(name, response);
    else if (method === 'DELETE') this.#delete(name, String(request.headers['if-match'] ?? ''), response);
    else this.#copy(name, request, response);
  }

  #undelete(name: string, response: ServerResponse): void {
    const blob = this.blobs.get(name);
    if (!blob) {
      fail(response, 404, 'BlobNotFound');
      return;
    }
    if (blob.state === 'deleted') blob.state = 'live';
    response.writeHead(200).end();
  }

  #properties(name: string, response: ServerResponse): void {
    const blob = this.blobs.get(name);
    if (blob?.state !== 'live') {
      response.writeHead(404, { 'x-ms-error-code': 'BlobNotFound' }).end();
      return;
    }
    const { copy, metadata = {} } = blob;
    response.writeHead(200, {
      etag: blob.etag,
      'last-modified': new Date().toUTCString(),
      'content-length': String(blob.bytes),
      'content-type': 'application/octet-stream',
      'x-ms-blob-type': 'BlockBlob',
      ...Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`x-ms-meta-${key}`, value])),
      ...(copy ? { 'x-ms-copy-id': copy.id, 'x-ms-copy-status': copy.status } : {}),
    });
    response.end();
  }

  #delete(name: string, ifMatch: string, response: ServerResponse): void {
    const blob = this.blobs.get(name);
    if (blob?.state !== 'live') fail(response, 404, 'BlobNotFound');
    else if (ifMatch !== '' && ifMatch !== blob.etag) fail(response, 412, 'ConditionNotMet');
    else {
      blob.state = 'deleted';
      response.writeHead(202).end();
    }
  }

  #copy(name: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.headers['if-none-match'] === '*' && this.blobs.get(name)?.state === 'live') {
      fail(response, 409, 'BlobAlreadyExists');
      return;
    }
    const metadata: Record<string, string> = {};
    for (const [header, value] of Object.entries(request.headers))
      if (header.startsWith('x-ms-meta-')) metadata[header.slice('x-ms-meta-'.length)] = String(value);
    const id = `copy-${this.requests.length}`;
    const { etag } = this.add(name, { metadata, copy: { id, status: 'pending' } });
    response.writeHead(202, {
      etag,
      'last-modified': new Date().toUTCString(),
      'x-ms-copy-id': id,
      'x-ms-copy-status': 'pending',
    });
    response.end();
  }

  /** Leaves a blob of no length with all its metadata. */
  #abort(name: string, copyId: string, response: ServerResponse): void {
    const blob = this.blobs.get(name);
    if (!blob || blob.copy?.id !== copyId || blob.copy.status !== 'pending') {
      fail(response, 409, 'NoPendingCopyOperation');
      return;
    }
    blob.copy.status = 'aborted';
    blob.bytes = 0;
    response.writeHead(204).end();
  }

  #list(address: URL, response: ServerResponse): void {
    const from = Number(address.searchParams.get('marker') ?? 0);
    const page = this.names.slice(from, from + 5_000);
    const next = from + page.length;
    const items = page.map(
      (name) =>
        `<Blob><Name>${name}</Name><Properties><Last-Modified>${new Date(0).toUTCString()}</Last-Modified><Etag>0x1</Etag>` +
        '<Content-Length>1</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>',
    );
    const marker = next < this.names.length ? String(next) : '';
    response.writeHead(200, { 'content-type': 'application/xml' });
    response.end(
      '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://127.0.0.1/acct/" ContainerName="many">' +
        `<Blobs>${items.join('')}</Blobs><NextMarker>${marker}</NextMarker></EnumerationResults>`,
    );
  }
}

function fail(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml', 'x-ms-error-code': code });
  response.end(
    `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
  );
}
