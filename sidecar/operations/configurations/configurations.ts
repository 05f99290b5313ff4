import Type from 'typebox';
import type { ConfigurationContent } from '../../azure/iot-hub/configurations.ts';
import { JsonObject, Table } from '../../contract/schema.ts';
import { etag, hub, withinCall } from '../device-members.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';
import { checkChange } from '../input-checks.ts';
import { defineOperation } from '../operation.ts';
import {
  ConfigurationDocument,
  ConfigurationRow,
  configurationChange,
  configurationDocument,
  configurationId,
  configurationMembers,
  configurationRow,
} from './configuration-members.ts';

const createConfiguration = defineOperation({
  name: 'CreateConfiguration',
  entity: 'AzureIoT.Hub_TT',
  category: 'Configurations',
  role: 'engineer',
  summary:
    'Creates an automatic configuration of devices or modules, or an IoT Edge deployment, for all that meet a condition.',
  method: 'PUT',
  path: '/hubs/{hub}/configurations/{configuration}',
  input: Type.Object({
    hub,
    configuration: configurationId,
    content: JsonObject({
      description:
        'What it writes, as IoT Hub defines it: {"deviceContent": {"properties.desired.x": ...}}, {"moduleContent": {...}} or ' +
        '{"modulesContent": {"$edgeAgent": {...}, ...}}. It cannot be changed later.',
    }),
    ...configurationMembers,
  }),
  output: ConfigurationDocument,
  errors: [...IOT_HUB_ERRORS, 'AZURE_CONFLICT'],
  async run({ hubs, signal }, { hub, configuration, content, ...members }) {
    const { configurations } = await hubs.require(hub).azure();
    const input = {
      id: configuration,
      content: content as ConfigurationContent,
      ...configurationChange(members),
    };
    return configurationDocument(await configurations.create(input, withinCall(signal)));
  },
});

const getConfiguration = defineOperation({
  name: 'GetConfiguration',
  entity: 'AzureIoT.Hub_TT',
  category: 'Configurations',
  role: 'viewer',
  summary: 'Shows one automatic configuration or Edge deployment with its content and metrics.',
  method: 'GET',
  path: '/hubs/{hub}/configurations/{configuration}',
  input: Type.Object({ hub, configuration: configurationId }),
  output: ConfigurationDocument,
  errors: [...IOT_HUB_ERRORS, 'AZURE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, configuration }) {
    const { configurations } = await hubs.require(hub).azure();
    return configurationDocument(await configurations.get(configuration, withinCall(signal)));
  },
});

const listConfigurations = defineOperation({
  name: 'ListConfigurations',
  entity: 'AzureIoT.Hub_TT',
  category: 'Configurations',
  role: 'viewer',
  summary: 'Lists all automatic configurations and Edge deployments of the IoT Hub with their metrics.',
  method: 'GET',
  path: '/hubs/{hub}/configurations',
  input: Type.Object({ hub }),
  output: Type.Object({
    configurations: Table(ConfigurationRow, 'AzureIoT.Configuration_DS', {
      description: 'All of them: a hub has at most 100.',
    }),
  }),
  result: 'configurations',
  errors: [...IOT_HUB_ERRORS],
  async run({ hubs, signal }, { hub }) {
    const { configurations } = await hubs.require(hub).azure();
    return { configurations: (await configurations.list(withinCall(signal))).map(configurationRow) };
  },
});

const updateConfiguration = defineOperation({
  name: 'UpdateConfiguration',
  entity: 'AzureIoT.Hub_TT',
  category: 'Configurations',
  role: 'engineer',
  summary: 'Changes the condition, priority, labels or metrics of a configuration; what is not given stays.',
  method: 'PATCH',
  path: '/hubs/{hub}/configurations/{configuration}',
  input: Type.Object({ hub, configuration: configurationId, ...configurationMembers, etag }),
  output: ConfigurationDocument,
  errors: [...IOT_HUB_ERRORS, 'AZURE_NOT_FOUND', 'PRECONDITION_FAILED'],
  async run({ hubs, signal }, { hub, configuration, etag, ...members }) {
    checkChange(members, Object.keys(configurationMembers));
    const { configurations } = await hubs.require(hub).azure();
    const options = { ...withinCall(signal), ...(etag ? { etag } : {}) };
    return configurationDocument(
      await configurations.update(configuration, configurationChange(members), options),
    );
  },
});

const deleteConfiguration = defineOperation({
  name: 'DeleteConfiguration',
  entity: 'AzureIoT.Hub_TT',
  category: 'Configurations',
  role: 'engineer',
  summary: 'Deletes an automatic configuration or Edge deployment.',
  method: 'DELETE',
  path: '/hubs/{hub}/configurations/{configuration}',
  input: Type.Object({ hub, configuration: configurationId, etag }),
  output: Type.Object({ done: Type.Boolean({ description: 'Always true: it is deleted.' }) }),
  noResult: true,
  errors: [...IOT_HUB_ERRORS, 'AZURE_NOT_FOUND', 'PRECONDITION_FAILED'],
  async run({ hubs, signal }, { hub, configuration, etag }) {
    const { configurations } = await hubs.require(hub).azure();
    await configurations.delete(configuration, { ...withinCall(signal), ...(etag ? { etag } : {}) });
    return { done: true };
  },
});

/** Automatic configurations of devices and modules, and IoT Edge deployments. */
export const CONFIGURATIONS = [
  createConfiguration,
  getConfiguration,
  listConfigurations,
  updateConfiguration,
  deleteConfiguration,
];
