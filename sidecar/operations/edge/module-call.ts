import type { HubClients } from '../../azure/iot-hub/hub-clients.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';

interface ModuleCall {
  readonly deviceId: string;
  readonly moduleId: string;
  readonly methodName: string;
  readonly payload: unknown;
  readonly responseTimeoutSeconds?: number;
}

/** What calls of a module's method can fail with, beside what every call to the hub can. */
export const MODULE_ERRORS = [
  ...IOT_HUB_ERRORS,
  'DEVICE_NOT_FOUND',
  'DEVICE_OFFLINE',
  'DEVICE_TIMEOUT',
  'DEVICE_RESPONSE_INVALID',
  'MODULE_FAILED',
] as const;

/** ThingWorx ends scripts after 30 s: what takes longer is called with InvokeMethod. */
const RESPONSE_SECONDS = 20;
/** For the way to the hub and back. The sum ends before the script that waits 28 s, so that it gets the reason. */
const MARGIN_SECONDS = 2;

/** Calls a direct method of a module and gives its payload. @throws ConnectorError MODULE_FAILED for a status other than 2xx */
export async function callModule(azure: HubClients, call: ModuleCall, signal: AbortSignal): Promise<unknown> {
  return JSON.parse(await callModuleForText(azure, call, signal));
}

/** As callModule; gives the payload as JSON text with all digits of its numbers. */
export async function callModuleForText(
  azure: HubClients,
  call: ModuleCall,
  signal: AbortSignal,
): Promise<string> {
  const { responseTimeoutSeconds = RESPONSE_SECONDS, ...method } = call;
  const { status, payload, payloadText } = await azure.invokeMethod(
    { ...method, responseTimeoutSeconds },
    { signal, timeoutMs: (responseTimeoutSeconds + MARGIN_SECONDS) * 1_000 },
  );
  if (status >= 200 && status < 300) return payloadText;
  throw new ConnectorError(
    'MODULE_FAILED',
    `${call.moduleId} of ${call.deviceId} answered ${call.methodName} with status ${status}: ${reasonOf(payload)}`,
    { details: { status } },
  );
}

const LONGEST_REASON = 500;

/** What a module says is wrong: a text, or an object that has it under one of a few names. */
function reasonOf(payload: unknown): string {
  const { message, Message, detail, title, errorMessage } = (
    typeof payload === 'object' && payload !== null ? payload : {}
  ) as Record<string, unknown>;
  const said = [message, Message, detail, errorMessage, title].find(
    (text) => typeof text === 'string' && text,
  );
  const text = String(
    said ?? (typeof payload === 'string' ? payload : JSON.stringify(payload ?? 'no reason')),
  );
  return text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON)}…` : text;
}
