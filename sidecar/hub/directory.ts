import type { NonSecretHubSettings, SecretName } from '../contract/hub-settings.ts';
import type { HubStatus } from '../contract/status.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { checkAzure, skipAzure } from '../operations/check/check-azure.ts';
import { checkIngestion } from '../operations/check/check-ingestion.ts';
import { checkThingworx } from '../operations/check/check-thingworx.ts';
import { checkUploads } from '../operations/check/check-uploads.ts';
import type { CheckStep } from '../operations/check/checks.ts';
import type { Hub, Hubs } from '../operations/context.ts';
import type { OneTimeSecretToken, OneTimeSecretTokens, Secrets } from '../secrets/one-time-secret-tokens.ts';
import { HubConnection, type HubParts } from './connection.ts';

/** The hub Things that asked to be connected, and their connections. */
export class HubDirectory implements Hubs {
  readonly #parts: HubParts;
  readonly #secretTokens: OneTimeSecretTokens;
  readonly #connections = new Map<string, HubConnection>();
  #stopping = false;

  constructor(parts: HubParts, secretTokens: OneTimeSecretTokens) {
    this.#parts = parts;
    this.#secretTokens = secretTokens;
  }

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

  async disconnect(thing: string): Promise<void> {
    const connection = this.#connections.get(thing);
    this.#connections.delete(thing);
    await connection?.stop();
  }

  async status(thing: string): Promise<HubStatus> {
    return this.#find(thing).status();
  }

  async list(): Promise<readonly HubStatus[]> {
    return this.statuses();
  }

  require(thing: string): Hub {
    return this.#find(thing).asHub();
  }

  async check(thing: string, signal: AbortSignal): Promise<CheckStep[]> {
    const status = this.#connections.get(thing)?.status();
    const [thingworx, azure] = await Promise.all([
      checkThingworx(this.#parts.client, thing, status, signal),
      this.#checkAzure(thing, signal),
    ]);
    return [...thingworx, ...azure, checkIngestion(this.#connections.get(thing)?.status())];
  }

  async #checkAzure(thing: string, signal: AbortSignal): Promise<CheckStep[]> {
    let hub: Hub;
    try {
      hub = this.require(thing);
    } catch (thrown) {
      return skipAzure(toConnectorError(thrown).message);
    }
    const [azure, uploads] = await Promise.all([
      checkAzure(hub.settings, () => hub.azure(), signal),
      checkUploads(hub.settings, this.#parts.storages, signal),
    ]);
    return [...azure, ...uploads];
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
