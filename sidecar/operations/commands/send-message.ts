import Type from 'typebox';
import { JsonValue } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { messageOf, messageOptions } from './message-members.ts';

export const sendMessage = defineOperation({
  name: 'SendMessage',
  entity: 'AzureIoT.Device_TS',
  category: 'Commands',
  summary: 'Sends a cloud-to-device message, which IoT Hub keeps until the device takes it or it expires.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/messages',
  input: Type.Object({
    hub,
    deviceId,
    body: Type.Optional(Type.String({ maxLength: 65_536, description: 'The body as text. At most 64 KB.' })),
    bodyJson: Type.Optional(
      JsonValue({
        description: 'The body as JSON instead: an object, or an array boxed as {"array": [...]}.',
      }),
    ),
    bodyBase64: Type.Optional(
      Type.String({
        maxLength: 87_384,
        pattern: '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
        'x-expected': 'base64',
        description: 'The body as bytes in base64 instead.',
      }),
    ),
    contentType: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'Such as application/json, which bodyJson sets by itself.',
      }),
    ),
    contentEncoding: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'Such as utf-8, which bodyJson sets by itself.',
      }),
    ),
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
  async run(
    { hubs, signal },
    { hub, deviceId, body, bodyJson, bodyBase64, contentType, contentEncoding, ...options },
  ) {
    const given = [body, bodyJson, bodyBase64].filter((form) => form !== undefined);
    if (given.length > 1) {
      throw new ConnectorError(
        'REQUEST_INVALID',
        'More than one of body, bodyJson and bodyBase64 is given; expected one.',
      );
    }
    const isJson = bodyJson !== undefined;
    const type = contentType ?? (isJson ? 'application/json' : undefined);
    const encoding = contentEncoding ?? (isJson ? 'utf-8' : undefined);
    const azure = await hubs.require(hub).azure();
    return await azure.messages.send(
      deviceId,
      {
        ...messageOf(options),
        body: isJson
          ? JSON.stringify(bodyJson)
          : bodyBase64 === undefined
            ? (body ?? '')
            : Buffer.from(bodyBase64, 'base64'),
        ...(type === undefined ? {} : { contentType: type }),
        ...(encoding === undefined ? {} : { contentEncoding: encoding }),
      },
      withinCall(signal),
    );
  },
});
