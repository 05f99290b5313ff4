/** Clients of the storage account behind the hub, with an own certificate authority where the account has one. */
import {
  AnonymousCredential,
  BlobServiceClient,
  ContainerClient,
  newPipeline,
  type StoragePipelineOptions,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';

export interface StorageAccount {
  connectionString: string;
  /** PEM text of the authority that signed the account's certificate. */
  ca?: string;
}

export interface AccountParts {
  accountName: string;
  accountKey: string;
  blobEndpoint: string;
}

/** Throws when a part is missing. */
export function readConnectionString(connectionString: string): AccountParts {
  const fields = new Map<string, string>();
  for (const part of connectionString.split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0) fields.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  const accountName = fields.get('accountname');
  const accountKey = fields.get('accountkey');
  if (!accountName || !accountKey)
    throw new Error('The storage connection string has no AccountName or AccountKey');
  const scheme = fields.get('defaultendpointsprotocol') ?? 'https';
  const suffix = fields.get('endpointsuffix') ?? 'core.windows.net';
  const blobEndpoint = fields.get('blobendpoint') ?? `${scheme}://${accountName}.blob.${suffix}`;
  return { accountName, accountKey, blobEndpoint: blobEndpoint.replace(/\/+$/, '') };
}

export function openAccount(account: StorageAccount): {
  service: BlobServiceClient;
  credential: StorageSharedKeyCredential;
  parts: AccountParts;
} {
  const parts = readConnectionString(account.connectionString);
  const credential = new StorageSharedKeyCredential(parts.accountName, parts.accountKey);
  const pipeline = newPipeline(credential, pipelineOptions(account.ca));
  return { service: new BlobServiceClient(parts.blobEndpoint, pipeline), credential, parts };
}

/** A container named by an address that carries its own SAS token. */
export function openContainer(uri: string, ca?: string): ContainerClient {
  return new ContainerClient(uri, newPipeline(new AnonymousCredential(), pipelineOptions(ca)));
}

function pipelineOptions(ca: string | undefined): StoragePipelineOptions {
  const retryOptions = { maxTries: 3, retryDelayInMs: 100, maxRetryDelayInMs: 1000 };
  // The options are handed on to the SDK's core, which knows tlsOptions; the storage package's types do not list it.
  const options = ca === undefined ? { retryOptions } : { retryOptions, tlsOptions: { ca } };
  return options;
}
