import { Configurations } from './configurations.ts';
import { type HubCredentials, hubCredentials } from './credentials.ts';
import type { CallOptions } from './hub-rest.ts';
import { HubRest } from './hub-rest.ts';
import { Jobs } from './jobs.ts';
import { invokeMethod, type MethodCall, type MethodResult } from './methods.ts';
import { ModuleRegistry } from './module-registry.ts';
import { HubQuota } from './quota.ts';
import { Registry } from './registry.ts';
import { Twins } from './twins.ts';

/** The service side of one IoT Hub: every adapter, on one set of connections and one account of the tier's rates. */
export class HubServices {
  readonly credentials: HubCredentials;
  readonly quota: HubQuota;
  readonly rest: HubRest;
  readonly registry: Registry;
  readonly modules: ModuleRegistry;
  readonly twins: Twins;
  readonly jobs: Jobs;
  readonly configurations: Configurations;

  /** Opens no connection. */
  constructor(credentials: HubCredentials) {
    this.credentials = credentials;
    this.quota = new HubQuota();
    this.rest = new HubRest({ credentials, quota: this.quota });
    this.registry = new Registry(this.rest);
    this.modules = new ModuleRegistry(this.rest);
    this.twins = new Twins(this.rest);
    this.jobs = new Jobs(this.rest, this.twins);
    this.configurations = new Configurations(this.rest);
  }

  invokeMethod(call: MethodCall, options?: CallOptions): Promise<MethodResult> {
    return invokeMethod(this.rest, call, options);
  }

  /** Ends calls that are under way with STOPPING. Idempotent. */
  async close(): Promise<void> {
    await this.rest.close();
  }
}

/**
 * The adapters of one hub, made when they are first needed and made anew when the settings name another hub or other credentials.
 */
export class HubServicesHolder {
  #settings: HubAccess = {};
  #services: Promise<HubServices> | undefined;

  /** Takes today's settings. Equal ones change nothing. */
  async use(settings: HubAccess): Promise<void> {
    const { iotHubConnectionString, hostName } = settings;
    const before = this.#settings;
    this.#settings = settings;
    if (before.iotHubConnectionString === iotHubConnectionString && before.hostName === hostName) return;
    await this.#drop();
  }

  /** Rejects with CONNECTION_STRING_INVALID or SETTING_MISSING. */
  get(): Promise<HubServices> {
    this.#services ??= open(this.#settings);
    return this.#services;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#settings = {};
    await this.#drop();
  }

  async #drop(): Promise<void> {
    const services = this.#services;
    this.#services = undefined;
    await services?.then(
      (open) => open.close(),
      () => undefined,
    );
  }
}

/** The settings of a hub Thing that say where the hub is and how to prove oneself. */
export interface HubAccess {
  readonly iotHubConnectionString?: string | undefined;
  readonly hostName?: string | undefined;
}

async function open({ iotHubConnectionString, hostName }: HubAccess): Promise<HubServices> {
  return new HubServices(await hubCredentials({ connectionString: iotHubConnectionString, hostName }));
}
