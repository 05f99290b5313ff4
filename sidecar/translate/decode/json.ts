import { readJson } from '../exact-json.ts';
import type { TranslationLimits } from '../types.ts';
import { checkShape } from './limits.ts';
import { Undecodable } from './undecodable.ts';

/**
 * The value of a JSON text, or why it is none. Beyond JSON it takes zero bytes and white space at the end (programs in C send their whole
 * buffer) and lines of JSON, which become an array: neither can mean anything else.
 */
export function parseJson(text: string, limits: TranslationLimits, exact: boolean): unknown {
  let value: unknown;
  try {
    value = readJson(text, exact);
  } catch (thrown) {
    const trimmed = withoutZeros(text);
    const rescued = trimmed === text ? parseLines(text, exact) : tryJson(trimmed, exact);
    if (rescued === undefined) return notJson(text, thrown);
    value = rescued.value;
  }
  return isFlat(text, limits) ? value : (checkShape(value, limits) ?? value);
}

/**
 * Reads what is JSON but for the slips of its writer: NaN, Infinity and their other spellings, which become null; a text that holds JSON
 * (JSON that was written twice); zero bytes at the end; lines of JSON.
 */
export function parseLenientJson(text: string, limits: TranslationLimits, exact: boolean): unknown {
  const plain = withoutZeros(withNulls(text));
  const parsed = tryJson(plain, exact) ?? parseLines(plain, exact);
  if (parsed === undefined) return parseJson(plain, limits, exact);
  const { value } = parsed;
  const inner = typeof value === 'string' ? tryJson(withoutZeros(withNulls(value)), exact) : undefined;
  const result = inner === undefined ? value : inner.value;
  return checkShape(result, limits) ?? result;
}

/** An array of the values of all lines, or why a line is none; lines are forgiven what `lenient` forgives. */
export function parseJsonLines(text: string, limits: TranslationLimits, exact: boolean): unknown {
  const value: unknown[] = [];
  for (const [i, line] of text.split(/[\r\n]+/).entries()) {
    if (withoutZeros(line).trim() === '') continue;
    const item = parseLenientJson(line, limits, exact);
    if (item instanceof Undecodable) return new Undecodable(item.code, `Line ${i + 1}: ${item.reason}`);
    value.push(item);
  }
  return checkShape(value, limits) ?? value;
}

/** A short text without a second bracket needs no walk over its value. */
function isFlat(text: string, limits: TranslationLimits): boolean {
  return text.length < limits.maxKeys && text.indexOf('{', 1) === -1 && text.indexOf('[', 1) === -1;
}

interface Parsed {
  readonly value: unknown;
}

function tryJson(text: string, exact: boolean): Parsed | undefined {
  try {
    return { value: readJson(text, exact) };
  } catch {
    return undefined;
  }
}

/** Lines that hold an object or array each, at least two; empty lines are skipped. */
function parseLines(text: string, exact: boolean): Parsed | undefined {
  if (!text.includes('\n') && !text.includes('\r')) return undefined;
  const value: unknown[] = [];
  for (const line of text.split(/[\r\n]+/)) {
    const trimmed = line.trim();
    if (trimmed === '') continue;
    if (trimmed[0] !== '{' && trimmed[0] !== '[') return undefined;
    const parsed = tryJson(trimmed, exact);
    if (parsed === undefined) return undefined;
    value.push(parsed.value);
  }
  return value.length < 2 ? undefined : { value };
}

function withoutZeros(text: string): string {
  let end = text.length;
  while (end > 0 && /[\0\s]/.test(text[end - 1] as string)) end--;
  return text.indexOf('\0', end) === -1 ? text : text.slice(0, end);
}

const BARE_WORD = /[-+]?(?:nan(?:\((?:ind|snan)\))?|inf(?:inity)?|1\.#(?:QNAN|IND|INF))(?![\w.#])/iy;

/** Bare NaN, Infinity, nan, -inf and the like outside of texts become null. Looks at each character once. */
function withNulls(text: string): string {
  let result = '';
  let from = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (inText) {
      if (char === '\\') i++;
      else if (char === '"') inText = false;
    } else if (char === '"') inText = true;
    else if ('-+nNiI1'.includes(char)) {
      BARE_WORD.lastIndex = i;
      const match = BARE_WORD.exec(text);
      // n also begins null, and 1 most numbers
      if (match === null || /[\w.]/.test(text[i - 1] ?? '')) continue;
      result += `${text.slice(from, i)}null`;
      i += match[0].length - 1;
      from = i + 1;
    }
  }
  return from === 0 ? text : result + text.slice(from);
}

function notJson(text: string, thrown: unknown): Undecodable {
  const what = thrown instanceof SyntaxError ? thrown.message.slice(0, 200) : 'it cannot be read';
  return new Undecodable('BODY_NOT_JSON', `The body is not valid JSON: ${what}.${cureOf(text)}`);
}

function cureOf(text: string): string {
  const start = text.slice(0, 10_000).trim();
  if (/\b(?:nan|inf|infinity)\b/i.test(start))
    return ' If it holds a bare NaN or Infinity, use a mapping rule with "body": "lenient", which takes them as null.';
  if (start.length >= 8 && /^[A-Za-z0-9+/_-]+={0,2}$/.test(start))
    return ' If it is base64, use a mapping rule with "encoding": "base64".';
  if (/[\r\n]/.test(start) && (start[0] === '{' || start[0] === '['))
    return ' If it is JSON by the line, use a mapping rule with "body": "lines", whose reason names the line.';
  if (start[0] !== '{' && start[0] !== '[')
    return ' If it is meant to be text, use a mapping rule with "body": "text".';
  return '';
}
