import type { ErrorCode } from '../errors/catalogue.ts';

type CodeTable = Readonly<Record<string, ErrorCode>>;

/** Six-digit codes of IoT Hub, as in `{"errorCode":404103}`. */
export const HUB_NUMBERS: CodeTable = {
  400027: 'AZURE_CONFLICT', // ConnectionForcefullyClosedOnNewConnection
  401002: 'AZURE_UNAUTHORIZED',
  401003: 'AZURE_UNAUTHORIZED', // IoTHubUnauthorized
  403002: 'QUOTA_EXCEEDED', // IoTHubQuotaExceeded
  403003: 'QUOTA_EXCEEDED', // JobQuotaExceeded
  403004: 'DEVICE_QUEUE_FULL', // DeviceMaximumQueueDepthExceeded
  403006: 'QUOTA_EXCEEDED', // DeviceMaximumActiveFileUploadLimitExceeded
  404001: 'DEVICE_NOT_FOUND',
  404002: 'AZURE_NOT_FOUND', // JobNotFound
  404010: 'DEVICE_NOT_FOUND', // ModuleNotFound
  404301: 'AZURE_NOT_FOUND', // ConfigurationNotFound
  404103: 'DEVICE_OFFLINE', // DeviceNotOnline
  404104: 'DEVICE_OFFLINE', // DeviceConnectionClosedRemotely
  409001: 'DEVICE_EXISTS',
  409104: 'AZURE_CONFLICT', // JobAlreadyExists
  409301: 'DEVICE_EXISTS', // ModuleAlreadyExistsOnDevice
  409401: 'AZURE_CONFLICT', // ConfigurationAlreadyExists
  412001: 'PRECONDITION_FAILED',
  412002: 'AZURE_CONFLICT', // DeviceMessageLockLost
  412003: 'PRECONDITION_FAILED',
  412006: 'PRECONDITION_FAILED',
  413002: 'QUOTA_EXCEEDED', // TooManyDevices
  413003: 'QUOTA_EXCEEDED', // TooManyModulesOnDevice
  413101: 'QUOTA_EXCEEDED', // ConfigurationCountLimitExceeded
  429000: 'AZURE_THROTTLED',
  429001: 'AZURE_THROTTLED',
  429002: 'AZURE_THROTTLED',
  429004: 'QUOTA_EXCEEDED', // ThrottlingMaxActiveJobCountExceeded
  502001: 'DEVICE_RESPONSE_INVALID',
  504001: 'AZURE_TIMEOUT',
  504101: 'DEVICE_TIMEOUT', // GatewayTimeout: the method's response timeout
};

/** Named codes of IoT Hub, as in `ErrorCode:DeviceNotFound;`. */
export const HUB_CODES: CodeTable = {
  DeviceNotFound: 'DEVICE_NOT_FOUND',
  ModuleNotFound: 'DEVICE_NOT_FOUND',
  DeviceNotOnline: 'DEVICE_OFFLINE',
  DeviceConnectionClosedRemotely: 'DEVICE_OFFLINE',
  DeviceAlreadyExists: 'DEVICE_EXISTS',
  ModuleAlreadyExistsOnDevice: 'DEVICE_EXISTS',
  DeviceMaximumQueueDepthExceeded: 'DEVICE_QUEUE_FULL',
  DeviceTimeout: 'DEVICE_TIMEOUT',
  GatewayTimeout: 'DEVICE_TIMEOUT',
  BadDeviceResponse: 'DEVICE_RESPONSE_INVALID',
  IotHubNotFound: 'AZURE_NOT_FOUND',
  JobNotFound: 'AZURE_NOT_FOUND',
  ConfigurationNotFound: 'AZURE_NOT_FOUND',
  ConfigurationAlreadyExists: 'AZURE_CONFLICT',
  JobAlreadyExists: 'AZURE_CONFLICT',
  JobQuotaExceeded: 'QUOTA_EXCEEDED',
  IotHubQuotaExceeded: 'QUOTA_EXCEEDED',
  IoTHubQuotaExceeded: 'QUOTA_EXCEEDED',
  TooManyDevices: 'QUOTA_EXCEEDED',
  TooManyModulesOnDevice: 'QUOTA_EXCEEDED',
  ConfigurationCountLimitExceeded: 'QUOTA_EXCEEDED',
  PreconditionFailed: 'PRECONDITION_FAILED',
  InvalidEtag: 'PRECONDITION_FAILED',
  ThrottlingException: 'AZURE_THROTTLED',
  ThrottleBacklogLimitExceeded: 'AZURE_THROTTLED',
  ThrottlingMaxActiveJobCountExceeded: 'QUOTA_EXCEEDED',
  GenericTooManyRequests: 'AZURE_THROTTLED',
  IotHubUnauthorizedAccess: 'AZURE_UNAUTHORIZED',
  IoTHubUnauthorizedAccess: 'AZURE_UNAUTHORIZED',
  IotHubUnauthorized: 'AZURE_UNAUTHORIZED',
};

/** Codes of Blob Storage (x-ms-error-code). */
export const STORAGE_CODES: CodeTable = {
  BlobNotFound: 'AZURE_NOT_FOUND',
  ContainerNotFound: 'AZURE_NOT_FOUND',
  ResourceNotFound: 'AZURE_NOT_FOUND',
  BlobAlreadyExists: 'AZURE_CONFLICT',
  ContainerAlreadyExists: 'AZURE_CONFLICT',
  ContainerBeingDeleted: 'AZURE_CONFLICT',
  LeaseIdMissing: 'AZURE_CONFLICT',
  ConditionNotMet: 'PRECONDITION_FAILED',
  AuthenticationFailed: 'AZURE_UNAUTHORIZED',
  AuthorizationFailure: 'AZURE_UNAUTHORIZED',
  AuthorizationPermissionMismatch: 'AZURE_UNAUTHORIZED',
  AuthorizationProtocolMismatch: 'AZURE_UNAUTHORIZED',
  AuthorizationResourceTypeMismatch: 'AZURE_UNAUTHORIZED',
  AuthorizationServiceMismatch: 'AZURE_UNAUTHORIZED',
  InsufficientAccountPermissions: 'AZURE_UNAUTHORIZED',
  InvalidAuthenticationInfo: 'AZURE_UNAUTHORIZED',
  NoAuthenticationInformation: 'AZURE_UNAUTHORIZED',
  PublicAccessNotPermitted: 'AZURE_UNAUTHORIZED',
  ServerBusy: 'AZURE_THROTTLED',
  OperationTimedOut: 'AZURE_TIMEOUT',
};

/** The meaning of a status when the response has no known code. */
export const STATUS_CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'AZURE_REJECTED',
  401: 'AZURE_UNAUTHORIZED',
  403: 'AZURE_UNAUTHORIZED',
  404: 'AZURE_NOT_FOUND',
  // Sent by proxies only, not by Azure.
  407: 'PROXY_REFUSED',
  408: 'AZURE_TIMEOUT',
  409: 'AZURE_CONFLICT',
  412: 'PRECONDITION_FAILED',
  413: 'AZURE_REJECTED',
  429: 'AZURE_THROTTLED',
  502: 'AZURE_FAILED',
  503: 'AZURE_FAILED',
  504: 'AZURE_TIMEOUT',
};

/** Codes of @azure/core-amqp's MessagingError, and raw AMQP conditions. */
export const AMQP_CODES: CodeTable = {
  UnauthorizedError: 'AZURE_UNAUTHORIZED',
  PublisherRevokedError: 'AZURE_UNAUTHORIZED',
  'amqp:unauthorized-access': 'AZURE_UNAUTHORIZED',
  'com.microsoft:auth-failed': 'AZURE_UNAUTHORIZED',
  MessagingEntityNotFoundError: 'AZURE_NOT_FOUND',
  ServiceCommunicationError: 'AZURE_NOT_FOUND',
  ResourceDeletedError: 'AZURE_NOT_FOUND',
  'amqp:not-found': 'AZURE_NOT_FOUND',
  'com.microsoft:iot-hub-not-found-error': 'AZURE_NOT_FOUND',
  ReceiverDisconnectedError: 'PARTITION_TAKEN',
  PartitionNotOwnedError: 'PARTITION_TAKEN',
  'amqp:link:stolen': 'PARTITION_TAKEN',
  ServerBusyError: 'AZURE_THROTTLED',
  'com.microsoft:server-busy': 'AZURE_THROTTLED',
  'com.microsoft:device-container-throttled': 'AZURE_THROTTLED',
  // More than five readers of one partition in one consumer group.
  QuotaExceededError: 'QUOTA_EXCEEDED',
  'amqp:resource-limit-exceeded': 'QUOTA_EXCEEDED',
  'com.microsoft:quota-exceeded': 'QUOTA_EXCEEDED',
  OperationTimeoutError: 'AZURE_TIMEOUT',
  ServiceUnavailableError: 'AZURE_TIMEOUT',
  'com.microsoft:timeout': 'AZURE_TIMEOUT',
  PreconditionFailedError: 'PRECONDITION_FAILED',
  'com.microsoft:precondition-failed': 'PRECONDITION_FAILED',
  ConnectionForcedError: 'AZURE_FAILED',
  DetachForcedError: 'AZURE_FAILED',
  InternalServerError: 'AZURE_FAILED',
  'amqp:internal-error': 'AZURE_FAILED',
  'amqp:connection:forced': 'AZURE_FAILED',
  'amqp:link:detach-forced': 'AZURE_FAILED',
  InvalidOperationError: 'AZURE_REJECTED',
  ArgumentError: 'AZURE_REJECTED',
  ArgumentOutOfRangeError: 'AZURE_REJECTED',
  MessageTooLargeError: 'AZURE_REJECTED',
  MessagingEntityDisabledError: 'AZURE_REJECTED',
  'amqp:not-allowed': 'AZURE_REJECTED',
  'amqp:link:message-size-exceeded': 'AZURE_REJECTED',
  'com.microsoft:argument-error': 'AZURE_REJECTED',
  'com.microsoft:argument-out-of-range': 'AZURE_REJECTED',
};

/** Names of the errors of azure-iothub (azure-iot-common) and @azure/identity. */
export const SDK_NAMES: CodeTable = {
  UnauthorizedError: 'AZURE_UNAUTHORIZED',
  CredentialUnavailableError: 'AZURE_UNAUTHORIZED',
  AuthenticationError: 'AZURE_UNAUTHORIZED',
  AggregateAuthenticationError: 'AZURE_UNAUTHORIZED',
  AuthenticationRequiredError: 'AZURE_UNAUTHORIZED',
  DeviceNotFoundError: 'DEVICE_NOT_FOUND',
  DeviceAlreadyExistsError: 'DEVICE_EXISTS',
  DeviceMaximumQueueDepthExceededError: 'DEVICE_QUEUE_FULL',
  DeviceTimeoutError: 'DEVICE_TIMEOUT',
  GatewayTimeoutError: 'DEVICE_TIMEOUT',
  BadDeviceResponseError: 'DEVICE_RESPONSE_INVALID',
  DeviceMessageLockLostError: 'AZURE_CONFLICT',
  IotHubNotFoundError: 'AZURE_NOT_FOUND',
  JobNotFoundError: 'AZURE_NOT_FOUND',
  IotHubQuotaExceededError: 'QUOTA_EXCEEDED',
  TooManyDevicesError: 'QUOTA_EXCEEDED',
  IoTHubSuspendedError: 'AZURE_FAILED',
  ThrottlingError: 'AZURE_THROTTLED',
  InvalidEtagError: 'PRECONDITION_FAILED',
  PreconditionFailedError: 'PRECONDITION_FAILED',
  NotConnectedError: 'AZURE_UNREACHABLE',
  ServiceUnavailableError: 'AZURE_FAILED',
  InternalServerError: 'AZURE_FAILED',
  OperationCancelledError: 'AZURE_CANCELLED',
  OperationTimeoutError: 'AZURE_TIMEOUT',
  TimeoutError: 'AZURE_TIMEOUT',
  ArgumentError: 'AZURE_REJECTED',
  ArgumentOutOfRangeError: 'AZURE_REJECTED',
  FormatError: 'AZURE_REJECTED',
  InvalidOperationError: 'AZURE_REJECTED',
  MessageTooLargeError: 'AZURE_REJECTED',
};

/** Errors of Node's sockets and of undici. */
export const SYSTEM_CODES: CodeTable = {
  ENOTFOUND: 'AZURE_UNREACHABLE',
  EAI_AGAIN: 'AZURE_UNREACHABLE',
  ECONNREFUSED: 'AZURE_UNREACHABLE',
  ECONNRESET: 'AZURE_UNREACHABLE',
  ECONNABORTED: 'AZURE_UNREACHABLE',
  EPIPE: 'AZURE_UNREACHABLE',
  ETIMEDOUT: 'AZURE_UNREACHABLE',
  ENETDOWN: 'AZURE_UNREACHABLE',
  ENETUNREACH: 'AZURE_UNREACHABLE',
  ENETRESET: 'AZURE_UNREACHABLE',
  EHOSTDOWN: 'AZURE_UNREACHABLE',
  EHOSTUNREACH: 'AZURE_UNREACHABLE',
  EADDRNOTAVAIL: 'AZURE_UNREACHABLE',
  UND_ERR_CONNECT_TIMEOUT: 'AZURE_UNREACHABLE',
  UND_ERR_SOCKET: 'AZURE_UNREACHABLE',
  REQUEST_SEND_ERROR: 'AZURE_UNREACHABLE',
  UND_ERR_HEADERS_TIMEOUT: 'AZURE_TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'AZURE_TIMEOUT',
  UND_ERR_ABORTED: 'AZURE_CANCELLED',
  UND_ERR_CLOSED: 'AZURE_CANCELLED',
  UND_ERR_DESTROYED: 'AZURE_CANCELLED',
};
