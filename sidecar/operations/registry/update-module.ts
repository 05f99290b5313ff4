import Type from 'typebox';
import { deviceId, etag, hub, moduleId, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import {
  authenticationOf,
  authenticationOptions,
  CHANGE_ERRORS,
  ModuleDocument,
  managedBy,
  moduleDocument,
} from './registry-members.ts';

export const updateModule = defineOperation({
  name: 'UpdateModule',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Changes what is given of a module of a device and leaves the rest as it is.',
  method: 'PATCH',
  path: '/hubs/{hub}/devices/{deviceId}/modules/{moduleId}',
  input: Type.Object({ hub, deviceId, moduleId, ...authenticationOptions, managedBy, etag }),
  output: ModuleDocument,
  errors: CHANGE_ERRORS,
  async run({ hubs, signal }, { hub, deviceId, moduleId, managedBy, etag, ...options }) {
    const { modules } = await hubs.require(hub).azure();
    const authentication = authenticationOf(options);
    const change = {
      ...(authentication === undefined ? {} : { authentication }),
      ...(managedBy === undefined ? {} : { managedBy }),
    };
    return moduleDocument(
      await modules.updateModule(deviceId, moduleId, change, {
        ...withinCall(signal),
        ...(etag === undefined ? {} : { etag }),
      }),
    );
  },
});
