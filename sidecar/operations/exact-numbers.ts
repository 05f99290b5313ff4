import { ConnectorError } from '../errors/connector-error.ts';
import { isPlainObject } from '../translate/coerce/structure.ts';

/**
 * Refuses numbers that were rounded on their way here, wherever they are in the input: ThingWorx and JSON parsers read numbers as
 * doubles, which hold 15 significant digits.
 *
 * @throws ConnectorError REQUEST_INVALID with the place of the number
 */
export function checkExact(value: unknown, path = ''): void {
  if (typeof value === 'number') {
    if (isExact(value)) return;
    const reason = Number.isFinite(value)
      ? 'a whole number of more than 15 digits, which ThingWorx rounds'
      : 'beyond the range of numbers';
    throw new ConnectorError(
      'REQUEST_INVALID',
      `${path || 'The value'} is ${reason}; expected a shorter number, a text, or payloadText where the service has it.`,
    );
  }
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) checkExact(item, `${path}[${index}]`);
  else if (isPlainObject(value))
    for (const [name, item] of Object.entries(value))
      checkExact(item, path === '' ? name : `${path}.${name}`);
}

function isExact(value: number): boolean {
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return Number.isFinite(value);
  const [digits = ''] = String(Math.abs(value)).split('e');
  return digits.replace('.', '').replace(/0+$/, '').length <= 15;
}
