import type { BlobServiceClient } from '@azure/storage-blob';
import { ConnectorError } from '../errors/connector-error.ts';
import { blobName, containerName } from './paths.ts';
import type { FileLocation } from './types.ts';

/** The location of a blob of the account, by its URL and its name. Both must name the same blob; nothing is corrected. */
export function locateBlob(service: BlobServiceClient, address: string, name: string): FileLocation {
  const own = new URL(service.url);
  const base = own.pathname.endsWith('/') ? own.pathname : `${own.pathname}/`;
  const given = URL.canParse(address) ? new URL(address) : undefined;
  if (!given || !isOfAccount(given, own, base)) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `The file is at ${given?.host ?? 'no valid address'}, which is not the storage account ${own.host}.`,
    );
  }
  const [container = '', ...rest] = given.pathname.slice(base.length).split('/');
  const isSame = decoded(rest.join('/')) === name || address.endsWith(`/${container}/${name}`);
  if (!isSame) {
    throw new ConnectorError(
      'PATH_INVALID',
      `The address of the file names another blob than ${JSON.stringify(name.slice(0, 120))}.`,
    );
  }
  // blobName() drops one leading slash; a slash at the start of the name is part of it.
  return { container: containerName(container), path: `/${blobName(`/${name}`)}` };
}

/** Accepts the host name of the private endpoint as well. */
function isOfAccount(given: URL, own: URL, base: string): boolean {
  if (given.host === own.host) return given.pathname.startsWith(base);
  const account = accountOf(own.hostname);
  return base === '/' && account !== undefined && accountOf(given.hostname) === account;
}

function accountOf(hostName: string): string | undefined {
  return /^([a-z0-9]{3,24})\.(privatelink\.)?blob\./.exec(hostName)?.[1];
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
