/**
 * Numbers that a double does not spell as they are written become raw JSON, which the library of TypeScript does not know yet. Whether IoT Hub keeps
 * their digits is not documented; what a direct method takes and answers is passed on as it is here.
 */
export function parseExact(text: string): unknown {
  const json = JSON as unknown as {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
    ): unknown;
    rawJSON(text: string): unknown;
  };
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source
      ? json.rawJSON(source)
      : value,
  );
}
