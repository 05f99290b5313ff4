import { ConnectorError } from '../../errors/connector-error.ts';
import { parseExact, rawNumber } from '../../lib/exact-json.ts';

const INTEGERS: Readonly<Record<string, readonly [bigint, bigint]>> = {
  SByte: [-128n, 127n],
  Byte: [0n, 255n],
  Int16: [-32_768n, 32_767n],
  UInt16: [0n, 65_535n],
  Int32: [-2_147_483_648n, 2_147_483_647n],
  UInt32: [0n, 4_294_967_295n],
  Int64: [-(2n ** 63n), 2n ** 63n - 1n],
  UInt64: [0n, 2n ** 64n - 1n],
};

/** The largest finite value. */
const FLOATS: Readonly<Record<string, number>> = {
  Float: 3.402_823_466_385_288_6e38,
  Double: Number.MAX_VALUE,
};

/** JSON has no numbers for these; OPC UA writes them as text. */
const NOT_FINITE = ['NaN', 'Infinity', '-Infinity'];

/** Their values are texts; as JSON they can also be quoted, in arrays or in objects. */
const TEXTS = new Set([
  'DateTime',
  'UtcTime',
  'Guid',
  'ByteString',
  'XmlElement',
  'NodeId',
  'ExpandedNodeId',
  'QualifiedName',
  'LocalizedText',
]);

/**
 * The value of a write. The data type decides: String takes the text as it is, numbers keep all their digits. Without a data type, or with
 * one of the server, the text is JSON, and a text if it is not.
 *
 * @throws ConnectorError REQUEST_INVALID when the text is no value of the type
 */
export function opcValue(text: string, dataType: string | undefined): unknown {
  const type = Object.keys(KNOWN).find((name) => name.toLowerCase() === dataType?.trim().toLowerCase());
  if (type === 'String') return text;
  const json = jsonOf(text);
  if (type === undefined) return json === undefined ? text : json.value;
  if (TEXTS.has(type)) return json !== undefined && isQuotedOrNested(json.value) ? json.value : text;
  const expected = KNOWN[type] as string;
  if (NOT_FINITE.includes(text.trim()) && type in FLOATS) return text.trim();
  if (json === undefined) throw mismatch(type, expected);
  return elementOf(json.value, type, expected);
}

/** Data type -> what its text must be, in words. */
const KNOWN: Readonly<Record<string, string>> = {
  String: 'a text',
  Boolean: 'true or false',
  ...Object.fromEntries(
    Object.entries(INTEGERS).map(([type, [least, most]]) => [
      type,
      `a whole number from ${least} to ${most}`,
    ]),
  ),
  Float: 'a number within ±3.4e38, NaN, Infinity or -Infinity',
  Double: 'a number within ±1.8e308, NaN, Infinity or -Infinity',
  ...Object.fromEntries([...TEXTS].map((type) => [type, 'a text'])),
};

function jsonOf(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseExact(text) };
  } catch {
    return undefined;
  }
}

function isQuotedOrNested(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null && !isRaw(value));
}

/** An element of an array is checked as the value itself. */
function elementOf(value: unknown, type: string, expected: string): unknown {
  if (Array.isArray(value)) return value.map((item) => elementOf(item, type, expected));
  if (type === 'Boolean') {
    if (typeof value === 'boolean') return value;
    throw mismatch(type, expected);
  }
  const largest = FLOATS[type];
  if (largest !== undefined && typeof value === 'string' && NOT_FINITE.includes(value)) return value;
  const source = typeof value === 'number' ? String(value) : isRaw(value) ? value.rawJSON : undefined;
  if (source === undefined) throw mismatch(type, expected);
  if (largest !== undefined) {
    if (Math.abs(Number(source)) <= largest) return value;
    throw mismatch(type, expected);
  }
  const [least, most] = INTEGERS[type] as readonly [bigint, bigint];
  if (!/^-?\d+$/.test(source) || BigInt(source) < least || BigInt(source) > most)
    throw mismatch(type, expected);
  return Number.isSafeInteger(Number(source)) ? value : rawNumber(source);
}

function isRaw(value: unknown): value is { readonly rawJSON: string } {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}

function mismatch(type: string, expected: string): ConnectorError {
  return new ConnectorError(
    'REQUEST_INVALID',
    `value is no ${type}; expected ${expected}, or a JSON array of them.`,
  );
}
