import { randomBytes } from 'node:crypto';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { StorageAccounts } from '../../sidecar/files/accounts.ts';
import type { ContainerFiles } from '../../sidecar/files/container-files.ts';
import type { AppOptions } from '../../sidecar/http/app.ts';
import { OneTimeSecretTokens } from '../../sidecar/secrets/one-time-secret-tokens.ts';
import { type Azurite, type AzuriteOptions, startAzurite } from '../emulators/azurite.ts';
import { MemoryHubs } from '../http/fixture.ts';

/** The name of the storage Thing in tests without ThingWorx. */
export const STORAGE = 'Plant.Storage';

export interface Account {
  readonly azurite: Azurite;
  /** Microsoft's client, to see what really lies there. */
  readonly service: BlobServiceClient;
  readonly storages: StorageAccounts;
  readonly secretTokens: OneTimeSecretTokens;
  readonly appOptions: Partial<AppOptions>;
  stop(): Promise<void>;
}

/** Azurite, and the sidecar's storage accounts without any. */
export async function startAccount(options: AzuriteOptions = {}): Promise<Account> {
  const azurite = await startAzurite(options);
  const secretTokens = new OneTimeSecretTokens();
  const storages = new StorageAccounts(secretTokens);
  return {
    azurite,
    service: BlobServiceClient.fromConnectionString(azurite.connectionString),
    storages,
    secretTokens,
    stop: () => azurite.stop(),
    appOptions: {
      context: {
        hubs: new MemoryHubs(),
        history: { samples: [] },
        storages,
        secretTokens,
        thingworx: {} as never,
        sidecar: { version: '0.1.0', startedAt: new Date() },
      },
    },
  };
}

/** Connects STORAGE to the account, as the services of its Thing do. */
export async function connect({ azurite, storages, secretTokens }: Account): Promise<void> {
  const [issued] = await storages.connect(STORAGE, {}, true);
  await secretTokens.redeem(issued?.ticket ?? '', azurite.connectionString);
}

/** A container with a name of its own. */
export async function newContainer(
  account: Account,
): Promise<{ name: string; files: ContainerFiles; raw: ContainerClient }> {
  await connect(account);
  const name = `c${randomBytes(8).toString('hex')}`;
  const raw = account.service.getContainerClient(name);
  await raw.create();
  return { name, files: account.storages.require(STORAGE).container(name), raw };
}

export const NEVER = new AbortController().signal;
