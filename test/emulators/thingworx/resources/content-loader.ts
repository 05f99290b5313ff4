import { boxJson } from '../base-types.ts';
import type { PasswordCipher } from '../password-cipher.ts';
import type { NativeResource, NativeService } from '../script-platform.ts';
import type { ScriptSwitches } from '../script-switches.ts';
import { setOwn } from '../value-forms.ts';
import {
  type BaseType,
  type JsonObject,
  type JsonValue,
  Password,
  PlatformError,
  type PlatformValue,
} from '../values.ts';
import { exchange, type HttpAnswer, type HttpRequest, headerOf } from './http-exchange.ts';
import { type Arguments, nativeResource, nativeService, requiredText, textArgument } from './service.ts';

export type ContentLoaderSwitches = Pick<
  ScriptSwitches,
  'contentLoaderPassword' | 'contentLoaderStatusKeys' | 'contentLoaderThrows' | 'contentLoaderPreemptiveLogin'
>;

/** The typings of a real server show `password` as STRING; as PASSWORD it knows a secret in every form, and the switch says what it sends. */
const common: Record<string, BaseType> = {
  url: 'STRING',
  headers: 'JSON',
  timeout: 'NUMBER',
  ignoreSSLErrors: 'BOOLEAN',
  username: 'STRING',
  password: 'PASSWORD',
  withCookies: 'BOOLEAN',
  useProxy: 'BOOLEAN',
  proxyHost: 'STRING',
  proxyPort: 'INTEGER',
  proxyScheme: 'STRING',
  useNTLM: 'BOOLEAN',
  domain: 'STRING',
  workstation: 'STRING',
};

/**
 * Resources["ContentLoaderFunctions"]: HTTP from a service. Left out, and so unknown to scripts: the XML services,
 * PostMultipart, PostImage and LoadMediaEntity; proxies and NTLM are refused.
 */
export function contentLoaderFunctions(
  cipher: PasswordCipher,
  switches: Readonly<ContentLoaderSwitches>,
): NativeResource {
  const service = (
    name: string,
    method: string,
    more: Record<string, BaseType>,
    result: BaseType,
    read: (answer: HttpAnswer, args: Arguments) => PlatformValue,
  ): NativeService =>
    nativeService(name, { ...common, ...more }, result, async (args) => {
      const answer = await exchange(requestOf(method, args, result, { cipher, switches }));
      if (switches.contentLoaderThrows && (answer.status < 200 || answer.status > 299)) {
        throw new PlatformError(`HTTP ${answer.status} ${answer.reason}`, {
          javaClass: 'org.apache.http.client.HttpResponseException',
        });
      }
      return read(answer, args);
    });
  const json = (answer: HttpAnswer) => jsonResult(answer, switches.contentLoaderStatusKeys);
  const plain = ({ body }: HttpAnswer) => body.toString('utf8');
  const bytes = ({ body }: HttpAnswer) => Uint8Array.from(body);
  const jsonBody: Record<string, BaseType> = { content: 'JSON' };
  const textBody: Record<string, BaseType> = { content: 'STRING', contentType: 'STRING' };
  const binaryBody: Record<string, BaseType> = { content: 'BLOB' };
  return nativeResource('ContentLoaderFunctions', 'Functions that load content from other servers', [
    service('GetJSON', 'GET', {}, 'JSON', json),
    service('LoadJSON', 'GET', {}, 'JSON', json),
    service('PostJSON', 'POST', jsonBody, 'JSON', json),
    service('PutJSON', 'PUT', jsonBody, 'JSON', json),
    service('GetText', 'GET', { appendHeader: 'BOOLEAN' }, 'STRING', textResult),
    service('LoadText', 'GET', { appendHeader: 'BOOLEAN' }, 'STRING', textResult),
    service('PostText', 'POST', textBody, 'STRING', plain),
    service('PutText', 'PUT', textBody, 'STRING', plain),
    service('PostBinary', 'POST', binaryBody, 'BLOB', bytes),
    service('PutBinary', 'PUT', binaryBody, 'BLOB', bytes),
    service('LoadBinary', 'GET', {}, 'BLOB', bytes),
    service('LoadImage', 'GET', {}, 'IMAGE', bytes),
    service('GetCookies', 'GET', {}, 'STRING', ({ headers }) =>
      headers
        .filter(([name]) => name.toLowerCase() === 'set-cookie')
        .map(([, value]) => value)
        .join(';'),
    ),
    // Newer versions answer with JSON; the declared result stays NOTHING.
    service('Delete', 'DELETE', {}, 'NOTHING', (answer) =>
      switches.contentLoaderStatusKeys ? json(answer) : null,
    ),
  ]);
}

function requestOf(
  method: string,
  args: Arguments,
  result: BaseType,
  { cipher, switches }: { cipher: PasswordCipher; switches: Readonly<ContentLoaderSwitches> },
): HttpRequest {
  if (args.useProxy === true || args.useNTLM === true) {
    throw new PlatformError('The emulator has no proxies and no NTLM');
  }
  const headers: Record<string, string> = {};
  const given = (name: string) =>
    Object.keys(headers).some((key) => key.toLowerCase() === name.toLowerCase());
  for (const [name, value] of Object.entries((args.headers ?? {}) as JsonObject)) {
    headers[name] = typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
  if (result === 'JSON' && !given('Accept')) {
    headers.Accept = 'application/json';
  }
  const body = bodyOf(method, args);
  if (body !== undefined && !given('Content-Type')) {
    headers['Content-Type'] = body.type;
  }
  const username = textArgument(args, 'username');
  const { password, timeout } = args;
  return {
    method,
    url: requiredText(args, 'url'),
    headers,
    timeoutMs: (typeof timeout === 'number' && timeout > 0 ? timeout : 60) * 1000,
    ignoreSslErrors: args.ignoreSSLErrors === true,
    preemptiveLogin: switches.contentLoaderPreemptiveLogin,
    ...(body === undefined ? {} : { body: body.bytes }),
    ...(username === undefined ? {} : { username }),
    ...(password instanceof Password ? { password: sentPassword(password, cipher, switches) } : {}),
  };
}

/** What the other server gets as the password; see the switch. */
function sentPassword(
  { clear, text }: Password,
  cipher: PasswordCipher,
  { contentLoaderPassword }: Readonly<ContentLoaderSwitches>,
): string {
  if (text === clear) {
    return clear;
  }
  switch (contentLoaderPassword) {
    case 'ciphertext':
      return text ?? cipher.encrypt(clear);
    case 'masked':
      return '********';
    case 'clear':
      return text ?? clear;
    default:
      return clear;
  }
}

function bodyOf(method: string, args: Arguments): { bytes: Uint8Array; type: string } | undefined {
  if (method !== 'POST' && method !== 'PUT') {
    return undefined;
  }
  const { content = null } = args;
  if (typeof content === 'string') {
    return { bytes: Buffer.from(content), type: textArgument(args, 'contentType') ?? 'text/plain' };
  }
  if (content instanceof Uint8Array) {
    return { bytes: content, type: 'application/octet-stream' };
  }
  return { bytes: Buffer.from(content === null ? '' : JSON.stringify(content)), type: 'application/json' };
}

/**
 * The body's members with `headers` beside them, and in newer versions `responseHeaders` and `responseStatus`; they replace
 * members of the same name. An array is under `array`; a body that is no JSON leaves the headers alone.
 */
function jsonResult(answer: HttpAnswer, statusKeys: boolean): JsonObject {
  const result: JsonObject = {};
  for (const [name, member] of Object.entries(parseObject(answer.body.toString('utf8')))) {
    setOwn(result, name, member);
  }
  const headers = headersJson(answer);
  result.headers = headers;
  if (statusKeys) {
    result.responseHeaders = { ...headers };
    result.responseStatus = {
      protocolVersion: answer.protocolVersion,
      statusCode: answer.status,
      reasonPhrase: answer.reason,
    };
  }
  return result;
}

function parseObject(text: string): JsonObject {
  try {
    return boxJson(JSON.parse(text) as JsonValue);
  } catch {
    return {};
  }
}

function headersJson({ headers }: HttpAnswer): JsonObject {
  const json: JsonObject = {};
  for (const [name, value] of headers) {
    setOwn(json, name, value);
  }
  return json;
}

/** Text, followed by `^Name: value` for each header unless `appendHeader` is false. */
function textResult(answer: HttpAnswer, args: Arguments): string {
  const text = answer.body.toString('utf8');
  if (args.appendHeader === false) {
    return text;
  }
  const type = headerOf(answer, 'content-type');
  const others = answer.headers.filter(([name]) => name.toLowerCase() !== 'content-type');
  const ordered = type === undefined ? others : [['Content-Type', type], ...others];
  return `${text}${ordered.map(([name, value]) => `^${name}: ${value}`).join('')}`;
}
