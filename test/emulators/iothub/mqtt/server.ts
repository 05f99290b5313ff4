/**
 * IoT Hub's MQTT 3.1.1 interface on sockets that somebody else accepts. A small server of its own rather than a broker:
 * the $iothub topics are the same for every device, and a cloud-to-device message is complete when its very PUBACK comes.
 */
import type { Duplex } from 'node:stream';
import type { Commands } from '../commands.ts';
import type { Faults } from '../faults.ts';
import type { Authorizer, ClientCertificate, DeviceTwins } from '../hub.ts';
import type { Identities } from '../identities.ts';
import type { Quotas } from '../quotas.ts';
import type { Sessions } from '../sessions.ts';
import type { Telemetry } from '../telemetry.ts';
import { MqttConnection } from './connection.ts';
import type { Subscription } from './topics.ts';

export interface MqttParts {
  authorizer: Authorizer;
  identities: Identities;
  sessions: Sessions;
  commands: Commands;
  twins: DeviceTwins;
  telemetry: Telemetry;
  faults: Faults;
  quotas: Quotas;
  /** Names under which clients may address the hub, in lower case. */
  hostNames: ReadonlySet<string>;
}

/** What outlives a connection with "clean session" 0: subscriptions and the quality of service granted for each. */
export type KeptSubscriptions = Map<Subscription, number>;

export class MqttServer {
  readonly #parts: MqttParts;
  readonly #connections = new Set<MqttConnection>();
  /** By client id. */
  readonly #kept = new Map<string, KeptSubscriptions>();

  constructor(parts: MqttParts) {
    this.#parts = parts;
    parts.commands.on('available', (deviceId) => {
      const session = parts.sessions.get(deviceId);
      if (session instanceof MqttConnection) session.deliverCommands();
    });
  }

  accept(socket: Duplex, certificate: ClientCertificate | undefined): void {
    const connection = new MqttConnection(this.#parts, socket, certificate, this.#kept);
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    connection.start();
  }

  /** Cuts connections; all of them, or those of one device. */
  cut(deviceId?: string): number {
    let count = 0;
    for (const connection of [...this.#connections]) {
      if (deviceId !== undefined && connection.deviceId !== deviceId) continue;
      connection.close('fault');
      count += 1;
    }
    return count;
  }

  stop(): void {
    for (const connection of [...this.#connections]) connection.close('stop');
  }
}
