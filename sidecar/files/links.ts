import type { BlobClient, BlobServiceClient, UserDelegationKey } from '@azure/storage-blob';
import { ConnectorError } from '../errors/connector-error.ts';
import { baseOf } from './paths.ts';
import { attempt } from './storage-calls.ts';
import type { Link } from './types.ts';

/** r: read one blob. c: create it, never change one that is there. w: create or overwrite it. */
export type Right = 'r' | 'c' | 'w';

/** The oldest version with all required features, so that older storage services accept it. */
const SAS_VERSION = '2021-12-02';
/** Tolerance for different clocks: a link must work at once. */
const CLOCK_DIFFERENCE_MS = 5 * 60_000;
/** A user delegation key serves many links. Azure allows 7 days at most. */
const KEY_LIFE_MS = 48 * 3600_000;
/** Characters of the file name that a browser suggests. */
const MAX_SHOWN = 80;

/** Creates SAS links for one blob and one permission, signed with the account key or with a user delegation key. */
export class LinkMaker {
  readonly #service: BlobServiceClient;
  readonly #signIn: 'key' | 'sas' | 'entra';
  #key: { readonly value: UserDelegationKey; readonly untilMs: number } | undefined;

  constructor(service: BlobServiceClient, signIn: 'key' | 'sas' | 'entra') {
    this.#service = service;
    this.#signIn = signIn;
  }

  /** @throws ConnectorError LINK_NOT_POSSIBLE, AZURE_UNAUTHORIZED without the permission for user delegation keys */
  async make(blob: BlobClient, right: Right, minutes: number, signal: AbortSignal): Promise<Link> {
    if (this.#signIn === 'sas') {
      throw new ConnectorError(
        'LINK_NOT_POSSIBLE',
        'This account is connected by a SAS address, which cannot sign links.',
      );
    }
    const { BlobSASPermissions, SASProtocol, generateBlobSASQueryParameters } = await import(
      '@azure/storage-blob'
    );
    const expiresOn = new Date(Math.ceil(Date.now() / 1000) * 1000 + minutes * 60_000);
    const values = {
      permissions: BlobSASPermissions.parse(right),
      startsOn: new Date(Date.now() - CLOCK_DIFFERENCE_MS),
      expiresOn,
      version: SAS_VERSION,
      protocol: blob.url.startsWith('https:') ? SASProtocol.Https : SASProtocol.HttpsAndHttp,
      // A browser saves the file instead of displaying content of unknown origin.
      ...(right === 'r' ? { contentDisposition: attachment(shortName(baseOf(blob.name))) } : {}),
    };
    if (this.#signIn === 'key') {
      return { url: await blob.generateSasUrl(values), expiresAt: expiresOn.toISOString() };
    }
    const key = await this.#delegationKey(expiresOn.getTime(), signal);
    const query = generateBlobSASQueryParameters(
      { ...values, containerName: blob.containerName, blobName: blob.name },
      key,
      blob.accountName,
    );
    return { url: `${blob.url}?${query.toString()}`, expiresAt: expiresOn.toISOString() };
  }

  async #delegationKey(neededUntilMs: number, signal: AbortSignal): Promise<UserDelegationKey> {
    if (this.#key && this.#key.untilMs >= neededUntilMs) return this.#key.value;
    const untilMs = Date.now() + KEY_LIFE_MS;
    const value = await attempt(
      'Requesting a user delegation key for links (requires the role Storage Blob Delegator)',
      new URL(this.#service.url).host,
      () =>
        this.#service.getUserDelegationKey(new Date(Date.now() - CLOCK_DIFFERENCE_MS), new Date(untilMs), {
          abortSignal: signal,
        }),
    );
    this.#key = { value, untilMs };
    return value;
  }
}

/** The URL contains the name twice more, escaped twice. A long name would make it too long for servers and browsers. */
function shortName(name: string): string {
  const characters = [...name];
  if (characters.length <= MAX_SHOWN) return name;
  const dot = characters.lastIndexOf('.');
  const ending = dot > 0 && characters.length - dot <= 10 ? characters.slice(dot) : [];
  return [...characters.slice(0, MAX_SHOWN - ending.length), ...ending].join('');
}

/** `attachment` with the name in both forms of RFC 6266. */
export function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%;]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
