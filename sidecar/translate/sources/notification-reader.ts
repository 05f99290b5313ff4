import { parseDateTime } from '../coerce/date-time.ts';
import { isPlainObject, member } from '../coerce/structure.ts';
import { show } from '../coerce/wrong.ts';
import { type Content, contentOf, refused } from '../reading.ts';
import type { ReceivedMessage } from '../types.ts';
import type {
  ConnectionStateNotification,
  DigitalTwinNotification,
  HubNotification,
  JobNotification,
  LifecycleNotification,
  NotificationOrigin,
  TwinChangeNotification,
} from './notifications.ts';

type Members = Readonly<Record<string, unknown>>;

/** A notification, or what is wrong with it. */
type Read<T extends HubNotification> = T | string;

type Reader = (origin: NotificationOrigin, body: unknown, message: ReceivedMessage) => Read<HubNotification>;

/** By `iothub-message-source`. Fields as in Microsoft's "Azure IoT Hub non-telemetry event schemas". */
const READERS: Readonly<Record<string, Reader>> = {
  twinChangeEvents: readTwinChange,
  deviceConnectionStateEvents: readConnectionState,
  deviceLifecycleEvents: readLifecycle,
  deviceJobLifecycleEvents: readJobLifecycle,
  digitalTwinChangeEvents: readDigitalTwinChange,
};

/** The typed notification in a message of a source beside telemetry. Never throws. */
export function readNotification(message: ReceivedMessage, body: unknown): Content {
  const { source } = message;
  const read = Object.hasOwn(READERS, source) ? READERS[source] : undefined;
  if (read === undefined) {
    const reason = `Messages of the source ${show(source)} carry nothing for Things.`;
    return contentOf({ ignored: [{ code: 'SOURCE', reason }] });
  }
  const notification = read(originOf(message), body, message);
  if (typeof notification !== 'string') return contentOf({ notifications: [notification] });
  return refused({ code: 'EVENT_MALFORMED', reason: `The ${source} message is malformed: ${notification}.` });
}

function originOf(message: ReceivedMessage): NotificationOrigin {
  const deviceId = applicationText(message, 'deviceId') ?? message.deviceId;
  const moduleId = applicationText(message, 'moduleId') ?? message.moduleId;
  const hubName = applicationText(message, 'hubName');
  const timestamp = applicationText(message, 'operationTimestamp');
  return {
    deviceId,
    ...(moduleId === undefined || moduleId === '' ? {} : { moduleId }),
    ...(hubName === undefined ? {} : { hubName }),
    operationTimeMs:
      (timestamp === undefined ? undefined : parseDateTime(timestamp)) ?? message.enqueuedTimeMs,
  };
}

function applicationText({ applicationProperties }: ReceivedMessage, name: string): string | undefined {
  const value = member(applicationProperties, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function objectMember(value: Members, name: string): Members | undefined {
  const inner = member(value, name);
  return isPlainObject(inner) ? inner : undefined;
}

function textMember(value: Members, name: string): string | undefined {
  const inner = member(value, name);
  return typeof inner === 'string' && inner !== '' ? inner : undefined;
}

function readTwinChange(
  origin: NotificationOrigin,
  body: unknown,
  message: ReceivedMessage,
): Read<TwinChangeNotification> {
  if (!isPlainObject(body)) return `the body is ${show(body)}, expected is a twin or a part of it`;
  const operation = applicationText(message, 'opType');
  if (operation !== undefined && operation !== 'updateTwin' && operation !== 'replaceTwin') {
    return `opType is ${show(operation)}, expected is updateTwin or replaceTwin`;
  }
  const properties = objectMember(body, 'properties');
  const version = member(body, 'version');
  const tags = objectMember(body, 'tags');
  const desired = properties && objectMember(properties, 'desired');
  const reported = properties && objectMember(properties, 'reported');
  // only a whole twin has an etag
  const isWhole = operation === undefined ? member(body, 'etag') !== undefined : operation === 'replaceTwin';
  return {
    ...origin,
    type: 'twinChanged',
    operation: isWhole ? 'replace' : 'update',
    ...(typeof version === 'number' ? { version } : {}),
    ...(tags === undefined ? {} : { tags }),
    ...(desired === undefined ? {} : { desired }),
    ...(reported === undefined ? {} : { reported }),
  };
}

function readConnectionState(
  origin: NotificationOrigin,
  body: unknown,
  message: ReceivedMessage,
): Read<ConnectionStateNotification> {
  const operation = applicationText(message, 'opType');
  if (operation !== 'deviceConnected' && operation !== 'deviceDisconnected') {
    return `opType is ${show(operation)}, expected is deviceConnected or deviceDisconnected`;
  }
  const sequence = isPlainObject(body) ? textMember(body, 'sequenceNumber') : undefined;
  return {
    ...origin,
    type: 'connectionStateChanged',
    state: operation === 'deviceConnected' ? 'connected' : 'disconnected',
    ...(sequence === undefined ? {} : { sequence }),
  };
}

const LIFECYCLE_OPERATIONS: Readonly<Record<string, LifecycleNotification['operation']>> = {
  createDeviceIdentity: 'created',
  createModuleIdentity: 'created',
  deleteDeviceIdentity: 'deleted',
  deleteModuleIdentity: 'deleted',
};

function readLifecycle(
  origin: NotificationOrigin,
  body: unknown,
  message: ReceivedMessage,
): Read<LifecycleNotification> {
  const name = applicationText(message, 'opType');
  const operation =
    name !== undefined && Object.hasOwn(LIFECYCLE_OPERATIONS, name) ? LIFECYCLE_OPERATIONS[name] : undefined;
  if (operation === undefined) {
    return `opType is ${show(name)}, expected is createDeviceIdentity or deleteDeviceIdentity`;
  }
  return { ...origin, type: 'lifecycle', operation, ...(isPlainObject(body) ? { twin: body } : {}) };
}

/** Microsoft documents the source but not its body: the job's id and status are looked for where its REST API has them. */
function readJobLifecycle(
  origin: NotificationOrigin,
  body: unknown,
  message: ReceivedMessage,
): Read<JobNotification> {
  if (!isPlainObject(body)) return `the body is ${show(body)}, expected is an object`;
  const jobId = textMember(body, 'jobId') ?? applicationText(message, 'jobId') ?? textMember(body, 'id');
  if (jobId === undefined) return 'there is no jobId';
  const status = textMember(body, 'status') ?? applicationText(message, 'opType') ?? 'unknown';
  return { ...origin, type: 'jobLifecycle', jobId, status, detail: body };
}

function readDigitalTwinChange(origin: NotificationOrigin, body: unknown): Read<DigitalTwinNotification> {
  const patch = isPlainObject(body) ? (member(body, 'patch') ?? [body]) : body;
  if (
    !Array.isArray(patch) ||
    !patch.every((step) => isPlainObject(step) && typeof member(step, 'op') === 'string')
  ) {
    return `the body is ${show(body)}, expected is a JSON Patch`;
  }
  return { ...origin, type: 'digitalTwinChanged', patch };
}
