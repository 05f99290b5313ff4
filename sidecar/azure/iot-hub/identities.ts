import { randomBytes } from 'node:crypto';
import { ConnectorError } from '../../errors/connector-error.ts';
import type { AuthenticationInput, AuthenticationView, SymmetricKeys } from './hub-types.ts';
import type { CallOptions } from './rest-client.ts';

/** Form of the ids of devices and modules. Ids of dots only are excluded: in a URL they address another resource. */
export const ID_PATTERN = "^(?!\\.{1,2}$)[A-Za-z0-9\\-:.+%_#*?!(),=@$']{1,128}$";

/** Whether IoT Hub accepts the text as the id of a device or module. */
export function isId(text: string): boolean {
  return new RegExp(ID_PATTERN).test(text);
}

export interface EtagOptions extends CallOptions {
  /** The ETag of the version that the caller has read; the call fails with PRECONDITION_FAILED when it has changed. Default: any version. */
  readonly etag?: string;
}

/** Common members of devices and modules. */
export interface Identity {
  readonly etag: string;
  readonly authentication: AuthenticationView;
}

/** An identity in the REST API: with keys. */
export type WithKeys<T> = Omit<T, 'authentication'> & {
  readonly authentication: AuthenticationView & {
    readonly symmetricKey?: Partial<Record<keyof SymmetricKeys, string | null>>;
  };
};

export const READ = { operation: 'registry', right: 'RegistryRead' } as const;
export const WRITE = { operation: 'registry', right: 'RegistryWrite' } as const;

/** Attempts of a change when another client changes the same resource between read and write. */
const CHANGE_ATTEMPTS = 4;

/** Repeats read, change and write when another client was faster, unless the caller requires the ETag that it has read. */
export async function repeatOnConflict<T>(
  etag: string | undefined,
  attemptChange: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptChange();
    } catch (error) {
      const isConflict = error instanceof ConnectorError && error.code === 'PRECONDITION_FAILED';
      if (!isConflict || etag !== undefined || attempt === CHANGE_ATTEMPTS) throw error;
    }
  }
}

/** The change to apply. An identity with keys keeps them when the change asks for keys: IoT Hub would generate new ones. */
export function changeOf<C extends { readonly authentication?: AuthenticationInput }>(
  { authentication }: WithKeys<Identity>,
  change: C,
): Omit<C, 'authentication'> | C {
  const { authentication: wanted, ...rest } = change;
  if (wanted?.type !== 'sas' || wanted.symmetricKey || authentication.type !== 'sas') return change;
  return rest;
}

/** Removes the keys. */
export function withoutKeys<T extends Identity>(identity: WithKeys<T>): T {
  const { type, x509Thumbprint } = identity.authentication ?? { type: 'none' };
  const hasThumbprint = type === 'selfSigned' && x509Thumbprint;
  return {
    ...identity,
    authentication: { type, ...(hasThumbprint ? { x509Thumbprint } : {}) },
  } as unknown as T;
}

/** Throws AZURE_REJECTED for an identity without SAS authentication. */
export function keysOf(
  identity: { readonly authentication: WithKeys<Identity>['authentication'] },
  what: string,
): SymmetricKeys {
  const { type, symmetricKey } = identity.authentication;
  if (type !== 'sas' || !symmetricKey?.primaryKey || !symmetricKey.secondaryKey) {
    throw new ConnectorError('AZURE_REJECTED', `${what} has no keys: its authentication type is ${type}.`);
  }
  return { primaryKey: symmetricKey.primaryKey, secondaryKey: symmetricKey.secondaryKey };
}

/** The keys with one of them replaced by a random one. */
export function withNewKey(keys: SymmetricKeys, which: 'primary' | 'secondary'): SymmetricKeys {
  const key = randomBytes(32).toString('base64');
  return which === 'primary' ? { ...keys, primaryKey: key } : { ...keys, secondaryKey: key };
}
