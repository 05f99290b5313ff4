import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, JsonObject } from '../../contract/schema.ts';

export const LetterId = Type.String({
  pattern: '^[0-9]{13}-[A-Za-z0-9_.]{1,64}-[A-Za-z0-9_.]{1,64}-[0-9]{1,16}$',
  description: 'The id of a dead letter, as ListDeadLetters gives it.',
});

/** Members that choose among the dead letters. */
export const LetterFilter = {
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
  from: Type.Optional(DateTime({ description: 'Only messages that IoT Hub took at this time or later.' })),
  to: Type.Optional(DateTime({ description: 'Only messages that IoT Hub took at this time or earlier.' })),
};
export interface LetterFilter {
  readonly deviceId?: string | undefined;
  readonly code?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const sequenceNumber = forThingWorx(
  Type.Integer({ description: 'The sequence number of the message in its partition.' }),
  { baseType: 'LONG' },
);

export const LetterRow = Type.Object(
  {
    id: Type.String({ description: 'The id of the dead letter.' }),
    enqueuedTime: DateTime({ description: 'When IoT Hub took the message.' }),
    storedAt: DateTime({ description: 'When it was put aside.' }),
    deviceId: Type.String({ description: 'The device that sent it.' }),
    moduleId: Type.String({ description: 'The module that sent it; empty for devices.' }),
    source: Type.String({ description: 'The message source: Telemetry, twinChangeEvents and so on.' }),
    code: Type.String({ description: 'The code of the first reason.' }),
    reason: Type.String({ description: 'The first reason, in plain words.' }),
    thing: Type.String({ description: 'The Thing that the first reason concerns; may be empty.' }),
    property: Type.String({ description: 'The property that the first reason concerns; may be empty.' }),
    codes: Type.String({ description: 'All different codes of the letter, with a space between.' }),
    partition: Type.String({ description: 'The partition id, or the file in storage it came from.' }),
    sequenceNumber,
    bytes: Type.Integer({ minimum: 0, description: 'The size of the message body, in bytes.' }),
  },
  { description: 'One dead letter in a list.' },
);
export type LetterRow = Static<typeof LetterRow>;

const Reason = Type.Object({
  code: Type.String({ description: 'The stable code.' }),
  reason: Type.String({ description: 'What is wrong and what is expected, in plain words.' }),
  thing: Type.Optional(Type.String({ description: 'The Thing it concerns.' })),
  property: Type.Optional(Type.String({ description: 'The property it concerns.' })),
});

const optionalText = (description: string) => Type.Optional(Type.String({ description }));

export const LetterDetail = Type.Object(
  {
    id: Type.String({ description: 'The id of the dead letter.' }),
    enqueuedTime: DateTime({ description: 'When IoT Hub took the message.' }),
    creationTime: Type.Optional(DateTime({ description: 'When the device made it, if it said so.' })),
    storedAt: DateTime({ description: 'When it was put aside.' }),
    deviceId: Type.String({ description: 'The device that sent it.' }),
    moduleId: optionalText('The module that sent it.'),
    source: Type.String({ description: 'The message source.' }),
    reasons: Type.Array(Reason, { description: 'Why it could not be delivered.' }),
    partition: Type.String({ description: 'The partition id, or the file in storage it came from.' }),
    offset: Type.String({ description: 'The offset of the message in its partition.' }),
    sequenceNumber,
    contentType: optionalText('The content type that the sender gave.'),
    contentEncoding: optionalText('The content encoding that the sender gave.'),
    messageId: optionalText('The message id that the sender gave.'),
    correlationId: optionalText('The correlation id that the sender gave.'),
    systemProperties: JsonObject({ description: 'What IoT Hub and AMQP say of the message.' }),
    applicationProperties: JsonObject({ description: 'What the device attached.' }),
    body: optionalText('The body as text, decompressed; absent when it is not text.'),
    bodyBase64: Type.String({ description: 'The body as it came, in base64.' }),
  },
  { description: 'One dead letter, whole.' },
);
export type LetterDetail = Static<typeof LetterDetail>;

export const LetterCount = Type.Object(
  {
    count: forThingWorx(Type.Integer({ minimum: 0, description: 'How many dead letters there are.' }), {
      baseType: 'LONG',
    }),
    bytes: forThingWorx(Type.Integer({ minimum: 0, description: 'What they take in the store, in bytes.' }), {
      baseType: 'LONG',
    }),
    oldest: Type.Optional(DateTime({ description: 'When IoT Hub took the oldest of them.' })),
    warning: optionalText('Why someone should look at them before letters are lost.'),
  },
  { description: 'How many dead letters a hub has.' },
);
export type LetterCount = Static<typeof LetterCount>;

/** The dead letters of one hub, as operations see them. All throw DEAD_LETTERS_UNAVAILABLE. */
export interface DeadLetterDesk {
  /** `after`: the id of the last letter of the page before. */
  list(
    filter: LetterFilter,
    page: { limit: number; after?: string | undefined },
  ): Promise<{ letters: LetterRow[]; more: boolean }>;
  /** @throws ConnectorError DEAD_LETTER_NOT_FOUND, DEAD_LETTER_UNREADABLE */
  get(id: string): Promise<LetterDetail>;
  count(): Promise<LetterCount>;
  deleteIds(ids: readonly string[]): Promise<number>;
  /** As many as the time allows; `more` when some are left. */
  deleteMatching(filter: LetterFilter, timeoutMs: number): Promise<{ deleted: number; more: boolean }>;
  /** Begins a task. @returns its id. @throws ConnectorError TASK_QUEUE_FULL, TASKS_UNAVAILABLE */
  replay(what: { ids: readonly string[] } | { filter: LetterFilter }): Promise<string>;
}
