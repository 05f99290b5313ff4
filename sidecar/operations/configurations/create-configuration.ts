import Type from 'typebox';
import type { ConfigurationContent } from '../../azure/iot-hub/configurations.ts';
import { JsonObject } from '../../contract/schema.ts';
import { hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import {
  ConfigurationDocument,
  configurationChange,
  configurationDocument,
  configurationId,
  configurationMembers,
} from './configuration-members.ts';

export const createConfiguration = defineOperation({
  name: 'CreateConfiguration',
  entity: 'AzureIoT.Hub_TT',
  category: 'Configurations',
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
  errors: [
    'HUB_NOT_CONNECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
    'AZURE_REJECTED',
    'AZURE_CONFLICT',
    'QUOTA_EXCEEDED',
  ],
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
