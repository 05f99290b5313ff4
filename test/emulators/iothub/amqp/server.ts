/** The hub's AMQP 1.0 side on sockets that somebody else accepts: IoT Hub's nodes and the Event Hubs endpoint. */
import type { Duplex } from 'node:stream';
import type { HubAuthorizer } from '../authorizer.ts';
import type { Faults } from '../faults.ts';
import type { ClientCertificate } from '../hub.ts';
import type { Policies } from '../policies.ts';
import type { Address } from './addresses.ts';
import { AmqpConnection, type AmqpNode } from './connection.ts';

export interface AmqpParts {
  hubName: string;
  /** Name of the Event Hubs entity behind the hub. */
  eventHubName: string;
  authorizer: HubAuthorizer;
  policies: Policies;
  faults: Faults;
  nodes: Partial<Record<Address['node'], AmqpNode>>;
}

const RIGHTS_CHECK_MS = 500;

export class AmqpServer {
  readonly #parts: AmqpParts;
  readonly #connections = new Set<AmqpConnection>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: AmqpParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.checkRights(), RIGHTS_CHECK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const connection of [...this.#connections]) connection.cut();
  }

  accept(stream: Duplex, certificate: ClientCertificate | undefined): void {
    this.#accept(stream, certificate).catch(() => stream.destroy());
  }

  /** Ends the tokens of all connections now. */
  expireTokens(): void {
    for (const connection of this.#connections) connection.claims.expireNow();
    this.checkRights();
  }

  checkRights(): void {
    for (const connection of [...this.#connections]) connection.checkRights();
  }

  /** Detaches all links whose address contains the text; returns how many. */
  detach(part: string, condition: string, description: string): number {
    let count = 0;
    for (const connection of [...this.#connections]) count += connection.detach(part, condition, description);
    return count;
  }

  async #accept(stream: Duplex, certificate: ClientCertificate | undefined): Promise<void> {
    if (this.#parts.faults.delayOf('amqp') > 0) {
      stream.pause();
      await this.#parts.faults.delayFor('amqp');
    }
    if (stream.destroyed) return;
    const connection = new AmqpConnection(this.#parts, stream, certificate);
    this.#connections.add(connection);
    connection.whenClosed(() => this.#connections.delete(connection));
    connection.start();
  }
}
