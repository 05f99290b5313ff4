import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { RateLimit, type RateLimitOptions } from './rate-limit.ts';

/** The content of the Authorization header. */
type Credentials =
  | { readonly scheme: 'bearer'; readonly token: string }
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string };

/** The challenge for a request without credentials: many HTTP clients send a password only after it. */
export const CHALLENGE = 'Basic realm="azure-iot-sidecar", charset="UTF-8"';

/** Reads the Authorization header; undefined when it is absent or malformed. */
export function readCredentials(header: string | undefined): Credentials | undefined {
  const match = /^(Bearer|Basic) +([^\s]+) *$/i.exec(header ?? '');
  if (!match?.[1] || match[2] === undefined) return undefined;
  if (match[1].toLowerCase() === 'bearer') return { scheme: 'bearer', token: match[2] };
  const text = decodeText(Buffer.from(match[2], 'base64'));
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { scheme: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** UTF-8, as the challenge requires; older Java clients send Latin-1 nevertheless. */
function decodeText(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

/** Compares texts in constant time. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

/** What slows and limits wrong tokens. */
export interface RefusalOptions extends RateLimitOptions {
  /** How long the answer to a wrong token waits, in milliseconds. */
  readonly delayMs: number;
  /** How many answers may wait at the same time; beyond it, wrong tokens are refused at once. */
  readonly maxDelayed: number;
}

/**
 * Accepts the token, or the one before it, as Bearer and as the password of HTTP Basic with any user name. It is compared before anything is counted, so nobody
 * can lock the right token out. A wrong one is answered late, and each wrong one has a rate limit of its own: a hub Thing with an old
 * token harms no other. Nothing of this can keep somebody from guessing for ever; the length of the token does.
 */
export class Authentication {
  readonly #tokens: readonly string[];
  readonly #options: RefusalOptions;
  readonly #refusals: RateLimit;
  #delayed = 0;

  constructor(tokens: readonly string[], options: RefusalOptions) {
    this.#tokens = tokens;
    this.#options = options;
    this.#refusals = new RateLimit(options, 'The same wrong token was sent too often in a short time.');
  }

  /** @throws ConnectorError UNAUTHORIZED, or RATE_LIMITED for a wrong token that comes too often */
  async check(header: string | undefined): Promise<void> {
    const credentials = readCredentials(header);
    // Many clients send credentials only after this challenge, so it must never be limited.
    if (!credentials) throw new ConnectorError('UNAUTHORIZED', 'The request contains no token.');
    const given = credentials.scheme === 'bearer' ? credentials.token : credentials.password;
    if (this.#tokens.some((token) => sameText(given, token))) return;
    this.#refusals.take(createHash('sha256').update(given).digest('base64'));
    await this.#delay();
    throw new ConnectorError('UNAUTHORIZED', 'The token is wrong.');
  }

  async #delay(): Promise<void> {
    const { delayMs, maxDelayed } = this.#options;
    if (this.#delayed >= maxDelayed) {
      throw new ConnectorError(
        'RATE_LIMITED',
        'Too many requests with a wrong token came at the same time.',
        {
          retryAfterMs: 1000,
        },
      );
    }
    this.#delayed += 1;
    try {
      await setTimeout(delayMs, undefined, { ref: false });
    } finally {
      this.#delayed -= 1;
    }
  }
}

/** More sources than hub Things and scripts can be are somebody who tries names. */
const MAX_SOURCES = 200;

/** Logs a wrong token once per source: a Thing whose sidecarToken is old calls again and again. */
export class RefusalLog {
  readonly #log: Log;
  readonly #sources = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  refused(address: string, path: string): void {
    const { source, thing } = sourceOf(address, path);
    if (this.#sources.has(source) || this.#sources.size >= MAX_SOURCES) return;
    this.#sources.add(source);
    this.#log.warn(
      { code: 'UNAUTHORIZED', address, ...(thing === undefined ? {} : { thing }) },
      'A call with a wrong token was refused. Enter the token of the sidecar in sidecarToken of the Thing that calls. Further calls of this source are not logged.',
    );
  }

  /** The next wrong token of this source is news again. */
  accepted(address: string, path: string): void {
    if (this.#sources.size > 0) this.#sources.delete(sourceOf(address, path).source);
  }
}

/** The hub or storage Thing that calls stands in the path. */
function sourceOf(address: string, path: string): { source: string; thing: string | undefined } {
  const name = /^\/v1\/(?:hubs|storage|things)\/([^/?]+)/.exec(path)?.[1]?.slice(0, 800);
  let thing = name;
  try {
    thing = name && decodeURIComponent(name);
  } catch {
    // Stays encoded.
  }
  return { source: `${address} ${thing ?? ''}`, thing };
}

/**
 * The secret that is sent with a one-time secret token: user name and path must contain the same token.
 * @throws ConnectorError UNAUTHORIZED without HTTP Basic, TICKET_UNKNOWN when user name and path differ
 */
export function readSecret(header: string | undefined, token: string): string {
  const credentials = readCredentials(header);
  if (credentials?.scheme !== 'basic') {
    throw new ConnectorError('UNAUTHORIZED', 'A secret must be sent as the password of HTTP Basic.');
  }
  if (!sameText(credentials.user, token)) {
    throw new ConnectorError('TICKET_UNKNOWN', 'The user name is not the one-time secret token in the path.');
  }
  return credentials.password;
}
