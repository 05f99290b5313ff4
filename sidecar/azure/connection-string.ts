import { ConnectorError } from '../errors/connector-error.ts';
import { requireEmulatorAllowed, requireReachableHost, requireTls } from './azure-hosts.ts';

/** A host with an optional port, as in HostName of an IoT Hub connection string. */
export interface HostAddress {
  readonly host: string;
  readonly port: number | undefined;
}

/** How a connection string authenticates: with the key of a policy, or with a shared access signature. */
type SharedAccess =
  | { readonly kind: 'key'; readonly keyName: string; readonly key: string }
  | { readonly kind: 'signature'; readonly signature: string };

/** A service connection string of an IoT Hub: `HostName=..;SharedAccessKeyName=..;SharedAccessKey=..`. */
export interface IotHubConnection extends HostAddress {
  /** The host with its port, as given. */
  readonly hostName: string;
  /** The first label of the host: the name of the hub. */
  readonly hubName: string;
  readonly access: SharedAccess;
  /** The normalized connection string; a secret. */
  readonly connectionString: string;
}

/** An Event Hubs-compatible endpoint: `Endpoint=sb://..;SharedAccessKeyName=..;SharedAccessKey=..;EntityPath=..`. */
interface EventHubConnection extends HostAddress {
  readonly entityPath: string;
  /** Undefined: the connection string has no key; Microsoft Entra ID is used. */
  readonly access: SharedAccess | undefined;
  /** Plain TCP, as the Event Hubs emulator offers it. */
  readonly developmentEmulator: boolean;
  readonly connectionString: string;
}

/** A storage account: `AccountName=..;AccountKey=..;EndpointSuffix=..`, or `BlobEndpoint=..` with a key or a SAS. */
interface StorageConnection {
  readonly accountName: string | undefined;
  readonly blobEndpoint: string;
  readonly connectionString: string;
}

/** The setting that holds the connection string: the first words of every error message. */
type Setting = string;

/** Throws CONNECTION_STRING_INVALID. Its message names the missing or wrong part, never its value. */
export function parseIotHub(text: string, setting: Setting = 'IoT Hub connection string'): IotHubConnection {
  const parts = split(text, setting, IOT_HUB_PARTS);
  if (parts.has('DeviceId')) {
    throw invalid(
      setting,
      'it is the connection string of a device; the one of a shared access policy of the hub is needed (such as "service" or "iothubowner")',
    );
  }
  const hostName = required(parts, 'HostName', setting, IOT_HUB_FORM);
  const address = parseAddress(hostName, 'HostName', setting);
  const access = sharedAccess(parts, setting, IOT_HUB_FORM);
  if (access.kind === 'key' && !isBase64(access.key)) {
    throw invalid(setting, 'SharedAccessKey is not base64; it seems to be cut off');
  }
  return {
    ...address,
    hostName,
    hubName: address.host.split('.')[0] ?? address.host,
    access,
    connectionString: join(parts),
  };
}

/**
 * `entityPath` fills in the EntityPath of a connection string that was copied from the namespace instead of the hub.
 * Throws CONNECTION_STRING_INVALID.
 */
export function parseEventHub(
  text: string,
  setting: Setting = 'Event Hubs connection string',
  entityPath?: string,
): EventHubConnection {
  const parts = split(text, setting, EVENT_HUB_PARTS);
  const endpoint = required(parts, 'Endpoint', setting, EVENT_HUB_FORM);
  const match = /^(?:sb|amqps?):\/\/([^/]+)\/?$/i.exec(endpoint);
  if (!match?.[1]) throw invalid(setting, 'Endpoint must look like sb://<namespace>.servicebus.windows.net/');
  const address = parseAddress(match[1], 'Endpoint', setting);
  if (!parts.has('EntityPath') && entityPath) parts.set('EntityPath', entityPath);
  const entity = required(parts, 'EntityPath', setting, EVENT_HUB_FORM);
  const developmentEmulator = parts.get('UseDevelopmentEmulator') === 'true';
  if (developmentEmulator) requireEmulatorAllowed(setting);
  const hasAccess = ACCESS_PARTS.some((part) => parts.has(part));
  const access = hasAccess ? sharedAccess(parts, setting, EVENT_HUB_FORM) : undefined;
  return {
    ...address,
    entityPath: entity,
    access,
    developmentEmulator,
    connectionString: join(parts),
  };
}

/** Throws CONNECTION_STRING_INVALID. `UseDevelopmentStorage=true` means Azurite on its default port. */
export function parseStorage(
  text: string,
  setting: Setting = 'Storage connection string',
): StorageConnection {
  const parts = split(text, setting, STORAGE_PARTS);
  if (parts.get('UseDevelopmentStorage')?.toLowerCase() === 'true') {
    requireTls(new URL('http://127.0.0.1:10000'), setting);
    return {
      accountName: 'devstoreaccount1',
      blobEndpoint: 'http://127.0.0.1:10000/devstoreaccount1',
      connectionString: 'UseDevelopmentStorage=true',
    };
  }
  const accountName = parts.get('AccountName');
  const blobEndpoint = parts.get('BlobEndpoint');
  const signature = parts.get('SharedAccessSignature');
  if (!signature) {
    required(parts, 'AccountName', setting, STORAGE_FORM);
    if (!isBase64(required(parts, 'AccountKey', setting, STORAGE_FORM))) {
      throw invalid(setting, 'AccountKey is not base64; it seems to be cut off');
    }
  } else if (!blobEndpoint) {
    throw invalid(
      setting,
      'BlobEndpoint is missing; a connection string with a SharedAccessSignature needs it',
    );
  }
  if (blobEndpoint !== undefined && !isHttpUrl(blobEndpoint)) {
    throw invalid(
      setting,
      'BlobEndpoint must be an https address such as https://<account>.blob.core.windows.net',
    );
  }
  const scheme = parts.get('DefaultEndpointsProtocol') ?? 'https';
  if (scheme !== 'https' && scheme !== 'http')
    throw invalid(setting, 'DefaultEndpointsProtocol must be https or http');
  if (!parts.has('DefaultEndpointsProtocol')) parts.set('DefaultEndpointsProtocol', scheme);
  const suffix = parts.get('EndpointSuffix') ?? 'core.windows.net';
  const endpoint = (blobEndpoint ?? `${scheme}://${accountName}.blob.${suffix}`).replace(/\/+$/, '');
  requireStorageEndpoint(endpoint, setting);
  return {
    accountName,
    blobEndpoint: endpoint,
    connectionString: join(parts),
  };
}

/** Throws CONNECTION_STRING_INVALID for an address that is not valid, has no TLS or leads to a metadata service. */
export function requireStorageEndpoint(endpoint: string, setting: Setting): URL {
  if (!URL.canParse(endpoint))
    throw invalid(setting, 'the address of the storage account is not a valid URL');
  const url = new URL(endpoint);
  requireReachableHost(url.hostname, setting);
  requireTls(url, setting);
  return url;
}

/** Reads `host` or `host:port`; IPv6 addresses are in brackets. Throws CONNECTION_STRING_INVALID. */
export function parseAddress(text: string, part: string, setting: Setting): HostAddress {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::(\d{1,5}))?$/i.exec(text);
  const port = match?.[2] === undefined ? undefined : Number(match[2]);
  if (!match?.[1] || (port !== undefined && (port < 1 || port > 65_535))) {
    throw invalid(setting, `${part} is not a host name (with or without a port)`);
  }
  const host = match[1].replace(/^\[|\]$/g, '');
  requireReachableHost(host, setting);
  return { host, port };
}

const IOT_HUB_FORM = 'HostName=<hub>.azure-devices.net;SharedAccessKeyName=<policy>;SharedAccessKey=<key>';
const EVENT_HUB_FORM =
  'Endpoint=sb://<namespace>.servicebus.windows.net/;SharedAccessKeyName=<policy>;SharedAccessKey=<key>;EntityPath=<name>';
const STORAGE_FORM =
  'DefaultEndpointsProtocol=https;AccountName=<account>;AccountKey=<key>;EndpointSuffix=core.windows.net';

const ACCESS_PARTS = ['SharedAccessKeyName', 'SharedAccessKey', 'SharedAccessSignature'];
const IOT_HUB_PARTS = [
  'HostName',
  'DeviceId',
  'ModuleId',
  'GatewayHostName',
  'x509',
  'RepositoryId',
  ...ACCESS_PARTS,
];
const EVENT_HUB_PARTS = [
  'Endpoint',
  'EntityPath',
  'UseDevelopmentEmulator',
  'OperationTimeout',
  'TransportType',
  ...ACCESS_PARTS,
];
const STORAGE_PARTS = [
  'DefaultEndpointsProtocol',
  'AccountName',
  'AccountKey',
  'BlobEndpoint',
  'EndpointSuffix',
  'UseDevelopmentStorage',
  'SharedAccessSignature',
  'QueueEndpoint',
  'TableEndpoint',
  'FileEndpoint',
];

/** Splits at semicolons. Part names are case-insensitive; the result has the spelling that the SDKs expect. */
function split(text: string, setting: Setting, known: readonly string[]): Map<string, string> {
  const parts = new Map<string, string>();
  const trimmed = text.trim();
  if (trimmed === '') throw invalid(setting, 'it is empty');
  for (const piece of trimmed.split(';')) {
    if (piece.trim() === '') continue;
    const at = piece.indexOf('=');
    // The message does not repeat an unknown name, which may be a pasted key.
    if (at < 1) throw invalid(setting, 'it must be a list of Name=value parts separated by semicolons');
    const given = piece.slice(0, at).trim();
    const name = known.find((candidate) => candidate.toLowerCase() === given.toLowerCase());
    if (!name) throw invalid(setting, `it has a part that is none of ${known.join(', ')}`);
    if (parts.has(name)) throw invalid(setting, `${name} occurs twice`);
    parts.set(name, piece.slice(at + 1).trim());
  }
  return parts;
}

function join(parts: ReadonlyMap<string, string>): string {
  return [...parts].map(([name, value]) => `${name}=${value}`).join(';');
}

function required(parts: ReadonlyMap<string, string>, name: string, setting: Setting, form: string): string {
  const value = parts.get(name);
  if (!value) throw invalid(setting, `${name} is missing; expected ${form}`);
  return value;
}

function sharedAccess(parts: ReadonlyMap<string, string>, setting: Setting, form: string): SharedAccess {
  const signature = parts.get('SharedAccessSignature');
  if (signature) return { kind: 'signature', signature };
  return {
    kind: 'key',
    keyName: required(parts, 'SharedAccessKeyName', setting, form),
    key: required(parts, 'SharedAccessKey', setting, form),
  };
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

function invalid(setting: Setting, reason: string): ConnectorError {
  return new ConnectorError('CONNECTION_STRING_INVALID', `${setting}: ${reason}.`);
}
