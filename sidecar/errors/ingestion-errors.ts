import { defineErrors } from './definition.ts';

/** What goes wrong on the way of messages, and in tasks in the background. */
export const INGESTION_ERRORS = defineErrors({
  CHECKPOINTS_UNREADABLE: {
    status: 500,
    retryable: false,
    title: 'The stored checkpoints cannot be read.',
    remedy:
      'Give the sidecar the right to read the named file. A damaged file is set aside, and reading goes on after the high-water mark of the hub Thing.',
  },
  CHECKPOINTS_UNWRITABLE: {
    status: 500,
    retryable: true,
    title: 'A checkpoint cannot be written.',
    remedy: 'Check the free space and the rights of the named file; the sidecar tries again by itself.',
  },
  CHECKPOINTS_IN_USE: {
    status: 409,
    retryable: false,
    title: 'Another sidecar uses the same checkpoint directory.',
    remedy: 'Give each sidecar its own SIDECAR_STATE_DIR, or use blob checkpoints to share partitions.',
  },
  STORAGE_REQUIRED: {
    status: 409,
    retryable: true,
    title: 'A second sidecar cannot read the hub without a storage account.',
    remedy:
      'Set storageConnectionString of the hub Thing, so that its sidecars share the partitions, or name one sidecar only in sidecarUrl.',
  },
  CHECKPOINT_AHEAD: {
    status: 409,
    retryable: false,
    title: 'A checkpoint lies beyond the end of its partition, so the hub is not the one it was written for.',
    remedy:
      'None needed when the hub was created again: the sidecar reads such a partition from its beginning.',
  },
  INGESTION_STALLED: {
    status: 503,
    retryable: true,
    title: 'A partition has messages, but none of them is delivered.',
    remedy:
      'None at first: the sidecar opens the partition again by itself. If it lasts, look at the log and at the IoT Hub.',
  },
  MESSAGES_EXPIRED: {
    status: 409,
    retryable: false,
    title: 'The hub has dropped messages, at the end of its retention time, before they were read.',
    remedy:
      'Raise the retention time of the built-in endpoint above the longest time that the sidecar or ThingWorx may be away.',
  },
  MESSAGES_SKIPPED: {
    status: 409,
    retryable: false,
    title: 'A partition is read without a checkpoint, and messages before the start position are not read.',
    remedy:
      'None at the first start. If the messages are wanted, call ReplayEvents with the time window that the message names.',
  },
  PARTITION_TAKEN: {
    status: 409,
    retryable: true,
    title: 'Another reader took the partition.',
    remedy:
      'None needed while sidecars share partitions; otherwise give every consumer its own consumer group.',
  },
  DEAD_LETTERS_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'The dead letters cannot be stored.',
    remedy: 'Free space or give access where the message says; the lane waits and retries automatically.',
  },
  MAPPINGS_INVALID: {
    status: 400,
    retryable: false,
    title: 'The mappings cannot be used.',
    remedy:
      'Correct what the message names; ValidateMappings lists all of it. The hub goes on with its last settings until then.',
  },
  DEAD_LETTER_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such dead letter.',
    remedy: 'List the dead letters again; it may have been delivered, deleted or removed because of its age.',
  },
  DEAD_LETTER_UNREADABLE: {
    status: 500,
    retryable: false,
    title: 'A dead letter is damaged and cannot be read.',
    remedy:
      'Look at the file or blob named in the message; delete the dead letter when nothing of it can be saved.',
  },
  FILE_MALFORMED: {
    status: 422,
    retryable: false,
    title: 'A file in storage does not hold what it should.',
    remedy:
      'Look at the file named in the report; it is tried again when it changes, or with IngestBlobs and again.',
  },
  FILE_CHANGED: {
    status: 409,
    retryable: true,
    title: 'A file in storage changed while it was read.',
    remedy: 'None needed: the sidecar continues where it stopped.',
  },
  FILE_REPLACED: {
    status: 409,
    retryable: false,
    title: 'A later file has taken the place of the one that was meant.',
    remedy: 'None needed: an upload of the same name came soon after, and has an event of its own.',
  },
  TASK_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such task.',
    remedy: 'List the tasks; the sidecar keeps only the last hundred tasks that have ended.',
  },
  TASK_QUEUE_FULL: {
    status: 429,
    retryable: true,
    title: 'Too many tasks of this hub are waiting.',
    remedy: 'Wait until some have ended, or cancel them.',
  },
  TASK_INTERRUPTED: {
    status: 500,
    retryable: true,
    title: 'The task was interrupted and cannot go on by itself.',
    remedy: 'Start it again.',
  },
  TASKS_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'Tasks cannot be read or stored.',
    remedy:
      'Give the sidecar access to the container that the message names; without a storage account, free space on the disk, or give the user of the sidecar access to the directory that SIDECAR_STATE_DIR names.',
  },
  DEFERRED_QUEUE_FULL: {
    status: 429,
    retryable: true,
    title: 'Too many requests of subscriptions of this hub are waiting.',
    remedy:
      'Look in the log of the sidecar for why the IoT Hub or ThingWorx does not take them; set the value again later.',
  },
  STATE_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'The state directory, or the container that sidecars share, cannot be read or written.',
    remedy:
      'Give the sidecar access to the container that the message names; without a storage account, free space on the disk, or give the user of the sidecar access to the directory that SIDECAR_STATE_DIR names.',
  },
});
