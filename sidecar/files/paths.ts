import { ConnectorError } from '../errors/connector-error.ts';

/**
 * The rules for names. A path either means exactly one blob or is refused. Nothing is corrected, decoded or normalised: otherwise two
 * different texts could mean the same blob, or a text could mean another blob than intended.
 */

const MAX_NAME_LENGTH = 1024;
/** Azure's limit of path segments. */
const MAX_SEGMENTS = 254;

/** Control characters, characters that XML listings cannot contain, and lone surrogates. */
const UNWRITABLE = /[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u;
/** Bidirectional control characters, which make a name look like another one. */
const MISLEADING = /[\u202A-\u202E\u2066-\u2069]/u;

/** The name of the blob that a path of a file means. @throws ConnectorError PATH_INVALID */
export function blobName(path: string): string {
  const name = withoutRoot(path);
  if (name === '') throw refused(path, 'it names no file');
  if (name.endsWith('/')) throw refused(path, 'a file name cannot end with a slash');
  check(path, name);
  return name;
}

/** The name of a folder without slashes around it; empty for the root. @throws ConnectorError PATH_INVALID */
export function folderName(path: string): string {
  const name = withoutRoot(path);
  if (name === '') return '';
  const folder = name.endsWith('/') ? name.slice(0, -1) : name;
  check(path, folder);
  return folder;
}

/** The prefix of the blob names in a folder: empty for the root, else with a trailing slash. */
export function folderPrefix(path: string): string {
  const folder = folderName(path);
  return folder === '' ? '' : `${folder}/`;
}

/** A prefix of names, which may end anywhere. @throws ConnectorError PATH_INVALID */
export function searchPrefix(text: string): string {
  const prefix = withoutRoot(text);
  if (prefix.length > MAX_NAME_LENGTH || UNWRITABLE.test(prefix) || prefix.includes('\\')) {
    throw refused(text, 'no file name has this prefix');
  }
  return prefix;
}

/** The last part of a blob name. */
export function baseOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** @throws ConnectorError PATH_INVALID */
export function containerName(name: string): string {
  if (/^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name) || name === '$root' || name === '$web')
    return name;
  throw new ConnectorError(
    'PATH_INVALID',
    `The container name ${JSON.stringify(name.slice(0, 80))} is invalid: expected 3 to 63 lowercase letters, digits and single hyphens.`,
  );
}

/** A matcher for `nameMask`: `*` and `?`, case-sensitive; an empty mask matches every name. */
export function maskMatcher(mask: string | undefined): (name: string) => boolean {
  if (mask === undefined || mask === '' || mask === '*' || mask === '*.*') return () => true;
  const parts = mask.split('*');
  // Each star matches as few characters as possible. No regular expression, so no catastrophic backtracking.
  return (name) => {
    const characters = [...name];
    let at = 0;
    for (const [index, part] of parts.entries()) {
      const wanted = [...part];
      const last = index === parts.length - 1;
      const from = index === 0 ? 0 : last ? Math.max(at, characters.length - wanted.length) : at;
      const limit = index === 0 ? 0 : characters.length - wanted.length;
      const found = firstMatch(characters, wanted, from, limit);
      if (found < 0) return false;
      at = found + wanted.length;
    }
    return parts.length > 1 || at === characters.length;
  };
}

function firstMatch(text: readonly string[], wanted: readonly string[], from: number, limit: number): number {
  for (let start = from; start <= limit; start += 1) {
    if (start + wanted.length > text.length) return -1;
    if (wanted.every((character, index) => character === '?' || character === text[start + index]))
      return start;
  }
  return -1;
}

/** Paths of a file repository may start with a slash. Only one is removed: `//x` does not mean `x`. */
function withoutRoot(path: string): string {
  return path.startsWith('/') ? path.slice(1) : path;
}

function check(path: string, name: string): void {
  if (name.length > MAX_NAME_LENGTH) {
    throw refused(path, `it has ${name.length} characters, and Azure allows ${MAX_NAME_LENGTH}`);
  }
  if (UNWRITABLE.test(name))
    throw refused(path, 'it contains a control character or a character that is not Unicode');
  if (MISLEADING.test(name))
    throw refused(path, 'it contains a character that changes the direction of the text');
  if (name.includes('\\')) throw refused(path, 'folders are separated by "/"; "\\" is not allowed');
  const segments = name.split('/');
  if (segments.length > MAX_SEGMENTS) throw refused(path, `it has more than ${MAX_SEGMENTS} segments`);
  if (/^[A-Za-z]:$/.test(segments[0] ?? '')) {
    throw refused(path, 'it starts with a drive; paths start at the root of the container');
  }
  for (const segment of segments) {
    if (segment === '') throw refused(path, 'it has an empty segment between two slashes');
    if (segment === '.' || segment === '..') throw refused(path, `"${segment}" is not allowed as a segment`);
    if (segment.endsWith('.')) throw refused(path, 'a segment cannot end with a dot');
    if (segment.trim() === '') throw refused(path, 'a segment cannot consist of white space');
  }
}

/** A name as messages show it. */
export function shortened(name: string): string {
  return name.length > 120 ? `${name.slice(0, 120)}...` : name;
}

function refused(path: string, reason: string): ConnectorError {
  return new ConnectorError(
    'PATH_INVALID',
    `The path ${JSON.stringify(shortened(path))} is invalid: ${reason}.`,
  );
}
