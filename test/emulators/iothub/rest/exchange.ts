/** One request to the hub's REST API and its answer, freed from node:http so that a route is a plain function. */
import type { IncomingMessage } from 'node:http';
import { parseExact } from '../exact-json.ts';
import type { Principal } from '../hub.ts';
import { HubError } from '../hub-error.ts';

export interface RestAnswer {
  status: number;
  headers?: Record<string, string | number>;
  /** Bytes are sent as they are; anything else as JSON; undefined sends no body. */
  body?: unknown;
}

export class RestRequest {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly params: Record<string, string>;
  readonly principal: Principal;
  readonly #message: IncomingMessage;
  readonly #maxBytes: number;

  constructor(
    message: IncomingMessage,
    query: URLSearchParams,
    params: Record<string, string>,
    principal: Principal,
    maxBytes: number,
  ) {
    this.#message = message;
    this.method = message.method ?? 'GET';
    this.query = query;
    this.params = params;
    this.principal = principal;
    this.#maxBytes = maxBytes;
  }

  /** The value of a path parameter; a route that asks for one it does not declare is a mistake in the emulator. */
  param(name: string): string {
    const value = this.params[name];
    if (value === undefined) throw new HubError('ServerError', `The route has no parameter ${name}`);
    return value;
  }

  header(name: string): string | undefined {
    const value = this.#message.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Header names as the client wrote them, with their values: application properties live in header names. */
  headerPairs(): [name: string, value: string][] {
    const raw = this.#message.rawHeaders;
    const pairs: [string, string][] = [];
    for (let index = 0; index + 1 < raw.length; index += 2)
      pairs.push([raw[index] ?? '', raw[index + 1] ?? '']);
    return pairs;
  }

  /** If-Match without quotes and weak mark. */
  ifMatch(): string | undefined {
    return this.header('if-match')
      ?.trim()
      .replace(/^W\//, '')
      .replace(/^"(.*)"$/s, '$1');
  }

  /** A positive integer from a header, or the default; throws ArgumentInvalid when it is malformed or too large. */
  itemCount(defaultCount: number, maxCount: number): number {
    const text = this.header('x-ms-max-item-count');
    if (text === undefined || text === '') return defaultCount;
    const count = Number(text);
    if (!Number.isInteger(count) || count < 1 || count > maxCount) {
      throw new HubError('ArgumentInvalid', `x-ms-max-item-count must be 1 to ${maxCount}, not ${text}`);
    }
    return count;
  }

  /** Throws MessageTooLarge. */
  async bytes(maxBytes = this.#maxBytes): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.#message as AsyncIterable<Buffer>) {
      size += chunk.length;
      // The rest is read to its end, so that the client gets the answer rather than a broken connection.
      if (size <= maxBytes) chunks.push(chunk);
    }
    if (size > maxBytes)
      throw new HubError('MessageTooLarge', `The body has ${size} bytes, at most ${maxBytes} are allowed`);
    return Buffer.concat(chunks);
  }

  /** The body as JSON; undefined when it is empty. Throws IotHubFormatError. */
  async json(exact = false): Promise<unknown> {
    const text = (await this.bytes()).toString('utf8').replace(/^\ufeff/, '');
    if (text.trim() === '') return undefined;
    try {
      return exact ? parseExact(text) : (JSON.parse(text) as unknown);
    } catch (error) {
      throw new HubError('IotHubFormatError', `The body is not JSON: ${(error as Error).message}`);
    }
  }

  /** The body as a JSON object; `exact` keeps the digits of numbers that are passed on. Throws ArgumentInvalid. */
  async object(exact = false): Promise<Record<string, unknown>> {
    const value = await this.json(exact);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new HubError('ArgumentInvalid', 'The body must be a JSON object');
    }
    return value as Record<string, unknown>;
  }
}
