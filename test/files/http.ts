import { createHash } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { TOKEN } from '../http/fixture.ts';

export const MIB = 1024 * 1024;

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly json: Record<string, unknown>;
}

export interface Sending {
  readonly headers?: Record<string, string>;
  readonly body?: Buffer;
  /** Cuts the connection after so many bytes of the body. */
  readonly cutAfter?: number;
}

/** Sends one request; undefined when it was cut. */
export function send(
  port: number,
  method: string,
  path: string,
  sending: Sending = {},
): Promise<Reply | undefined> {
  const { headers = {}, body, cutAfter } = sending;
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent: false,
        headers: {
          authorization: `Bearer ${TOKEN}`,
          ...(body === undefined || 'transfer-encoding' in headers
            ? {}
            : { 'content-length': String(body.byteLength) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const content = Buffer.concat(chunks);
          const isJson = String(response.headers['content-type']).includes('json');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: content,
            json: isJson && method !== 'HEAD' && content.length > 0 ? JSON.parse(content.toString()) : {},
          });
        });
      },
    );
    request.on('error', (error) => (cutAfter === undefined ? reject(error) : resolve(undefined)));
    if (cutAfter === undefined) {
      request.end(body);
      return;
    }
    request.write(body?.subarray(0, cutAfter), () => setTimeout(() => request.destroy(), 300));
  });
}

export function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('base64');
}
