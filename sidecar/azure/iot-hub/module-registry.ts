import type { ModuleIdentity, ModuleInput, SymmetricKeys } from './hub-types.ts';
import {
  changed,
  changeIdentity,
  type EtagOptions,
  keysOf,
  READ,
  renewed,
  type WithKeys,
  WRITE,
  withoutKeys,
} from './identities.ts';
import { type CallOptions, hubPath, type RestClient } from './rest-client.ts';

/**
 * The modules of devices in the identity registry. Nothing returns keys but `moduleKeys` and `regenerateModuleKey`. Errors as in
 * registry.ts; a missing module is DEVICE_NOT_FOUND too.
 */
export class ModuleRegistry {
  readonly #rest: RestClient;

  constructor(rest: RestClient) {
    this.#rest = rest;
  }

  async createModule(module: ModuleInput, options: CallOptions = {}): Promise<ModuleIdentity> {
    const action = `Creating the module ${module.moduleId} of ${module.deviceId}`;
    const path = modulePath(module.deviceId, module.moduleId);
    const { body } = await this.#rest.request<WithKeys<ModuleIdentity>>({
      ...options,
      ...WRITE,
      method: 'PUT',
      path,
      action,
      body: module,
    });
    return withoutKeys(body);
  }

  async module(deviceId: string, moduleId: string, options: CallOptions = {}): Promise<ModuleIdentity> {
    return withoutKeys(await this.#readModule(deviceId, moduleId, options));
  }

  async modules(deviceId: string, options: CallOptions = {}): Promise<ModuleIdentity[]> {
    const action = `Listing the modules of ${deviceId}`;
    const path = hubPath('devices', deviceId, 'modules');
    const { body } = await this.#rest.request<WithKeys<ModuleIdentity>[]>({
      ...options,
      ...READ,
      method: 'GET',
      path,
      action,
    });
    return body.map(withoutKeys);
  }

  async updateModule(
    deviceId: string,
    moduleId: string,
    change: Omit<ModuleInput, 'deviceId' | 'moduleId'>,
    options: EtagOptions = {},
  ): Promise<ModuleIdentity> {
    const action = `Changing the module ${moduleId} of ${deviceId}`;
    return await this.#changeModule(deviceId, moduleId, options, action, (module) => ({
      ...module,
      ...changed(module, change),
    }));
  }

  async deleteModule(deviceId: string, moduleId: string, options: EtagOptions = {}): Promise<void> {
    const { etag, ...rest } = options;
    const action = `Deleting the module ${moduleId} of ${deviceId}`;
    await this.#rest.request({
      ...rest,
      ...WRITE,
      method: 'DELETE',
      path: modulePath(deviceId, moduleId),
      action,
      ifMatch: etag ?? '*',
    });
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
    let keys: SymmetricKeys | undefined;
    await this.#changeModule(
      deviceId,
      moduleId,
      options,
      `Making a key of the module ${moduleId} of ${deviceId}`,
      (module) => {
        keys = renewed(keysOf(module, `The module ${moduleId} of ${deviceId}`), which);
        return { ...module, authentication: { ...module.authentication, symmetricKey: keys } };
      },
    );
    return keys as SymmetricKeys;
  }

  async #readModule(
    deviceId: string,
    moduleId: string,
    options: CallOptions,
  ): Promise<WithKeys<ModuleIdentity>> {
    const action = `Reading the module ${moduleId} of ${deviceId}`;
    const path = modulePath(deviceId, moduleId);
    return (
      await this.#rest.request<WithKeys<ModuleIdentity>>({ ...options, ...READ, method: 'GET', path, action })
    ).body;
  }

  async #changeModule(
    deviceId: string,
    moduleId: string,
    options: EtagOptions,
    action: string,
    change: (module: WithKeys<ModuleIdentity>) => unknown,
  ): Promise<ModuleIdentity> {
    const path = modulePath(deviceId, moduleId);
    return await changeIdentity(
      this.#rest,
      { path, action },
      options,
      (rest) => this.#readModule(deviceId, moduleId, rest),
      change,
    );
  }
}

function modulePath(deviceId: string, moduleId: string): string {
  return hubPath('devices', deviceId, 'modules', moduleId);
}
