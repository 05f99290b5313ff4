import { isPlainObject } from '../coerce/structure.ts';
import type { TwinSection } from './notifications.ts';

/** A twin as it was read whole. */
export interface WholeTwin {
  readonly version: number;
  readonly tags?: TwinSection;
  readonly properties: { readonly desired: TwinSection; readonly reported: TwinSection };
}

interface TwinView {
  readonly desired: TwinSection;
  readonly reported: TwinSection;
  readonly tags: TwinSection;
}

/**
 * The sections as the twin properties of a Thing hold them: without `$metadata`, with `$version`. Tags have no version of their own; they
 * get that of the whole twin.
 */
export function mirrored({ version, tags = {}, properties }: WholeTwin): TwinView {
  return {
    desired: withoutMetadata(properties.desired),
    reported: withoutMetadata(properties.reported),
    tags: { ...tags, $version: version },
  };
}

function withoutMetadata(section: TwinSection): TwinSection {
  return Object.fromEntries(Object.entries(section).filter(([name]) => name !== '$metadata'));
}

/** What IoT Hub, and the mirror on the Thing, put beside the content of a section. */
const OWN_MEMBERS: ReadonlySet<string> = new Set(['$version', '$metadata', '$mirrored']);

/**
 * A section without what only IoT Hub may write: scripts hand back what they have read. Other names with `$` stay, for the hub to refuse:
 * left out they would be lost without a word.
 */
export function writable(section: TwinSection): TwinSection {
  return Object.fromEntries(Object.entries(section).filter(([name]) => !OWN_MEMBERS.has(name)));
}

/** The merge patch (RFC 7396) that leads from one value of a section to the other. */
export function changeOf(before: TwinSection, after: TwinSection): TwinSection {
  return difference(writable(before), writable(after));
}

function difference(before: TwinSection, after: TwinSection): TwinSection {
  const patch: [string, unknown][] = [];
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) patch.push([name, null]);
  for (const [name, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, name) ? before[name] : undefined;
    if (equalJson(old, value)) continue;
    patch.push([name, isPlainObject(old) && isPlainObject(value) ? difference(old, value) : value]);
  }
  return Object.fromEntries(patch);
}

/** The part of a merge patch that would change something. */
export function missingFrom(content: TwinSection, patch: TwinSection): TwinSection {
  const missing: [string, unknown][] = [];
  for (const [name, value] of Object.entries(patch)) {
    const present = Object.hasOwn(content, name) ? content[name] : undefined;
    if (value === null ? present === undefined : equalJson(present, value)) continue;
    if (!isPlainObject(value) || !isPlainObject(present)) missing.push([name, value]);
    else {
      const inner = missingFrom(present, value);
      if (Object.keys(inner).length > 0) missing.push([name, inner]);
    }
  }
  return Object.fromEntries(missing);
}

/** Equality of JSON values; the order of keys does not count. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((value, index) => equalJson(value, b[index]));
  if (!isPlainObject(a) || !isPlainObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && equalJson(a[name], b[name]))
  );
}
