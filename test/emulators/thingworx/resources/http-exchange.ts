import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { PlatformError } from '../values.ts';

export interface HttpRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body?: Uint8Array;
  /** Limit for connecting and for each silence of the server. */
  timeoutMs: number;
  ignoreSslErrors: boolean;
  username?: string;
  password?: string;
  /** Sends the login with the first request instead of after a challenge. */
  preemptiveLogin: boolean;
}

export interface HttpAnswer {
  status: number;
  reason: string;
  protocolVersion: string;
  /** Names as the server wrote them. */
  headers: [name: string, value: string][];
  body: Buffer;
}

const maxRedirects = 10;

/**
 * One call as the platform's HTTP client (Apache HttpClient 4) makes it: gzip and deflate are accepted, redirects of GET
 * followed, and a login is sent only after a 401 that asks for Basic.
 *
 * @throws PlatformError with the Java exception of a connection that failed
 */
export async function exchange(request: HttpRequest): Promise<HttpAnswer> {
  const agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new https.Agent({ keepAlive: true, rejectUnauthorized: !request.ignoreSslErrors }),
  };
  try {
    let { url } = request;
    for (let hop = 0; ; hop++) {
      const answer = await withLogin({ ...request, url }, agents);
      const location = headerOf(answer, 'location');
      const redirected = [301, 302, 303, 307, 308].includes(answer.status) && location !== undefined;
      if (!redirected || request.method !== 'GET' || hop === maxRedirects) {
        return answer;
      }
      url = new URL(location, url).href;
    }
  } finally {
    agents['http:'].destroy();
    agents['https:'].destroy();
  }
}

export function headerOf(answer: HttpAnswer, name: string): string | undefined {
  return answer.headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

type Agents = Record<'http:' | 'https:', http.Agent>;

async function withLogin(request: HttpRequest, agents: Agents): Promise<HttpAnswer> {
  const { username, password = '' } = request;
  if (username === undefined) {
    return send(request, agents);
  }
  const login = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const loggedIn = { ...request, headers: { ...request.headers, Authorization: login } };
  if (request.preemptiveLogin) {
    return send(loggedIn, agents);
  }
  const answer = await send(request, agents);
  const challenges = answer.headers.filter(([name]) => name.toLowerCase() === 'www-authenticate');
  const asksForBasic =
    answer.status === 401 && challenges.some(([, value]) => /(^|,)\s*basic\b/i.test(value));
  return asksForBasic ? send(loggedIn, agents) : answer;
}

function send(request: HttpRequest, agents: Agents): Promise<HttpAnswer> {
  const url = parseUrl(request.url);
  const body = request.body;
  return new Promise((resolve, reject) => {
    let answered = false;
    const fail = (error: NodeJS.ErrnoException) => reject(javaError(error, url, answered));
    const outgoing = (url.protocol === 'https:' ? https : http).request(
      url,
      {
        method: request.method,
        agent: agents[url.protocol as keyof Agents],
        timeout: request.timeoutMs,
        headers: {
          'Accept-Encoding': 'gzip,deflate',
          'User-Agent': 'Apache-HttpClient/4.5.13 (Java/11)',
          ...(body === undefined ? {} : { 'Content-Length': String(body.byteLength) }),
          ...request.headers,
        },
      },
      (incoming) => {
        answered = true;
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', fail);
        incoming.on('end', () => {
          decode(incoming, Buffer.concat(chunks)).then(resolve, fail);
        });
      },
    );
    outgoing.on('timeout', () =>
      outgoing.destroy(Object.assign(new Error('Read timed out'), { code: 'ETIMEDOUT' })),
    );
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

async function decode(incoming: http.IncomingMessage, raw: Buffer): Promise<HttpAnswer> {
  const headers: [string, string][] = [];
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    headers.push([incoming.rawHeaders[index] as string, incoming.rawHeaders[index + 1] as string]);
  }
  const answer: HttpAnswer = {
    status: incoming.statusCode ?? 0,
    reason: incoming.statusMessage ?? '',
    protocolVersion: `HTTP/${incoming.httpVersion}`,
    headers,
    body: raw,
  };
  const encoding = incoming.headers['content-encoding'];
  if (raw.length > 0 && encoding === 'gzip') {
    answer.body = await promisify(gunzip)(raw);
  } else if (raw.length > 0 && encoding === 'deflate') {
    answer.body = await promisify(inflate)(raw);
  }
  return answer;
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new PlatformError(`Target host must not be null, or set in parameters. url = ${text}`, {
      javaClass: 'java.lang.IllegalStateException',
    });
  }
  return url;
}

/** The Java exception that the platform's HTTP client throws for a failed connection; its texts are believed, not measured. */
function javaError(error: NodeJS.ErrnoException, url: URL, answered: boolean): PlatformError {
  const host = `${url.hostname}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`;
  const make = (javaClass: string, message: string) =>
    new PlatformError(message, { javaClass, cause: error });
  const code = error.code ?? '';
  if (code === 'ECONNREFUSED') {
    return make(
      'org.apache.http.conn.HttpHostConnectException',
      `Connect to ${host} [${url.hostname}] failed: Connection refused (Connection refused)`,
    );
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return make('java.net.UnknownHostException', `${url.hostname}: Name or service not known`);
  }
  if (code === 'ETIMEDOUT') {
    return make('java.net.SocketTimeoutException', 'Read timed out');
  }
  if (/CERT|SIGNED|SSL|TLS|ALTNAME/.test(code)) {
    return make('javax.net.ssl.SSLHandshakeException', error.message);
  }
  if (code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('HPE_')) {
    return answered
      ? make(
          'org.apache.http.ConnectionClosedException',
          'Premature end of Content-Length delimited message body',
        )
      : make('org.apache.http.NoHttpResponseException', `${host} failed to respond`);
  }
  return make('java.io.IOException', error.message);
}
