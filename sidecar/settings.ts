import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import { ConnectorError } from './errors/connector-error.ts';

/** What the sidecar cannot learn from ThingWorx. Everything else is a property of the hub Thing. */
export interface Settings {
  /** Base address that ends in /Thingworx, without a trailing slash. */
  readonly thingworxUrl: string;
  readonly thingworxAppKey: string;
  /** The name of the application key in ThingWorx, to read when it expires. */
  readonly thingworxAppKeyName: string | undefined;
  /** Undefined: the state directory holds it, or it is created there. */
  readonly sidecarToken: string | undefined;
  /** Allows reading alone. Undefined: there is none. */
  readonly viewerToken: string | undefined;
  readonly host: string;
  /** 0 lets the operating system choose. */
  readonly port: number;
  /** Names beside the loopback ones by which callers may address the sidecar. */
  readonly hostNames: readonly string[];
  /** Addresses by which ThingWorx reaches the sidecar, when they are not those on which it listens. */
  readonly publicUrls: readonly string[];
  /** PEM texts. Needed to listen on anything but loopback. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly stateDirectory: string;
  readonly logLevel: LogLevel;
  /** Base address of the OTLP receiver of traces. Undefined: no traces are made. */
  readonly tracesUrl: string | undefined;
  readonly eventReceiver: EventReceiver;
}

/** What reads the partitions of the event stream: the sidecar's own receiver or that of the Azure SDK (docs/decisions/005). */
const EVENT_RECEIVERS = ['own', 'sdk'] as const;
export type EventReceiver = (typeof EVENT_RECEIVERS)[number];

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

/** Shorter ones can be guessed. */
export const MIN_TOKEN_LENGTH = 16;

type Source = Readonly<Record<string, string | undefined>>;

/** What the environment or the file of settings may hold. */
export const SETTING_KEYS = [
  'THINGWORX_URL',
  'THINGWORX_APP_KEY',
  'THINGWORX_APP_KEY_FILE',
  'THINGWORX_APP_KEY_NAME',
  'SIDECAR_TOKEN',
  'SIDECAR_TOKEN_FILE',
  'SIDECAR_VIEWER_TOKEN',
  'SIDECAR_VIEWER_TOKEN_FILE',
  'SIDECAR_HOST',
  'SIDECAR_PORT',
  'SIDECAR_HOST_NAMES',
  'SIDECAR_PUBLIC_URL',
  'SIDECAR_TLS_CERT_FILE',
  'SIDECAR_TLS_KEY_FILE',
  'SIDECAR_STATE_DIR',
  'LOG_LEVEL',
  'SIDECAR_TRACES_URL',
  'SIDECAR_EVENT_RECEIVER',
] as const;

/**
 * Reads the environment over the JSON file named by AZURE_IOT_SIDECAR_CONFIG (an object with the same keys).
 * Throws ConnectorError SETTING_MISSING or SETTING_INVALID that names the key and says what is expected.
 */
export function loadSettings(environment: Source): Settings {
  refuseUnsafe(environment);
  const file = environment.AZURE_IOT_SIDECAR_CONFIG;
  const values: Source = { ...(file ? readConfigFile(file) : {}), ...given(environment) };
  const host = values['SIDECAR_HOST'] ?? '127.0.0.1';
  const tls = tlsFiles(values);
  const sidecarToken = token(values, 'SIDECAR_TOKEN');
  if (!tls && !isLoopback(host)) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `SIDECAR_HOST is ${host}, which other machines reach; set SIDECAR_TLS_CERT_FILE and SIDECAR_TLS_KEY_FILE, or listen on 127.0.0.1.`,
    );
  }
  return {
    thingworxUrl: platformUrl(
      required(values, 'THINGWORX_URL', 'the address of ThingWorx, such as https://host/Thingworx'),
    ),
    thingworxAppKey: secret(values, 'THINGWORX_APP_KEY', 'an application key of ThingWorx'),
    thingworxAppKeyName: values['THINGWORX_APP_KEY_NAME']?.trim() || undefined,
    sidecarToken,
    viewerToken: viewerToken(values, sidecarToken),
    host,
    hostNames: list(values['SIDECAR_HOST_NAMES']),
    publicUrls: list(values['SIDECAR_PUBLIC_URL']).map(publicUrl),
    tls,
    port: port(values.SIDECAR_PORT),
    stateDirectory: path.resolve(values.SIDECAR_STATE_DIR ?? defaultStateDirectory(environment)),
    logLevel: logLevel(values.LOG_LEVEL),
    tracesUrl: tracesUrl(values['SIDECAR_TRACES_URL']),
    eventReceiver: eventReceiver(values['SIDECAR_EVENT_RECEIVER']),
  };
}

function given(environment: Source): Source {
  return Object.fromEntries(
    SETTING_KEYS.filter((key) => environment[key]).map((key) => [key, environment[key]]),
  );
}

function readConfigFile(file: string): Source {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `AZURE_IOT_SIDECAR_CONFIG: the file ${file} cannot be read.`,
      { cause },
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `AZURE_IOT_SIDECAR_CONFIG: ${file} is not JSON; expected one object.`,
      { cause },
    );
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `AZURE_IOT_SIDECAR_CONFIG: ${file} must hold one JSON object.`,
    );
  }
  const values: Record<string, string> = {};
  for (const [key, value] of Object.entries(parsed)) {
    if (!(SETTING_KEYS as readonly string[]).includes(key)) {
      throw new ConnectorError(
        'SETTING_INVALID',
        `${key} in ${file} is no setting; expected one of ${SETTING_KEYS.join(', ')}.`,
      );
    }
    if (typeof value !== 'string' && typeof value !== 'number') {
      throw new ConnectorError('SETTING_INVALID', `${key} in ${file} must be a string or a number.`);
    }
    values[key] = String(value);
  }
  return values;
}

function required(values: Source, key: string, expected: string): string {
  const value = values[key]?.trim();
  if (!value) throw new ConnectorError('SETTING_MISSING', `${key} is not set; expected ${expected}.`);
  return value;
}

function list(text = ''): string[] {
  return text.split(',').flatMap((part) => part.trim() || []);
}

/** An address to which ThingWorx sends the sidecar token, so it has TLS unless it stays on the machine. */
function publicUrl(text: string): string {
  const expected = 'expected an https address such as https://sidecar.example.com:8780';
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new ConnectorError('SETTING_INVALID', `SIDECAR_PUBLIC_URL is not an address; ${expected}.`);
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname.replace(/^\[|\]$/g, ''))) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `SIDECAR_PUBLIC_URL has no TLS, and ${url.host} is another machine; ${expected}.`,
    );
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `SIDECAR_PUBLIC_URL must hold no login, query or fragment; ${expected}.`,
    );
  }
  return text;
}

function tracesUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new ConnectorError(
      'SETTING_INVALID',
      'SIDECAR_TRACES_URL is not the base address of an OTLP receiver; expected one such as http://127.0.0.1:4318, without login and query.',
    );
  }
  return text;
}

export function platformUrl(text: string): string {
  const expected = 'expected an http or https address such as https://host/Thingworx';
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new ConnectorError('SETTING_INVALID', `THINGWORX_URL is not an address; ${expected}.`, { cause });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new ConnectorError(
      'SETTING_INVALID',
      `THINGWORX_URL has the scheme ${url.protocol.slice(0, -1)}; ${expected}.`,
    );
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `THINGWORX_URL must hold no login, query or fragment; ${expected}.`,
    );
  }
  const root = url.pathname.replace(/\/+$/, '');
  return `${url.origin}${root === '' ? '/Thingworx' : root}`;
}

function secret(values: Source, key: string, expected: string): string {
  const value = optionalSecret(values, key);
  if (value === undefined)
    throw new ConnectorError('SETTING_MISSING', `${key} or ${key}_FILE is not set; expected ${expected}.`);
  return value;
}

/** It is all that keeps others on the machine from the API. */
function token(values: Source, key: string): string | undefined {
  const value = optionalSecret(values, key);
  if (value !== undefined && value.length < MIN_TOKEN_LENGTH) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `${key} has ${value.length} characters; expected at least ${MIN_TOKEN_LENGTH}, such as the output of "openssl rand -hex 32".`,
    );
  }
  return value;
}

/** A viewer token that is the sidecar token would allow everything. */
function viewerToken(values: Source, sidecarToken: string | undefined): string | undefined {
  const value = token(values, 'SIDECAR_VIEWER_TOKEN');
  if (value !== undefined && value === sidecarToken) {
    throw new ConnectorError(
      'SETTING_INVALID',
      'SIDECAR_VIEWER_TOKEN is the same as SIDECAR_TOKEN; expected another token.',
    );
  }
  return value;
}

function optionalSecret(values: Source, key: string): string | undefined {
  const file = values[`${key}_FILE`];
  let text = values[key];
  if (text === undefined && file !== undefined) {
    try {
      text = readFileSync(file, 'utf8');
    } catch (cause) {
      throw new ConnectorError('SETTING_INVALID', `${key}_FILE: the file ${file} cannot be read.`, { cause });
    }
  }
  if (text === undefined) return undefined;
  const value = text.trim();
  if (value === '' || /[^\x21-\x7e]/.test(value)) {
    throw new ConnectorError('SETTING_INVALID', `${key} must be one word of printable ASCII characters.`);
  }
  return value;
}

/** Whether calls to ThingWorx leave the machine in clear. */
export function isExposed(thingworxUrl: string): boolean {
  const { protocol, hostname } = new URL(thingworxUrl);
  return protocol === 'http:' && !isLoopback(hostname.replace(/^\[|\]$/g, ''));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function tlsFiles(values: Source): Settings['tls'] {
  const cert = pemFile(values, 'SIDECAR_TLS_CERT_FILE');
  const key = pemFile(values, 'SIDECAR_TLS_KEY_FILE');
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new ConnectorError(
      'SETTING_MISSING',
      `${cert === undefined ? 'SIDECAR_TLS_CERT_FILE' : 'SIDECAR_TLS_KEY_FILE'} is not set; TLS needs both a certificate and its key.`,
    );
  }
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new ConnectorError(
      'SETTING_INVALID',
      'SIDECAR_TLS_CERT_FILE and SIDECAR_TLS_KEY_FILE must hold a certificate and the key that belongs to it, in PEM.',
      { cause },
    );
  }
  return { cert, key };
}

function pemFile(values: Source, key: string): string | undefined {
  const file = values[key];
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConnectorError('SETTING_INVALID', `${key}: the file ${file} cannot be read.`, { cause });
  }
}

function port(text: string | undefined): number {
  if (text === undefined) return 8780;
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || value > 65_535) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `SIDECAR_PORT is "${text}"; expected a port number from 0 to 65535.`,
    );
  }
  return value;
}

function eventReceiver(text = 'own'): EventReceiver {
  const receiver = EVENT_RECEIVERS.find((known) => known === text.toLowerCase());
  if (!receiver)
    throw new ConnectorError(
      'SETTING_INVALID',
      `SIDECAR_EVENT_RECEIVER is "${text}"; expected one of ${EVENT_RECEIVERS.join(', ')}.`,
    );
  return receiver;
}

function logLevel(text: string | undefined): LogLevel {
  const value = (text ?? 'info').toLowerCase();
  const level = LOG_LEVELS.find((known) => known === value);
  if (!level)
    throw new ConnectorError(
      'SETTING_INVALID',
      `LOG_LEVEL is "${text}"; expected one of ${LOG_LEVELS.join(', ')}.`,
    );
  return level;
}

/** Never below the shared temporary folder, where another user could have made the directory first. */
export function defaultStateDirectory(environment: Source): string {
  const home =
    environment.XDG_STATE_HOME ?? (environment.HOME ? path.join(environment.HOME, '.local', 'state') : '');
  if (home !== '') return path.join(home, 'azure-iot-sidecar');
  throw new ConnectorError(
    'SETTING_MISSING',
    'SIDECAR_STATE_DIR is not set and there is no home directory; expected a directory that only the user of the sidecar can change.',
  );
}

/**
 * What the environment must not hold, since it would show secrets or switch off checks without a trace in the settings.
 * DEBUG and NODE_DEBUG print frames and headers, with tokens in them, past the log that takes secrets out.
 */
function refuseUnsafe(environment: Source): void {
  const { DEBUG: debug, NODE_DEBUG: nodeDebug } = environment;
  if (debug && /\*|rhea|azure/i.test(debug)) {
    throw new ConnectorError(
      'SETTING_INVALID',
      'DEBUG makes libraries print their traffic, with keys and tokens; unset it. LOG_LEVEL=debug or AZURE_LOG_LEVEL=verbose show more without them.',
    );
  }
  if (nodeDebug && /http|tls|net|undici|fetch|\*/i.test(nodeDebug)) {
    throw new ConnectorError(
      'SETTING_INVALID',
      'NODE_DEBUG makes Node.js print requests with their headers, and so keys and tokens; unset it.',
    );
  }
  if (
    environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0' &&
    environment['SIDECAR_ALLOW_UNVERIFIED_TLS'] !== 'true'
  ) {
    throw new ConnectorError(
      'SETTING_INVALID',
      'NODE_TLS_REJECT_UNAUTHORIZED=0 switches off the check of certificates, so that anybody on the way can read everything. Name an own CA in NODE_EXTRA_CA_CERTS instead; for a trial only, set SIDECAR_ALLOW_UNVERIFIED_TLS=true.',
    );
  }
}
