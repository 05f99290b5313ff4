/**
 * The error catalogue: every failure the sidecar reports, by stable code.
 *
 * `status` is the HTTP status of the problem answer (RFC 9457). `retryable` says whether the same request may succeed
 * later without anyone changing anything. docs/errors.md is checked against this table.
 */
export interface ErrorDefinition {
  readonly status: number;
  readonly retryable: boolean;
  /** One sentence in plain words: what is wrong. */
  readonly title: string;
  /** What the administrator or operator does about it. */
  readonly remedy: string;
}

function define<const T extends Record<string, ErrorDefinition>>(table: T): T {
  return table;
}

export const ERRORS = define({
  SETTING_MISSING: {
    status: 500,
    retryable: false,
    title: 'A required setting is missing.',
    remedy: 'Set the named environment variable or configuration key and start the sidecar again.',
  },
  SETTING_INVALID: {
    status: 500,
    retryable: false,
    title: 'A setting has a value that cannot be used.',
    remedy: 'Correct the named setting; the message says what is expected.',
  },
  PORT_TAKEN: {
    status: 500,
    retryable: false,
    title: 'The address the sidecar should listen on is in use.',
    remedy: 'Stop the other program or set SIDECAR_PORT to a free port.',
  },
  REQUEST_INVALID: {
    status: 400,
    retryable: false,
    title: 'The request does not have the expected form.',
    remedy: 'Correct the named fields; docs/services.md lists what each service takes.',
  },
  REQUEST_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: 'The request body is larger than allowed.',
    remedy: 'Send less at once.',
  },
  UNAUTHORIZED: {
    status: 401,
    retryable: false,
    title: 'The sidecar token is missing or wrong.',
    remedy: "Set the Thing's sidecarToken to the token the sidecar was started with.",
  },
  HOST_REFUSED: {
    status: 421,
    retryable: false,
    title: 'The Host header does not name this sidecar.',
    remedy: 'Call the sidecar by the address it listens on.',
  },
  RATE_LIMITED: {
    status: 429,
    retryable: true,
    title: 'Too many requests in a short time.',
    remedy: 'Wait and try again; the answer says for how long.',
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'The sidecar has no such route.',
    remedy: 'Check that extension and sidecar have the same version.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    retryable: false,
    title: 'The route does not take this HTTP method.',
    remedy: 'Use one of the methods in the Allow header; docs/openapi.json lists every route.',
  },
  INTERNAL: {
    status: 500,
    retryable: false,
    title: 'The sidecar met an error it did not expect.',
    remedy: "Look for the request id in the sidecar's log and report it.",
  },
  STOPPING: {
    status: 503,
    retryable: true,
    title: 'The sidecar is stopping.',
    remedy: 'Try again when it runs.',
  },
  HUB_NOT_CONNECTED: {
    status: 409,
    retryable: false,
    title: 'The hub Thing is not connected.',
    remedy: 'Call Connect on the hub Thing and look at its lastError.',
  },
  TICKET_UNKNOWN: {
    status: 404,
    retryable: false,
    title: 'The ticket for handing over a secret is unknown, used or too old.',
    remedy: 'Call Connect again.',
  },
  SECRET_UNREADABLE: {
    status: 400,
    retryable: false,
    title: 'A secret setting could not be read.',
    remedy:
      'Enter the secret again, or a reference such as env:NAME or file:/path that the sidecar can resolve.',
  },
  CONNECTION_STRING_INVALID: {
    status: 400,
    retryable: false,
    title: 'A connection string is malformed.',
    remedy: 'Copy it again from the Azure portal; the message names the missing part.',
  },
  AZURE_UNAUTHORIZED: {
    status: 502,
    retryable: false,
    title: 'Azure refused the credentials.',
    remedy:
      'Check the connection string or role assignment and that its policy has the right named in the message.',
  },
  AZURE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'Azure does not know the named resource.',
    remedy: 'Check its name; it may have been deleted.',
  },
  AZURE_UNREACHABLE: {
    status: 502,
    retryable: true,
    title: 'Azure cannot be reached.',
    remedy: 'Check name resolution, proxy and firewall towards the host named in the message.',
  },
  AZURE_THROTTLED: {
    status: 429,
    retryable: true,
    title: 'The IoT Hub tier allows no more calls of this kind for now.',
    remedy: 'Wait as long as the answer says, or choose a larger tier.',
  },
  AZURE_FAILED: {
    status: 502,
    retryable: true,
    title: 'Azure answered with an error.',
    remedy: 'Try again later; the message holds what Azure said.',
  },
  AZURE_REJECTED: {
    status: 400,
    retryable: false,
    title: 'Azure rejected the request.',
    remedy: 'Correct the request; the message holds what Azure said.',
  },
  AZURE_TIMEOUT: {
    status: 504,
    retryable: true,
    title: 'Azure did not answer in time.',
    remedy: 'Try again; when it stays so, check the network towards the host named in the message.',
  },
  AZURE_CANCELLED: {
    status: 499,
    retryable: true,
    title: 'The call to Azure was cancelled before it ended.',
    remedy: 'None needed: the caller gave up or the sidecar is stopping.',
  },
  AZURE_CONFLICT: {
    status: 409,
    retryable: false,
    title: 'The resource exists already or another operation is changing it.',
    remedy: 'Look at the resource; update it instead, or try again when the other operation has ended.',
  },
  DEVICE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'IoT Hub has no such device or module.',
    remedy: 'Check the device id and module id; both are case-sensitive.',
  },
  DEVICE_EXISTS: {
    status: 409,
    retryable: false,
    title: 'The device or module exists already in IoT Hub.',
    remedy: 'Update it instead, or choose another id.',
  },
  DEVICE_OFFLINE: {
    status: 409,
    retryable: true,
    title: 'The device is not connected to IoT Hub.',
    remedy: 'Try again when it is online, or give a connect timeout so that IoT Hub waits for it.',
  },
  DEVICE_TIMEOUT: {
    status: 504,
    retryable: true,
    title: 'The device took the request but did not answer in time.',
    remedy: 'Give a longer response timeout or look at the device.',
  },
  DEVICE_RESPONSE_INVALID: {
    status: 502,
    retryable: false,
    title: 'The device answered with something that IoT Hub cannot pass on.',
    remedy: 'Look at the method handler on the device: the payload must be JSON of at most 128 KB.',
  },
  MODULE_FAILED: {
    status: 502,
    retryable: false,
    title: 'A module answered that it could not do what was asked.',
    remedy: 'Correct what the message names: it holds the status and the words of the module.',
  },
  DEVICE_QUEUE_FULL: {
    status: 409,
    retryable: true,
    title: 'The device has 50 messages waiting already, the most that IoT Hub keeps.',
    remedy: 'Let the device receive them, purge the queue, or give messages an expiry.',
  },
  PRECONDITION_FAILED: {
    status: 412,
    retryable: false,
    title: 'Somebody else changed the resource since it was read.',
    remedy: 'Read it again and repeat the change with the new ETag.',
  },
  QUOTA_EXCEEDED: {
    status: 429,
    retryable: true,
    title: 'A quota of the IoT Hub is used up.',
    remedy: 'Wait until the quota is reset (the daily message quota: midnight UTC) or add units.',
  },
  CHECKPOINTS_UNREADABLE: {
    status: 500,
    retryable: false,
    title: 'The stored checkpoints cannot be read.',
    remedy: 'Restore the named file or blob, or remove it and choose where to start; nothing is guessed.',
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
  CHECKPOINT_AHEAD: {
    status: 409,
    retryable: false,
    title: 'A checkpoint lies beyond the end of its partition, so the hub is not the one it was written for.',
    remedy:
      'None needed when the hub was created again: the sidecar reads such a partition from its beginning.',
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
    remedy: 'Make room or give access where the message says; the lane waits and goes on by itself.',
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
      'Look at the file or blob named in the message; delete the letter when nothing of it can be saved.',
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
    remedy: 'None needed: it is read again from where it was left.',
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
    remedy: 'List the tasks; the oldest ended ones are forgotten.',
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
    title: 'Tasks cannot be kept in the state directory.',
    remedy: 'Make room or give access to the directory that SIDECAR_STATE_DIR names.',
  },
  STATE_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'The state directory cannot be read or written.',
    remedy: 'Make room or give access to the directory that SIDECAR_STATE_DIR names.',
  },
  STORAGE_NOT_CONNECTED: {
    status: 409,
    retryable: false,
    title: 'The storage Thing is not connected.',
    remedy: 'Call ConnectStorage on the storage Thing and look at the error it gives.',
  },
  CONTAINER_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'The storage account has no such container.',
    remedy: 'Check containerName, or create the container with CreateContainer of the storage Thing.',
  },
  FILE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such file.',
    remedy: 'Check the path; names are case-sensitive. It may have been moved or deleted.',
  },
  FILE_EXISTS: {
    status: 409,
    retryable: false,
    title: 'A file of that name exists already.',
    remedy: 'Choose another name, or ask to overwrite it.',
  },
  PATH_INVALID: {
    status: 400,
    retryable: false,
    title: 'A path or name is not possible.',
    remedy: 'Correct it; docs/files.md has the rules. Nothing is repaired, so that no other file is meant.',
  },
  FILE_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: 'The file is too large to go through ThingWorx.',
    remedy:
      "Use CreateDownloadLink or CreateUploadLink, or the sidecar's streaming route; docs/files.md says how.",
  },
  FILE_CONTENT_INVALID: {
    status: 422,
    retryable: false,
    title: 'The file does not hold what was asked for.',
    remedy: 'Look at the file, or read it with LoadBinary.',
  },
  FILES_TOO_MANY: {
    status: 422,
    retryable: false,
    title: 'There are too many files for one answer.',
    remedy: 'Use SearchFiles, which gives pages, or a narrower folder.',
  },
  FILES_UNFINISHED: {
    status: 503,
    retryable: true,
    title: 'There was more to do than the time allowed.',
    remedy: 'Call it again: it goes on where it stopped.',
  },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    retryable: false,
    title: 'The range lies outside the file.',
    remedy: 'Ask for bytes that the file has.',
  },
  CHECKSUM_MISMATCH: {
    status: 400,
    retryable: false,
    title: 'What arrived is not what its checksum says.',
    remedy: 'Send it again.',
  },
  UPLOAD_INCOMPLETE: {
    status: 400,
    retryable: true,
    title: 'The upload ended before all of it had arrived.',
    remedy: 'Send it again, or go on with a resumable upload; docs/files.md says how.',
  },
  UPLOAD_OFFSET_WRONG: {
    status: 409,
    retryable: false,
    title: 'The piece of the upload does not begin where the last one ended.',
    remedy: 'Go on at the offset that the answer names.',
  },
  LINK_NOT_POSSIBLE: {
    status: 409,
    retryable: false,
    title: 'Links cannot be made with the way this account is connected.',
    remedy: 'Connect the account with a connection string or Microsoft Entra ID instead of a SAS address.',
  },
  PACKAGE_PENDING: {
    status: 409,
    retryable: false,
    title: 'Another version of the package is on its way to the device.',
    remedy: 'Wait until it has ended, or give it up with CancelPackage.',
  },
  PACKAGE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such deployment.',
    remedy: 'Check the name of the package and the module; ListPackages of the hub Thing shows them.',
  },
  PACKAGE_FAILED: {
    status: 502,
    retryable: false,
    title: 'The device could not install the package, or did not take it.',
    remedy: 'Look at the message, which holds what the device says, and at its installer.',
  },
  ARCHIVE_INVALID: {
    status: 422,
    retryable: false,
    title: 'The archive cannot be extracted.',
    remedy: 'Look at the entry that the message names; nothing outside the folder is ever written.',
  },
  ARCHIVE_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: 'The archive holds more than is allowed.',
    remedy: 'Part it into smaller archives; docs/files.md has the limits.',
  },
  THINGWORX_UNREACHABLE: {
    status: 502,
    retryable: true,
    title: 'ThingWorx cannot be reached.',
    remedy: 'Check THINGWORX_URL and that the platform runs; the sidecar goes on by itself.',
  },
  THINGWORX_UNAUTHORIZED: {
    status: 502,
    retryable: true,
    title: 'ThingWorx refused the application key.',
    remedy:
      'Check THINGWORX_APP_KEY and its expiry date; application keys live 24 hours unless given a longer life.',
  },
  THINGWORX_FORBIDDEN: {
    status: 502,
    retryable: true,
    title: "The application key's user lacks a right in ThingWorx.",
    remedy: 'Grant what docs/install.md lists; the message names the right.',
  },
  THINGWORX_NOT_FOUND: {
    status: 502,
    retryable: false,
    title: 'ThingWorx does not know the entity, or the application key may not see it.',
    remedy: 'Check the name and the visibility permissions.',
  },
  THINGWORX_UNAVAILABLE: {
    status: 502,
    retryable: true,
    title: 'ThingWorx is not able to answer at present.',
    remedy: 'None needed: the sidecar waits and goes on by itself.',
  },
  THINGWORX_REJECTED: {
    status: 502,
    retryable: false,
    title: 'ThingWorx rejected a call.',
    remedy: 'Look at the ApplicationLog and ScriptLog for the reason.',
  },
});

export type ErrorCode = keyof typeof ERRORS;
