import type { StorageAccounts } from '../files/accounts.ts';
import type { HubDirectory } from '../hub/directory.ts';
import type { History } from '../hub/history.ts';
import type { OneTimeSecretTokens } from '../secrets/one-time-secret-tokens.ts';
import type { ThingworxClient } from '../thingworx/client.ts';

/** What an operation is given to work with; main passes it to the HTTP app. */
export interface OperationContext {
  readonly hubs: Pick<HubDirectory, 'connect' | 'disconnect' | 'status' | 'statuses' | 'require'>;
  /** The figures of the last hour. */
  readonly history: Pick<History, 'samples'>;
  readonly storages: StorageAccounts;
  readonly secretTokens: Pick<OneTimeSecretTokens, 'redeem' | 'require'>;
  readonly thingworx: ThingworxClient;
  readonly sidecar: SidecarFacts;
  /** Aborted when the caller has gone or the sidecar stops. */
  readonly signal: AbortSignal;
}

export interface SidecarFacts {
  readonly version: string;
  readonly startedAt: Date;
}
