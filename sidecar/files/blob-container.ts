import type { BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import { blobName } from './paths.ts';
import { attempt } from './storage-calls.ts';
import type { Conditions } from './types.ts';

/** A container of Azure Blob Storage. The errors of its calls name the action that failed. */
export class BlobContainer {
  readonly client: ContainerClient;
  readonly host: string;

  constructor(client: ContainerClient) {
    this.client = client;
    this.host = new URL(client.url).host;
  }

  /** The blob that a path means. @throws ConnectorError PATH_INVALID */
  blob(path: string): BlockBlobClient {
    return this.client.getBlockBlobClient(blobName(path));
  }

  attempt<T>(action: string, call: () => Promise<T>): Promise<T> {
    return attempt(action, this.host, call);
  }
}

/** Conditions as the SDK takes them. */
export function conditionsOf({ ifMatch, ifNoneMatch }: Conditions): {
  ifMatch?: string;
  ifNoneMatch?: string;
} {
  return {
    ...(ifMatch === undefined || ifMatch === '' ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined || ifNoneMatch === '' ? {} : { ifNoneMatch }),
  };
}
