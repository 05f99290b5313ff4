/**
 * The value of a JSON text. Throws SyntaxError.
 *
 * @param exact read integers that a double cannot hold as BigInt; slower
 */
export function readJson(text: string, exact: boolean): unknown {
  return exact && LONG_NUMERAL.test(text) ? JSON.parse(text, exactInteger) : JSON.parse(text);
}

/** Shorter ones are exact as they are, and the reviver takes several times as long. */
const LONG_NUMERAL = /\d{16}/;

/** A reviver: an integer that its double does not spell as the sender did becomes BigInt. */
function exactInteger(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || Number.isSafeInteger(value)) return value;
  if (!/^-?\d{16,400}$/.test(source) || String(value) === source) return value;
  return BigInt(source);
}
