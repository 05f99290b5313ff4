import type { Module } from 'azure-iothub/dist/module.js';
import type { ModuleIdentity, ModuleInput, SymmetricKeys } from './hub-types.ts';
import {
  changeOf,
  type EtagOptions,
  keysOf,
  READ,
  repeatOnConflict,
  type WithKeys,
  WRITE,
  withNewKey,
  withoutKeys,
} from './identities.ts';
import type { CallOptions, RestClient } from './rest-client.ts';
import { callRegistry } from './transport.ts';

/**
 * The modules of devices in the identity registry. Only `moduleKeys` and `regenerateModuleKey` return keys. Errors as in registry.ts; a
 * missing module is DEVICE_NOT_FOUND too.
 */
export class ModuleRegistry {
  readonly #rest: RestClient;

  constructor(rest: RestClient) {
    this.#rest = rest;
  }

  async createModule(module: ModuleInput, options: CallOptions = {}): Promise<ModuleIdentity> {
    const action = `Creating the module ${module.moduleId} of ${module.deviceId}`;
    const input = { authentication: { type: 'sas' }, ...module };
    const { body } = await callRegistry<WithKeys<ModuleIdentity>>(
      this.#rest,
      { ...options, ...WRITE, action },
      (registry) => registry.addModule(input as unknown as Module),
    );
    return withoutKeys(body);
  }

  async module(deviceId: string, moduleId: string, options: CallOptions = {}): Promise<ModuleIdentity> {
    return withoutKeys(await this.#readModule(deviceId, moduleId, options));
  }

  async modules(deviceId: string, options: CallOptions = {}): Promise<ModuleIdentity[]> {
    const call = { ...options, ...READ, action: `Listing the modules of ${deviceId}` };
    const { body } = await callRegistry<WithKeys<ModuleIdentity>[]>(this.#rest, call, (registry) =>
      registry.getModulesOnDevice(deviceId),
    );
    return body.map(withoutKeys);
  }

  /** Changes the given members only. Without an ETag, changes that other clients make at the same time are kept. */
  async updateModule(
    deviceId: string,
    moduleId: string,
    change: Omit<ModuleInput, 'deviceId' | 'moduleId'>,
    options: EtagOptions = {},
  ): Promise<ModuleIdentity> {
    const action = `Changing the module ${moduleId} of ${deviceId}`;
    return await this.#changeModule(deviceId, moduleId, options, action, (module) => ({
      ...module,
      ...changeOf(module, change),
    }));
  }

  async deleteModule(
    deviceId: string,
    moduleId: string,
    { etag, ...options }: EtagOptions = {},
  ): Promise<void> {
    const action = `Deleting the module ${moduleId} of ${deviceId}`;
    await callRegistry(this.#rest, { ...options, ...WRITE, ifMatch: etag, action }, (registry) =>
      registry.removeModule(deviceId, moduleId),
    );
  }

  async moduleKeys(deviceId: string, moduleId: string, options: CallOptions = {}): Promise<SymmetricKeys> {
    return keysOf(
      await this.#readModule(deviceId, moduleId, options),
      `The module ${moduleId} of ${deviceId}`,
    );
  }

  async regenerateModuleKey(
    deviceId: string,
    moduleId: string,
    which: 'primary' | 'secondary',
    options: EtagOptions = {},
  ): Promise<SymmetricKeys> {
    const action = `Replacing a key of the module ${moduleId} of ${deviceId}`;
    let keys: SymmetricKeys | undefined;
    await this.#changeModule(deviceId, moduleId, options, action, (module) => {
      keys = withNewKey(keysOf(module, `The module ${moduleId} of ${deviceId}`), which);
      return { ...module, authentication: { ...module.authentication, symmetricKey: keys } };
    });
    return keys as SymmetricKeys;
  }

  async #readModule(
    deviceId: string,
    moduleId: string,
    options: CallOptions,
  ): Promise<WithKeys<ModuleIdentity>> {
    const call = { ...options, ...READ, action: `Reading the module ${moduleId} of ${deviceId}` };
    const { body } = await callRegistry<WithKeys<ModuleIdentity>>(this.#rest, call, (registry) =>
      registry.getModule(deviceId, moduleId),
    );
    return body;
  }

  /** The API replaces whole identities, so a change reads, changes and writes with the ETag that it has read. */
  async #changeModule(
    deviceId: string,
    moduleId: string,
    { etag, ...options }: EtagOptions,
    action: string,
    change: (module: WithKeys<ModuleIdentity>) => unknown,
  ): Promise<ModuleIdentity> {
    return await repeatOnConflict(etag, async () => {
      const module = await this.#readModule(deviceId, moduleId, options);
      const changed = change(module) as Module;
      const call = { ...options, ...WRITE, ifMatch: etag ?? module.etag, action };
      const { body } = await callRegistry<WithKeys<ModuleIdentity>>(this.#rest, call, (registry) =>
        registry.updateModule(changed, true),
      );
      return withoutKeys(body);
    });
  }
}
