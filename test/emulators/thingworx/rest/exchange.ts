import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JsonValue } from '../values.ts';
import { PlatformError } from '../values.ts';

export type AnswerFormat = 'json' | 'html' | 'xml' | 'csv';

/**
 * How the answer is to be damaged on its way out; see control/faults.ts. `drop` cuts the connection instead of answering, `half` in the
 * middle of the body.
 */
export type AnswerFault = { damage: 'drop' | 'half' } | { damage: 'delay'; delayMs: number };

/** One request with its answer. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** Decoded segments of the path below `/Thingworx`. */
  readonly segments: string[];
  readonly query: URLSearchParams;
  /** User that sent the request; set by the server after the login. */
  user = '';
  loginMethod: 'appKey' | 'basic' | 'session' = 'appKey';
  fault: AnswerFault | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    segments: string[],
    query: URLSearchParams,
  ) {
    this.request = request;
    this.response = response;
    this.method = request.method ?? 'GET';
    this.segments = segments;
    this.query = query;
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Format of the answer. HTML is the default; `Accept` may also stand in the URL. */
  get format(): AnswerFormat {
    const accept = this.query.get('Accept') ?? this.header('accept') ?? '';
    const known: [string, AnswerFormat][] = [
      ['application/json', 'json'],
      ['application/json-compressed', 'json'],
      ['text/html', 'html'],
      ['text/xml', 'xml'],
      ['application/xml', 'xml'],
      ['text/csv', 'csv'],
      ['*/*', 'html'],
      ['text/*', 'html'],
      ['application/*', 'json'],
    ];
    if (accept.trim() === '') {
      return 'html';
    }
    for (const part of accept.split(',')) {
      const type = part.split(';')[0]?.trim().toLowerCase();
      const found = known.find(([name]) => name === type);
      if (found !== undefined) {
        return found[1];
      }
    }
    throw new PlatformError('Not Acceptable', { status: 406 });
  }

  get contentType(): string {
    return (
      (this.query.get('Content-Type') ?? this.header('content-type') ?? '')
        .split(';')[0]
        ?.trim()
        .toLowerCase() ?? ''
    );
  }

  async body(limitBytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limitBytes) {
        // The rest is not read: the connection cannot be used again.
        this.response.setHeader('Connection', 'close');
        throw new PlatformError('Request Entity Too Large', { status: 413 });
      }
      chunks.push(chunk);
    }
    return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  }

  /** Parsed JSON body; an empty body is an empty object. */
  async json(limitBytes: number): Promise<unknown> {
    const body = await this.body(limitBytes);
    if (body.length === 0) {
      return {};
    }
    try {
      return JSON.parse(body.toString('utf8'));
    } catch (error) {
      // The platform's answer to malformed JSON is not known.
      throw new PlatformError(`Invalid JSON: ${error instanceof Error ? error.message : error}`, {
        status: 400,
      });
    }
  }

  sendJson(value: JsonValue, status = 200): void {
    this.send(status, 'application/json; charset=UTF-8', JSON.stringify(value));
  }

  send(status: number, contentType: string, body: string | Uint8Array): void {
    const { response } = this;
    if (response.headersSent || response.destroyed) {
      return;
    }
    const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
    if (this.fault?.damage === 'drop') {
      this.request.socket.destroy();
      return;
    }
    if (this.fault?.damage === 'delay') {
      const { delayMs } = this.fault;
      this.fault = undefined;
      setTimeout(() => this.send(status, contentType, body), delayMs).unref();
      return;
    }
    response.writeHead(status, {
      ...(bytes.length > 0 || contentType !== '' ? { 'Content-Type': contentType } : {}),
      'Content-Length': bytes.length,
      'Cache-Control': 'no-cache, no-store',
    });
    if (this.fault?.damage === 'half') {
      response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => this.request.socket.destroy());
      return;
    }
    response.end(bytes);
  }

  /** Success without content. */
  sendNothing(): void {
    this.send(200, 'application/json; charset=UTF-8', '');
  }
}
