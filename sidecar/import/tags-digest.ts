/** The first values of the two hashes; ListDeviceThings has the same. */
const SEEDS = [2166136261, 84696351];

/**
 * A short text that stands for the tags of a device. ListDeviceThings gives the same for the tags that a Thing mirrors: a million Things
 * with all their tags would be too much to list.
 */
export function tagsDigest(tags: Readonly<Record<string, unknown>>): string {
  const { $version: _, ...content } = tags;
  const text = canonicalText(content);
  return [text.length, ...SEEDS.map((seed) => hashOf(text, seed).toString(16))].join('-');
}

/** A JSON value as text with sorted keys. */
function canonicalText(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`).join(',')}}`;
}

/** FNV-1a. */
function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
