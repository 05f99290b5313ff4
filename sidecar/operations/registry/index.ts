import {
  createDevice,
  deleteDevice,
  disableDevice,
  enableDevice,
  getDevice,
  listDevices,
  updateDevice,
} from './devices.ts';
import { getDeviceKeys, regenerateDeviceKey } from './keys.ts';
import { createModule, deleteModule, getModule, listDeviceModules, updateModule } from './modules.ts';
import { getRegistryStatistics, queryTwins } from './queries.ts';

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
