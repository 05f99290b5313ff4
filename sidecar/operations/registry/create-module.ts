import Type from 'typebox';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceId, hub, moduleId, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import {
  authenticationOf,
  authenticationOptions,
  ModuleDocument,
  managedBy,
  moduleDocument,
} from './registry-members.ts';

export const createModule = defineOperation({
  name: 'CreateModule',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Creates a module of a device; one that exists already is left as it is, which is no error.',
  method: 'PUT',
  path: '/hubs/{hub}/devices/{deviceId}/modules/{moduleId}',
  input: Type.Object({
    hub,
    deviceId,
    moduleId,
    ...authenticationOptions,
    managedBy,
  }),
  output: Type.Object(
    {
      created: Type.Boolean({ description: 'Whether the module was created now; false when it existed.' }),
      module: ModuleDocument,
    },
    { description: 'created, and the module without its keys.' },
  ),
  errors: [
    'HUB_NOT_CONNECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
    'DEVICE_NOT_FOUND',
    'QUOTA_EXCEEDED',
    'AZURE_REJECTED',
  ],
  async run({ hubs, signal }, { hub, deviceId, moduleId, managedBy, ...options }) {
    const { modules } = await hubs.require(hub).azure();
    const authentication = authenticationOf(options) ?? { type: 'sas' as const };
    const module = { deviceId, moduleId, authentication, ...(managedBy === undefined ? {} : { managedBy }) };
    try {
      return {
        created: true,
        module: moduleDocument(await modules.createModule(module, withinCall(signal))),
      };
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'DEVICE_EXISTS') throw error;
      return {
        created: false,
        module: moduleDocument(await modules.module(deviceId, moduleId, withinCall(signal))),
      };
    }
  },
});
