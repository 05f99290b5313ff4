import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { HubSettings, NonSecretHubSettings, SecretName } from '../contract/hub-settings.ts';
import type { HubStatus } from '../contract/status.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import type { Deployments } from '../packages/deployments.ts';
import type { OneTimeSecretToken, OneTimeSecretTokens } from '../secrets/one-time-secret-tokens.ts';
import type { CheckStep } from './check/checks.ts';
import type { DeadLetterDesk } from './dead-letters/dead-letters.ts';
import type { DeferredDesk } from './deferred/desk.ts';
import type { ImportDesk } from './import/imports.ts';
import type { IngestionDesk, MappingDesk } from './ingestion/ingestion.ts';
import type { ThingDesk } from './registry/things.ts';
import type { TaskDesk } from './tasks/tasks.ts';

/** What an operation is given to work with. Implemented by sidecar/hub, passed by main to the HTTP app. */
export interface OperationContext {
  readonly hubs: Hubs;
  readonly storages: StorageAccounts;
  readonly secretTokens: OneTimeSecretTokens;
  readonly sidecar: SidecarFacts;
  /** Aborted when the caller has gone or the sidecar stops. */
  readonly signal: AbortSignal;
}

export interface SidecarFacts {
  readonly version: string;
  readonly startedAt: Date;
}

/** The hub Things that asked to be connected. */
export interface Hubs {
  /**
   * Takes the settings of a hub Thing. `secretNames` are the secrets that will be handed over by ticket; the hub connects
   * once the last has arrived, at once when there are none. Settings and secrets equal to the present ones change
   * nothing. A changed setting takes effect without restart; those marked `reopensConsumer` reopen the consumer.
   */
  connect(
    thing: string,
    settings: NonSecretHubSettings,
    secretNames: readonly SecretName[],
  ): Promise<{ status: HubStatus; tickets: readonly OneTimeSecretToken[] }>;
  /** Stops the hub gracefully and forgets its settings. Unknown hubs are no error: the end is the same. */
  disconnect(thing: string): Promise<void>;
  /** @throws ConnectorError HUB_NOT_CONNECTED for a hub that never asked to be connected. */
  status(thing: string): Promise<HubStatus>;
  list(): Promise<readonly HubStatus[]>;
  /** @throws ConnectorError HUB_NOT_CONNECTED */
  require(thing: string): Hub;
  /** Tests what the hub needs, step by step, whether it is connected or not. Never rejects. */
  check(thing: string, signal: AbortSignal): Promise<readonly CheckStep[]>;
}

/** One connected hub Thing, as operations see it. */
export interface Hub {
  readonly thing: string;
  readonly settings: HubSettings;
  /**
   * The clients of the IoT Hub, made when they are first asked for and closed with the hub.
   * @throws ConnectorError CONNECTION_STRING_INVALID, SETTING_MISSING
   */
  azure(): Promise<HubClients>;
  /** The Things of its devices. */
  readonly things: ThingDesk;
  readonly deadLetters: DeadLetterDesk;
  readonly tasks: TaskDesk;
  readonly ingestion: IngestionDesk;
  readonly mappings: MappingDesk;
  readonly imports: ImportDesk;
  readonly packages: Deployments;
  readonly deferred: DeferredDesk;
}
