import type { SecretName } from '../contract/hub-settings.ts';
import type { HubStatus } from '../contract/status.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import type { OfferedSettings } from '../lib/accepted-settings.ts';
import type { Readiness } from '../observe/health.ts';
import type {
  HandedSecrets,
  OneTimeSecretToken,
  OneTimeSecretTokens,
} from '../secrets/one-time-secret-tokens.ts';
import { type Hub, HubConnection, type HubParts } from './connection.ts';
import type { ThingFinder } from './finder.ts';

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
   * effect without restart; those marked `reopensConsumer` reopen the consumer. A refused setting keeps its last accepted value; the last
   * secret, or the call without secrets, rejects with the reason.
   */
  async connect(
    thing: string,
    offered: Pick<OfferedSettings, 'settings' | 'refused'>,
    secretNames: readonly SecretName[],
  ): Promise<{ status: HubStatus; tickets: readonly OneTimeSecretToken[] }> {
    if (this.#stopping) throw new ConnectorError('STOPPING', 'The sidecar is stopping.');
    let connection = this.#connections.get(thing);
    if (!connection) {
      connection = new HubConnection(thing, this.#parts);
      this.#connections.set(thing, connection);
    }
    const current = connection;
    const apply = ({ secrets, references, refused }: HandedSecrets) =>
      current.apply({
        settings: offered.settings,
        secrets,
        references,
        refused: new Map([...offered.refused, ...refused]),
      });
    if (secretNames.length === 0) await apply({ secrets: {}, references: {}, refused: new Map() });
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

  /** Whether the settings of the hub Thing have arrived, be they accepted or not. */
  hasOffer(thing: string): boolean {
    return this.#connections.get(thing)?.hasOffer ?? false;
  }

  statuses(): HubStatus[] {
    return [...this.#connections.values()].map((connection) => connection.status());
  }

  /** Ready if ThingWorx has answered and every hub Thing that has called Connect is connected. */
  readiness(finder: ThingFinder): Omit<Readiness, 'warnings'> {
    const reasons = finder.found ? [] : [finder.lastError?.message ?? 'ThingWorx has not answered yet.'];
    for (const { thing, state, reason } of this.statuses()) {
      if (state !== 'running' && state !== 'stopped')
        reasons.push(`${thing} is ${state}${reason ? `: ${reason}` : ''}`);
    }
    return { ready: reasons.length === 0, reasons };
  }

  /** The hub Things with settings that are refused. */
  refusals(): { readonly thing: string; readonly settings: readonly string[]; readonly message: string }[] {
    return [...this.#connections.values()].flatMap(({ thing, refusal }) =>
      refusal ? [{ thing, settings: refusal.settings, message: refusal.message }] : [],
    );
  }

  /** The hosts of Azure that the hubs use, as origins. */
  origins(): string[] {
    return [...this.#connections.values()].flatMap((connection) => connection.origins);
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
