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
  'a LOCATION: {"latitude":..,"longitude":..,"elevation":..}, a GeoJSON point or text "latitude,longitude[,elevation]"';

/** The names that senders use, in lower case. */
const LATITUDES = ['latitude', 'lat'];
const LONGITUDES = ['longitude', 'lon', 'lng', 'long'];
const ELEVATIONS = ['elevation', 'altitude', 'alt', 'elev', 'height'];

/**
 * LOCATION from an object with members of these names in any case, from a GeoJSON point (RFC 7946: longitude first) or a feature with one, or
 * from the text "lat,lon[,elev]". A missing elevation is 0, as on the platform. Other members are not kept by the platform.
 */
export function toLocation(value: unknown): Location | Wrong {
  if (typeof value === 'string') {
    const parts = numerals(value);
    return parts === undefined || parts.length < 2 || parts.length > 3
      ? wrongType(value, LOCATION)
      : location(value, parts[0], parts[1], parts[2]);
  }
  if (!isPlainObject(value)) return wrongType(value, LOCATION);
  const point = geoJsonPoint(value);
  if (point !== undefined) return location(value, point[1], point[0], point[2]);
  const members = new Map(Object.keys(value).map((name) => [name.toLowerCase(), value[name]]));
  const named = (names: readonly string[]): unknown => {
    const name = names.find((other) => (members.get(other) ?? null) !== null);
    return name === undefined ? undefined : members.get(name);
  };
  return location(value, named(LATITUDES), named(LONGITUDES), named(ELEVATIONS));
}

function geoJsonPoint(value: Readonly<Record<string, unknown>>): readonly unknown[] | undefined {
  const type = member(value, 'type');
  const geometry = type === 'Feature' ? member(value, 'geometry') : value;
  if (!isPlainObject(geometry) || member(geometry, 'type') !== 'Point') return undefined;
  const coordinates = member(geometry, 'coordinates');
  return Array.isArray(coordinates) && coordinates.length >= 2 && coordinates.length <= 3
    ? coordinates
    : undefined;
}

function location(
  value: unknown,
  latitude: unknown,
  longitude: unknown,
  elevation: unknown,
): Location | Wrong {
  const parts = [latitude, longitude, elevation ?? 0].map((part) =>
    typeof part === 'boolean' || part === undefined || part === null ? undefined : toNumber(part),
  );
  const [lat, lon, elev] = parts;
  if (typeof lat !== 'number' || typeof lon !== 'number' || typeof elev !== 'number') {
    return wrongType(value, LOCATION);
  }
  if (Math.abs(lat) > 90) return beyond('latitude', lat, 90);
  if (Math.abs(lon) > 180) return beyond('longitude', lon, 180);
  return { latitude: lat, longitude: lon, elevation: elev };
}

function beyond(name: string, value: number, limit: number): Wrong {
  return new Wrong(
    'VALUE_OUT_OF_RANGE',
    `has the ${name} ${value}, which is not between -${limit} and ${limit}`,
  );
}

/** Whether an object is nothing but a position, so that a property created for it is a LOCATION. */
export function isGeoPoint(value: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(value).map((name) => name.toLowerCase());
  const isKnown = (name: string): boolean =>
    [LATITUDES, LONGITUDES, ELEVATIONS].some((known) => known.includes(name));
  return (
    names.length <= 3 &&
    (names.every(isKnown) || (member(value, 'type') === 'Point' && geoJsonPoint(value) !== undefined)) &&
    !(toLocation(value) instanceof Wrong)
  );
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
