import type { OperationClass } from './rate-limiter.ts';

/** What IoT Hub counts against the daily quota of a hub (article "Azure IoT Hub billing information"). */
export type MeteredUse = MeteredCall | MeteredJob;

interface MeteredCall {
  readonly kind: 'method' | 'twin' | 'message';
  /** Absent for a query. */
  readonly deviceId?: string;
  /** The sizes of what is counted one by one, in bytes: the request and the response of a method. Each is at least one message. */
  readonly sizes: readonly number[];
  /** Whether the sidecar has asked by itself. */
  readonly isOwn: boolean;
}

/** How far a job is: IoT Hub counts what it does for each device, and not the job. */
interface MeteredJob {
  readonly kind: 'job';
  readonly jobId: string;
  /** Devices for which it has ended. */
  readonly devices: number;
  readonly messagesPerDevice: number;
  readonly endTime: string | undefined;
}

/** The members of a request that say what it uses. */
interface MeteredRequest {
  readonly operation: OperationClass;
  readonly path: string;
  readonly body?: unknown;
  readonly isOwn?: boolean;
}

/** Around the payload of the response of a method. */
const ANSWER_BYTES = '{"status":200,"payload":}'.length;

/** Receives what calls use. */
export type OnMetered = (use: MeteredUse) => void;

/** What a call has used that IoT Hub has answered. `body`: its response. `bytes`: the size of the response. */
export function useOfCall(request: MeteredRequest, body: unknown, bytes: number): MeteredUse | undefined {
  const { operation, path } = request;
  const isOwn = request.isOwn === true;
  const [, collection, id = ''] = path.split('/');
  const deviceId = decodeURIComponent(id);
  switch (operation) {
    case 'twinRead':
      return { kind: 'twin', deviceId, sizes: [bytes], isOwn };
    case 'twinUpdate':
      return { kind: 'twin', deviceId, sizes: [sizeOf(request.body)], isOwn };
    case 'query':
      // The list of jobs is not counted.
      return collection === 'devices' ? { kind: 'twin', sizes: [bytes], isOwn } : undefined;
    case 'method':
      return {
        kind: 'method',
        deviceId,
        sizes: [payloadSize(request.body), Math.max(0, bytes - ANSWER_BYTES)],
        isOwn,
      };
    case 'job':
      return jobUse(body);
    default:
      // Operations on the registry, on configurations and on statistics are free.
      return undefined;
  }
}

/** What a call has used that failed. Requests to devices that are not connected, or do not answer, are counted. */
export function useOfFailure(request: MeteredRequest, code: string): MeteredUse | undefined {
  if (request.operation !== 'method' || (code !== 'DEVICE_OFFLINE' && code !== 'DEVICE_TIMEOUT'))
    return undefined;
  const deviceId = decodeURIComponent(request.path.split('/')[2] ?? '');
  const isOwn = request.isOwn === true;
  return { kind: 'method', deviceId, sizes: [payloadSize(request.body)], isOwn };
}

function jobUse(body: unknown): MeteredUse | undefined {
  const job = (body ?? {}) as {
    jobId?: string;
    type?: string;
    endTime?: string;
    deviceJobStatistics?: { succeededCount?: number; failedCount?: number };
  };
  const { succeededCount = 0, failedCount = 0 } = job.deviceJobStatistics ?? {};
  const devices = succeededCount + failedCount;
  if (job.jobId === undefined || devices === 0) return undefined;
  const messagesPerDevice = job.type === 'scheduleDeviceMethod' ? 2 : 1;
  return { kind: 'job', jobId: job.jobId, devices, messagesPerDevice, endTime: job.endTime };
}

function payloadSize(content: unknown): number {
  const { payload } = (content ?? {}) as { payload?: unknown };
  return payload === undefined || payload === null ? 0 : sizeOf(payload);
}

function sizeOf(content: unknown): number {
  return content === undefined ? 0 : Buffer.byteLength(JSON.stringify(content));
}
