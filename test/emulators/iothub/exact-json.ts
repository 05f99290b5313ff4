/**
 * Reads JSON; a number that a double does not hold as it is written becomes raw JSON, which the library of TypeScript does not know yet. The developer
 * guide of IoT Hub calls the JSON body of a direct method transparent, and limits integers in twins alone: so the payload of a direct method and of its
 * response keeps its digits here.
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
