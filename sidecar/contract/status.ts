import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, JsonObject, OneOf, Table, ThingName } from './schema.ts';

/**
 * stopped: not asked to run. connecting: connecting to Azure and ThingWorx. running: receiving and delivering. waiting: one
 * side cannot be reached or refuses; retrying. failed: an administrator must change something.
 */
const HUB_STATES = ['stopped', 'connecting', 'running', 'waiting', 'failed'] as const;
export type HubState = (typeof HUB_STATES)[number];

const count = (description: string) =>
  forThingWorx(Type.Integer({ minimum: 0, description }), { baseType: 'LONG' });

export const LastError = Type.Object(
  {
    code: Type.String({ description: 'The stable code; docs/errors.md says what to do.' }),
    message: Type.String({ description: 'What is wrong, in plain words.' }),
    time: DateTime({ description: 'When it happened.' }),
  },
  { description: 'The last error of this hub; not set if there was none.' },
);
export type LastError = Static<typeof LastError>;

export const Stall = Type.Object(
  {
    since: DateTime({ description: 'Since when no message has been delivered.' }),
    until: Type.Optional(DateTime({ description: 'When delivery continued; not set while it is blocked.' })),
    code: Type.String({
      description: 'The code of the error that blocks them; docs/errors.md says what to do.',
    }),
    reason: Type.String({ description: 'What blocks them, in plain words.' }),
  },
  {
    description: 'The last time that ingestion was blocked for 30 seconds or more; not set if it never was.',
  },
);
export type Stall = Static<typeof Stall>;

/** received = delivered + ignored + deadLettered + released + inFlight; repeated messages are also counted in delivered. */
export const Counters = Type.Object(
  {
    received: count('Messages received from Azure.'),
    delivered: count('Messages that ThingWorx has accepted.'),
    ignored: count('Messages ignored as the settings say.'),
    deadLettered: count('Messages that could not be delivered and are in the dead-letter store.'),
    released: count(
      'Messages received but not settled when a partition was closed; they are received again.',
    ),
    inFlight: count('Messages received and not yet settled.'),
    repeated: count('Messages that ThingWorx had already applied, counted also as delivered.'),
  },
  { description: 'Counts of messages since the hub was connected.' },
);

export const PartitionStatus = Type.Object(
  {
    partition: Type.String({ description: 'The partition id.' }),
    owner: Type.String({ description: 'The sidecar that reads this partition; empty if none does.' }),
    offset: Type.String({ description: 'The offset of the last settled message; empty at first.' }),
    sequenceNumber: forThingWorx(
      Type.Integer({
        description: 'The sequence number of the last settled message; -1 at first.',
      }),
      { baseType: 'LONG' },
    ),
    lag: count('Messages in the partition that are not yet settled.'),
    inFlight: count('Messages of the partition received and not yet settled.'),
    lastEnqueuedTime: Type.Optional(
      DateTime({ description: 'When the last settled message reached Azure.' }),
    ),
  },
  { description: 'One partition of the built-in endpoint.' },
);
export type PartitionStatus = Static<typeof PartitionStatus>;

export const HubStatus = Type.Object(
  {
    thing: ThingName({ description: 'The hub Thing.' }),
    state: OneOf(HUB_STATES, { description: 'The state of the connection.' }),
    reason: Type.Optional(Type.String({ description: 'Why it waits or failed, in plain words.' })),
    lastError: Type.Optional(LastError),
    stall: Type.Optional(Stall),
    counters: Counters,
    ratePerSecond: Type.Number({
      minimum: 0,
      description: 'Messages delivered each second, over the last minute.',
    }),
    lag: count('Messages in all partitions that are not yet settled.'),
    partitions: Table(PartitionStatus, 'AzureIoT.Partition_DS', {
      description: 'The partitions of the hub.',
    }),
    ignoredByReason: JsonObject({ description: 'The number of ignored messages by reason.' }),
    deadLetteredByReason: JsonObject({
      description: 'The number of messages in the dead-letter store by reason.',
    }),
    since: DateTime({ description: 'When the hub was connected.' }),
    version: Type.String({ description: 'The version of the sidecar.' }),
  },
  { description: 'The status of one connected hub.' },
);
export type HubStatus = Static<typeof HubStatus>;
