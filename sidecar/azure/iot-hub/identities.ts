import { randomBytes } from 'node:crypto';
import { ConnectorError } from '../../errors/connector-error.ts';
import type { AuthenticationInput, AuthenticationView, SymmetricKeys } from './hub-types.ts';
import type { CallOptions, RestClient } from './rest-client.ts';

/** What ids of devices and modules look like. Of dots alone one would be a direction in addresses: ".." of a module is its device. */
export const ID_PATTERN = "^(?!\\.{1,2}$)[A-Za-z0-9\\-:.+%_#*?!(),=@$']{1,128}$";

/** Whether IoT Hub can have a device or module of this id. */
export function isId(text: string): boolean {
  return new RegExp(ID_PATTERN).test(text);
}

export interface EtagOptions extends CallOptions {
  /** The ETag as it was read; the call fails with PRECONDITION_FAILED when it has changed. Absent: whatever it is now. */
  readonly etag?: string;
}

/** What devices and modules have in common. */
export interface Identity {
  readonly etag: string;
  readonly authentication: AuthenticationView;
}

/** An identity as it travels: with keys. */
export type WithKeys<T> = Omit<T, 'authentication'> & {
  readonly authentication: AuthenticationView & {
    readonly symmetricKey?: Partial<Record<keyof SymmetricKeys, string | null>>;
  };
};

export const READ = { operation: 'registry', right: 'RegistryRead' } as const;
export const WRITE = { operation: 'registry', right: 'RegistryWrite' } as const;

/** How often a change is tried again when somebody else changed the identity between reading and writing it. */
const CHANGE_ATTEMPTS = 4;

/** The API replaces whole identities, so: read, change, write with the ETag that was read, again when it no longer holds. */
export async function changeIdentity<T extends Identity>(
  rest: RestClient,
  place: { readonly path: string; readonly action: string },
  { etag, ...options }: EtagOptions,
  read: (options: CallOptions) => Promise<WithKeys<T>>,
  change: (identity: WithKeys<T>) => unknown,
): Promise<T> {
  return await unlessRaced(etag, async () => {
    const before = await read(options);
    const body = change(before);
    const ifMatch = etag ?? (before as unknown as Identity).etag;
    const request = { ...options, ...WRITE, ...place, method: 'PUT', body, ifMatch } as const;
    return withoutKeys<T>((await rest.request<WithKeys<T>>(request)).body);
  });
}

/** Reads, changes and writes again when somebody else was faster, unless the caller insists on what he has read. */
export async function unlessRaced<T>(etag: string | undefined, attemptChange: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptChange();
    } catch (error) {
      const raced = error instanceof ConnectorError && error.code === 'PRECONDITION_FAILED';
      if (!raced || etag !== undefined || attempt === CHANGE_ATTEMPTS) throw error;
    }
  }
}

/** What is to be changed: an identity that has keys and is asked to have keys keeps them, for IoT Hub would make new ones. */
export function changed<C extends { readonly authentication?: AuthenticationInput }>(
  { authentication }: WithKeys<Identity>,
  change: C,
): Omit<C, 'authentication'> | C {
  const { authentication: wanted, ...rest } = change;
  if (wanted?.type !== 'sas' || wanted.symmetricKey || authentication.type !== 'sas') return change;
  return rest;
}

/** Removes the keys, whatever the hub put there. */
export function withoutKeys<T extends Identity>(identity: WithKeys<T>): T {
  const { type, x509Thumbprint } = identity.authentication ?? { type: 'none' };
  const hasThumbprint = type === 'selfSigned' && x509Thumbprint;
  return {
    ...identity,
    authentication: { type, ...(hasThumbprint ? { x509Thumbprint } : {}) },
  } as unknown as T;
}

/** Throws AZURE_REJECTED for an identity that proves itself otherwise. */
export function keysOf(
  identity: { readonly authentication: WithKeys<Identity>['authentication'] },
  what: string,
): SymmetricKeys {
  const { type, symmetricKey } = identity.authentication;
  if (type !== 'sas' || !symmetricKey?.primaryKey || !symmetricKey.secondaryKey) {
    throw new ConnectorError('AZURE_REJECTED', `${what} has no keys: it proves itself by ${type}.`);
  }
  return { primaryKey: symmetricKey.primaryKey, secondaryKey: symmetricKey.secondaryKey };
}

/** One of the two keys made anew. */
export function renewed(keys: SymmetricKeys, which: 'primary' | 'secondary'): SymmetricKeys {
  const key = randomBytes(32).toString('base64');
  return which === 'primary' ? { ...keys, primaryKey: key } : { ...keys, secondaryKey: key };
}

/** Undefined instead of DEVICE_NOT_FOUND. */
export async function orUndefined<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof ConnectorError && error.code === 'DEVICE_NOT_FOUND') return undefined;
    throw error;
  }
}
