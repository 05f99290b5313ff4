import { type ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import type { Log } from '../../observe/log.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import type { ThingDefinitions } from '../../thingworx/definitions.ts';
import { requireMember } from '../../thingworx/require-member.ts';
import type {
  LifecycleNotification,
  TwinChangeNotification,
  TwinSection,
} from '../../translate/sources/notifications.ts';
import {
  mergeTwin,
  type TwinMerge,
  type TwinState,
  twinStateOf,
} from '../../translate/sources/twin-merge.ts';
import { mirrored, type WholeTwin } from '../../translate/sources/twin-view.ts';

interface TwinMirrorOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly definitions: ThingDefinitions;
  /** How long one call of ThingWorx may take; by default as long as a script may run. */
  readonly timeoutMs?: () => number | undefined;
  /** Reads a twin whole. Rejects when that is not possible. */
  readonly readTwin: (
    deviceId: string,
    moduleId: string | undefined,
    signal: AbortSignal,
  ) => Promise<WholeTwin>;
  readonly log: Log;
}

interface TwinProperties {
  readonly thing: string;
  readonly prefix: string;
  readonly desired: TwinSection;
  readonly reported: TwinSection;
  readonly tags: TwinSection;
}

/** A change with the Thing of its device. A device that was created again begins at version 1. */
export interface TwinChange {
  readonly thing: string;
  readonly notification: TwinChangeNotification | LifecycleNotification;
}

/** The twin properties to write, by name. */
type Sections = Record<string, TwinSection>;

const PROPERTIES = { desired: 'twinDesired', reported: 'twinReported', tags: 'twinTags' } as const;
const SECTIONS = ['desired', 'reported', 'tags'] as const;

/**
 * Computes the twin properties of Things from changes of twins. Keeps no state: the properties hold the versions of their sections. When a
 * change does not follow the version that the Thing has, the whole twin is read from the hub.
 *
 * The twin of a module is mirrored in `<module>::twinDesired` and so on, when the Thing has such properties.
 */
export class TwinMirror {
  readonly #options: TwinMirrorOptions;

  constructor(options: TwinMirrorOptions) {
    this.#options = options;
  }

  /** The sections that each change writes, in order. Rejects when ThingWorx does not answer. */
  async sections(changes: readonly TwinChange[], signal: AbortSignal): Promise<Sections[]> {
    const { definitions } = this.#options;
    // A module that was just created has no properties yet; a definition loaded now would stay in the cache.
    const known = changes.filter(({ notification }) => notification.type === 'twinChanged');
    const sinceMs = Date.now();
    await definitions.load(new Set(known.map(({ thing }) => thing)), signal);
    // The properties for the twin of a module may have been added since.
    const without = known.filter((change) => prefixOf(change) !== '' && !this.#hasAllProperties(change));
    await definitions.verify(new Set(without.map(({ thing }) => thing)), sinceMs, signal);
    const states = await this.#states(changes, signal);
    const written: Sections[] = [];
    for (const change of changes) {
      const key = keyOf(change);
      const state = states.get(key);
      if (!state) {
        written.push({});
        continue;
      }
      const merge = mergeOf(state, change.notification);
      const whole = merge.incomplete ? await this.#whole(change.notification, signal) : undefined;
      if (whole) await definitions.load([change.thing], signal);
      // Another lane may have invalidated it: the Thing would seem to have no twin of the module.
      const isOfModule = prefixOf(change) !== '' && change.notification.type === 'twinChanged';
      if (isOfModule && !definitions.hasAll([change.thing])) await definitions.load([change.thing], signal);
      states.set(key, whole ? stateOf(whole) : merge.state);
      written.push(this.#named(change, whole ?? merge.changed));
    }
    return written;
  }

  /** The present twins of the Things, by Thing and prefix. */
  async #states(changes: readonly TwinChange[], signal: AbortSignal): Promise<Map<string, TwinState>> {
    const { client, hubThing, timeoutMs } = this.#options;
    const twins = new Map<string, { thing: string; prefix: string }>();
    for (const change of changes) {
      const { thing } = change;
      const prefix = prefixOf(change);
      // DescribeThings leaves out the properties of the extension's own shapes, which every device Thing has.
      if (prefix === '' || this.#hasProperties(change) || change.notification.type === 'lifecycle')
        twins.set(keyOf(change), { thing, prefix });
    }
    if (twins.size === 0) return new Map();
    const answer = requireMember<{ twins: TwinProperties[] }>(
      await client.invoke(
        hubThing,
        'ReadTwins',
        { request: { twins: [...twins.values()] } },
        { signal, timeoutMs: timeoutMs?.() },
      ),
      'twins',
      'ReadTwins',
      hubThing,
    );
    return new Map(
      answer.twins.map(({ thing, prefix, ...view }) => [JSON.stringify([thing, prefix]), stateOf(view)]),
    );
  }

  /** Whether the Thing has a property for each section that changed. */
  #hasAllProperties({ thing, notification }: TwinChange): boolean {
    const properties = this.#options.definitions.get(thing)?.properties;
    const prefix = prefixOf({ thing, notification });
    return SECTIONS.every((name) => !(name in notification) || properties?.has(prefix + PROPERTIES[name]));
  }

  #hasProperties(change: TwinChange): boolean {
    const properties = this.#options.definitions.get(change.thing)?.properties;
    return SECTIONS.some((name) => properties?.has(prefixOf(change) + PROPERTIES[name]));
  }

  async #whole({ deviceId, moduleId }: TwinChange['notification'], signal: AbortSignal) {
    try {
      return mirrored(await this.#options.readTwin(deviceId, moduleId, signal));
    } catch (thrown) {
      const error: ConnectorError = toConnectorError(thrown);
      if (error.code === 'STOPPING' || signal.aborted) throw error;
      this.#options.log.debug(
        { err: error, deviceId },
        'The twin could not be read. Its Thing may lack keys until the next change.',
      );
      return undefined;
    }
  }

  /** By property; those of modules only when the Thing has them. */
  #named(change: TwinChange, sections: Partial<Record<(typeof SECTIONS)[number], TwinSection>>): Sections {
    const prefix = prefixOf(change);
    const properties = this.#options.definitions.get(change.thing)?.properties;
    const named: Sections = {};
    for (const name of SECTIONS) {
      const section = sections[name];
      const property = prefix + PROPERTIES[name];
      if (section && (prefix === '' || properties?.has(property))) named[property] = section;
    }
    return named;
  }
}

function prefixOf({ notification: { moduleId } }: TwinChange): string {
  return moduleId === undefined ? '' : `${moduleId}::`;
}

function keyOf(change: TwinChange): string {
  return JSON.stringify([change.thing, prefixOf(change)]);
}

function stateOf(view: Readonly<Record<(typeof SECTIONS)[number], TwinSection>>): TwinState {
  const { $version } = view.tags;
  return twinStateOf({
    desired: known(view.desired),
    reported: known(view.reported),
    tags: known(view.tags),
    ...(typeof $version === 'number' ? { version: $version } : {}),
  });
}

/** After a device was created again the whole twin is missing, unless its Thing has none yet. */
function mergeOf(state: TwinState, notification: TwinChange['notification']): TwinMerge {
  if (notification.type === 'twinChanged') {
    const merge = mergeTwin(state, notification);
    return { ...merge, changed: withTagVersion(merge.changed, notification) };
  }
  return { state, changed: {}, incomplete: SECTIONS.some((name) => state[name].version > 0) };
}

/** A section without a version was not written by the mirror: it may have been set by hand. */
function known(section: TwinSection): TwinSection | undefined {
  return typeof section.$version === 'number' ? section : undefined;
}

function withTagVersion(
  changed: TwinMerge['changed'],
  { version }: TwinChangeNotification,
): TwinMerge['changed'] {
  if (changed.tags === undefined || version === undefined) return changed;
  return { ...changed, tags: { ...changed.tags, $version: version } };
}
