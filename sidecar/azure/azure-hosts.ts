import { isIP } from 'node:net';
import { ConnectorError } from '../errors/connector-error.ts';

/** Host names of Azure's clouds: public, US Government, China. A bearer token is sent to no other. */
const SUFFIXES = [
  'azure-devices.net',
  'servicebus.windows.net',
  'core.windows.net',
  'storage.azure.net',
  'azure-devices.us',
  'servicebus.usgovcloudapi.net',
  'core.usgovcloudapi.net',
  'azure-devices.cn',
  'servicebus.chinacloudapi.cn',
  'core.chinacloudapi.cn',
];

/** Environment variables; not in the settings, because they loosen what the settings of Things can reach. */
const MORE_SUFFIXES = 'SIDECAR_AZURE_SUFFIXES';
const ALLOW_LOCAL = 'SIDECAR_ALLOW_LOCAL_AZURE';

/** Whether emulators on this machine may be used: plain http and AMQP without TLS. */
function allowsLocal(): boolean {
  return process.env[ALLOW_LOCAL] === 'true';
}

/**
 * Checks a host before a Microsoft Entra token is sent to it.
 * @throws ConnectorError CONNECTION_STRING_INVALID for one outside of Azure's clouds and SIDECAR_AZURE_SUFFIXES
 */
export function requireTokenHost(host: string, setting: string): void {
  requireReachableHost(host, setting);
  const name = host.toLowerCase().replace(/\.$/, '');
  if (allowsLocal() && isLoopback(name)) return;
  const more = (process.env[MORE_SUFFIXES] ?? '').toLowerCase().split(',');
  const suffixes = [...SUFFIXES, ...more.flatMap((suffix) => suffix.trim().replace(/^\.+/, '') || [])];
  if (isIP(name) === 0 && suffixes.some((suffix) => name.endsWith(`.${suffix}`))) return;
  throw refusal(
    setting,
    `${host} is no host of Azure, so no Microsoft Entra token is sent to it; for a private link with a name of its own, add its suffix to ${MORE_SUFFIXES}`,
  );
}

/**
 * Refuses addresses that are never an Azure service but give away identities: link-local ones, where the instance metadata service of
 * clouds answers, and the host of Azure's virtual machines.
 * @throws ConnectorError CONNECTION_STRING_INVALID
 */
export function requireReachableHost(host: string, setting: string): void {
  const name = new URL(`http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}`).hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  const v4 = mappedAddress(name) ?? name;
  const isLinkLocal = /^169\.254\./.test(v4) || /^fe[89ab][0-9a-f]:/i.test(name) || /^fd00:ec2:/i.test(name);
  if (isLinkLocal || v4 === '168.63.129.16' || v4 === '100.100.100.200' || /^metadata(\.|$)/i.test(name)) {
    throw refusal(
      setting,
      `${host} is a link-local or metadata address, to which the sidecar does not connect`,
    );
  }
}

/** @throws ConnectorError CONNECTION_STRING_INVALID for http, unless emulators on this machine are allowed */
export function requireTls(url: URL, setting: string): void {
  if (url.protocol === 'https:') return;
  if (allowsLocal()) return;
  throw refusal(
    setting,
    `the address begins with http; expected https. For Azurite, set ${ALLOW_LOCAL}=true`,
  );
}

/** @throws ConnectorError CONNECTION_STRING_INVALID for UseDevelopmentEmulator, unless emulators on this machine are allowed */
export function requireEmulatorAllowed(setting: string): void {
  if (allowsLocal()) return;
  throw refusal(
    setting,
    `UseDevelopmentEmulator connects without TLS; for the emulator, set ${ALLOW_LOCAL}=true`,
  );
}

/** `::ffff:169.254.1.1`, which the URL parser writes as `::ffff:a9fe:101`. */
function mappedAddress(name: string): string | undefined {
  const match = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(name);
  if (!match?.[1] || !match[2]) return undefined;
  const [high, low] = [Number.parseInt(match[1], 16), Number.parseInt(match[2], 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function refusal(setting: string, problem: string): ConnectorError {
  return new ConnectorError('CONNECTION_STRING_INVALID', `${setting}: ${problem}.`);
}
