import { createDevice } from './create-device.ts';
import { createModule } from './create-module.ts';
import { deleteDevice } from './delete-device.ts';
import { deleteModule } from './delete-module.ts';
import { disableDevice } from './disable-device.ts';
import { enableDevice } from './enable-device.ts';
import { getDevice } from './get-device.ts';
import { getDeviceKeys } from './get-device-keys.ts';
import { getModule } from './get-module.ts';
import { getRegistryStatistics } from './get-registry-statistics.ts';
import { listDeviceModules } from './list-device-modules.ts';
import { listDevices } from './list-devices.ts';
import { queryTwins } from './query-twins.ts';
import { regenerateDeviceKey } from './regenerate-device-key.ts';
import { updateDevice } from './update-device.ts';
import { updateModule } from './update-module.ts';

/** The identity registry of a hub: devices and modules. */
export const REGISTRY = [
  createDevice,
  getDevice,
  updateDevice,
  enableDevice,
  disableDevice,
  deleteDevice,
  listDevices,
  queryTwins,
  getRegistryStatistics,
  getDeviceKeys,
  regenerateDeviceKey,
  createModule,
  getModule,
  listDeviceModules,
  updateModule,
  deleteModule,
];
