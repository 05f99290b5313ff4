import { ConnectorError } from '../errors/connector-error.ts';

/** Checks of an operation's input that its schema does not make. */

/** @throws ConnectorError REQUEST_INVALID for a call that changes nothing, as with a misspelt parameter, which ThingWorx drops */
export function checkChange(change: Readonly<Record<string, unknown>>, members: readonly string[]): void {
  if (Object.values(change).some((value) => value !== undefined)) return;
  throw new ConnectorError(
    'REQUEST_INVALID',
    `Nothing to change is given; expected one of ${members.join(', ')}.`,
  );
}

/**
 * The members of a free object as texts; numbers and booleans are written out.
 *
 * @throws ConnectorError REQUEST_INVALID for an object, an array or null, which has no text
 */
export function requireTexts(
  given: Readonly<Record<string, unknown>>,
  member: string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (typeof value !== 'object' && value !== undefined) return [name, String(value)];
      throw new ConnectorError('REQUEST_INVALID', `${member}.${name} is not a text; expected a text.`);
    }),
  );
}
