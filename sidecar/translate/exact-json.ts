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

/** TypeScript's library does not know these members of JSON yet. */
const JSON_TEXT = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
};

/** Reads JSON text. A number that a double does not hold as it is written becomes raw JSON: it is written again digit by digit. */
export function parseExact(text: string): unknown {
  return JSON_TEXT.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? rawNumber(source) : value,
  );
}

/** A number of JSON text that is written as it is. */
export function rawNumber(source: string): unknown {
  return JSON_TEXT.rawJSON(source);
}
