import type { NonSecretHubSettings, SecretName } from '../contract/hub-settings.ts';
import type { HubStatus } from '../contract/status.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import type { OneTimeSecretToken, OneTimeSecretTokens, Secrets } from '../secrets/one-time-secret-tokens.ts';
import { type Hub, HubConnection, type HubParts } from './connection.ts';

/** The hub Things that asked to be connected, and their connections. */
export class HubDirectory {
  readonly #parts: HubParts;
  readonly #secretTokens: OneTimeSecretTokens;
  readonly #connections = new Map<string, HubConnection>();
  #stopping = false;

  constructor(parts: HubParts, secretTokens: OneTimeSecretTokens) {
    this.#parts = parts;
    this.#secretTokens = secretTokens;
  }

  /**
   * Takes the settings of a hub Thing. `secretNames` are the secrets that will be handed over by one-time secret token. The hub connects
   * when the last secret has arrived, or at once when there are none. Equal settings and secrets change nothing. A changed setting takes
   * effect without restart; those marked `reopensConsumer` reopen the consumer.
   */
  async connect(
    thing: string,
    settings: NonSecretHubSettings,
    secretNames: readonly SecretName[],
  ): Promise<{ status: HubStatus; tickets: readonly OneTimeSecretToken[] }> {
    if (this.#stopping) throw new ConnectorError('STOPPING', 'The sidecar is stopping.');
    let connection = this.#connections.get(thing);
    if (!connection) {
      connection = new HubConnection(thing, this.#parts);
      this.#connections.set(thing, connection);
    }
    const current = connection;
    const apply = (secrets: Secrets) => current.apply({ ...settings, ...secrets });
    if (secretNames.length === 0) await apply({});
    const tickets = this.#secretTokens.issue(thing, secretNames, apply);
    return { status: current.status(), tickets };
  }

  /** Stops the hub gracefully and forgets its settings. An unknown hub is not an error. */
  async disconnect(thing: string): Promise<void> {
    const connection = this.#connections.get(thing);
    this.#connections.delete(thing);
    await connection?.stop();
  }

  /** Throws HUB_NOT_CONNECTED for a hub that never asked to be connected. */
  status(thing: string): HubStatus {
    return this.#find(thing).status();
  }

  /** Throws HUB_NOT_CONNECTED, also while the hub has no settings. */
  require(thing: string): Hub {
    const connection = this.#find(thing);
    // Throws while the hub has no settings.
    void connection.settings;
    return connection;
  }

  statuses(): HubStatus[] {
    return [...this.#connections.values()].map((connection) => connection.status());
  }

  /** Stops all hubs gracefully, side by side. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#connections.values()].map((connection) => connection.stop()));
  }

  #find(thing: string): HubConnection {
    const connection = this.#connections.get(thing);
    if (connection) return connection;
    throw new ConnectorError(
      'HUB_NOT_CONNECTED',
      `The hub Thing ${thing} has not asked this sidecar to connect it; call its Connect service.`,
    );
  }
}
