import type { BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import { attempt } from './failure.ts';
import { blobName } from './paths.ts';
import type { Conditions } from './types.ts';

/** A container, and calls to it whose failures say what was being done. */
export class Place {
  readonly container: ContainerClient;
  readonly host: string;

  constructor(container: ContainerClient) {
    this.container = container;
    this.host = new URL(container.url).host;
  }

  /** The blob that a path means. @throws ConnectorError PATH_INVALID */
  blob(path: string): BlockBlobClient {
    return this.container.getBlockBlobClient(blobName(path));
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
