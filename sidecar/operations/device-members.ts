import Type from 'typebox';
import { ID_PATTERN } from '../azure/iot-hub/identities.ts';
import {
  EXPECTED_KEYWORD,
  forThingWorx,
  HeaderText,
  JsonObject,
  OneRow,
  ThingName,
} from '../contract/schema.ts';

/** The script that called waits 20 s unless the operation says otherwise. */
const CALL_TIMEOUT_MS = 15_000;

/** Options of a call to Azure, which ends with its reason before the script that waits for it gives up. */
export function withinCall(signal: AbortSignal): {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
} {
  return { signal, timeoutMs: CALL_TIMEOUT_MS };
}

/** Input members that many operations on devices share. */

export const hub = ThingName({ description: 'The hub Thing.' });

const ID_EXPECTED =
  "1 to 128 letters, digits and any of - : . + % _ # * ? ! ( ) , = @ $ ', but not . or .. alone";

/** The id of a device or module. */
export function identifier(description: string) {
  return Type.String({ description, pattern: ID_PATTERN, [EXPECTED_KEYWORD]: ID_EXPECTED });
}

export const deviceId = identifier('The id of the device in the IoT Hub.');
export const moduleId = identifier('The id of the module on the device.');
export const optionalModuleId = Type.Optional(
  identifier('The id of a module on the device. Empty: the device itself.'),
);

export const etag = Type.Optional(
  HeaderText({
    maxLength: 128,
    [EXPECTED_KEYWORD]: 'an ETag as it was read',
    description:
      'The ETag as it was read. The call fails with PRECONDITION_FAILED if someone else has changed the resource since. Empty: no condition.',
  }),
);

export const continuationToken = Type.Optional(
  HeaderText({
    maxLength: 16_384,
    [EXPECTED_KEYWORD]: 'the continuationToken of the previous page',
    description: 'The continuationToken of the previous page. Empty: the first page.',
  }),
);

/** `*` means no filter; jobs and configurations require it. */
export function isAll(condition: string): boolean {
  return condition.trim() === '*';
}

/** The twin of a device or module, as the services return it. */
export const TwinDocument = OneRow(
  Type.Object(
    {
      deviceId: Type.String({ description: 'The device.' }),
      moduleId: Type.Optional(Type.String({ description: 'The module, when it is the twin of one.' })),
      etag: Type.String({ description: 'The ETag for UpdateTwin and ReplaceTwin.' }),
      version: forThingWorx(Type.Integer({ description: 'Grows with every change of the twin.' }), {
        baseType: 'LONG',
      }),
      tags: Type.Optional(JsonObject({ description: 'The tags, which the device does not see.' })),
      properties: JsonObject({
        description: 'desired and reported, each with $version and $metadata.',
      }),
    },
    { description: 'The twin as IoT Hub has it.' },
  ),
  'AzureIoT.Twin_DS',
);

/**
 * A time of IoT Hub or a module as a member of an answer; absent for never, which they write as year 1 or 9999. Some times lack the zone.
 */
export function azureTime<N extends string>(name: N, text: string | undefined): { [K in N]?: string } {
  const isNever = !text || text.startsWith('0001-') || text.startsWith('9999-');
  const ms = isNever ? Number.NaN : Date.parse(/(Z|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text}Z`);
  return (Number.isNaN(ms) ? {} : { [name]: new Date(ms).toISOString() }) as { [K in N]?: string };
}
