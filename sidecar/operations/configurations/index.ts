import { createConfiguration } from './create-configuration.ts';
import { deleteConfiguration } from './delete-configuration.ts';
import { getConfiguration } from './get-configuration.ts';
import { listConfigurations } from './list-configurations.ts';
import { updateConfiguration } from './update-configuration.ts';

/** Automatic configurations of devices and modules, and IoT Edge deployments. */
export const CONFIGURATIONS = [
  createConfiguration,
  getConfiguration,
  listConfigurations,
  updateConfiguration,
  deleteConfiguration,
];
