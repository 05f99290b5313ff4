import Type from 'typebox';
import { forThingWorx, JsonObject } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { messageOf, messageOptions } from './message-members.ts';

export const sendProperties = defineOperation({
  name: 'SendProperties',
  entity: 'AzureIoT.Device_TS',
  category: 'Commands',
  summary:
    'Sends many values in one cloud-to-device message: a JSON object whose keys are the names of the values.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/messages/values',
  input: Type.Object({
    hub,
    deviceId,
    values: JsonObject({ description: 'The values, by name.' }),
    ...messageOptions,
  }),
  output: Type.Object({
    messageId: Type.String({ description: 'The id of the message, which feedback names.' }),
  }),
  result: 'messageId',
  errors: [
    'HUB_NOT_CONNECTED',
    'DEVICE_NOT_FOUND',
    'DEVICE_QUEUE_FULL',
    'QUOTA_EXCEEDED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
    'AZURE_REJECTED',
  ],
  script: 'hand-written',
  serviceInput: Type.Object({
    values: Type.Optional(JsonObject({ description: 'The values, by name.' })),
    table: Type.Optional(
      forThingWorx(
        Type.Unsafe<unknown>({
          description:
            'The values instead as an INFOTABLE of any Data Shape: the fields of its first row, by name.',
        }),
        { baseType: 'INFOTABLE' },
      ),
    ),
    ...messageOptions,
    background: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'For subscriptions: returns the id at once, and MessageFeedback has the outcome NotSent when IoT Hub does not take the message.',
      }),
    ),
  }),
  async run({ hubs, signal }, { hub, deviceId, values, ...options }) {
    if (Object.keys(values).length === 0) {
      throw new ConnectorError('REQUEST_INVALID', 'There is no value to send.');
    }
    const azure = await hubs.require(hub).azure();
    return await azure.messages.send(
      deviceId,
      {
        ...messageOf(options),
        body: JSON.stringify(values),
        contentType: 'application/json',
        contentEncoding: 'utf-8',
      },
      withinCall(signal),
    );
  },
});
