import type { Device } from 'azure-iothub/dist/device.js';
import { ConnectorError } from '../../errors/connector-error.ts';
import { httpError, parseHubError } from '../azure-error.ts';
import type {
  DeviceChange,
  DeviceIdentity,
  DeviceInput,
  RegistryStatistics,
  SymmetricKeys,
} from './hub-types.ts';
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

export type { EtagOptions } from './identities.ts';

export type BulkMode = 'create' | 'update' | 'delete';

/** The outcome of one device in a bulk call. */
export interface BulkResult {
  readonly deviceId: string;
  readonly done: boolean;
  /** The error code (`DeviceAlreadyExists`, ...) and text of the hub when `done` is false. */
  readonly errorCode?: string;
  readonly message?: string;
}

/** Most devices of one bulk call. */
export const BULK_LIMIT = 100;

/**
 * The devices in the identity registry of a hub. Only `deviceKeys` and `regenerateDeviceKey` return keys.
 *
 * Errors: DEVICE_NOT_FOUND, DEVICE_EXISTS, PRECONDITION_FAILED, QUOTA_EXCEEDED, AZURE_REJECTED, and those of rest-client.ts.
 */
export class Registry {
  readonly #rest: RestClient;

  constructor(rest: RestClient) {
    this.#rest = rest;
  }

  async createDevice(device: DeviceInput, options: CallOptions = {}): Promise<DeviceIdentity> {
    const call = { ...options, ...WRITE, action: `Creating the device ${device.deviceId}` };
    // With the type alone: without authentication the package would send empty keys.
    const input = { status: 'enabled', authentication: { type: 'sas' }, ...device };
    const { body } = await callRegistry<WithKeys<DeviceIdentity>>(this.#rest, call, (registry) =>
      registry.create(input as unknown as Device),
    );
    return withoutKeys(body);
  }

  async device(deviceId: string, options: CallOptions = {}): Promise<DeviceIdentity> {
    return withoutKeys(await this.#readDevice(deviceId, options));
  }

  /** Returns undefined instead of DEVICE_NOT_FOUND. */
  async findDevice(deviceId: string, options: CallOptions = {}): Promise<DeviceIdentity | undefined> {
    try {
      return await this.device(deviceId, options);
    } catch (error) {
      if (error instanceof ConnectorError && error.code === 'DEVICE_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** Changes the given members only. Without an ETag, changes that other clients make at the same time are kept. */
  async updateDevice(
    deviceId: string,
    change: DeviceChange,
    options: EtagOptions = {},
  ): Promise<DeviceIdentity> {
    return await this.#changeDevice(deviceId, options, `Changing the device ${deviceId}`, (device) => ({
      ...device,
      ...changeOf(device, change),
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

  async deleteDevice(deviceId: string, { etag, ...options }: EtagOptions = {}): Promise<void> {
    const call = { ...options, ...WRITE, ifMatch: etag, action: `Deleting the device ${deviceId}` };
    await callRegistry(this.#rest, call, (registry) => registry.delete(deviceId));
  }

  /** The keys of a device with SAS authentication; AZURE_REJECTED for other devices. */
  async deviceKeys(deviceId: string, options: CallOptions = {}): Promise<SymmetricKeys> {
    return keysOf(await this.#readDevice(deviceId, options), `The device ${deviceId}`);
  }

  /** Replaces a key. Connections of the device that use the old key end within minutes. */
  async regenerateDeviceKey(
    deviceId: string,
    which: 'primary' | 'secondary',
    options: EtagOptions = {},
  ): Promise<SymmetricKeys> {
    let keys: SymmetricKeys | undefined;
    await this.#changeDevice(deviceId, options, `Replacing a key of the device ${deviceId}`, (device) => {
      keys = withNewKey(keysOf(device, `The device ${deviceId}`), which);
      return { ...device, authentication: { ...device.authentication, symmetricKey: keys } };
    });
    return keys as SymmetricKeys;
  }

  async statistics(options: CallOptions = {}): Promise<RegistryStatistics> {
    const call = { ...options, ...READ, action: 'Reading the statistics of the registry' };
    const { body } = await callRegistry<RegistryStatistics>(this.#rest, call, (registry) =>
      registry.getRegistryStatistics(),
    );
    return body;
  }

  /** The number of connected devices. azure-iothub has no call for it. */
  async connectedDeviceCount(options: CallOptions = {}): Promise<number> {
    const { body } = await this.#rest.request<{ connectedDeviceCount: number }>({
      ...options,
      method: 'GET',
      path: '/statistics/service',
      operation: 'registry',
      right: 'ServiceConnect',
      action: 'Reading the statistics of the hub',
    });
    return body.connectedDeviceCount;
  }

  /**
   * Creates, updates (any ETag) or deletes up to 100 devices in one call. An error of one device does not affect the others; the result has
   * one entry per device, in the given order. An update replaces the authentication: it must be given. Throws REQUEST_INVALID for more than
   * 100 devices and for an update without authentication.
   */
  async bulk(
    mode: BulkMode,
    devices: readonly DeviceInput[],
    options: CallOptions = {},
  ): Promise<BulkResult[]> {
    if (devices.length === 0) return [];
    checkBulk(mode, devices);
    const call = {
      ...options,
      ...WRITE,
      // The hub counts each device of the call.
      cost: devices.length,
      action: `Bulk ${mode} of ${devices.length} devices`,
      // The response when some devices failed: it has the same body. With another body, the whole call was rejected.
      accept: [400],
    };
    const inputs = devices.map((device) =>
      mode === 'delete'
        ? { deviceId: device.deviceId, authentication: { type: 'sas' } }
        : { status: 'enabled', authentication: { type: 'sas' }, ...device },
    );
    const { body } = await callRegistry<BulkAnswer>(this.#rest, call, (registry) => {
      const given = inputs as unknown as Parameters<typeof registry.addDevices>[0];
      if (mode === 'create') return registry.addDevices(given);
      return mode === 'update' ? registry.updateDevices(given, true) : registry.removeDevices(given, true);
    });
    if (typeof body?.isSuccessful !== 'boolean')
      throw httpError(
        { status: 400, ...parseHubError(body === undefined ? '' : JSON.stringify(body)) },
        { action: call.action },
      );
    return bulkResults(devices, body);
  }

  async #readDevice(deviceId: string, options: CallOptions): Promise<WithKeys<DeviceIdentity>> {
    const call = { ...options, ...READ, action: `Reading the device ${deviceId}` };
    const { body } = await callRegistry<WithKeys<DeviceIdentity>>(this.#rest, call, (registry) =>
      registry.get(deviceId),
    );
    return body;
  }

  /** The API replaces whole identities, so a change reads, changes and writes with the ETag that it has read. */
  async #changeDevice(
    deviceId: string,
    { etag, ...options }: EtagOptions,
    action: string,
    change: (device: WithKeys<DeviceIdentity>) => unknown,
  ): Promise<DeviceIdentity> {
    return await repeatOnConflict(etag, async () => {
      const device = await this.#readDevice(deviceId, options);
      const changed = change(device) as Device;
      // The ETag is of the call: the package writes whatever version there is.
      const call = { ...options, ...WRITE, ifMatch: etag ?? device.etag, action };
      const { body } = await callRegistry<WithKeys<DeviceIdentity>>(this.#rest, call, (registry) =>
        registry.update(changed),
      );
      return withoutKeys(body);
    });
  }
}

interface BulkAnswer {
  readonly isSuccessful: boolean;
  readonly errors?: ReadonlyArray<{ deviceId?: string; errorCode?: string | number; errorStatus?: string }>;
}

function checkBulk(mode: BulkMode, devices: readonly DeviceInput[]): void {
  if (devices.length > BULK_LIMIT)
    throw new ConnectorError('REQUEST_INVALID', `A bulk call accepts at most ${BULK_LIMIT} devices.`);
  const incomplete = mode === 'update' && devices.find((device) => !device.authentication);
  if (incomplete)
    throw new ConnectorError(
      'REQUEST_INVALID',
      `Bulk update: the device ${incomplete.deviceId} has no authentication; IoT Hub would generate new keys.`,
    );
}

function bulkResults(devices: readonly DeviceInput[], { errors = [] }: BulkAnswer): BulkResult[] {
  const failed = new Map(errors.map((error) => [error.deviceId, error]));
  return devices.map(({ deviceId }) => {
    const error = failed.get(deviceId);
    if (!error) return { deviceId, done: true };
    return {
      deviceId,
      done: false,
      ...(error.errorCode === undefined ? {} : { errorCode: String(error.errorCode) }),
      ...(error.errorStatus ? { message: error.errorStatus } : {}),
    };
  });
}
