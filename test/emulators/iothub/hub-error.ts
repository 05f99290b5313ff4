/**
 * The error answers of IoT Hub. The numeric codes, names and HTTP statuses are those of Microsoft's list "common error
 * codes" of the IoT Hub REST API and of the ErrorCode enum of its .NET service SDK; the two body formats were seen in
 * answers that users posted in the SDKs' public issues.
 */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** name -> [numeric code, HTTP status, text when the thrower gives none]. */
const codes = {
  InvalidProtocolVersion: [400001, 400, 'The api-version is missing or not supported.'],
  InvalidOperation: [400003, 400, 'The operation is not valid.'],
  ArgumentInvalid: [400004, 400, 'The request is not valid.'],
  ArgumentNull: [400005, 400, 'A required value is missing.'],
  IotHubFormatError: [400006, 400, 'The body cannot be parsed.'],
  DeviceDefinedMultipleTimes: [400011, 400, 'A device is listed more than once.'],
  BulkRegistryOperationFailure: [400013, 400, 'The bulk operation failed.'],
  QueryParsingError: [400017, 400, 'The query cannot be parsed.'],
  InvalidContentEncodingOrType: [400103, 400, 'The content type or encoding is not valid.'],
  IotHubUnauthorizedAccess: [401002, 401, 'Unauthorized'],
  IotHubUnauthorized: [401003, 401, 'Unauthorized'],
  IotHubQuotaExceeded: [403002, 403, 'Total number of messages on IotHub exceeded the allocated quota.'],
  DeviceMaximumQueueDepthExceeded: [403004, 403, 'Device Queue depth cannot exceed 50 messages'],
  DeviceMaximumActiveFileUploadLimitExceeded: [403006, 403, 'Too many active file uploads.'],
  DeviceNotFound: [404001, 404, 'The device is not registered.'],
  JobNotFound: [404002, 404, 'The job does not exist.'],
  ModuleNotFound: [404010, 404, 'The module is not registered.'],
  DeviceNotOnline: [
    404103,
    404,
    "The operation failed because the requested device isn't online or hasn't registered the direct method callback.",
  ],
  ConfigurationNotFound: [404011, 404, 'The configuration does not exist.'],
  ResourceNotFound: [404000, 404, 'There is nothing at this address.'],
  MethodNotAllowed: [405000, 405, 'The method is not allowed here.'],
  DeviceAlreadyExists: [409001, 409, 'A device with this id is already registered.'],
  JobAlreadyExists: [409004, 409, 'A job with this id already exists.'],
  ModuleAlreadyExistsOnDevice: [409301, 409, 'A module with this id already exists on the device.'],
  ConfigurationAlreadyExists: [409310, 409, 'A configuration with this id already exists.'],
  PreconditionFailed: [412001, 412, 'Precondition failed: the etag does not match.'],
  DeviceMessageLockLost: [412002, 412, 'The lock on the message is lost.'],
  MessageTooLarge: [413001, 413, 'The message exceeds the maximum size.'],
  ThrottlingException: [429001, 429, 'Operations are being throttled for the tenant.'],
  ThrottleBacklogLimitExceeded: [429002, 429, 'The number of throttled requests exceeds the limit.'],
  ServerError: [500001, 500, 'A problem in the hub.'],
  ServiceUnavailable: [503001, 503, 'The service is unavailable.'],
  GatewayTimeout: [504101, 504, 'The device did not answer in time.'],
} as const satisfies Record<string, readonly [number, number, string]>;

export type HubErrorName = keyof typeof codes;

/** Extra facts of an error of the direct-method endpoint. */
export interface MethodErrorInfo {
  timeout?: string;
}

export class HubError extends Error {
  /** The name in the error body, for example DeviceNotFound. */
  readonly errorName: HubErrorName;
  /** The numeric code of the documentation, for example 404001. */
  readonly code: number;
  readonly status: number;
  /** Headers beside the body, for example Retry-After. */
  readonly headers: Record<string, string>;
  readonly trackingId: string;

  constructor(errorName: HubErrorName, detail?: string, headers: Record<string, string> = {}) {
    const [code, status, text] = codes[errorName];
    super(detail ?? text);
    this.name = 'HubError';
    this.errorName = errorName;
    this.code = code;
    this.status = status;
    this.headers = headers;
    this.trackingId = `${randomUUID().replaceAll('-', '')}-G:0-TimeStamp:${usTimestamp(new Date())}`;
  }

  static is(error: unknown): error is HubError {
    return error instanceof HubError;
  }

  /** Anything that is not a HubError becomes a 500: the emulator itself failed. */
  static from(error: unknown): HubError {
    if (error instanceof HubError) return error;
    return new HubError('ServerError', error instanceof Error ? error.message : String(error));
  }

  /** The error of a status and, when given, a numeric code; for faults that a test asks for. */
  static forStatus(status: number, code?: number, detail?: string): HubError {
    const known = Object.entries(codes) as [HubErrorName, readonly [number, number, string]][];
    const found =
      known.find(([, entry]) => entry[0] === code) ??
      known.find(([, entry]) => entry[1] === status && status !== 404) ??
      known.find(([, entry]) => entry[1] === status);
    const error = new HubError(found?.[0] ?? 'ServerError', detail);
    return Object.assign(error, { status, code: code ?? error.code });
  }

  /** The body of registry, twin, job and message answers. A semicolon in the text would cut it in the SDKs. */
  body(): { Message: string; ExceptionMessage: string } {
    return {
      Message: `ErrorCode:${this.errorName};${this.message.replaceAll(';', ',')}`,
      ExceptionMessage: `Tracking ID:${this.trackingId}`,
    };
  }

  /** The body of the direct-method endpoint: Message is itself JSON text. */
  methodBody(info: MethodErrorInfo = { timeout: '00:00:00' }): { Message: string; ExceptionMessage: string } {
    const message = {
      errorCode: this.code,
      trackingId: this.trackingId,
      message: this.message,
      info,
      timestampUtc: new Date().toISOString(),
    };
    return { Message: JSON.stringify(message), ExceptionMessage: '' };
  }

  /** Answers a request with this error, or ends the connection when an answer has begun. */
  writeTo(response: ServerResponse, format: 'registry' | 'method' = 'registry'): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const body = Buffer.from(JSON.stringify(format === 'method' ? this.methodBody() : this.body()));
    response.writeHead(this.status, {
      ...this.headers,
      'content-type': 'application/json; charset=utf-8',
      'content-length': body.length,
      'iothub-errorcode': this.errorName,
    });
    response.end(body);
  }
}

/** 01/18/2017 08:11:45, as in the hub's tracking ids. */
function usTimestamp(time: Date): string {
  const iso = time.toISOString();
  return `${iso.slice(5, 7)}/${iso.slice(8, 10)}/${iso.slice(0, 4)} ${iso.slice(11, 19)}`;
}
