import Type from 'typebox';
import { JsonValue } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';

/** Input members of the operations that call direct methods. */
export const methodMembers = {
  methodName: Type.String({ minLength: 1, maxLength: 100, description: 'The name of the method.' }),
  payload: Type.Optional(
    JsonValue({
      description:
        'What the method gets: a JSON object, or an array boxed as {"array": [...]}. At most 128 KB.',
    }),
  ),
  payloadText: Type.Optional(
    Type.String({
      maxLength: 131_072,
      description:
        'The payload as JSON text instead, for one that is a text (in quotes), a number, true, false or null.',
    }),
  ),
};

interface Payload {
  readonly payload?: unknown;
  readonly payloadText?: string | undefined;
}

/** What the method gets; null when nothing is given. @throws ConnectorError REQUEST_INVALID */
export function payloadOf({ payload, payloadText }: Payload): unknown {
  if (payloadText === undefined) return payload ?? null;
  if (payload !== undefined) {
    throw new ConnectorError('REQUEST_INVALID', 'Both payload and payloadText are given; expected one.');
  }
  try {
    return JSON.parse(payloadText) as unknown;
  } catch (cause) {
    throw new ConnectorError('REQUEST_INVALID', 'payloadText is no JSON; a text must stand in quotes.', {
      cause,
    });
  }
}
