import Type from 'typebox';
import type { CloudToDeviceMessage } from '../../azure/iot-hub/cloud-to-device.ts';
import { JsonObject, OneOf } from '../../contract/schema.ts';

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
      description: 'The id that feedback names. Empty: one is made up.',
    }),
  ),
  correlationId: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The id of what the message answers or belongs to.',
    }),
  ),
  expirySeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 172_800,
      description:
        'After so many seconds IoT Hub drops a message that the device has not taken. Empty: as the hub is set.',
    }),
  ),
  ack: Type.Optional(
    OneOf(['none', 'positive', 'negative', 'full'], {
      default: 'none',
      description:
        'Which outcomes fire MessageFeedback: none, positive (taken), negative (refused, expired) or full (both).',
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

/** The message without its body. */
export function messageOf({ properties, messageId, correlationId, expirySeconds, ack }: Options) {
  return {
    ...(properties === undefined ? {} : { properties: properties as Record<string, string> }),
    ...(messageId === undefined ? {} : { messageId }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(expirySeconds === undefined ? {} : { expiresAt: new Date(Date.now() + expirySeconds * 1000) }),
    ...(ack === undefined ? {} : { ack }),
  };
}
