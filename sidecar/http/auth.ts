import { createHash, timingSafeEqual } from 'node:crypto';
import { ConnectorError } from '../errors/connector-error.ts';

/** The content of the Authorization header. */
export type Credentials =
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

/** Accepts the token as Bearer and as the password of HTTP Basic with any user name. */
export class TokenCheck {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  /** @throws ConnectorError UNAUTHORIZED */
  check(header: string | undefined): void {
    const credentials = readCredentials(header);
    if (!credentials) throw new ConnectorError('UNAUTHORIZED', 'The request contains no token.');
    const given = credentials.scheme === 'bearer' ? credentials.token : credentials.password;
    if (!sameText(given, this.#token)) throw new ConnectorError('UNAUTHORIZED', 'The token is wrong.');
  }
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
