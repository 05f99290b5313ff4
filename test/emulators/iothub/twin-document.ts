/**
 * The three JSON documents of a twin (tags, desired, reported): merging with null as removal, the `$metadata` that
 * says when each key was written, and the limits of the article "Understand and use device twins".
 */
import { HubError } from './hub-error.ts';
import { never } from './identity.ts';

export type JsonObject = { [key: string]: unknown };

/** Desired or reported properties. */
export interface Section {
  value: JsonObject;
  /** The `$metadata` object. */
  metadata: JsonObject;
  version: number;
}

export const twinLimits = {
  tagsBytes: 8 * 1024,
  propertiesBytes: 32 * 1024,
  depth: 10,
  keyBytes: 1024,
  stringBytes: 4 * 1024,
  minInteger: -4503599627370496,
  maxInteger: 4503599627370495,
};

export function newSection(): Section {
  return { value: {}, metadata: { $lastUpdated: never }, version: 1 };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Throws ArgumentInvalid when a document breaks a limit on keys, values or depth. In a patch null removes a key; the
 * service refuses it inside arrays, and everywhere in a document that replaces another.
 */
export function checkDocument(value: unknown, where: string, nulls: 'remove' | 'refuse' = 'remove'): void {
  check(value, { where, key: where, depth: 1, nulls });
}

interface Spot {
  where: string;
  /** The nearest key above the value. */
  key: string;
  depth: number;
  nulls: 'remove' | 'refuse';
}

function check(value: unknown, spot: Spot): void {
  const { where, depth } = spot;
  if (typeof value === 'string') {
    if (Buffer.byteLength(value) > twinLimits.stringBytes) throw invalid(where, 'a text is longer than 4 KB');
  } else if (typeof value === 'number') {
    if (Number.isInteger(value) && (value < twinLimits.minInteger || value > twinLimits.maxInteger)) {
      throw invalid(where, `the integer ${value} is out of range`);
    }
  } else if (Array.isArray(value)) {
    for (const item of value) check(item, { ...spot, depth: depth + 1, nulls: 'refuse' });
  } else if (value === null && spot.nulls === 'refuse') {
    throw nullRefused(spot.key);
  } else if (isObject(value)) {
    // The article's example of what is still valid has ten objects below the section itself.
    if (depth > twinLimits.depth + 1) throw invalid(where, 'it is nested deeper than 10 levels');
    for (const [key, item] of Object.entries(value)) {
      checkKey(key, where);
      check(item, { ...spot, key, depth: depth + 1 });
    }
  }
}

function checkKey(key: string, where: string): void {
  if (key === '' || Buffer.byteLength(key) > twinLimits.keyBytes)
    throw invalid(where, 'a key has 1 to 1024 bytes');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be in a key
  if (/[\u0000-\u001f\u007f-\u009f.$ ]/.test(key)) {
    throw invalid(where, `the key '${key}' has a control character, a dot, a dollar sign or a space`);
  }
}

/** The service's own words. */
export function nullRefused(key: string): HubError {
  return new HubError(
    'ArgumentInvalid',
    `Value of Property or Tag cannot be null. Error in Property/Tag ${key}`,
  );
}

function invalid(where: string, reason: string): HubError {
  return new HubError('ArgumentInvalid', `Invalid ${where}: ${reason}`);
}

/** Size as the article computes it: keys and texts in UTF-8 without control characters, numbers 8, booleans 4 bytes. */
export function documentBytes(value: unknown): number {
  if (typeof value === 'string') return textBytes(value);
  if (typeof value === 'number') return 8;
  if (typeof value === 'boolean') return 4;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + documentBytes(item), 0);
  if (!isObject(value)) return 0;
  let bytes = 0;
  for (const [key, item] of Object.entries(value)) bytes += textBytes(key) + documentBytes(item);
  return bytes;
}

function textBytes(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters do not count
  return Buffer.byteLength(text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ''));
}

/** Removes the hub's own members (`$version`, `$metadata`), which clients send back with a document they have read. */
export function withoutReadOnly(document: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(document).filter(([key]) => key !== '$version' && key !== '$metadata'),
  );
}

/** A merge patch as IoT Hub does it: objects merge, null removes, everything else replaces. Returns a new object. */
export function merge(before: JsonObject, patch: JsonObject): JsonObject {
  const after = newObject(before);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete after[key];
    else if (isObject(value)) set(after, key, merge(isObject(after[key]) ? after[key] : {}, value));
    else set(after, key, value);
  }
  return after;
}

/** Merges a patch into a section, with metadata at every level that it touches. */
export function patchSection(
  section: Section,
  patch: JsonObject,
  time: string,
  stampVersion: boolean,
): Section {
  const version = section.version + 1;
  const stamp = stampOf(time, stampVersion ? version : undefined);
  return {
    value: merge(section.value, patch),
    metadata: patchMetadata(section.metadata, section.value, patch, stamp),
    version,
  };
}

/** Puts a new document in place of the old one; every key counts as written now. */
export function replaceSection(
  section: Section,
  document: JsonObject,
  time: string,
  stampVersion: boolean,
): Section {
  const version = section.version + 1;
  const stamp = stampOf(time, stampVersion ? version : undefined);
  const value = merge({}, document);
  return { value, metadata: patchMetadata({}, {}, value, stamp), version };
}

type Stamp = { $lastUpdated: string; $lastUpdatedVersion?: number };

function stampOf(time: string, version: number | undefined): Stamp {
  return version === undefined
    ? { $lastUpdated: time }
    : { $lastUpdated: time, $lastUpdatedVersion: version };
}

function patchMetadata(before: JsonObject, value: JsonObject, patch: JsonObject, stamp: Stamp): JsonObject {
  const after = newObject(before);
  Object.assign(after, stamp);
  for (const [key, item] of Object.entries(patch)) {
    if (item === null) {
      delete after[key];
      continue;
    }
    const inner = isObject(item) && isObject(value[key]) && isObject(after[key]);
    const keptMetadata = inner ? (after[key] as JsonObject) : {};
    const keptValue = inner ? (value[key] as JsonObject) : {};
    set(after, key, isObject(item) ? patchMetadata(keptMetadata, keptValue, item, stamp) : { ...stamp });
  }
  return after;
}

/** The metadata of the keys that a patch wrote, for the change event. */
export function metadataOf(patch: JsonObject, metadata: JsonObject): JsonObject {
  const part: JsonObject = {};
  for (const [key, value] of Object.entries(metadata)) {
    if (key.startsWith('$')) part[key] = value;
    else if (Object.hasOwn(patch, key) && patch[key] !== null && isObject(value)) {
      set(part, key, isObject(patch[key]) ? metadataOf(patch[key], value) : value);
    }
  }
  return part;
}

/** A section as the service sees it. */
export function renderSection(section: Section): JsonObject {
  const document = newObject(section.value);
  document.$metadata = section.metadata;
  document.$version = section.version;
  return document;
}

function newObject(from: JsonObject): JsonObject {
  const object: JsonObject = {};
  for (const [key, value] of Object.entries(from)) set(object, key, value);
  return object;
}

/** A plain assignment of the key __proto__ would change the prototype instead of adding a key. */
function set(object: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
