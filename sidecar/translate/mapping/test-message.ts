import { parseDateTime } from '../coerce/date-time.ts';
import type { ReceivedMessage } from '../types.ts';
import type { MappingTestMessage } from './schema.ts';

/** The enqueued time of a sample that does not say one: 2024-01-01T00:00:00Z, so that tests give the same every day. */
const DEFAULT_ENQUEUED_TIME_MS = 1_704_067_200_000;

/** A hub message from the JSON of a test or of TestMapping. */
export function messageOf(sample: MappingTestMessage): ReceivedMessage {
  return {
    body: bodyOf(sample),
    contentType: sample.contentType,
    contentEncoding: sample.contentEncoding,
    systemProperties: (sample.systemProperties ?? {}) as Record<string, unknown>,
    applicationProperties: (sample.properties ?? {}) as Record<string, unknown>,
    deviceId: sample.deviceId,
    moduleId: sample.moduleId,
    componentName: sample.componentName,
    interfaceId: sample.interfaceId,
    source: sample.source ?? 'Telemetry',
    enqueuedTimeMs: timeOf(sample.enqueuedTime) ?? DEFAULT_ENQUEUED_TIME_MS,
    creationTimeMs: timeOf(sample.creationTime),
    sequenceNumber: 1,
    offset: '0',
    partitionId: '0',
  };
}

function bodyOf({ body, bodyText, bodyBase64 }: MappingTestMessage): Uint8Array {
  if (bodyBase64 !== undefined) return Buffer.from(bodyBase64, 'base64');
  if (bodyText !== undefined) return Buffer.from(bodyText, 'utf8');
  return body === undefined ? new Uint8Array(0) : Buffer.from(JSON.stringify(body), 'utf8');
}

/** Epoch milliseconds of a time in a test. */
export function timeOf(time: string | number | undefined): number | undefined {
  return typeof time === 'string' ? parseDateTime(time) : time;
}
