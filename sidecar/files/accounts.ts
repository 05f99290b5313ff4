import { performance } from 'node:perf_hooks';
import type { BlobServiceClient } from '@azure/storage-blob';
import { openStorage, storageCode } from '../azure/storage.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { AcceptedSettings, type OfferedSettings } from '../lib/accepted-settings.ts';
import { KeyedMutex } from '../lib/keyed-mutex.ts';
import type { Log } from '../observe/log.ts';
import {
  type HandedSecrets,
  type OneTimeSecretToken,
  type OneTimeSecretTokens,
  resolveSecret,
} from '../secrets/one-time-secret-tokens.ts';
import { locateBlob } from './blob-address.ts';
import { ContainerFiles, type Shared } from './container-files.ts';
import { moveOnce } from './idempotent-move.ts';
import { LinkMaker } from './links.ts';
import { containerName } from './paths.ts';
import { ResumableUploads } from './resumable-upload.ts';
import { attempt } from './storage-calls.ts';
import type { ContainerEntry, FileLocation, IdempotentMove } from './types.ts';

const SECRET = 'storageConnectionString';
const ENDPOINT = 'blobEndpoint';
/** Enough for a block of some megabytes over a slow connection. */
const TRY_TIMEOUT_MS = 60_000;
/** The longest list of containers; ThingWorx cannot use a longer one. */
const MAX_CONTAINERS = 5_000;

interface StorageAccountsOptions {
  readonly secretTokens: OneTimeSecretTokens;
  readonly stateDirectory: string;
  readonly log: Log;
}

/** A storage Thing: its settings in use, and the account that they name. */
interface StorageThing {
  readonly accepted: AcceptedSettings;
  access?: string;
  account?: StorageAccount;
}

/** The storage accounts by storage Thing. */
export class StorageAccounts {
  readonly #options: StorageAccountsOptions;
  readonly #things = new Map<string, StorageThing>();

  constructor(options: StorageAccountsOptions) {
    this.#options = options;
  }

  /**
   * Takes the settings of a storage Thing. With `secret` its connection string follows by one-time secret token, and the account is connected
   * when it has arrived. Opens no connection. A refused setting keeps its last accepted value; then it rejects with the reason.
   * @throws ConnectorError SETTING_MISSING without any access, CONNECTION_STRING_INVALID, and what `refused` holds
   */
  async connect(
    thing: string,
    settings: { readonly blobEndpoint?: string | undefined },
    secret: boolean,
    refused: ReadonlyMap<string, ConnectorError> = new Map(),
  ): Promise<readonly OneTimeSecretToken[]> {
    const { secretTokens } = this.#options;
    const use = (handed: HandedSecrets) =>
      this.#use(thing, {
        settings: settings.blobEndpoint === undefined ? {} : { blobEndpoint: settings.blobEndpoint },
        secrets: handed.secrets,
        references: handed.references,
        refused: new Map([...refused, ...handed.refused]),
      });
    if (secret) return secretTokens.issue(thing, [SECRET], use);
    await use({ secrets: {}, references: {}, refused: new Map() });
    return [];
  }

  async #use(thing: string, offered: OfferedSettings): Promise<void> {
    const { stateDirectory, log } = this.#options;
    const known = this.#things.get(thing) ?? {
      accepted: new AcceptedSettings({
        thing,
        stateDirectory,
        log,
        check: (values) => checkAccess(thing, values),
        resolve: resolveSecret,
      }),
    };
    this.#things.set(thing, known);
    const before = known.accepted.refusal;
    const { values, refusal } = await known.accepted.accept(offered);
    if (refusal && refusal.message !== before?.message)
      log.warn({ storage: thing, code: refusal.code, ...refusal.details }, refusal.message);
    if (!refusal && before) log.info({ storage: thing }, 'The settings are in order again.');
    const access = values && accessOf(values);
    // Files that are being uploaded go on in the account that they began in.
    if (access !== undefined && access !== known.access) {
      known.account = await StorageAccount.open(thing, access);
      known.access = access;
    }
    if (refusal) throw refusal;
  }

  /** Idempotent; an unknown Thing is no error. */
  async disconnect(thing: string): Promise<void> {
    this.#things.delete(thing);
  }

  /** Whether the settings of the storage Thing have arrived, be they accepted or not. */
  hasOffer(thing: string): boolean {
    return this.#things.has(thing);
  }

  /** The storage Things with settings that are refused. */
  refusals(): { readonly thing: string; readonly settings: readonly string[]; readonly message: string }[] {
    return [...this.#things].flatMap(
      ([
        thing,
        {
          accepted: { refused, refusal },
        },
      ]) =>
        refusal
          ? [
              {
                thing,
                settings: refused.map(({ setting }) => setting),
                message: `${thing}: ${refusal.message}`,
              },
            ]
          : [],
    );
  }

  /** The storage Things that are connected, by name. */
  things(): string[] {
    return [...this.#things].flatMap(([thing, { account }]) => (account ? [thing] : [])).sort();
  }

  /** @throws ConnectorError STORAGE_NOT_CONNECTED */
  require(thing: string): StorageAccount {
    const account = this.#things.get(thing)?.account;
    if (account) return account;
    throw new ConnectorError(
      'STORAGE_NOT_CONNECTED',
      `The storage Thing ${thing} is not connected to this sidecar; call its ConnectStorage service.`,
    );
  }
}

/** One storage account. Its client holds no permanent connection. */
export class StorageAccount {
  readonly thing: string;
  readonly #service: BlobServiceClient;
  readonly #signIn: 'key' | 'sas' | 'entra';
  readonly #shared: Shared;

  constructor(thing: string, service: BlobServiceClient, signIn: 'key' | 'sas' | 'entra') {
    this.thing = thing;
    this.#service = service;
    this.#signIn = signIn;
    this.#shared = {
      links: new LinkMaker(service, signIn),
      uploads: new ResumableUploads(),
      mutex: new KeyedMutex(),
    };
  }

  /**
   * `access`: a connection string, an address with a SAS, or the bare address of the account for Microsoft Entra ID.
   * @throws ConnectorError CONNECTION_STRING_INVALID
   */
  static async open(thing: string, access: string): Promise<StorageAccount> {
    const service = await openStorage(access, { setting: SECRET, tryTimeoutMs: TRY_TIMEOUT_MS });
    return new StorageAccount(thing, service, signInOf(access));
  }

  /** @throws ConnectorError PATH_INVALID for a name that no container can have */
  container(name: string): ContainerFiles {
    return new ContainerFiles(this.#service.getContainerClient(containerName(name)), this.#shared);
  }

  listContainers(prefix: string, signal: AbortSignal): Promise<ContainerEntry[]> {
    return this.#attempt('Listing the containers', async () => {
      const found: ContainerEntry[] = [];
      const options = { abortSignal: signal, ...(prefix === '' ? {} : { prefix }) };
      for await (const item of this.#service.listContainers(options)) {
        if (found.length === MAX_CONTAINERS) {
          throw new ConnectorError(
            'FILES_TOO_MANY',
            `The account has more than ${MAX_CONTAINERS} containers; use a prefix.`,
          );
        }
        found.push({ name: item.name, lastModified: item.properties.lastModified.toISOString() });
      }
      return found;
    });
  }

  /** @returns false if it existed already */
  createContainer(name: string, signal: AbortSignal): Promise<boolean> {
    const client = this.#service.getContainerClient(containerName(name));
    return this.#attempt(`Creating the container ${name}`, async () => {
      try {
        const { succeeded } = await client.createIfNotExists({ abortSignal: signal });
        return succeeded;
      } catch (thrown) {
        if (storageCode(thrown) !== 'ContainerBeingDeleted') throw thrown;
        throw new ConnectorError(
          'AZURE_CONFLICT',
          `Creating the container ${name}: Azure is still deleting a container of that name, which takes 30 seconds or longer; try again later.`,
        );
      }
    });
  }

  /** @returns false if it did not exist */
  deleteContainer(name: string, signal: AbortSignal): Promise<boolean> {
    const client = this.#service.getContainerClient(containerName(name));
    return this.#attempt(`Deleting the container ${name}`, async () => {
      try {
        const { succeeded } = await client.deleteIfExists({ abortSignal: signal });
        return succeeded;
      } catch (thrown) {
        if (storageCode(thrown) === 'ContainerBeingDeleted') return false;
        throw thrown;
      }
    });
  }

  /** Sends one harmless request to the account. */
  async check(signal: AbortSignal) {
    const started = performance.now();
    await this.#attempt('Checking the storage account', async () => {
      const pages = this.#service.listContainers({ abortSignal: signal }).byPage({ maxPageSize: 1 });
      await pages.next();
    });
    return {
      account: this.#service.accountName,
      signIn: this.#signIn,
      milliseconds: Math.round(performance.now() - started),
    };
  }

  /**
   * The location of a blob, by its address without any signature and by its name. Both must name the same blob.
   * @throws ConnectorError PATH_INVALID if they do not, SETTING_INVALID for the address of another account
   */
  locate(address: string, name: string): FileLocation {
    return locateBlob(this.#service, address, name);
  }

  /**
   * Moves a file, also into another container. A file that was moved before is no error.
   * @returns its new location
   * @throws ConnectorError FILE_NOT_FOUND, FILE_REPLACED by a later one, FILE_EXISTS if the fallback path is taken as well,
   * CONTAINER_NOT_FOUND with `target: true` in its details for the target container, FILES_UNFINISHED
   */
  moveOnce(move: IdempotentMove, signal: AbortSignal): Promise<FileLocation> {
    return moveOnce(this.#service, move, signal);
  }

  #attempt<T>(action: string, call: () => Promise<T>): Promise<T> {
    return attempt(action, new URL(this.#service.url).host, call);
  }
}

function accessOf(values: Readonly<Record<string, unknown>>): string {
  return String(values[SECRET] ?? values[ENDPOINT] ?? '');
}

/** The reason for each setting of a storage Thing that cannot be used. */
async function checkAccess(
  thing: string,
  values: Readonly<Record<string, unknown>>,
): Promise<ReadonlyMap<string, ConnectorError>> {
  const access = accessOf(values);
  if (access === '') {
    const error = new ConnectorError(
      'SETTING_MISSING',
      `Neither storageConnectionString nor blobEndpoint of ${thing} is set: enter the connection string of the storage account, or its address to sign in with Microsoft Entra ID.`,
    );
    return new Map([[SECRET, error]]);
  }
  const setting = values[SECRET] ? SECRET : ENDPOINT;
  try {
    await openStorage(access, { setting });
    return new Map();
  } catch (thrown) {
    return new Map([[setting, toConnectorError(thrown)]]);
  }
}

function signInOf(access: string): 'key' | 'sas' | 'entra' {
  const text = access.trim();
  if (/^https?:\/\//i.test(text)) return new URL(text).searchParams.has('sig') ? 'sas' : 'entra';
  return /SharedAccessSignature=/i.test(text) ? 'sas' : 'key';
}
