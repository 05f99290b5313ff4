import Type from 'typebox';
import { JsonValue, OneRow } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { parseExact } from '../../lib/exact-json.ts';
import { isPlainObject } from '../../translate/coerce/structure.ts';
import { deviceId, hub, optionalModuleId } from '../device-members.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';

/** Input members of the operations that call direct methods. */
export const methodMembers = {
  methodName: Type.String({ minLength: 1, maxLength: 100, description: 'The name of the method.' }),
  payload: Type.Optional(
    JsonValue({
      description:
        'The payload for the method: a JSON object, or an array boxed as {"array": [...]}. At most 128 KB.',
    }),
  ),
  payloadText: Type.Optional(
    Type.String({
      maxLength: 131_072,
      description:
        'The payload as JSON text instead: for a text (in quotes), a number with all its digits, true, false, null or {}.',
    }),
  ),
};

interface Payload {
  readonly payload?: unknown;
  readonly payloadText?: string | undefined;
}

/** What the method gets; null when nothing is given. @throws ConnectorError REQUEST_INVALID */
export function payloadOf({ payload, payloadText }: Payload): unknown {
  if (payloadText === undefined) {
    checkNotEmpty('payload', payload, 'payloadText');
    return payload ?? null;
  }
  if (payload !== undefined) {
    throw new ConnectorError('REQUEST_INVALID', 'Both payload and payloadText are given; expected one.');
  }
  try {
    return parseExact(payloadText);
  } catch (cause) {
    throw new ConnectorError(
      'REQUEST_INVALID',
      'payloadText is not JSON; expected JSON, where a text is in quotes.',
      {
        cause,
      },
    );
  }
}

/**
 * ThingWorx makes an empty object of a text that is not JSON, so an empty object does not show what the caller has given.
 *
 * @throws ConnectorError REQUEST_INVALID
 */
export function checkNotEmpty(member: string, value: unknown, text: string): void {
  if (!isPlainObject(value) || Object.keys(value).length > 0) return;
  throw new ConnectorError(
    'REQUEST_INVALID',
    `${member} is an empty object, which ThingWorx also makes of a text that is not JSON; pass {} or a text as ${text}.`,
  );
}

/** Output members of the operations that return what a method answered. */
export const answerMembers = {
  payload: JsonValue({
    description:
      'What the device answered. In an INFOTABLE it is set only if it is an object or an array, which is boxed as {"array": [...]}.',
  }),
  payloadText: Type.String({
    description:
      'The answer of the device as JSON text, with all digits of numbers; null if it answered nothing.',
  }),
};

/** Beyond what the device and IoT Hub are granted: for the way, and for the turn when the tier holds calls back. */
const MARGIN_SECONDS = 10;

const invokeMethod = defineOperation({
  name: 'InvokeMethod',
  entity: 'AzureIoT.Device_TS',
  category: 'Commands',
  role: 'operator',
  summary:
    'Calls a direct method of the device or of one of its modules and returns what it answered, whatever its status.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/methods',
  input: Type.Object({
    hub,
    deviceId,
    ...methodMembers,
    moduleId: optionalModuleId,
    responseTimeoutSeconds: Type.Optional(
      Type.Integer({
        minimum: 5,
        maximum: 300,
        default: 15,
        description:
          'How long the device may take to answer, in seconds. ThingWorx ends scripts after 30 seconds unless ScriptTimeout is longer.',
      }),
    ),
    connectTimeoutSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 300,
        default: 0,
        description: 'How long IoT Hub waits for a device that is not connected, in seconds.',
      }),
    ),
  }),
  output: OneRow(
    Type.Object(
      {
        status: Type.Integer({ description: 'The status that the device answered, such as 200.' }),
        ...answerMembers,
      },
      { description: 'What a direct method answered.' },
    ),
    'AzureIoT.MethodAnswer_DS',
  ),
  errors: [
    ...IOT_HUB_ERRORS,
    'DEVICE_NOT_FOUND',
    'DEVICE_OFFLINE',
    'DEVICE_TIMEOUT',
    'DEVICE_RESPONSE_INVALID',
  ],
  timeoutMs: 13_000,
  addedSeconds: ['responseTimeoutSeconds', 'connectTimeoutSeconds'],
  async run({ hubs, signal }, { hub, payload, payloadText, ...call }) {
    const azure = await hubs.require(hub).azure();
    const { responseTimeoutSeconds = 15, connectTimeoutSeconds = 0 } = call;
    return await azure.invokeMethod(
      { ...call, payload: payloadOf({ payload, payloadText }) },
      // The script that called waits a little longer, so that it gets the reason.
      { signal, timeoutMs: (responseTimeoutSeconds + connectTimeoutSeconds + MARGIN_SECONDS) * 1_000 },
    );
  },
});

/** Direct methods. */
export const METHODS = [invokeMethod] as const;
