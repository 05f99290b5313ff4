import { ConnectorError } from '../../errors/connector-error.ts';
import { type CallOptions, hubPath, type RestClient } from './rest-client.ts';
import { nameOf, type TwinName } from './twins.ts';

export interface MethodCall extends TwinName {
  readonly methodName: string;
  /** Any JSON value, at most 128 KB; null when absent. */
  readonly payload?: unknown;
  /** How long the device has to answer, 5 to 300 s. Default 30. */
  readonly responseTimeoutSeconds?: number;
  /** How long the hub waits for a device that is offline, 0 to 300 s. Default 0. */
  readonly connectTimeoutSeconds?: number;
}

/** What the device answered; any status is an answer, also one that means failure to the device. */
export interface MethodResult {
  readonly status: number;
  readonly payload: unknown;
}

/** The hub's answer comes this much after the sum of both timeouts at the latest. */
const MARGIN_MS = 15_000;

/**
 * Calls a direct method of a device or module. Never sent twice. `timeoutMs` defaults to what both timeouts need.
 *
 * Errors: DEVICE_NOT_FOUND, DEVICE_OFFLINE (no connection within the connect timeout), DEVICE_TIMEOUT (no answer within the response
 * timeout), DEVICE_RESPONSE_INVALID, REQUEST_INVALID (a timeout out of range) and what hub-rest.ts gives.
 */
export async function invokeMethod(
  rest: RestClient,
  call: MethodCall,
  options: CallOptions = {},
): Promise<MethodResult> {
  const { methodName, payload = null, responseTimeoutSeconds = 30, connectTimeoutSeconds = 0 } = call;
  if (methodName === '') throw new ConnectorError('REQUEST_INVALID', 'The name of the method is empty.');
  checkSeconds('responseTimeoutSeconds', responseTimeoutSeconds, 5);
  checkSeconds('connectTimeoutSeconds', connectTimeoutSeconds, 0);
  const { deviceId, moduleId } = call;
  const { body } = await rest.request<MethodResult>({
    timeoutMs: (responseTimeoutSeconds + connectTimeoutSeconds) * 1000 + MARGIN_MS,
    ...options,
    method: 'POST',
    path:
      moduleId === undefined
        ? hubPath('twins', deviceId, 'methods')
        : hubPath('twins', deviceId, 'modules', moduleId, 'methods'),
    body: {
      methodName,
      payload,
      responseTimeoutInSeconds: responseTimeoutSeconds,
      connectTimeoutInSeconds: connectTimeoutSeconds,
    },
    operation: 'method',
    action: `Calling ${methodName} of ${nameOf(call)}`,
    right: 'ServiceConnect',
  });
  return { status: body.status, payload: body.payload ?? null };
}

function checkSeconds(name: string, seconds: number, least: number): void {
  if (Number.isFinite(seconds) && seconds >= least && seconds <= 300) return;
  throw new ConnectorError('REQUEST_INVALID', `${name} is ${seconds}; expected ${least} to 300 seconds.`);
}
