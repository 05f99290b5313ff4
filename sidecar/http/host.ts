import { ConnectorError } from '../errors/connector-error.ts';

const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];

/**
 * Refuses requests whose Host header names another host, so that a web page cannot reach the sidecar through a name of
 * its own that it lets resolve to 127.0.0.1. Ports are not compared: a proxy or container may map them.
 */
export class HostCheck {
  readonly #names: ReadonlySet<string>;

  constructor(names: readonly string[] = []) {
    this.#names = new Set([...LOOPBACK, ...names].map((name) => name.toLowerCase()));
  }

  /** @throws ConnectorError HOST_REFUSED */
  check(header: string | undefined): void {
    const name = hostName(header ?? '');
    if (name !== undefined && this.#names.has(name)) return;
    throw new ConnectorError(
      'HOST_REFUSED',
      `The Host header must be one of ${[...this.#names].join(', ')}.`,
    );
  }
}

function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+))(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
