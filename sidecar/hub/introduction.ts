import { isIPv6 } from 'node:net';
import { type ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import type { ThingworxClient } from '../thingworx/client.ts';

/** Where the sidecar listens, and how callers reach it. */
interface Reach {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Names of the host beside `host`. */
  readonly hostNames: readonly string[];
  /** Addresses that take the place of all others when there are any. */
  readonly publicUrls: readonly string[];
}

const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];
const WILDCARDS = ['0.0.0.0', '::'];

/**
 * The addresses by which callers may reach the sidecar, in the form in which the service RegisterSidecar compares them. The names of its own come
 * before those of loopback, which each machine has: a group knows its sidecars by the first address that sidecarUrl names.
 */
export function sidecarAddresses({ host, port, tls, hostNames, publicUrls }: Reach): string[] {
  if (publicUrls.length > 0) return publicUrls.flatMap(addressOf);
  const isLocal = LOOPBACK.includes(host) || WILDCARDS.includes(host) || host.startsWith('127.');
  const names = [...(WILDCARDS.includes(host) ? [] : [host]), ...hostNames, ...(isLocal ? LOOPBACK : [])];
  const scheme = tls ? 'https' : 'http';
  return [...new Set(names)].flatMap((name) =>
    addressOf(`${scheme}://${isIPv6(name) ? `[${name}]` : name}:${port}`),
  );
}

/** Empty for a host name that cannot stand in an address. */
function addressOf(text: string): string[] {
  const url = URL.parse(text);
  return url ? [`${url.origin}${url.pathname.replace(/\/+$/, '')}`] : [];
}

/**
 * Tells a Thing the addresses of this sidecar through the REST interface of ThingWorx. The application key proves that they are those of the
 * sidecar: a Thing sends the token and secrets to no other address.
 */
export class Introduction {
  readonly #client: ThingworxClient;
  readonly #log: Log;
  readonly #addresses: () => readonly string[];

  constructor(client: ThingworxClient, log: Log, addresses: () => readonly string[]) {
    this.#client = client;
    this.#log = log;
    this.#addresses = addresses;
  }

  /** Says whether sidecarUrl of the Thing is an address of this sidecar. */
  async introduce(thing: string, signal?: AbortSignal): Promise<boolean> {
    const parameters = { addresses: { array: this.#addresses() } };
    const answer = await this.#client.invoke(thing, 'RegisterSidecar', parameters, {
      ...(signal ? { signal } : {}),
    });
    const { rows } = (answer ?? {}) as { rows?: { result?: unknown }[] };
    return rows?.[0]?.result === true;
  }

  /**
   * For a request that needs no authentication: the result is the same whether or not the Thing exists. An outage of ThingWorx is reported, because
   * it does not depend on the name.
   */
  async introduceOnRequest(thing: string): Promise<void> {
    try {
      if (await this.introduce(thing))
        this.#log.info({ thing }, 'Introduced itself to a Thing that asked for it.');
      else
        this.#log.warn(
          { thing, addresses: this.#addresses() },
          'A Thing asked for an introduction, but its sidecarUrl is no address of this sidecar. Correct sidecarUrl, or set SIDECAR_PUBLIC_URL.',
        );
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (!OF_THE_THING.has(error.code)) throw error;
      this.#log.warn({ thing, err: error }, 'A Thing asked for an introduction, and ThingWorx refused it.');
    }
  }
}

const OF_THE_THING: ReadonlySet<ConnectorError['code']> = new Set([
  'THINGWORX_NOT_FOUND',
  'THINGWORX_FORBIDDEN',
  'THINGWORX_REJECTED',
]);
