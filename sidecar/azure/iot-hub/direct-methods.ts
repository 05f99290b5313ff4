import type { DeviceMethodParams } from 'azure-iothub/dist/interfaces.js';
import { ConnectorError } from '../../errors/connector-error.ts';
import { bothForms } from '../../lib/exact-json.ts';
import type { CallOptions, RestClient } from './rest-client.ts';
import { callDeviceMethod } from './transport.ts';
import { nameOf, type TwinName } from './twins.ts';

export interface MethodCall extends TwinName {
  readonly methodName: string;
  /** Any JSON value, at most 128 KB. Default null. */
  readonly payload?: unknown;
  /** How long the hub waits for the response of the device, 5 to 300 s. Default 30. */
  readonly responseTimeoutSeconds?: number;
  /** How long the hub waits for a disconnected device to connect, 0 to 300 s. Default 0. */
  readonly connectTimeoutSeconds?: number;
}

/** The response of the device. Any status is a response, also one that means an error to the device. */
export interface MethodResult {
  readonly status: number;
  readonly payload: unknown;
  /** The payload as JSON text, with all digits of numbers. */
  readonly payloadText: string;
}

/** The hub responds at most this long after the sum of both timeouts. */
const MARGIN_MS = 15_000;

/**
 * Calls a direct method of a device or module. The call is never sent twice. `timeoutMs` defaults to the sum of both timeouts and a margin.
 *
 * Errors: DEVICE_NOT_FOUND, DEVICE_OFFLINE (not connected within the connect timeout), DEVICE_TIMEOUT (no response within the response
 * timeout), DEVICE_RESPONSE_INVALID, REQUEST_INVALID (a timeout out of range), and those of rest-client.ts.
 */
export async function invokeMethod(
  rest: RestClient,
  method: MethodCall,
  options: CallOptions = {},
): Promise<MethodResult> {
  const { deviceId, moduleId } = method;
  const params = methodParams(method);
  const { responseTimeoutInSeconds, connectTimeoutInSeconds } = params;
  const call = {
    timeoutMs: (responseTimeoutInSeconds + connectTimeoutInSeconds) * 1000 + MARGIN_MS,
    ...options,
    operation: 'method',
    action: `Calling ${method.methodName} of ${nameOf(method)}`,
    right: 'ServiceConnect',
    exactNumbers: true,
  } as const;
  const { body } = await callDeviceMethod<MethodResult>(rest, call, params, (direct) =>
    moduleId === undefined ? direct.invokeOn(deviceId) : direct.invokeOnModule(deviceId, moduleId),
  );
  const payload = bothForms(body.payload ?? null);
  return { status: body.status, payload: payload.value, payloadText: payload.text };
}

/** The parameters as the API expects them. Throws REQUEST_INVALID. */
export function methodParams(call: Omit<MethodCall, keyof TwinName>): Required<DeviceMethodParams> {
  const { methodName, payload = null, responseTimeoutSeconds = 30, connectTimeoutSeconds = 0 } = call;
  if (methodName === '') throw new ConnectorError('REQUEST_INVALID', 'The name of the method is empty.');
  checkSeconds('responseTimeoutSeconds', responseTimeoutSeconds, 5);
  checkSeconds('connectTimeoutSeconds', connectTimeoutSeconds, 0);
  return {
    methodName,
    payload,
    responseTimeoutInSeconds: responseTimeoutSeconds,
    connectTimeoutInSeconds: connectTimeoutSeconds,
  };
}

function checkSeconds(name: string, seconds: number, least: number): void {
  if (Number.isFinite(seconds) && seconds >= least && seconds <= 300) return;
  throw new ConnectorError('REQUEST_INVALID', `${name} is ${seconds}; expected ${least} to 300 seconds.`);
}
