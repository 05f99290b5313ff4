import type { JsonObject } from './hub-types.ts';
import { type EtagOptions, unlessRaced } from './identities.ts';
import { type CallOptions, hubPath, type RestClient } from './rest-client.ts';

/** What to write into twins: path -> content, such as `properties.desired.chiller`. */
export interface ConfigurationContent {
  readonly deviceContent?: JsonObject;
  readonly moduleContent?: JsonObject;
  /** An IoT Edge deployment: module id -> path -> content, with the manifest under `$edgeAgent` and `$edgeHub`. */
  readonly modulesContent?: Readonly<Record<string, JsonObject>>;
}

export interface ConfigurationMetrics {
  /** Name -> number of devices at the last evaluation. */
  readonly results: Readonly<Record<string, number>>;
  readonly queries: Readonly<Record<string, string>>;
}

/** An automatic configuration: of devices, of modules, or an IoT Edge deployment. */
export interface Configuration {
  readonly id: string;
  readonly schemaVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly content?: ConfigurationContent;
  /** Which devices, such as `tags.building = '43'` or `*`. */
  readonly targetCondition?: string;
  /** The higher one wins where two apply. */
  readonly priority?: number;
  readonly createdTimeUtc?: string;
  readonly lastUpdatedTimeUtc?: string;
  readonly metrics?: ConfigurationMetrics;
  readonly systemMetrics?: ConfigurationMetrics;
  readonly etag?: string;
}

export interface ConfigurationInput {
  readonly id: string;
  readonly content: ConfigurationContent;
  readonly targetCondition?: string;
  readonly priority?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly metrics?: { readonly queries: Readonly<Record<string, string>> };
}

/** What can be changed later; the content cannot. */
export type ConfigurationChange = Pick<
  ConfigurationInput,
  'targetCondition' | 'priority' | 'labels' | 'metrics'
>;

/**
 * Automatic configurations and IoT Edge deployments.
 *
 * Errors: AZURE_NOT_FOUND, AZURE_CONFLICT (the id is in use), PRECONDITION_FAILED, QUOTA_EXCEEDED, AZURE_REJECTED, DEVICE_NOT_FOUND
 * (`apply`) and what hub-rest.ts gives.
 */
export class Configurations {
  readonly #rest: RestClient;

  constructor(rest: RestClient) {
    this.#rest = rest;
  }

  async create(configuration: ConfigurationInput, options: CallOptions = {}): Promise<Configuration> {
    const { id } = configuration;
    const body = { schemaVersion: '1.0', targetCondition: '', priority: 0, ...configuration };
    const request = {
      ...options,
      ...WRITE,
      method: 'PUT',
      path: pathOf(id),
      action: `Creating the configuration ${id}`,
      body,
    } as const;
    return (await this.#rest.request<Configuration>(request)).body;
  }

  async get(id: string, options: CallOptions = {}): Promise<Configuration> {
    const request = {
      ...options,
      ...READ,
      method: 'GET',
      path: pathOf(id),
      action: `Reading the configuration ${id}`,
    } as const;
    return (await this.#rest.request<Configuration>(request)).body;
  }

  /** At most 100, which is also the most that a hub holds. */
  async list(options: CallOptions = {}): Promise<Configuration[]> {
    const request = {
      ...options,
      ...READ,
      method: 'GET',
      path: '/configurations',
      query: { top: 100 },
    } as const;
    return (await this.#rest.request<Configuration[]>({ ...request, action: 'Listing the configurations' }))
      .body;
  }

  /** Changes what is given and leaves the rest; without an ETag a change that somebody else made meanwhile is kept. */
  async update(id: string, change: ConfigurationChange, options: EtagOptions = {}): Promise<Configuration> {
    const { etag, ...rest } = options;
    return await unlessRaced(etag, async () => {
      const before = await this.get(id, rest);
      const request = {
        ...rest,
        ...WRITE,
        method: 'PUT',
        path: pathOf(id),
        body: { ...before, ...change },
        ifMatch: etag ?? before.etag ?? '*',
        action: `Changing the configuration ${id}`,
      } as const;
      return (await this.#rest.request<Configuration>(request)).body;
    });
  }

  async delete(id: string, options: EtagOptions = {}): Promise<void> {
    const { etag, ...rest } = options;
    const request = { ...rest, ...WRITE, method: 'DELETE', path: pathOf(id), ifMatch: etag ?? '*' } as const;
    await this.#rest.request({ ...request, action: `Deleting the configuration ${id}` });
  }

  /** Writes content to one device at once: the single-device manifest of an Edge device. */
  async apply(deviceId: string, content: ConfigurationContent, options: CallOptions = {}): Promise<void> {
    const path = hubPath('devices', deviceId, 'applyConfigurationContent');
    const action = `Applying a configuration to ${deviceId}`;
    await this.#rest.request({ ...options, ...WRITE, method: 'POST', path, action, body: content });
  }
}

const READ = { operation: 'configuration', right: 'RegistryRead and ServiceConnect' } as const;
const WRITE = { operation: 'configuration', right: 'RegistryWrite and ServiceConnect' } as const;

function pathOf(id: string): string {
  return hubPath('configurations', id);
}
