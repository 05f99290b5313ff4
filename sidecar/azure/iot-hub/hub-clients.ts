import { KeyedMutex } from '../../lib/keyed-mutex.ts';
import type { HubCredentials } from '../credentials.ts';
import { CloudToDeviceMessages } from './cloud-to-device.ts';
import { Configurations } from './configurations.ts';
import { invokeMethod, type MethodCall, type MethodResult } from './direct-methods.ts';
import type { DeviceInput } from './hub-types.ts';
import { Jobs } from './jobs.ts';
import type { OnMetered } from './metering.ts';
import { ModuleRegistry } from './module-registry.ts';
import { type QuotaOptions, RateLimiter } from './rate-limiter.ts';
import { type BulkMode, type BulkResult, Registry } from './registry.ts';
import { type CallOptions, RestClient } from './rest-client.ts';
import { Twins } from './twins.ts';

interface HubClientsOptions {
  readonly credentials: HubCredentials;
  /** Tier and units of the hub. Without them nothing is held back until the hub says 429. */
  readonly quota?: QuotaOptions;
  /** Receives what operations use of the daily quota. */
  readonly onMetered?: OnMetered | undefined;
}

/** Everything that is asked of one IoT Hub's service side. Connections open with the first call that needs them. */
export class HubClients {
  readonly registry: Registry;
  readonly modules: ModuleRegistry;
  readonly twins: Twins;
  readonly jobs: Jobs;
  readonly configurations: Configurations;
  readonly messages: CloudToDeviceMessages;
  readonly quota: RateLimiter;
  readonly credentials: HubCredentials;
  /** For what is read and written back through a module: nothing there has an ETag. */
  readonly moduleMutex = new KeyedMutex();
  readonly #rest: RestClient;

  constructor(options: HubClientsOptions) {
    this.quota = new RateLimiter(options.quota);
    const { credentials, onMetered } = options;
    this.credentials = credentials;
    this.#rest = new RestClient({ credentials, rateLimiter: this.quota, onMetered });
    this.registry = new Registry(this.#rest);
    this.modules = new ModuleRegistry(this.#rest);
    this.twins = new Twins(this.#rest);
    this.jobs = new Jobs(this.#rest, this.twins);
    this.configurations = new Configurations(this.#rest);
    this.messages = new CloudToDeviceMessages({
      credentials,
      rest: this.#rest,
      rateLimiter: this.quota,
      onMetered,
    });
  }

  /** methods.ts */
  async invokeMethod(call: MethodCall, options: CallOptions = {}): Promise<MethodResult> {
    return await invokeMethod(this.#rest, call, options);
  }

  /** bulk-registry.ts */
  async bulkDevices(
    mode: BulkMode,
    devices: readonly DeviceInput[],
    options: CallOptions = {},
  ): Promise<BulkResult[]> {
    return await this.registry.bulk(mode, devices, options);
  }

  /** Calls under way fail with STOPPING. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.messages.close(), this.#rest.close()]);
  }
}
