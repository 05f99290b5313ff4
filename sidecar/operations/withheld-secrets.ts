import Type, { type Static } from 'typebox';
import { SECRET_NAMES, type SecretName } from '../contract/hub-settings.ts';
import { OneOf } from '../contract/schema.ts';
import { ConnectorError } from '../errors/connector-error.ts';

/** Secrets that have a value which ThingWorx cannot hand over. */
export const Withheld = Type.Optional(
  Type.Array(
    Type.Object({
      name: OneOf(SECRET_NAMES, { description: 'The name of the secret setting.' }),
      code: OneOf(['SETTING_INVALID', 'PASSWORD_NOT_PASSED'], {
        description:
          'SETTING_INVALID: its entry in secretReferences is wrong. PASSWORD_NOT_PASSED: see there.',
      }),
      message: Type.String({ maxLength: 1000, description: 'What is wrong, and what is expected.' }),
    }),
    { description: 'The secret settings that have a value and cannot be sent. Each counts as refused.' },
  ),
);

/** What is wrong with each, as an error. */
export function withheldErrors(withheld: Static<typeof Withheld> = []): Map<SecretName, ConnectorError> {
  return new Map(withheld.map(({ name, code, message }) => [name, new ConnectorError(code, message)]));
}
