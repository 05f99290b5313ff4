/**
 * The error answers of IoT Hub. Numeric codes and names are those of the article "Troubleshoot Azure IoT Hub error
 * codes" (504101 excepted, which is known from answers only); a status is the first three digits of its code. The two
 * body formats were seen in answers that users posted in the SDKs' public issues.
 */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** name -> [numeric code, HTTP status, text when the thrower gives none]. */
const codes = {
  GenericBadRequest: [400000, 400, 'The request is not valid.'],
  InvalidProtocolVersion: [400001, 400, 'The api-version is missing or not supported.'],
  InvalidOperation: [400003, 400, 'The operation is not valid.'],
  ArgumentInvalid: [400004, 400, 'The request is not valid.'],
  ArgumentNull: [400005, 400, 'A required value is missing.'],
  IotHubFormatError: [400006, 400, 'The body cannot be parsed.'],
  BlobContainerValidationError: [400008, 400, 'The blob container cannot be used.'],
  DeviceDefinedMultipleTimes: [400011, 400, 'A device is listed more than once.'],
  BulkRegistryOperationFailure: [400013, 400, 'The bulk operation failed.'],
  DefaultStorageEndpointNotConfigured: [400014, 400, 'File upload has no storage account.'],
  InvalidFileUploadCorrelationId: [400015, 400, 'The correlation id is not of an upload under way.'],
  ExpiredFileUploadCorrelationId: [400016, 400, 'The upload has expired.'],
  InvalidFileUploadCompletionStatus: [400019, 400, 'The completion status is not valid.'],
  InvalidStorageEndpointOrBlob: [400020, 400, 'The storage account refused the blob.'],
  InvalidDeviceScope: [400028, 400, 'The device scope is not of an Edge device.'],
  InvalidContentEncodingOrType: [400103, 400, 'The content type or encoding is not valid.'],
  InvalidConfigurationTargetCondition: [400401, 400, 'The target condition is not valid.'],
  InvalidConfigurationContent: [400402, 400, 'The content of the configuration is not valid.'],
  CannotModifyImmutableConfigurationContent: [
    400403,
    400,
    'The content of a configuration cannot be changed.',
  ],
  InvalidConfigurationCustomMetricsQuery: [400404, 400, 'A metric query is not valid.'],
  InvalidDigitalTwinJsonPatch: [400505, 400, 'The JSON patch is not valid.'],
  InvalidDigitalTwinPatch: [400507, 400, 'The patch is not valid for this digital twin.'],
  IotHubUnauthorizedAccess: [401002, 401, 'Unauthorized'],
  IotHubUnauthorized: [401003, 401, 'Unauthorized'],
  SystemModuleModifyUnauthorizedAccess: [401100, 401, 'A system module cannot be changed.'],
  IotHubSuspended: [403001, 403, 'The hub is suspended.'],
  IotHubQuotaExceeded: [403002, 403, 'Total number of messages on IotHub exceeded the allocated quota.'],
  JobQuotaExceeded: [403003, 403, 'Too many import or export jobs.'],
  DeviceMaximumQueueDepthExceeded: [403004, 403, 'Device Queue depth cannot exceed 50 messages'],
  DeviceMaximumActiveFileUploadLimitExceeded: [
    403006,
    403,
    'Number of active file upload requests cannot exceed 10',
  ],
  OperationNotAvailableInCurrentTier: [403010, 403, 'The tier of this hub does not have this operation.'],
  GenericNotFound: [404000, 404, 'There is nothing at this address.'],
  DeviceNotFound: [404001, 404, 'The device is not registered.'],
  JobNotFound: [404002, 404, 'The job does not exist.'],
  AmqpAddressNotFound: [404006, 404, 'There is no such AMQP address.'],
  ModuleNotFound: [404010, 404, 'The module is not registered.'],
  FeatureNotSupported: [404013, 404, 'The feature is not supported.'],
  DeviceNotOnline: [
    404103,
    404,
    "The operation failed because the requested device isn't online or hasn't registered the direct method callback.",
  ],
  DeviceConnectionClosedRemotely: [404104, 404, 'The device closed its connection.'],
  ConfigurationNotFound: [404301, 404, 'The configuration does not exist.'],
  GenericMethodNotAllowed: [405000, 405, 'The method is not allowed here.'],
  DeviceAlreadyExists: [409001, 409, 'A device with this id is already registered.'],
  LinkCreationConflict: [409002, 409, 'Another connection of the same device took over.'],
  JobAlreadyExists: [409104, 409, 'A job with this id already exists.'],
  ModuleAlreadyExistsOnDevice: [409301, 409, 'A module with this id already exists on the device.'],
  ConfigurationAlreadyExists: [409401, 409, 'A configuration with this id already exists.'],
  PreconditionFailed: [412001, 412, 'Precondition failed: the etag does not match.'],
  DeviceMessageLockLost: [412002, 412, 'The lock on the message is lost.'],
  JobRunPreconditionFailed: [412003, 412, 'The job could not run.'],
  MessageTooLarge: [413001, 413, 'The message exceeds the maximum size.'],
  TooManyDevices: [413002, 413, 'The number of devices exceeds the limit.'],
  TooManyModulesOnDevice: [413003, 413, 'The number of modules on the device exceeds the limit.'],
  ConfigurationCountLimitExceeded: [413101, 413, 'The number of configurations exceeds the limit.'],
  GenericUnsupportedMediaType: [415000, 415, 'The media type is not supported.'],
  GenericTooManyRequests: [429000, 429, 'Too many requests.'],
  ThrottlingException: [429001, 429, 'Operations are being throttled for the tenant.'],
  ThrottleBacklogLimitExceeded: [429002, 429, 'The number of throttled requests exceeds the limit.'],
  ThrottlingMaxActiveJobCountExceeded: [429004, 429, 'The number of active jobs exceeds the limit.'],
  DeviceThrottlingLimitExceeded: [429005, 429, 'The device is throttled.'],
  ServerError: [500001, 500, 'A problem in the hub.'],
  GenericTimeout: [500008, 500, 'The operation timed out.'],
  GenericBadGateway: [502000, 502, 'The answer of the device is not valid.'],
  ServiceUnavailable: [503001, 503, 'The service is unavailable.'],
  ServerBusy: [503005, 503, 'The server is busy.'],
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
