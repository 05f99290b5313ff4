import Type from 'typebox';
import { OneRow, Table } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceId, etag, hub, moduleId, withinCall } from '../device-members.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';
import { checkChange } from '../input-checks.ts';
import { defineOperation } from '../operation.ts';
import {
  authenticationOf,
  authenticationOptions,
  CHANGE_ERRORS,
  ModuleDocument,
  managedBy,
  moduleDocument,
} from './identity-members.ts';

const moduleDetail = OneRow(ModuleDocument, 'AzureIoT.Module_DS');

const createModule = defineOperation({
  name: 'CreateModule',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'engineer',
  summary: 'Creates a module of a device; a module that exists already stays unchanged and is no error.',
  method: 'PUT',
  path: '/hubs/{hub}/devices/{deviceId}/modules/{moduleId}',
  input: Type.Object({
    hub,
    deviceId,
    moduleId,
    ...authenticationOptions,
    managedBy,
  }),
  output: OneRow(
    Type.Object(
      {
        created: Type.Boolean({ description: 'Whether the module was created now; false when it existed.' }),
        module: ModuleDocument,
      },
      { description: 'What CreateModule has done, and the module without its keys.' },
    ),
    'AzureIoT.ModuleCreation_DS',
  ),
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
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

const getModule = defineOperation({
  name: 'GetModule',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'viewer',
  summary: 'Reads a module of a device, without its keys.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/modules/{moduleId}',
  input: Type.Object({ hub, deviceId, moduleId }),
  output: moduleDetail,
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId, moduleId }) {
    const { modules } = await hubs.require(hub).azure();
    return moduleDocument(await modules.module(deviceId, moduleId, withinCall(signal)));
  },
});

const listDeviceModules = defineOperation({
  name: 'ListDeviceModules',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'viewer',
  summary: 'Lists the modules of a device in the registry.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/modules',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    modules: Table(ModuleDocument, 'AzureIoT.Module_DS', { description: 'The modules, without their keys.' }),
  }),
  result: 'modules',
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId }) {
    const { modules } = await hubs.require(hub).azure();
    return { modules: (await modules.modules(deviceId, withinCall(signal))).map(moduleDocument) };
  },
});

const UPDATES = ['authentication', 'primaryThumbprint', 'secondaryThumbprint', 'managedBy'];

const updateModule = defineOperation({
  name: 'UpdateModule',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'engineer',
  summary: 'Changes the given members of a module of a device; the others stay unchanged.',
  method: 'PATCH',
  path: '/hubs/{hub}/devices/{deviceId}/modules/{moduleId}',
  input: Type.Object({ hub, deviceId, moduleId, ...authenticationOptions, managedBy, etag }),
  output: moduleDetail,
  errors: CHANGE_ERRORS,
  async run({ hubs, signal }, { hub, deviceId, moduleId, managedBy, etag, ...options }) {
    checkChange({ managedBy, ...options }, UPDATES);
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

const deleteModule = defineOperation({
  name: 'DeleteModule',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'engineer',
  summary: 'Deletes a module of a device; one that does not exist is no error.',
  method: 'DELETE',
  path: '/hubs/{hub}/devices/{deviceId}/modules/{moduleId}',
  input: Type.Object({ hub, deviceId, moduleId, etag }),
  output: Type.Object({
    deleted: Type.Boolean({ description: 'Whether it was deleted now; false when there was none.' }),
  }),
  result: 'deleted',
  errors: [...IOT_HUB_ERRORS, 'PRECONDITION_FAILED'],
  async run({ hubs, signal }, { hub, deviceId, moduleId, etag }) {
    const { modules } = await hubs.require(hub).azure();
    try {
      await modules.deleteModule(deviceId, moduleId, {
        ...withinCall(signal),
        ...(etag === undefined ? {} : { etag }),
      });
      return { deleted: true };
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'DEVICE_NOT_FOUND') throw error;
      return { deleted: false };
    }
  },
});

/** Module identities. */
export const MODULES = [createModule, getModule, listDeviceModules, updateModule, deleteModule] as const;
