import type {
  DeviceChange,
  DeviceIdentity,
  DeviceInput,
  RegistryStatistics,
  SymmetricKeys,
} from './hub-types.ts';
import {
  changed,
  changeIdentity,
  type EtagOptions,
  keysOf,
  orUndefined,
  READ,
  renewed,
  type WithKeys,
  WRITE,
  withoutKeys,
} from './identities.ts';
import { type CallOptions, hubPath, type RestClient } from './rest-client.ts';

export type { EtagOptions } from './identities.ts';

/**
 * The devices in the identity registry of a hub. Nothing returns keys but `deviceKeys` and `regenerateDeviceKey`.
 *
 * Errors: DEVICE_NOT_FOUND, DEVICE_EXISTS, PRECONDITION_FAILED, QUOTA_EXCEEDED, AZURE_REJECTED and what hub-rest.ts gives.
 */
export class Registry {
  readonly #rest: RestClient;

  constructor(rest: RestClient) {
    this.#rest = rest;
  }

  async createDevice(device: DeviceInput, options: CallOptions = {}): Promise<DeviceIdentity> {
    const action = `Creating the device ${device.deviceId}`;
    const path = hubPath('devices', device.deviceId);
    const { body } = await this.#rest.request<WithKeys<DeviceIdentity>>({
      ...options,
      ...WRITE,
      method: 'PUT',
      path,
      action,
      body: { status: 'enabled', ...device },
    });
    return withoutKeys(body);
  }

  async device(deviceId: string, options: CallOptions = {}): Promise<DeviceIdentity> {
    return withoutKeys(await this.#readDevice(deviceId, options));
  }

  /** Undefined instead of DEVICE_NOT_FOUND. */
  async findDevice(deviceId: string, options: CallOptions = {}): Promise<DeviceIdentity | undefined> {
    return await orUndefined(this.device(deviceId, options));
  }

  /** Changes what is given and leaves the rest; without an ETag a change that somebody else made meanwhile is kept. */
  async updateDevice(
    deviceId: string,
    change: DeviceChange,
    options: EtagOptions = {},
  ): Promise<DeviceIdentity> {
    return await this.#changeDevice(deviceId, options, `Changing the device ${deviceId}`, (device) => ({
      ...device,
      ...changed(device, change),
    }));
  }

  async enableDevice(deviceId: string, options: EtagOptions = {}): Promise<DeviceIdentity> {
    return await this.updateDevice(deviceId, { status: 'enabled', statusReason: '' }, options);
  }

  async disableDevice(
    deviceId: string,
    statusReason = '',
    options: EtagOptions = {},
  ): Promise<DeviceIdentity> {
    return await this.updateDevice(deviceId, { status: 'disabled', statusReason }, options);
  }

  async deleteDevice(deviceId: string, options: EtagOptions = {}): Promise<void> {
    const { etag, ...rest } = options;
    const action = `Deleting the device ${deviceId}`;
    await this.#rest.request({
      ...rest,
      ...WRITE,
      method: 'DELETE',
      path: hubPath('devices', deviceId),
      action,
      ifMatch: etag ?? '*',
    });
  }

  /** The keys of a device with SAS authentication; AZURE_REJECTED for any other. */
  async deviceKeys(deviceId: string, options: CallOptions = {}): Promise<SymmetricKeys> {
    return keysOf(await this.#readDevice(deviceId, options), `The device ${deviceId}`);
  }

  /** Makes a new key. The device's connections that use the old one end within minutes. */
  async regenerateDeviceKey(
    deviceId: string,
    which: 'primary' | 'secondary',
    options: EtagOptions = {},
  ): Promise<SymmetricKeys> {
    const action = `Making a key of the device ${deviceId}`;
    let keys: SymmetricKeys | undefined;
    await this.#changeDevice(deviceId, options, action, (device) => {
      keys = renewed(keysOf(device, `The device ${deviceId}`), which);
      return { ...device, authentication: { ...device.authentication, symmetricKey: keys } };
    });
    return keys as SymmetricKeys;
  }

  async statistics(options: CallOptions = {}): Promise<RegistryStatistics> {
    const action = 'Reading the statistics of the registry';
    return (
      await this.#rest.request<RegistryStatistics>({
        ...options,
        ...READ,
        method: 'GET',
        path: '/statistics/devices',
        action,
      })
    ).body;
  }

  /** How many devices are connected. */
  async connectedDeviceCount(options: CallOptions = {}): Promise<number> {
    const action = 'Reading the statistics of the hub';
    const request = {
      ...options,
      method: 'GET',
      path: '/statistics/service',
      operation: 'registry',
      right: 'ServiceConnect',
      action,
    } as const;
    return (await this.#rest.request<{ connectedDeviceCount: number }>(request)).body.connectedDeviceCount;
  }

  async #readDevice(deviceId: string, options: CallOptions): Promise<WithKeys<DeviceIdentity>> {
    const action = `Reading the device ${deviceId}`;
    const path = hubPath('devices', deviceId);
    return (
      await this.#rest.request<WithKeys<DeviceIdentity>>({ ...options, ...READ, method: 'GET', path, action })
    ).body;
  }

  async #changeDevice(
    deviceId: string,
    options: EtagOptions,
    action: string,
    change: (device: WithKeys<DeviceIdentity>) => unknown,
  ): Promise<DeviceIdentity> {
    const path = hubPath('devices', deviceId);
    return await changeIdentity(
      this.#rest,
      { path, action },
      options,
      (rest) => this.#readDevice(deviceId, rest),
      change,
    );
  }
}
