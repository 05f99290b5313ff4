import Type, { type Static } from 'typebox';
import { CanaryStatus } from './canary.ts';
import { QuotaUse } from './quota.ts';
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
  { description: 'What is wrong with this hub at present; absent when nothing is.' },
);
export type LastError = Static<typeof LastError>;

export const RecentError = Type.Object(
  {
    time: DateTime({ description: 'When it happened first.' }),
    code: Type.String({ description: 'The stable code; docs/errors.md says what to do.' }),
    message: Type.String({ description: 'What is wrong, in plain words.' }),
    remedy: Type.String({ description: 'What to do.' }),
    clearedAt: Type.Optional(DateTime({ description: 'When it was over; absent while it goes on.' })),
    sidecar: Type.Optional(Type.String({ description: 'The sidecar that has it.' })),
  },
  { description: 'An error of this hub that goes on or is over.' },
);
export type RecentError = Static<typeof RecentError>;

const RefusedSetting = Type.Object(
  {
    setting: Type.String({ description: 'The name of the setting.' }),
    code: Type.String({ description: 'The stable code; docs/errors.md says what to do.' }),
    message: Type.String({ description: 'What is wrong with its value, and what is expected.' }),
  },
  { description: 'A setting whose value is refused; its last accepted value stays in use.' },
);

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

const percent = (description: string) => Type.Number({ minimum: 0, description });

const GroupMember = Type.Object(
  {
    name: Type.String({ description: 'The name of the sidecar, as in the owner of partitions.' }),
    address: Type.String({ description: 'Where services reach it.' }),
    version: Type.Optional(Type.String({ description: 'Its version.' })),
    state: Type.Optional(Type.String({ description: 'Its state, as that of the hub.' })),
    reason: Type.Optional(Type.String({ description: 'Why it waits or failed.' })),
    isStalled: Type.Boolean({ description: 'Whether its messages stand still.' }),
    partitions: count('The partitions that it reads.'),
    lag: count('Messages in its partitions that are not yet settled.'),
    ratePerSecond: Type.Number({ minimum: 0, description: 'Messages that it delivers each second.' }),
    received: count('Messages that it has received.'),
    delivered: count('Messages that it has delivered.'),
    ignored: count('Messages that it has ignored.'),
    deadLettered: count('Messages that it has put into the dead-letter store.'),
    inFlight: count('Messages that it has received and not yet settled.'),
    repeated: count('Messages of it that ThingWorx had already applied.'),
    since: DateTime({ description: 'When it was connected.' }),
    leaseUntil: DateTime({ description: 'When it is forgotten unless it is heard of again.' }),
    cpuPercent: Type.Optional(percent('Its use of processor time, in percent of one core.')),
    memoryBytes: Type.Optional(count('The memory of its process.')),
  },
  { description: 'One sidecar of a hub Thing.' },
);

/** What the hub Thing knows of its sidecars; a sidecar knows itself alone. */
export const GroupMembers = Table(GroupMember, 'AzureIoT.GroupMember_DS', {
  description: 'The sidecars of the hub Thing.',
});

export const HubStatus = Type.Object(
  {
    thing: ThingName({ description: 'The hub Thing.' }),
    state: OneOf(HUB_STATES, { description: 'The state of the connection.' }),
    reason: Type.Optional(Type.String({ description: 'Why it waits or failed, in plain words.' })),
    lastError: Type.Optional(LastError),
    recentErrors: Type.Optional(
      Table(RecentError, 'AzureIoT.RecentError_DS', { description: 'The last twenty errors, oldest first.' }),
    ),
    refusedSettings: Type.Optional(
      Table(RefusedSetting, 'AzureIoT.RefusedSetting_DS', {
        description: 'The settings that are refused; absent when none is.',
      }),
    ),
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
    lastDeadLetters: JsonObject({
      description: 'The last dead letter of each reason: message, thing, property and time.',
    }),
    canary: Type.Optional(CanaryStatus),
    quota: Type.Optional(QuotaUse),
    since: DateTime({ description: 'When the hub was connected.' }),
    version: Type.String({ description: 'The version of the sidecar.' }),
    sidecar: Type.String({ description: 'The name of the sidecar, as in the owner of partitions.' }),
    cpuPercent: percent('Its use of processor time, in percent of one core.'),
    memoryBytes: count('The memory of its process.'),
  },
  { description: 'The status of one connected hub.' },
);
export type HubStatus = Static<typeof HubStatus>;
