import { parseDateTime, utcTimeMs } from '../coerce/date-time.ts';
import type { ReceivedMessage } from '../types.ts';
import type { MappingTestMessage } from './schema.ts';

/** Stands in for the enqueued time of a sample that does not say one: 2024-01-01T00:00:00Z, so that tests give the same every day. */
const DEFAULT_ENQUEUED_TIME_MS = 1_704_067_200_000;

/**
 * A hub message from the JSON of a test or of TestMapping.
 *
 * @param enqueuedTimeMs the enqueued time of a sample that does not say one
 */
export function messageOf(sample: MappingTestMessage, enqueuedTimeMs?: number): ReceivedMessage {
  const { creationTime } = sample;
  const creationTimeMs = typeof creationTime === 'string' ? utcTimeMs(creationTime) : creationTime;
  const unreadable =
    creationTime === undefined || creationTimeMs !== undefined
      ? {}
      : { 'iothub-creation-time-utc': creationTime };
  const givenTimeMs = timeOf(sample.enqueuedTime) ?? enqueuedTimeMs;
  return {
    body: bodyOf(sample),
    contentType: sample.contentType,
    contentEncoding: sample.contentEncoding,
    systemProperties: { ...(sample.systemProperties as Record<string, unknown> | undefined), ...unreadable },
    applicationProperties: (sample.properties ?? {}) as Record<string, unknown>,
    deviceId: sample.deviceId,
    moduleId: sample.moduleId,
    componentName: sample.componentName,
    interfaceId: sample.interfaceId,
    source: sample.source ?? 'Telemetry',
    enqueuedTimeMs: givenTimeMs ?? DEFAULT_ENQUEUED_TIME_MS,
    enqueuedTimeUnknown: givenTimeMs === undefined,
    creationTimeMs,
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
