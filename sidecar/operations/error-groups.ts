import type { ErrorCode } from '../errors/catalogue.ts';

/** Every operation that calls the IoT Hub can give these, beside the codes of its own. */
export const IOT_HUB_ERRORS = [
  'HUB_NOT_CONNECTED',
  'SETTING_MISSING',
  'CONNECTION_STRING_INVALID',
  'AZURE_UNAUTHORIZED',
  'AZURE_UNREACHABLE',
  'CERTIFICATE_UNTRUSTED',
  'PROXY_REFUSED',
  'AZURE_TIMEOUT',
  'AZURE_THROTTLED',
  'AZURE_FAILED',
  'AZURE_REJECTED',
  'AZURE_CANCELLED',
  'QUOTA_EXCEEDED',
] as const satisfies readonly ErrorCode[];

/** Every operation that calls ThingWorx can give these, beside the codes of its own. */
export const THINGWORX_CALL_ERRORS = [
  'THINGWORX_UNREACHABLE',
  'CERTIFICATE_UNTRUSTED',
  'PROXY_REFUSED',
  'THINGWORX_UNAVAILABLE',
  'THINGWORX_UNAUTHORIZED',
  'THINGWORX_FORBIDDEN',
  'THINGWORX_NOT_FOUND',
  'THINGWORX_REJECTED',
] as const satisfies readonly ErrorCode[];

/** Every operation that starts or reads a task can give these, beside the codes of its own. */
export const TASK_ERRORS = ['HUB_NOT_CONNECTED', 'TASKS_UNAVAILABLE'] as const satisfies readonly ErrorCode[];
