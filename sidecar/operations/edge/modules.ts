import Type from 'typebox';
import type { ConfigurationContent } from '../../azure/iot-hub/configurations.ts';
import { JsonObject, Table } from '../../contract/schema.ts';
import { ModuleStatus, moduleStatuses } from '../../deferred/module-status.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';
import { ModuleDocument, moduleDocument } from '../registry/identity-members.ts';

const listModules = defineOperation({
  name: 'ListModules',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  role: 'viewer',
  summary: 'Lists the modules of this device in the registry, edgeAgent and edgeHub among them.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/edge/modules',
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

export const getModulesStatus = defineOperation({
  name: 'GetModulesStatus',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  role: 'viewer',
  summary:
    'Returns the state of the modules of this device as its edgeAgent last reported it, and stores it in modulesStatus.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/edge/status',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    modules: Table(ModuleStatus, 'AzureIoT.ModuleStatus_DS', { description: 'One row for each module.' }),
  }),
  result: 'modules',
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  script: 'hand-written',
  async run({ hubs, signal }, { hub, deviceId }) {
    const { twins } = await hubs.require(hub).azure();
    const twin = await twins.get({ deviceId, moduleId: '$edgeAgent' }, withinCall(signal));
    return { modules: moduleStatuses(twin.properties.reported) };
  },
});

const setModules = defineOperation({
  name: 'SetModules',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  role: 'engineer',
  summary: 'Deploys modules to this device only; the manifest replaces the previous one.',
  method: 'PUT',
  path: '/hubs/{hub}/devices/{deviceId}/edge/modules',
  input: Type.Object({
    hub,
    deviceId,
    manifest: JsonObject({
      description:
        'A deployment manifest as IoT Edge defines it: {"modulesContent": {"$edgeAgent": {...}, "$edgeHub": {...}, ...}}; one that ' +
        'has it inside a member "content" is accepted as well.',
    }),
  }),
  output: Type.Object({
    done: Type.Boolean({ description: 'Always true: IoT Hub has taken the manifest.' }),
  }),
  noResult: true,
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId, manifest }) {
    const content = (manifest['content'] ?? manifest) as ConfigurationContent;
    const { $edgeAgent, $edgeHub } = content?.modulesContent ?? {};
    if (!$edgeAgent || !$edgeHub) {
      throw new ConnectorError(
        'REQUEST_INVALID',
        'manifest must have modulesContent with $edgeAgent and $edgeHub: a manifest replaces all modules.',
      );
    }
    const { configurations } = await hubs.require(hub).azure();
    await configurations.apply(deviceId, content, withinCall(signal));
    return { done: true };
  },
});

/** The modules of one IoT Edge device. */
export const EDGE_MODULES = [listModules, getModulesStatus, setModules] as const;
