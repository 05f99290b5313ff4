import Type from 'typebox';
import { deviceId, hub, optionalModuleId, TwinDocument, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { twinDocument } from './twin-content.ts';

export const getTwin = defineOperation({
  name: 'GetTwin',
  entity: 'AzureIoT.Device_TS',
  category: 'Twin',
  summary: 'Reads the twin of the device or of one of its modules from the IoT Hub.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/twin',
  input: Type.Object({ hub, deviceId, moduleId: optionalModuleId }),
  output: TwinDocument,
  errors: ['HUB_NOT_CONNECTED', 'DEVICE_NOT_FOUND', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED'],
  async run({ hubs, signal }, { hub, ...name }) {
    const azure = await hubs.require(hub).azure();
    return twinDocument(await azure.twins.get(name, withinCall(signal)));
  },
});
