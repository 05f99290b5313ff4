import { parseDateTime } from '../coerce/date-time.ts';
import { isPlainObject, member } from '../coerce/structure.ts';
import { show } from '../coerce/wrong.ts';
import { type Content, contentOf, refused } from '../reading.ts';
import type { HubMessage } from '../types.ts';
import type {
  ConnectionStateChangedEvent,
  DigitalTwinChangedEvent,
  EventOrigin,
  HubEvent,
  JobLifecycleEvent,
  LifecycleEvent,
  TwinChangedEvent,
} from './events.ts';

type Members = Readonly<Record<string, unknown>>;

/** An event, or what is wrong with it. */
type Read<T extends HubEvent> = T | string;

type Reader = (origin: EventOrigin, body: unknown, message: HubMessage) => Read<HubEvent>;

/** By `iothub-message-source`. Fields as in Microsoft's "Azure IoT Hub non-telemetry event schemas". */
const READERS: Readonly<Record<string, Reader>> = {
  twinChangeEvents: readTwinChange,
  deviceConnectionStateEvents: readConnectionState,
  deviceLifecycleEvents: readLifecycle,
  deviceJobLifecycleEvents: readJobLifecycle,
  digitalTwinChangeEvents: readDigitalTwinChange,
};

/** The typed event in a message of a source beside telemetry. Never throws. */
export function readEvent(message: HubMessage, body: unknown): Content {
  const { source } = message;
  const read = Object.hasOwn(READERS, source) ? READERS[source] : undefined;
  if (read === undefined) {
    const reason = `Messages of the source ${show(source)} carry nothing for Things.`;
    return contentOf({ ignored: [{ code: 'SOURCE', reason }] });
  }
  const event = read(originOf(message), body, message);
  if (typeof event !== 'string') return contentOf({ events: [event] });
  return refused({ code: 'EVENT_MALFORMED', reason: `The ${source} message is malformed: ${event}.` });
}

function originOf(message: HubMessage): EventOrigin {
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

function applicationText({ applicationProperties }: HubMessage, name: string): string | undefined {
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

function readTwinChange(origin: EventOrigin, body: unknown, message: HubMessage): Read<TwinChangedEvent> {
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
  origin: EventOrigin,
  body: unknown,
  message: HubMessage,
): Read<ConnectionStateChangedEvent> {
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

const LIFECYCLE_OPERATIONS: Readonly<Record<string, LifecycleEvent['operation']>> = {
  createDeviceIdentity: 'created',
  createModuleIdentity: 'created',
  deleteDeviceIdentity: 'deleted',
  deleteModuleIdentity: 'deleted',
};

function readLifecycle(origin: EventOrigin, body: unknown, message: HubMessage): Read<LifecycleEvent> {
  const name = applicationText(message, 'opType');
  const operation =
    name !== undefined && Object.hasOwn(LIFECYCLE_OPERATIONS, name) ? LIFECYCLE_OPERATIONS[name] : undefined;
  if (operation === undefined) {
    return `opType is ${show(name)}, expected is createDeviceIdentity or deleteDeviceIdentity`;
  }
  return { ...origin, type: 'lifecycle', operation, ...(isPlainObject(body) ? { twin: body } : {}) };
}

/** Microsoft documents the source but not its body: the job's id and status are looked for where its REST API has them. */
function readJobLifecycle(origin: EventOrigin, body: unknown, message: HubMessage): Read<JobLifecycleEvent> {
  if (!isPlainObject(body)) return `the body is ${show(body)}, expected is an object`;
  const jobId = textMember(body, 'jobId') ?? applicationText(message, 'jobId') ?? textMember(body, 'id');
  if (jobId === undefined) return 'there is no jobId';
  const status = textMember(body, 'status') ?? applicationText(message, 'opType') ?? 'unknown';
  return { ...origin, type: 'jobLifecycle', jobId, status, detail: body };
}

function readDigitalTwinChange(origin: EventOrigin, body: unknown): Read<DigitalTwinChangedEvent> {
  const patch = isPlainObject(body) ? (member(body, 'patch') ?? [body]) : body;
  if (
    !Array.isArray(patch) ||
    !patch.every((step) => isPlainObject(step) && typeof member(step, 'op') === 'string')
  ) {
    return `the body is ${show(body)}, expected is a JSON Patch`;
  }
  return { ...origin, type: 'digitalTwinChanged', patch };
}
