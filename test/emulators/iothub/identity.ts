/**
 * One entry of the identity registry: its shape, the rules of the registry's article on ids and authentication, and
 * the JSON that the REST API shows.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { HubError } from './hub-error.ts';

export type AuthenticationType = 'sas' | 'selfSigned' | 'certificateAuthority' | 'none';
export type ConnectionState = 'Connected' | 'Disconnected';
export type Status = 'enabled' | 'disabled';

export interface Authentication {
  type: AuthenticationType;
  /** Base64 keys; null for identities without symmetric keys. */
  symmetricKey: { primaryKey: string | null; secondaryKey: string | null };
  /** Hexadecimal SHA-1 or SHA-256 thumbprints. */
  x509Thumbprint: { primaryThumbprint: string | null; secondaryThumbprint: string | null };
}

export interface Identity {
  deviceId: string;
  /** Present for a module, absent for a device. */
  moduleId?: string;
  /** Tells a device from an earlier one of the same id. */
  generationId: string;
  /** Without quotes. */
  etag: string;
  status: Status;
  statusReason: string | null;
  statusUpdatedTime: string;
  connectionState: ConnectionState;
  connectionStateUpdatedTime: string;
  lastActivityTime: string;
  authentication: Authentication;
  capabilities: { iotEdge: boolean };
  /** ms-azure-iot-edge://<edge device>-<number>; of an Edge device its own scope, of a leaf device its parent's. */
  deviceScope?: string;
  parentScopes?: string[];
  /** Of modules: 'IotEdge' when a deployment made it. */
  managedBy?: string;
  /** As the device gave it when it connected (IoT Plug and Play). */
  modelId: string;
}

/** The hub's DateTime.MinValue, for what has never happened. */
export const never = '0001-01-01T00:00:00Z';

const idPattern = /^[A-Za-z0-9\-:.+%_#*?!(),=@$']{1,128}$/;
const thumbprintPattern = /^(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$/;

/** The key of a twin, a session or an identity in the emulator's maps. A slash is in no id. */
export function identityKey(deviceId: string, moduleId?: string): string {
  return moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`;
}

export function checkId(id: unknown, what: 'deviceId' | 'moduleId'): string {
  if (typeof id !== 'string' || !idPattern.test(id)) {
    throw new HubError(
      'ArgumentInvalid',
      `Invalid ${what}: at most 128 ASCII letters, digits and -:.+%_#*?!(),=@$'`,
    );
  }
  return id;
}

export function newEtag(): string {
  return Buffer.from(String(randomInt(1, 2 ** 40))).toString('base64');
}

/** An 18-digit number like the hub's, which counts ticks of 100 ns. */
export function newGenerationId(): string {
  return `${(BigInt(Date.now()) + 62_135_596_800_000n) * 10_000n + BigInt(randomInt(10_000))}`;
}

export function newKey(): string {
  return randomBytes(32).toString('base64');
}

/** Reads what a client sent under `authentication`; keys that are absent or empty are generated. */
export function readAuthentication(given: unknown, before?: Authentication): Authentication {
  const input = (given ?? {}) as {
    type?: unknown;
    symmetricKey?: {
      primaryKey?: unknown;
      secondaryKey?: unknown;
      PrimaryKey?: unknown;
      SecondaryKey?: unknown;
    } | null;
    x509Thumbprint?: { primaryThumbprint?: unknown; secondaryThumbprint?: unknown } | null;
  };
  if (typeof input !== 'object') throw new HubError('ArgumentInvalid', 'authentication must be an object');
  const primaryThumbprint = thumbprint(input.x509Thumbprint?.primaryThumbprint);
  const secondaryThumbprint = thumbprint(input.x509Thumbprint?.secondaryThumbprint);
  const hasThumbprint = primaryThumbprint !== null || secondaryThumbprint !== null;
  const type = readType(input.type, hasThumbprint);
  if (type === 'sas') {
    const kept = before?.type === 'sas' && given === undefined ? before.symmetricKey : undefined;
    // Old clients sent the names with capitals (the deprecated Device class of the Node SDK).
    const primary = input.symmetricKey?.primaryKey ?? input.symmetricKey?.PrimaryKey ?? kept?.primaryKey;
    const secondary =
      input.symmetricKey?.secondaryKey ?? input.symmetricKey?.SecondaryKey ?? kept?.secondaryKey;
    return {
      type,
      symmetricKey: { primaryKey: key(primary), secondaryKey: key(secondary) },
      x509Thumbprint: { primaryThumbprint: null, secondaryThumbprint: null },
    };
  }
  if (type === 'selfSigned' && !hasThumbprint) {
    throw new HubError('ArgumentInvalid', 'A selfSigned identity needs a primary or secondary thumbprint');
  }
  return {
    type,
    symmetricKey: { primaryKey: null, secondaryKey: null },
    x509Thumbprint:
      type === 'selfSigned'
        ? { primaryThumbprint, secondaryThumbprint }
        : { primaryThumbprint: null, secondaryThumbprint: null },
  };
}

function readType(given: unknown, hasThumbprint: boolean): AuthenticationType {
  if (given === undefined || given === null) return hasThumbprint ? 'selfSigned' : 'sas';
  const type = (['sas', 'selfSigned', 'certificateAuthority', 'none'] as const).find(
    (known) => known.toLowerCase() === String(given).toLowerCase(),
  );
  if (!type) throw new HubError('ArgumentInvalid', `Unknown authentication type ${String(given)}`);
  return type;
}

function key(given: unknown): string {
  if (given === undefined || given === null || given === '') return newKey();
  if (typeof given !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(given)) {
    throw new HubError('ArgumentInvalid', 'A symmetric key must be base64');
  }
  const bytes = Buffer.from(given, 'base64').length;
  if (bytes < 16 || bytes > 64) throw new HubError('ArgumentInvalid', 'A symmetric key has 16 to 64 bytes');
  return given;
}

function thumbprint(given: unknown): string | null {
  if (given === undefined || given === null || given === '') return null;
  const text = String(given).replaceAll(':', '');
  if (!thumbprintPattern.test(text)) {
    throw new HubError('ArgumentInvalid', 'A thumbprint has 40 (SHA-1) or 64 (SHA-256) hexadecimal digits');
  }
  return text.toUpperCase();
}

export function readStatus(given: unknown, before: Status = 'enabled'): Status {
  if (given === undefined || given === null) return before;
  const status = String(given).toLowerCase();
  if (status !== 'enabled' && status !== 'disabled') {
    throw new HubError('ArgumentInvalid', `status must be enabled or disabled, not ${String(given)}`);
  }
  return status;
}

export function readStatusReason(given: unknown): string | null {
  if (given === undefined || given === null) return null;
  if (typeof given !== 'string' || given.length > 128) {
    throw new HubError('ArgumentInvalid', 'statusReason is a text of at most 128 characters');
  }
  return given;
}

/** The Device or Module JSON of the registry's REST API. */
export function renderIdentity(
  identity: Identity,
  cloudToDeviceMessageCount: number,
): Record<string, unknown> {
  const shared = {
    generationId: identity.generationId,
    etag: identity.etag,
    connectionState: identity.connectionState,
    connectionStateUpdatedTime: identity.connectionStateUpdatedTime,
    lastActivityTime: identity.lastActivityTime,
    cloudToDeviceMessageCount,
    authentication: structuredClone(identity.authentication),
  };
  if (identity.moduleId !== undefined) {
    return {
      moduleId: identity.moduleId,
      managedBy: identity.managedBy ?? null,
      deviceId: identity.deviceId,
      ...shared,
    };
  }
  return {
    deviceId: identity.deviceId,
    ...shared,
    status: identity.status,
    statusReason: identity.statusReason,
    statusUpdatedTime: identity.statusUpdatedTime,
    capabilities: { ...identity.capabilities },
    ...(identity.deviceScope === undefined ? {} : { deviceScope: identity.deviceScope }),
    ...(identity.parentScopes === undefined ? {} : { parentScopes: [...identity.parentScopes] }),
  };
}
