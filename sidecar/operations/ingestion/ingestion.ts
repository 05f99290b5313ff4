import Type from 'typebox';
import { DateTime, EXPECTED_KEYWORD, ThingName } from '../../contract/schema.ts';
import { CONTAINER_NAME } from '../../contract/settings/setting.ts';
import { defineOperation } from '../operation.ts';

/** Files in storage that are to be ingested. */
export interface BlobSelection {
  readonly container: string;
  /** Only files whose names begin with this. */
  readonly prefix: string;
  /** Only files that were last written at this time or later, or earlier. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Also files that were ingested before. */
  readonly again: boolean;
}

/** Retained events of the hub that are to be ingested again. */
export interface EventWindow {
  readonly from: string;
  /** Now when absent. */
  readonly to?: string | undefined;
  readonly deviceId?: string | undefined;
  /** Another one than the hub's own. */
  readonly consumerGroup?: string | undefined;
}

/** Messages of one hub that do not come through its lanes. Each begins a task. @throws ConnectorError TASK_QUEUE_FULL, TASKS_UNAVAILABLE */
export interface IngestionDesk {
  /** @returns the id of the task. @throws ConnectorError SETTING_MISSING without a storage account */
  ingestBlobs(selection: BlobSelection): Promise<string>;
  /** @returns the id of the task. @throws ConnectorError REQUEST_INVALID */
  replayEvents(window: EventWindow): Promise<string>;
}

/** The mappings of one hub, tried and checked. Nothing is sent or stored. */
export interface MappingDesk {
  /** `mappings` absent: those of the hub. Things are those of ThingWorx when `useThings` is set, else any are taken to exist. */
  test(
    sample: unknown,
    options: { mappings?: unknown; useThings: boolean },
    signal: AbortSignal,
  ): Promise<Record<string, unknown>>;
  validate(mappings: unknown): Promise<{ pointer: string; message: string }[]>;
}

const ingestBlobs = defineOperation({
  name: 'IngestBlobs',
  entity: 'AzureIoT.Hub_TT',
  category: 'Ingestion',
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
  errors: ['HUB_NOT_CONNECTED', 'SETTING_MISSING', 'TASK_QUEUE_FULL', 'TASKS_UNAVAILABLE'],
  async run({ hubs }, { hub, container, prefix, from, to, again }) {
    const selection = { container, prefix: prefix ?? '', from, to, again: again ?? false };
    return { task: await hubs.require(hub).ingestion.ingestBlobs(selection) };
  },
});

const replayEvents = defineOperation({
  name: 'ReplayEvents',
  entity: 'AzureIoT.Hub_TT',
  category: 'Ingestion',
  summary:
    'Ingests the messages of a time window again, as far back as IoT Hub keeps them, in the background.',
  method: 'POST',
  path: '/hubs/{hub}/event-replays',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    from: DateTime({ description: 'Messages that IoT Hub took at this time or later.' }),
    to: Type.Optional(DateTime({ description: 'Up to this time; until now when absent.' })),
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
          'The consumer group to read with; not the one of the settings, whose reader would lose its partitions. $Default ' +
          'when absent.',
      }),
    ),
  }),
  output: Type.Object({
    task: Type.String({ description: 'The id of the task; GetTask shows its progress.' }),
  }),
  result: 'task',
  errors: ['HUB_NOT_CONNECTED', 'TASK_QUEUE_FULL', 'TASKS_UNAVAILABLE'],
  async run({ hubs }, { hub, ...window }) {
    return { task: await hubs.require(hub).ingestion.replayEvents(window) };
  },
});

/** Messages that do not come through the event stream. */
export const INGESTION = [ingestBlobs, replayEvents] as const;
