/**
 * Shared access signatures: `SharedAccessSignature sr=<resource>&sig=<signature>&se=<expiry>[&skn=<policy>]`, where sig
 * is base64(HMAC-SHA256(key, sr + "\n" + se)). IoT Hub base64-decodes the key, Event Hubs takes its text as it is.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface SasToken {
  /** The resource as the token carries it, usually URL-encoded. */
  resource: string;
  /** The same, decoded, in lower case where host names are; without scheme and trailing slash. */
  path: string;
  signature: string;
  expiresAtMs: number;
  expiry: string;
  policy?: string;
}

export type KeyStyle = 'iothub' | 'eventhubs';

/** Undefined when the text is no SAS token. */
export function parseSas(text: string): SasToken | undefined {
  const match = /^SharedAccessSignature\s+(.*)$/s.exec(text.trim());
  if (!match?.[1]) return undefined;
  const fields = new Map<string, string>();
  for (const part of match[1].split('&')) {
    const equals = part.indexOf('=');
    if (equals > 0) fields.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  const resource = fields.get('sr');
  const signature = fields.get('sig');
  const expiry = fields.get('se');
  if (!resource || !signature || !expiry || !/^\d+(\.\d+)?$/.test(expiry)) return undefined;
  const policy = fields.get('skn');
  return {
    resource,
    path: normalizeResource(decode(resource)),
    signature: decode(signature),
    expiresAtMs: Number(expiry) * 1000,
    expiry,
    ...(policy ? { policy: decode(policy) } : {}),
  };
}

/** Whether the token was signed with one of the keys. */
export function isSignedBy(
  token: SasToken,
  keys: readonly (string | null | undefined)[],
  style: KeyStyle,
): boolean {
  // The rule is to sign the encoded resource; azure-iothub signs the plain host name, and clients differ in the case
  // of the hexadecimal digits, which the text in the token settles.
  const plain = decode(token.resource);
  const signed = new Set([token.resource, plain, encodeURIComponent(plain)]);
  for (const key of keys) {
    if (!key) continue;
    const secret = style === 'iothub' ? Buffer.from(key, 'base64') : Buffer.from(key, 'utf8');
    for (const resource of signed) {
      const expected = createHmac('sha256', secret)
        .update(`${resource}\n${token.expiry}`, 'utf8')
        .digest('base64');
      if (equal(expected, token.signature)) return true;
    }
  }
  return false;
}

/** Host in lower case, no scheme, no trailing slash; the path keeps its case (device ids are case-sensitive). */
export function normalizeResource(resource: string): string {
  const bare = resource.replace(/^[a-z]+:\/\//i, '').replace(/\/+$/, '');
  const slash = bare.indexOf('/');
  if (slash < 0) return bare.toLowerCase();
  return bare.slice(0, slash).toLowerCase() + bare.slice(slash);
}

/** Whether a token for `granted` covers `wanted`: the same resource or one below it; '' is the whole host. */
export function covers(granted: string, wanted: string): boolean {
  return granted === '' || wanted === granted || wanted.startsWith(`${granted}/`);
}

export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function equal(left: string, right: string): boolean {
  const a = Buffer.from(left);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}
