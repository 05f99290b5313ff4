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
