import Type from 'typebox';
import { DateTime, EXPECTED_KEYWORD, ThingName } from '../../contract/schema.ts';
import { CONTAINER_NAME } from '../../contract/settings/setting.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { type EventReplayInput, REPLAY_EVENTS } from '../../ingest/replay/events.ts';
import { type BlobTaskInput, INGEST_BLOBS } from '../../ingest/storage/blob-task.ts';
import { ingestStorage } from '../../ingest/storage/container-watch.ts';
import { TASK_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';

const ingestBlobs = defineOperation({
  name: 'IngestBlobs',
  entity: 'AzureIoT.Hub_TT',
  category: 'Ingestion',
  role: 'engineer',
  summary:
    'Ingests files that IoT Hub routed or Event Hubs Capture wrote to storage, in the background, each once.',
  method: 'POST',
  path: '/hubs/{hub}/ingestions',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    container: Type.String({
      pattern: CONTAINER_NAME,
      [EXPECTED_KEYWORD]: 'the name of a blob container',
      description: 'The container, in the storage account that the settings name.',
    }),
    prefix: Type.Optional(
      Type.String({
        default: '',
        maxLength: 1_024,
        description: 'Only files whose names begin with this, such as my-hub/0/2026/03/.',
      }),
    ),
    from: Type.Optional(DateTime({ description: 'Only files that were written at this time or later.' })),
    to: Type.Optional(DateTime({ description: 'Only files that were written at this time or earlier.' })),
    again: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether files that were ingested before are ingested again.',
      }),
    ),
  }),
  output: Type.Object({
    task: Type.String({ description: 'The id of the task; GetTask shows its progress.' }),
  }),
  result: 'task',
  errors: [...TASK_ERRORS, 'SETTING_MISSING', 'TASK_QUEUE_FULL'],
  async run({ hubs }, { hub, container, prefix = '', from, to, again = false }) {
    const { tasks, settings } = hubs.require(hub);
    // A missing storage account must be refused before the task starts.
    ingestStorage(settings);
    const wanted: BlobTaskInput = {
      container,
      prefix,
      again,
      ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
      ...(to === undefined ? {} : { toMs: Date.parse(to) }),
    };
    const title = `Ingest the files of ${container}${prefix === '' ? '' : ` that begin with ${prefix}`}`;
    const { id } = await tasks.submit(INGEST_BLOBS, title, wanted);
    return { task: id };
  },
});

const replayEvents = defineOperation({
  name: 'ReplayEvents',
  entity: 'AzureIoT.Hub_TT',
  category: 'Ingestion',
  role: 'engineer',
  summary:
    'Ingests the messages of a time window again, as far back as IoT Hub keeps them, in the background.',
  method: 'POST',
  path: '/hubs/{hub}/event-replays',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    from: DateTime({ description: 'Messages that IoT Hub received at this time or later.' }),
    to: Type.Optional(DateTime({ description: 'Messages until this time. Empty: until now.' })),
    deviceId: Type.Optional(
      Type.String({ minLength: 1, maxLength: 256, description: 'Only messages of this device.' }),
    ),
    consumerGroup: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        pattern: '^[A-Za-z0-9$_.-]+$',
        [EXPECTED_KEYWORD]: 'the name of a consumer group, such as $Default or replay',
        description:
          'The consumer group to read with. Do not use the one of the settings: its reader would lose its partitions. Empty: ' +
          '$Default.',
      }),
    ),
  }),
  output: Type.Object({
    task: Type.String({ description: 'The id of the task; GetTask shows its progress.' }),
  }),
  result: 'task',
  errors: [...TASK_ERRORS, 'TASK_QUEUE_FULL'],
  async run({ hubs }, { hub, from, to, deviceId, consumerGroup }) {
    const { tasks, settings } = hubs.require(hub);
    const fromMs = Date.parse(from);
    const toMs = to === undefined ? Date.now() : Date.parse(to);
    if (fromMs > toMs) throw new ConnectorError('REQUEST_INVALID', 'from must not be later than to.');
    const wanted: EventReplayInput = {
      fromMs,
      toMs,
      consumerGroup: replayGroup(settings.consumerGroup, consumerGroup),
      ...(deviceId === undefined ? {} : { deviceId }),
    };
    const whose = deviceId === undefined ? 'all devices' : deviceId;
    const [first, last] = [fromMs, toMs].map((timeMs) => new Date(timeMs).toISOString());
    const title = `Ingest the messages of ${whose} again, from ${first} to ${last}`;
    const { id } = await tasks.submit(REPLAY_EVENTS, title, wanted);
    return { task: id };
  },
});

/** A second reader in the hub's own consumer group would take partitions from the hub. Throws REQUEST_INVALID. */
function replayGroup(own: string, asked = '$Default'): string {
  if (asked.toLowerCase() !== own.toLowerCase()) return asked;
  throw new ConnectorError(
    'REQUEST_INVALID',
    `The hub itself reads with the consumer group ${own}. A replay needs another consumer group: set consumerGroup.`,
  );
}

/** Messages that do not come through the event stream. */
export const INGESTION = [ingestBlobs, replayEvents] as const;
