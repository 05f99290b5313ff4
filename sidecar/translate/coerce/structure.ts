import { readJson } from '../exact-json.ts';
import type { CoerceContext } from './context.ts';
import { parseNumeral, toNumber } from './number.ts';
import { plainJson } from './plain-json.ts';
import { Wrong, wrongType } from './wrong.ts';

/** Own member of a parsed object; never something inherited. */
export function member(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  );
}

export interface Location {
  readonly latitude: number;
  readonly longitude: number;
  readonly elevation: number;
}

const LOCATION =
  'a LOCATION: {"latitude":..,"longitude":..,"elevation":..} or text "latitude,longitude[,elevation]"';

/**
 * LOCATION from `{latitude, longitude[, elevation]}`, from DTDL's geopoint `{lat, lon[, alt]}` or from the text
 * "lat,lon[,elev]". A missing elevation is 0, as on the platform. Other members are not kept by the platform.
 */
export function toLocation(value: unknown): Location | Wrong {
  if (typeof value === 'string') {
    const parts = numerals(value);
    return parts === undefined || parts.length < 2 || parts.length > 3
      ? wrongType(value, LOCATION)
      : location(value, parts[0], parts[1], parts[2]);
  }
  if (!isPlainObject(value)) return wrongType(value, LOCATION);
  const latitude = member(value, 'latitude') ?? member(value, 'lat');
  const longitude = member(value, 'longitude') ?? member(value, 'lon');
  return location(value, latitude, longitude, member(value, 'elevation') ?? member(value, 'alt'));
}

function location(
  value: unknown,
  latitude: unknown,
  longitude: unknown,
  elevation: unknown,
): Location | Wrong {
  const parts = [latitude, longitude, elevation ?? 0].map((part) =>
    typeof part === 'boolean' ? undefined : toNumber(part),
  );
  const [lat, lon, elev] = parts;
  if (typeof lat !== 'number' || typeof lon !== 'number' || typeof elev !== 'number') {
    return wrongType(value, LOCATION);
  }
  return { latitude: lat, longitude: lon, elevation: elev };
}

const AXES = ['x', 'y', 'z', 'w'] as const;

/** VEC2, VEC3, VEC4 as the platform's text "x,y[,z[,w]]", from that text, an array of numbers or `{x, y, z, w}`. */
export function toVector(size: 2 | 3 | 4): (value: unknown) => string | Wrong {
  const axes = AXES.slice(0, size);
  const expected = `a vector of ${size} numbers: "${axes.join(',')}", an array or {${axes.join(', ')}}`;
  return (value) => {
    let parts: readonly unknown[] | undefined;
    if (typeof value === 'string') parts = numerals(value);
    else if (Array.isArray(value)) parts = value;
    else if (isPlainObject(value)) parts = axes.map((axis) => member(value, axis));
    if (parts?.length !== size) return wrongType(value, expected);
    const numbers = parts.map((part) => (typeof part === 'boolean' ? undefined : toNumber(part)));
    return numbers.every((number) => typeof number === 'number')
      ? numbers.join(',')
      : wrongType(value, expected);
  };
}

function numerals(text: string): readonly number[] | undefined {
  if (text.length > 200) return undefined;
  const numbers: number[] = [];
  for (const part of text.split(',')) {
    const number = parseNumeral(part);
    if (number === undefined) return undefined;
    numbers.push(number);
  }
  return numbers;
}

/**
 * JSON takes an object as it is and an array boxed as `{"array": [...]}`, the platform's own form. Text must hold JSON
 * of an object or array: the platform would turn any other text into {} without a word.
 */
export function toJson(value: unknown, context: CoerceContext): object | Wrong {
  const parsed = typeof value === 'string' ? parseJsonText(value, context.exact) : value;
  if (
    typeof parsed !== 'object' ||
    parsed === null ||
    parsed instanceof Date ||
    parsed instanceof Uint8Array
  ) {
    return wrongType(value, 'a JSON object or array');
  }
  const plain = plainJson(parsed, context);
  if (plain instanceof Wrong) return plain;
  return Array.isArray(plain) ? { array: plain } : (plain as object);
}

function parseJsonText(text: string, exact: boolean): unknown {
  const first = text.trimStart()[0];
  if (first !== '{' && first !== '[') return undefined;
  try {
    return readJson(text, exact);
  } catch {
    return undefined;
  }
}

export interface Tag {
  readonly vocabulary: string;
  readonly vocabularyTerm: string;
}

/** TAGS from "Vocabulary:Term;Vocabulary:Term", an array of such texts or of `{vocabulary, vocabularyTerm}`. */
export function toTags(value: unknown): readonly Tag[] | Wrong {
  const terms = typeof value === 'string' ? value.split(';').filter((term) => term.trim() !== '') : value;
  const expected = 'tags: text "Vocabulary:Term;..." or an array of {"vocabulary":..,"vocabularyTerm":..}';
  if (!Array.isArray(terms)) return wrongType(value, expected);
  const tags: Tag[] = [];
  for (const term of terms) {
    const tag = toTag(term);
    if (tag === undefined) return wrongType(value, expected);
    tags.push(tag);
  }
  return tags;
}

function toTag(term: unknown): Tag | undefined {
  if (typeof term === 'string') {
    const colon = term.indexOf(':');
    const vocabulary = term.slice(0, Math.max(colon, 0)).trim();
    const vocabularyTerm = term.slice(colon + 1).trim();
    return vocabulary === '' || vocabularyTerm === '' ? undefined : { vocabulary, vocabularyTerm };
  }
  if (!isPlainObject(term)) return undefined;
  const vocabulary = member(term, 'vocabulary');
  const vocabularyTerm = member(term, 'vocabularyTerm');
  return typeof vocabulary === 'string' && typeof vocabularyTerm === 'string'
    ? { vocabulary, vocabularyTerm }
    : undefined;
}
