import { setTimeout as sleep } from 'node:timers/promises';
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
import { HUB_THINGS, listThings, type ThingFinder } from './finder.ts';

/** A Thing that is missing in that many lists of ThingWorx is gone: one alone may be taken while ThingWorx starts. */
const LOOKS = 2;
const BETWEEN_LOOKS_MS = 2_000;

/** The hub Things that asked to be connected, and their connections. */
export class HubDirectory {
  readonly #parts: HubParts;
  readonly #secretTokens: OneTimeSecretTokens;
  readonly #connections = new Map<string, HubConnection>();
  /** Hubs that are being stopped: one that is connected again waits until its files are free. */
  readonly #closing = new Map<string, Promise<void>>();
  /** Hub Things of which it is being found out whether they still exist. */
  readonly #doubted = new Set<string>();
  readonly #abort = new AbortController();
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
    await this.#closing.get(thing);
    if (this.#stopping) throw new ConnectorError('STOPPING', 'The sidecar is stopping.');
    let connection = this.#connections.get(thing);
    if (!connection) {
      connection = new HubConnection(thing, this.#parts, () => void this.#closeIfGone(thing));
      // A Thing that was renamed is made under its new name and then deleted: the old hub must not keep the partitions.
      for (const other of this.#connections.keys()) void this.#closeIfGone(other);
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

  /** Tells a hub Thing that it has this sidecar, before the hub Thing hands over its settings. Rejects as calls to ThingWorx do. */
  async join(thing: string, signal: AbortSignal): Promise<void> {
    if (this.#connections.has(thing)) return;
    const { client, owner, version, addresses, isBalanced } = this.#parts;
    const status = {
      sidecar: owner.idOf(thing),
      version,
      addresses: addresses(),
      ...(isBalanced ? { isBalanced } : {}),
      state: 'connecting',
    };
    await client.invoke(thing, 'ReceiveStatus', { status }, { signal });
  }

  /** Stops the hub gracefully and forgets its settings. An unknown hub is not an error. */
  async disconnect(thing: string): Promise<void> {
    const connection = this.#connections.get(thing);
    if (!connection) return await this.#closing.get(thing);
    this.#connections.delete(thing);
    const closing = connection.stop().finally(() => this.#closing.delete(thing));
    this.#closing.set(thing, closing);
    await closing;
  }

  /** Closes the hub of a Thing that was deleted without Disconnect. A look that fails proves nothing. */
  async #closeIfGone(thing: string): Promise<void> {
    if (this.#doubted.has(thing)) return;
    this.#doubted.add(thing);
    try {
      const { client, log } = this.#parts;
      const { signal } = this.#abort;
      for (let look = 1; look <= LOOKS; look += 1) {
        if (look > 1) await sleep(BETWEEN_LOOKS_MS, undefined, { signal });
        if ((await listThings(client, HUB_THINGS, signal)).includes(thing)) return;
      }
      log.warn(
        { hub: thing },
        'ThingWorx has no hub Thing of this name any more. Its hub is closed, and its partitions are free.',
      );
      await this.disconnect(thing);
    } catch {
      // Asked again with the next status.
    } finally {
      this.#doubted.delete(thing);
    }
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
    this.#abort.abort();
    await Promise.all([...this.#connections.values()].map((connection) => connection.stop()));
    await Promise.all(this.#closing.values());
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
