import { isPlainObject, member } from '../coerce/structure.ts';
import type { TwinChangeNotification, TwinSection } from './notifications.ts';

/**
 * One section of a twin as it is followed: `content` holds all changes up to `version`; `pending` are later ones that
 * did not come in turn, sorted by version. Plain data: it can be kept, compared and written as JSON.
 */
interface TwinSectionState {
  readonly content: TwinSection;
  /** 0: nothing is known of the section. */
  readonly version: number;
  readonly pending: readonly PendingPatch[];
}

interface PendingPatch {
  readonly version: number;
  readonly patch: TwinSection;
}

export interface TwinState {
  readonly desired: TwinSectionState;
  readonly reported: TwinSectionState;
  readonly tags: TwinSectionState;
}

export interface TwinMerge {
  readonly state: TwinState;
  /** The sections that are other than before, whole, as the Thing's properties are to have them. */
  readonly changed: {
    readonly desired?: TwinSection;
    readonly reported?: TwinSection;
    readonly tags?: TwinSection;
  };
  /** Changes are missing, so that the sections may lack keys: read the whole twin when that is possible. */
  readonly incomplete: boolean;
}

const SECTIONS = ['desired', 'reported', 'tags'] as const;
type SectionName = (typeof SECTIONS)[number];

/** Changes kept for those that come late. Enough for a burst; a twin that misses more is read whole. */
const MAX_PENDING = 16;

const UNKNOWN: TwinSectionState = { content: {}, version: 0, pending: [] };

export const UNKNOWN_TWIN: TwinState = { desired: UNKNOWN, reported: UNKNOWN, tags: UNKNOWN };

/** The state of a twin read whole from the hub, or from a Thing's properties. Tags have the version of the twin. */
export function twinStateOf(twin: {
  readonly desired?: TwinSection | undefined;
  readonly reported?: TwinSection | undefined;
  readonly tags?: TwinSection | undefined;
  readonly version?: number | undefined;
}): TwinState {
  const section = (content: TwinSection | undefined, version: number | undefined): TwinSectionState =>
    content === undefined ? UNKNOWN : { content: bare(content), version: version ?? 0, pending: [] };
  return {
    desired: section(twin.desired, versionOf(twin.desired)),
    reported: section(twin.reported, versionOf(twin.reported)),
    tags: section(twin.tags, twin.version),
  };
}

/** A section as the Thing has it: with its `$version`, which lets a restart go on from it; without `$metadata`. */
export function viewOf(state: TwinSectionState): TwinSection {
  const content = state.pending.reduce((whole, { patch }) => applyPatch(whole, patch), state.content);
  const version = state.pending.at(-1)?.version ?? state.version;
  return Object.hasOwn(content, '$version') && version > 0 ? { ...content, $version: version } : content;
}

/**
 * Merges a change into what is known of a twin, by version and not by order of arrival: a change that was had already
 * changes nothing, one that comes late is put in its turn, and one that follows on a missing one is shown at once and
 * kept until the missing one has come.
 */
export function mergeTwin(state: TwinState, event: TwinChangeNotification): TwinMerge {
  const next: Record<SectionName, TwinSectionState> = { ...state };
  const changed: Partial<Record<SectionName, TwinSection>> = {};
  let incomplete = false;
  for (const name of SECTIONS) {
    const content = event[name];
    if (content === undefined) continue;
    const counted = name !== 'tags';
    const version = counted ? versionOf(content) : event.version;
    const before = state[name];
    const after = mergeSection(before, bare(content), version, event.operation === 'replace', counted);
    next[name] = after;
    if (after !== before) changed[name] = viewOf(after);
    if (counted && (after.pending.length > 0 || after.version === 0)) incomplete = true;
    if (event.operation === 'update' && before.version === 0 && before.pending.length === 0)
      incomplete = true;
  }
  return { state: next, changed, incomplete };
}

/** `counted`: versions of the section follow each other without gaps; those of tags do not. */
function mergeSection(
  state: TwinSectionState,
  content: TwinSection,
  version: number | undefined,
  whole: boolean,
  counted: boolean,
): TwinSectionState {
  // without a version there is only the order of arrival
  if (version === undefined) {
    return { ...state, content: whole ? content : applyPatch(state.content, content) };
  }
  if (whole) {
    if (version < state.version || (version === state.version && state.version > 0)) return state;
    return settle(
      { content, version, pending: state.pending.filter((patch) => patch.version > version) },
      counted,
    );
  }
  if (version <= state.version || state.pending.some((patch) => patch.version === version)) return state;
  const pending = [...state.pending, { version, patch: content }].sort((a, b) => a.version - b.version);
  return settle({ ...state, pending }, counted);
}

/** Takes pending changes into the content: those whose turn has come, and the oldest when there are too many. */
function settle(state: TwinSectionState, counted: boolean): TwinSectionState {
  let { content, version } = state;
  const pending = [...state.pending];
  for (let first = pending[0]; first !== undefined; first = pending[0]) {
    const inTurn = counted && first.version === version + 1;
    if (!inTurn && pending.length <= MAX_PENDING) break;
    content = applyPatch(content, first.patch);
    version = first.version;
    pending.shift();
  }
  return { content, version, pending };
}

function versionOf(section: TwinSection | undefined): number | undefined {
  const version = section === undefined ? undefined : member(section, '$version');
  return typeof version === 'number' && Number.isSafeInteger(version) && version > 0 ? version : undefined;
}

/** Without `$metadata`, which says of every key when it changed and is larger than the section itself. */
function bare(section: TwinSection): TwinSection {
  if (!Object.hasOwn(section, '$metadata')) return section;
  return Object.fromEntries(Object.entries(section).filter(([key]) => key !== '$metadata'));
}

/** RFC 7396: objects are merged, null removes, everything else replaces. Keys such as `__proto__` stay data. */
export function applyPatch(target: TwinSection, patch: TwinSection): TwinSection {
  const members = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) members.delete(key);
    else if (isPlainObject(value)) {
      const before = members.get(key);
      members.set(key, applyPatch(isPlainObject(before) ? before : {}, value));
    } else members.set(key, value);
  }
  return Object.fromEntries(members);
}
