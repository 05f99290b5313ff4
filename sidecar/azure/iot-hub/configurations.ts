import type {
  ConfigurationContent,
  Configuration as ConfigurationObject,
} from 'azure-iothub/dist/configuration.js';
import { type EtagOptions, repeatOnConflict } from './identities.ts';
import type { CallOptions, RestClient } from './rest-client.ts';
import { callRegistry } from './transport.ts';

export type { ConfigurationContent } from 'azure-iothub/dist/configuration.js';

/** An automatic configuration: of devices, of modules, or an IoT Edge deployment. */
export type Configuration = Readonly<ConfigurationObject>;

export type ConfigurationInput = Pick<
  Configuration,
  'id' | 'targetCondition' | 'priority' | 'labels' | 'metrics'
> & {
  readonly content: ConfigurationContent;
};

/** The members that can be changed later; the content cannot. */
export type ConfigurationChange = Pick<
  ConfigurationInput,
  'targetCondition' | 'priority' | 'labels' | 'metrics'
>;

/**
 * Automatic configurations and IoT Edge deployments.
 *
 * Errors: AZURE_NOT_FOUND, AZURE_CONFLICT (the id is in use), PRECONDITION_FAILED, QUOTA_EXCEEDED, AZURE_REJECTED, DEVICE_NOT_FOUND
 * (`apply`), and those of rest-client.ts.
 */
export class Configurations {
  readonly #rest: RestClient;

  constructor(rest: RestClient) {
    this.#rest = rest;
  }

  async create(configuration: ConfigurationInput, options: CallOptions = {}): Promise<Configuration> {
    const call = { ...options, ...WRITE, action: `Creating the configuration ${configuration.id}` };
    const whole = { schemaVersion: '1.0', targetCondition: '', priority: 0, ...configuration };
    const { body } = await callRegistry<Configuration>(this.#rest, call, (registry) =>
      registry.addConfiguration(whole),
    );
    return body;
  }

  async get(id: string, options: CallOptions = {}): Promise<Configuration> {
    const call = { ...options, ...READ, action: `Reading the configuration ${id}` };
    const { body } = await callRegistry<Configuration>(this.#rest, call, (registry) =>
      registry.getConfiguration(id),
    );
    return body;
  }

  /** At most 100, which is also the limit of a hub. */
  async list(options: CallOptions = {}): Promise<Configuration[]> {
    // The package does not send `top`; without it the hub returns its default number only.
    const call = { ...options, ...READ, query: { top: 100 }, action: 'Listing the configurations' };
    const { body } = await callRegistry<Configuration[]>(this.#rest, call, (registry) =>
      registry.getConfigurations(),
    );
    return body;
  }

  /** Changes the given members only. Without an ETag, changes that other clients make at the same time are kept. */
  async update(
    id: string,
    change: ConfigurationChange,
    { etag, ...options }: EtagOptions = {},
  ): Promise<Configuration> {
    return await repeatOnConflict(etag, async () => {
      const before = await this.get(id, options);
      const ifMatch = etag ?? before.etag;
      const call = { ...options, ...WRITE, ifMatch, action: `Changing the configuration ${id}` };
      const { body } = await callRegistry<Configuration>(this.#rest, call, (registry) =>
        registry.updateConfiguration({ ...before, ...change }, true),
      );
      return body;
    });
  }

  async delete(id: string, { etag = '*', ...options }: EtagOptions = {}): Promise<void> {
    const call = { ...options, ...WRITE, ifMatch: etag, action: `Deleting the configuration ${id}` };
    await callRegistry(this.#rest, call, (registry) => registry.removeConfiguration(id));
  }

  /** Applies content to one device at once: the manifest of one IoT Edge device. */
  async apply(deviceId: string, content: ConfigurationContent, options: CallOptions = {}): Promise<void> {
    const call = { ...options, ...WRITE, action: `Applying a configuration to ${deviceId}` };
    await callRegistry(this.#rest, call, (registry) =>
      registry.applyConfigurationContentOnDevice(deviceId, content),
    );
  }
}

const READ = { operation: 'configuration', right: 'RegistryRead and ServiceConnect' } as const;
const WRITE = { operation: 'configuration', right: 'RegistryWrite and ServiceConnect' } as const;
