import Type from 'typebox';
import { DateTime, forThingWorx, JsonValue, OneRow } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { deviceId, hub, optionalModuleId, withinCall } from '../device-members.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';
import { account, container, path } from '../files/file-members.ts';
import { defineOperation } from '../operation.ts';
import { answerMembers } from './methods.ts';

/** For storage and for the way: with the default of responseTimeoutSeconds all of it ends within the 30 s of a script. */
const MARGIN_SECONDS = 12;

/** What the service and the route have in common. */
const members = {
  methodName: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 100,
      description: 'The direct method that receives the link. Empty: the link is sent in a message.',
    }),
  ),
  moduleId: optionalModuleId,
  information: Type.Optional(JsonValue({ description: 'Further information for the device.' })),
  minutes: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_440,
      default: 60,
      description: 'How long the link is valid and the message waits, in minutes: 1 to 1440.',
    }),
  ),
  responseTimeoutSeconds: Type.Optional(
    Type.Integer({
      minimum: 5,
      maximum: 300,
      default: 15,
      description:
        'How long the device may take to answer the method, in seconds. ThingWorx ends scripts after 30 seconds unless ScriptTimeout is longer.',
    }),
  ),
};

const sendFileToDevice = defineOperation({
  name: 'SendFileToDevice',
  entity: 'AzureIoT.Device_TS',
  category: 'Files',
  role: 'engineer',
  summary:
    'Sends the device a link to download a file: with a direct method, or with a message if no method is named.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/files',
  input: Type.Object({ hub, deviceId, account, container, path, ...members }),
  output: OneRow(
    Type.Object(
      {
        expiresAt: DateTime({ description: 'When the link expires.' }),
        messageId: Type.Optional(
          Type.String({ description: 'The id of the message, which MessageFeedback names.' }),
        ),
        status: Type.Optional(
          Type.Integer({ description: 'The status that the device answered to the method.' }),
        ),
        payload: Type.Optional(answerMembers.payload),
        payloadText: Type.Optional(answerMembers.payloadText),
      },
      {
        description:
          'The result of SendFileToDevice: the answer of the method, or the message that was sent.',
      },
    ),
    'AzureIoT.FileDelivery_DS',
  ),
  errors: [
    ...IOT_HUB_ERRORS,
    ...STORAGE_ERRORS,
    'PATH_INVALID',
    'FILE_NOT_FOUND',
    'LINK_NOT_POSSIBLE',
    'DEVICE_NOT_FOUND',
    'DEVICE_OFFLINE',
    'DEVICE_TIMEOUT',
    'DEVICE_RESPONSE_INVALID',
    'DEVICE_QUEUE_FULL',
  ],
  script: 'hand-written',
  serviceInput: Type.Object({
    repository: forThingWorx(Type.String({ description: 'The Thing of the container.' }), {
      baseType: 'THINGNAME',
      thingTemplate: 'AzureIoT.BlobContainer_TT',
    }),
    path,
    ...members,
  }),
  timeoutMs: MARGIN_SECONDS * 1_000,
  addedSeconds: ['responseTimeoutSeconds'],
  async run({ hubs, storages, signal }, { hub, deviceId, moduleId, ...input }) {
    const azure = await hubs.require(hub).azure();
    const files = storages.require(input.account).container(input.container);
    const { minutes = 60, responseTimeoutSeconds = 15, methodName, information } = input;
    const facts = await files.facts(input.path, signal);
    const { url, expiresAt } = await files.downloadLink(input.path, minutes, signal);
    const content = {
      url,
      expiresAt,
      path: facts.path,
      name: facts.name,
      size: facts.size,
      etag: facts.etag,
      contentType: facts.contentType,
      ...(facts.contentMd5 === undefined ? {} : { contentMd5: facts.contentMd5 }),
      ...(information === undefined ? {} : { information }),
    };
    if (methodName !== undefined) {
      const call = {
        deviceId,
        ...(moduleId === undefined ? {} : { moduleId }),
        methodName,
        payload: content,
        responseTimeoutSeconds,
      };
      const timeoutMs = (responseTimeoutSeconds + MARGIN_SECONDS - 3) * 1_000;
      return { expiresAt, ...(await azure.invokeMethod(call, { signal, timeoutMs })) };
    }
    // A message that comes after the end of the link would be of no use.
    const message = {
      body: JSON.stringify(content),
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      properties: { kind: 'file' },
      ack: 'full' as const,
      expiresAt: new Date(Date.now() + minutes * 60_000),
    };
    const { messageId } = await azure.messages.send(deviceId, message, withinCall(signal));
    return { expiresAt, messageId };
  },
});

/** Files of containers for devices. */
export const FILE_DELIVERY = [sendFileToDevice] as const;
