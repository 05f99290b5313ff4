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

/** A value that parseExact has read, in two forms: with doubles for numbers, and as JSON text with all their digits. */
export function bothForms(exact: unknown): { readonly value: unknown; readonly text: string } {
  const text = JSON.stringify(exact);
  return { value: JSON.parse(text), text };
}
