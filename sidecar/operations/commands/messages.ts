import Type from 'typebox';
import type { CloudToDeviceMessage } from '../../azure/iot-hub/cloud-to-device.ts';
import { DateTime, forThingWorx, JsonObject, JsonValue, OneOf, Table } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';
import { checkNotEmpty } from './methods.ts';

/** Input members of the operations that send cloud-to-device messages. */
export const messageOptions = {
  properties: Type.Optional(
    JsonObject({
      description: 'Application properties of the message, name to text.',
      additionalProperties: { type: 'string', description: 'The value of one property.' },
    }),
  ),
  messageId: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The id of the message, which MessageFeedback names. Empty: an id is generated.',
    }),
  ),
  correlationId: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The id of the message or request to which this message belongs.',
    }),
  ),
  expirySeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 172_800,
      description:
        'The number of seconds after which IoT Hub drops a message that the device has not received. Empty: the default of the IoT Hub.',
    }),
  ),
  ack: Type.Optional(
    OneOf(['none', 'positive', 'negative', 'full'], {
      default: 'none',
      description:
        'Which outcomes fire MessageFeedback: none, positive (accepted by the device), negative (rejected or expired) or full (both).',
    }),
  ),
};

interface Options {
  readonly properties?: Record<string, unknown> | undefined;
  readonly messageId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly expirySeconds?: number | undefined;
  readonly ack?: NonNullable<CloudToDeviceMessage['ack']> | undefined;
}

/** Names that IoT Hub uses for properties of its own: as application properties they would disappear. */
const RESERVED_NAME = /^(iothub-|\$)/i;

/** The message without its body. @throws ConnectorError REQUEST_INVALID for an application property that IoT Hub does not deliver */
function messageOf({ properties, messageId, correlationId, expirySeconds, ack }: Options) {
  const reserved = Object.keys(properties ?? {}).find((name) => name === '' || RESERVED_NAME.test(name));
  if (reserved !== undefined)
    throw new ConnectorError(
      'REQUEST_INVALID',
      `properties has the name "${reserved}"; expected names that are not empty and do not start with iothub- or $, which IoT Hub uses itself. ` +
        'Use the parameters ack, messageId, correlationId and expirySeconds.',
    );
  return {
    ...(properties === undefined ? {} : { properties: properties as Record<string, string> }),
    ...(messageId === undefined ? {} : { messageId }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(expirySeconds === undefined ? {} : { expiresAt: new Date(Date.now() + expirySeconds * 1000) }),
    ...(ack === undefined ? {} : { ack }),
  };
}

const sendMessage = defineOperation({
  name: 'SendMessage',
  entity: 'AzureIoT.Device_TS',
  category: 'Commands',
  role: 'operator',
  summary: 'Sends a cloud-to-device message, which IoT Hub keeps until the device receives it or it expires.',
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
    emptyBody: Type.Optional(
      Type.Boolean({ default: false, description: 'Whether the message has no body, only properties.' }),
    ),
    contentType: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'The content type, such as application/json. bodyJson sets it.',
      }),
    ),
    contentEncoding: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'The content encoding, such as utf-8. bodyJson sets it.',
      }),
    ),
    ...messageOptions,
  }),
  output: Type.Object({
    messageId: Type.String({ description: 'The id of the message, which MessageFeedback names.' }),
  }),
  result: 'messageId',
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND', 'DEVICE_QUEUE_FULL'],
  async run(
    { hubs, signal },
    { hub, deviceId, body, bodyJson, bodyBase64, emptyBody, contentType, contentEncoding, ...options },
  ) {
    const given = [body, bodyJson, bodyBase64, emptyBody || undefined].filter((form) => form !== undefined);
    if (given.length !== 1) {
      throw new ConnectorError(
        'REQUEST_INVALID',
        `${given.length === 0 ? 'None' : 'More than one'} of body, bodyJson, bodyBase64 and emptyBody is given; expected one.`,
      );
    }
    if (bodyJson !== undefined) checkNotEmpty('bodyJson', bodyJson, 'body');
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

const sendProperties = defineOperation({
  name: 'SendProperties',
  entity: 'AzureIoT.Device_TS',
  category: 'Commands',
  role: 'operator',
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
    messageId: Type.String({ description: 'The id of the message, which MessageFeedback names.' }),
  }),
  result: 'messageId',
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND', 'DEVICE_QUEUE_FULL'],
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
          'For subscriptions: the service returns the id at once. If IoT Hub does not accept the message, MessageFeedback has the outcome NotSent.',
      }),
    ),
  }),
  async run({ hubs, signal }, { hub, deviceId, values, ...options }) {
    if (Object.keys(values).length === 0) {
      throw new ConnectorError(
        'REQUEST_INVALID',
        'values or table has no value to send; expected at least one.',
      );
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

const purgeMessages = defineOperation({
  name: 'PurgeMessages',
  entity: 'AzureIoT.Device_TS',
  category: 'Commands',
  role: 'operator',
  summary: 'Removes all cloud-to-device messages that wait for the device and returns how many there were.',
  method: 'DELETE',
  path: '/hubs/{hub}/devices/{deviceId}/messages',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    purged: Type.Integer({ minimum: 0, description: 'How many messages were removed.' }),
  }),
  result: 'purged',
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId }) {
    const azure = await hubs.require(hub).azure();
    return { purged: await azure.messages.purge(deviceId, withinCall(signal)) };
  },
});

/** The outcome of one message: a row of ListMessageFeedback, and what the event MessageFeedback says. */
const Feedback = Type.Object(
  {
    deviceId: Type.String({ description: 'The device.' }),
    messageId: Type.String({ description: 'The id that SendMessage returned.' }),
    outcome: Type.String({
      description:
        'Success, Expired, DeliveryCountExceeded, Rejected, Purged, or, in the event only, NotSent (IoT Hub did not accept it).',
    }),
    description: Type.String({ description: 'What IoT Hub says about it.' }),
    time: DateTime({ description: 'When the outcome was known.' }),
  },
  { description: 'The outcome of a cloud-to-device message.' },
);

const listMessageFeedback = defineOperation({
  name: 'ListMessageFeedback',
  entity: 'AzureIoT.Device_TS',
  category: 'Commands',
  role: 'viewer',
  summary:
    'Lists the outcomes of the last cloud-to-device messages to the device, the newest first: those that were received since the sidecar was started.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/message-feedback',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    feedback: Table(Feedback, 'AzureIoT.MessageFeedback_DS', { description: 'One row for each outcome.' }),
  }),
  result: 'feedback',
  errors: ['HUB_NOT_CONNECTED', 'STATE_UNAVAILABLE'],
  async run({ hubs }, { hub, deviceId }) {
    const records = await hubs.require(hub).feedbackOf(deviceId);
    return {
      feedback: records.map(({ originalMessageId, statusCode, description, enqueuedTimeUtc }) => ({
        deviceId,
        messageId: originalMessageId,
        outcome: statusCode,
        description: description ?? '',
        time: new Date(enqueuedTimeUtc).toISOString(),
      })),
    };
  },
});

/** Cloud-to-device messages. */
export const MESSAGES = [sendMessage, sendProperties, purgeMessages, listMessageFeedback] as const;
