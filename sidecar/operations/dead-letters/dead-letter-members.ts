import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, JsonObject, OneRow, Table } from '../../contract/schema.ts';
import type { DeadLetter, DeadLetterFilter, DeadLetterSummary } from '../../dead-letters/store.ts';
import { DEFAULT_LIMITS } from '../../translate/decode/limits.ts';
import { decodeBody } from '../../translate/decode.ts';

export const DeadLetterId = Type.String({
  pattern: '^[0-9]{13}-[A-Za-z0-9_.]{1,64}-[A-Za-z0-9_.]{1,64}-[0-9]{1,16}$',
  description: 'The id of a dead letter, as ListDeadLetters returns it.',
});

/** Members that choose among the dead letters. */
export const filterMembers = {
  deviceId: Type.Optional(
    Type.String({ minLength: 1, maxLength: 256, description: 'Only messages of this device.' }),
  ),
  code: Type.Optional(
    Type.String({
      pattern: '^[A-Z][A-Z_]{1,63}$',
      description:
        'Only messages with this reason code, such as THING_UNKNOWN; docs/dead-letters.md lists them.',
    }),
  ),
  from: Type.Optional(
    DateTime({ description: 'Only messages that IoT Hub received at this time or later.' }),
  ),
  to: Type.Optional(
    DateTime({ description: 'Only messages that IoT Hub received at this time or earlier.' }),
  ),
};
interface FilterInput {
  readonly deviceId?: string | undefined;
  readonly code?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const sequenceNumber = forThingWorx(
  Type.Integer({ description: 'The sequence number of the message in its partition.' }),
  { baseType: 'LONG' },
);

export const DeadLetterRow = Type.Object(
  {
    id: Type.String({ description: 'The id of the dead letter.' }),
    enqueuedTime: DateTime({ description: 'When IoT Hub received the message.' }),
    storedAt: DateTime({ description: 'When it was stored.' }),
    deviceId: Type.String({ description: 'The device that sent it.' }),
    moduleId: Type.String({ description: 'The module that sent it; empty for devices.' }),
    source: Type.String({ description: 'The message source: Telemetry, twinChangeEvents and so on.' }),
    code: Type.String({ description: 'The code of the first reason.' }),
    reason: Type.String({ description: 'The first reason, in plain words.' }),
    thing: Type.String({ description: 'The Thing that the first reason concerns; may be empty.' }),
    property: Type.String({ description: 'The property that the first reason concerns; may be empty.' }),
    codes: Type.String({ description: 'All different codes of the dead letter, with a space between.' }),
    partition: Type.String({ description: 'The partition id, or the file in storage it came from.' }),
    sequenceNumber,
    bytes: Type.Integer({ minimum: 0, description: 'The size of the message body, in bytes.' }),
  },
  { description: 'One dead letter in a list.' },
);
type DeadLetterRow = Static<typeof DeadLetterRow>;

const Reason = Type.Object(
  {
    code: Type.String({ description: 'The stable code.' }),
    reason: Type.String({ description: 'What is wrong and what is expected, in plain words.' }),
    thing: Type.Optional(Type.String({ description: 'The Thing it concerns.' })),
    property: Type.Optional(Type.String({ description: 'The property it concerns.' })),
  },
  { description: 'A reason why a dead letter could not be delivered.' },
);

const optionalText = (description: string) => Type.Optional(Type.String({ description }));

export const DeadLetterDetail = OneRow(
  Type.Object(
    {
      id: Type.String({ description: 'The id of the dead letter.' }),
      enqueuedTime: DateTime({ description: 'When IoT Hub received the message.' }),
      creationTime: Type.Optional(
        DateTime({
          description: 'When the device created the message; not set if the message does not say.',
        }),
      ),
      storedAt: DateTime({ description: 'When it was stored.' }),
      deviceId: Type.String({ description: 'The device that sent it.' }),
      moduleId: optionalText('The module that sent it.'),
      source: Type.String({ description: 'The message source.' }),
      reasons: Table(Reason, 'AzureIoT.DeadLetterReason_DS', {
        description: 'Why it could not be delivered.',
      }),
      partition: Type.String({ description: 'The partition id, or the file in storage it came from.' }),
      offset: Type.String({ description: 'The offset of the message in its partition.' }),
      sequenceNumber,
      contentType: optionalText('The content type that the sender gave.'),
      contentEncoding: optionalText('The content encoding that the sender gave.'),
      messageId: optionalText('The message id that the sender gave.'),
      correlationId: optionalText('The correlation id that the sender gave.'),
      systemProperties: JsonObject({ description: 'The system properties that IoT Hub and AMQP set.' }),
      applicationProperties: JsonObject({ description: 'The application properties that the device set.' }),
      body: optionalText('The body as text, decompressed; not set if it is not text.'),
      bodyBase64: Type.String({ description: 'The body as it was received, in base64.' }),
    },
    { description: 'One dead letter with all its members.' },
  ),
  'AzureIoT.DeadLetterDetail_DS',
);
type DeadLetterDetail = Static<typeof DeadLetterDetail>;

export const DeadLetterCount = OneRow(
  Type.Object(
    {
      count: forThingWorx(Type.Integer({ minimum: 0, description: 'How many dead letters there are.' }), {
        baseType: 'LONG',
      }),
      bytes: forThingWorx(Type.Integer({ minimum: 0, description: 'Their size in the store, in bytes.' }), {
        baseType: 'LONG',
      }),
      oldest: Type.Optional(DateTime({ description: 'When IoT Hub received the oldest one.' })),
      warning: optionalText('Why dead letters will be lost unless someone acts; not set if none will be.'),
    },
    { description: 'How many dead letters a hub has.' },
  ),
  'AzureIoT.DeadLetterCount_DS',
);

export function storeFilter({ deviceId, code, from, to }: FilterInput): DeadLetterFilter {
  return {
    deviceId,
    code,
    fromMs: from === undefined ? undefined : Date.parse(from),
    toMs: to === undefined ? undefined : Date.parse(to),
  };
}

export function deadLetterRow(summary: DeadLetterSummary): DeadLetterRow {
  const [first] = summary.reasons;
  return {
    id: summary.id,
    enqueuedTime: isoTime(summary.enqueuedTimeMs),
    storedAt: isoTime(summary.storedAtMs),
    deviceId: summary.deviceId,
    moduleId: summary.moduleId ?? '',
    source: summary.source,
    code: first?.code ?? '',
    reason: first?.reason ?? '',
    thing: first?.thing ?? '',
    property: first?.property ?? '',
    codes: summary.codes.join(' '),
    partition: summary.partition,
    sequenceNumber: summary.sequenceNumber,
    bytes: summary.bytes,
  };
}

export function deadLetterDetail({ id, storedAtMs, message, reasons }: DeadLetter): DeadLetterDetail {
  const { enqueuedTimeMs, creationTimeMs } = message;
  const text = decodeBody(message, DEFAULT_LIMITS, { format: 'text' });
  const optional = {
    creationTime: creationTimeMs === undefined ? undefined : isoTime(creationTimeMs),
    moduleId: message.moduleId,
    contentType: message.contentType,
    contentEncoding: message.contentEncoding,
    messageId: message.messageId,
    correlationId: message.correlationId,
    body: typeof text === 'string' ? text : undefined,
  };
  return {
    id,
    enqueuedTime: isoTime(enqueuedTimeMs),
    storedAt: isoTime(storedAtMs),
    deviceId: message.deviceId,
    source: message.source,
    reasons: reasons.map((reason) => ({ ...reason })),
    partition: message.partitionId,
    offset: message.offset,
    sequenceNumber: message.sequenceNumber,
    systemProperties: { ...message.systemProperties },
    applicationProperties: { ...message.applicationProperties },
    bodyBase64: Buffer.from(message.body).toString('base64'),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

/** Devices may give times that no date has; these become 1970. */
export function isoTime(timeMs: number): string {
  const date = new Date(timeMs);
  return (Number.isNaN(date.getTime()) ? new Date(0) : date).toISOString();
}
