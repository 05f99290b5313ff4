import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BaseType, ThingDefinition } from '../translate/types.ts';
import type { ThingworxClient } from './client.ts';
import { requireMember } from './require-member.ts';

interface ThingDefinitionsOptions {
  client: ThingworxClient;
  /** The Thing whose DescribeThings is asked. */
  hubThing: string;
  /** When a definition that is in use is loaded again in the background. */
  refreshAgeMs?: number;
  /** How long a definition is used without that. */
  maxAgeMs?: number;
  /** How long one call may take; by default as long as a script may run. */
  timeoutMs?: () => number | undefined;
  /** Least recently loaded entries go first when there are more. */
  maxEntries?: number;
}

/** A call of DescribeThings under way. */
interface Call {
  readonly names: readonly string[];
  done: Promise<void>;
}

/** There may be 250,000 Things: those of one call with the same definition share their entry. */
interface Entry {
  readonly definition: ThingDefinition | undefined;
  readonly loadedAtMs: number;
  /** From then on it must be loaded again before it is used. */
  readonly expiresAtMs: number;
}

/** A set of properties, and the definitions of Things that have it, by their templates. */
interface SharedSet {
  readonly properties: ThingDefinition['properties'];
  readonly definitions: Map<string, ThingDefinition>;
}

type DescribedProperties = Readonly<Record<string, { baseType: string; dataShape?: string }>>;

/** `properties` is the index of a set. `bindings` says which module may write a property. */
interface DescribedThing {
  readonly template?: string;
  readonly properties: number;
  readonly bindings?: Readonly<Record<string, string>>;
}

interface DescribeAnswer {
  things: Record<string, DescribedThing>;
  propertySets: readonly DescribedProperties[];
  /** The Data Shapes of INFOTABLE properties that may be read, by name. */
  dataShapes?: Record<string, DescribedProperties>;
}

const NAMES_PER_CALL = 100;
/** One call of DescribeThings. */
const VERIFIED_PER_SECOND = NAMES_PER_CALL;
/** Different sets of properties that are kept to be shared, templates for each of them, and Data Shapes that are kept. */
const MAX_SHARED = 1_000;
/** Between two calls that load definitions in the background. */
const REFRESH_PAUSE_MS = 1_000;
/** A refused value makes a definition doubtful that is older than this. A device that sends such values again and again must not cost a call each time. */
const CERTAIN_MS = 5_000;

/**
 * What the Things of one hub are made of, so that translation knows base types without a call per message. Definitions that are in use are
 * loaded again in the background, a hundred per second, so that messages do not wait for them.
 */
export class ThingDefinitions {
  readonly #options: Required<ThingDefinitionsOptions>;
  readonly #entries = new Map<string, Entry>();
  /** By the hash of their description. Things of one template have the same properties: a hundred thousand of them share one definition. */
  readonly #shared = new Map<string, SharedSet>();
  readonly #dataShapes = new Map<string, ThingDefinition['properties']>();
  readonly #loading = new Map<string, Call>();
  /** In use and old. */
  readonly #old = new Set<string>();
  #isRefreshing = false;
  #verifying = { sinceMs: 0, count: 0 };

  constructor(options: ThingDefinitionsOptions) {
    this.#options = {
      refreshAgeMs: 60_000,
      maxAgeMs: 3_600_000,
      maxEntries: 250_000,
      timeoutMs: () => undefined,
      ...options,
    };
  }

  /** The definition as last loaded; undefined when the Thing does not exist (or was never loaded). */
  get(name: string): ThingDefinition | undefined {
    return this.#entries.get(name)?.definition;
  }

  /** The fields of a Data Shape as last loaded; undefined when it may not be read. */
  dataShape(name: string): ThingDefinition['properties'] | undefined {
    return this.#dataShapes.get(name);
  }

  /** Makes sure that each name has an entry fresh enough. Rejects when ThingWorx does not answer. */
  async load(names: Iterable<string>, signal?: AbortSignal): Promise<void> {
    const now = Date.now();
    const asked: string[] = [];
    const wanted: string[] = [];
    let pending: Set<Promise<void>> | undefined;
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (entry && entry.expiresAtMs > now) {
        if (entry.loadedAtMs + this.#options.refreshAgeMs <= now) this.#refresh(name);
        continue;
      }
      asked.push(name);
      const loading = this.#loading.get(name);
      if (loading) {
        pending ??= new Set();
        pending.add(loading.done);
      } else wanted.push(name);
    }
    if (wanted.length === 0 && pending === undefined) return;
    const calls = [...(pending ?? [])];
    for (let start = 0; start < wanted.length; start += NAMES_PER_CALL) {
      calls.push(this.#describe(wanted.slice(start, start + NAMES_PER_CALL), signal));
    }
    await Promise.all(calls);
    // Invalidated while they were asked for: what came back did not count.
    const again = asked.filter((name) => !this.#entries.has(name));
    if (again.length > 0 && asked.length <= this.#options.maxEntries) await this.load(again, signal);
  }

  /**
   * Loads again what was loaded before `sinceMs`, for values that a definition does not allow: it may be out of date. Devices may send values
   * without a property in every message, so a limited number is loaded per second; the others wait until they expire. Resolves to the names
   * that were loaded. Rejects when ThingWorx does not answer.
   */
  async verify(names: Iterable<string>, sinceMs: number, signal?: AbortSignal): Promise<Set<string>> {
    const now = Date.now();
    if (now - this.#verifying.sinceMs >= 1_000) this.#verifying = { sinceMs: now, count: 0 };
    const verified = new Set<string>();
    for (const name of names) {
      const entry = this.#entries.get(name);
      // What was loaded within the same millisecond may have been loaded before.
      if (entry && entry.loadedAtMs > sinceMs) continue;
      if (this.#verifying.count >= VERIFIED_PER_SECOND) break;
      this.#verifying.count += 1;
      verified.add(name);
      // The definition itself is kept: an unchanged one stays the same object.
      if (entry) this.#expire(name, entry);
    }
    if (verified.size > 0) await this.load(verified, signal);
    return verified;
  }

  /** Whether each of them was looked up and is still remembered. */
  hasAll(names: readonly string[]): boolean {
    for (const name of names) if (!this.#entries.has(name)) return false;
    return true;
  }

  /** Forgets what is known of a Thing, and what a call under way is going to say. */
  invalidate(name: string): void {
    this.#entries.delete(name);
    this.#loading.delete(name);
  }

  /** A value that fits the definition was refused: it is loaded again before it is used, unless it is new. */
  doubt(name: string): void {
    const entry = this.#entries.get(name);
    if (entry && entry.loadedAtMs + CERTAIN_MS <= Date.now()) this.#expire(name, entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#loading.clear();
    this.#old.clear();
  }

  #expire(name: string, entry: Entry): void {
    this.#entries.set(name, { ...entry, expiresAtMs: 0 });
  }

  #refresh(name: string): void {
    this.#old.add(name);
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    void this.#refreshOld().finally(() => {
      this.#isRefreshing = false;
    });
  }

  async #refreshOld(): Promise<void> {
    while (this.#old.size > 0) {
      const names = [...this.#old].slice(0, NAMES_PER_CALL);
      for (const name of names) this.#old.delete(name);
      // Until ThingWorx answers again, the known definitions stay in use.
      await this.#describe(names, undefined).catch(() => undefined);
      await sleep(REFRESH_PAUSE_MS, undefined, { ref: false });
    }
  }

  #describe(names: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const call: Call = { names, done: Promise.resolve() };
    for (const name of names) this.#loading.set(name, call);
    call.done = this.#fetch(call, signal).finally(() => {
      for (const name of names) if (this.#loading.get(name) === call) this.#loading.delete(name);
    });
    return call.done;
  }

  async #fetch(call: Call, signal: AbortSignal | undefined): Promise<void> {
    const { names } = call;
    const { client, hubThing, maxAgeMs, timeoutMs } = this.#options;
    const given = requireMember<DescribeAnswer>(
      await client.invoke(
        hubThing,
        'DescribeThings',
        { names: { names } },
        { ...(signal ? { signal } : {}), timeoutMs: timeoutMs() },
      ),
      'things',
      'DescribeThings',
      hubThing,
    );
    const answer = requireMember<DescribeAnswer>(given, 'propertySets', 'DescribeThings', hubThing);
    const things = new Map(Object.entries(answer.things));
    for (const [name, fields] of Object.entries(answer.dataShapes ?? {})) {
      if (this.#dataShapes.size >= MAX_SHARED) this.#dataShapes.clear();
      this.#dataShapes.set(name, propertiesOf(fields));
    }
    const sets = answer.propertySets.map((set) => this.#share(set));
    const now = Date.now();
    const entries = new Map<ThingDefinition | undefined, Entry>();
    for (const name of names) {
      // Invalidated meanwhile: what is described here may be from before the change.
      if (this.#loading.get(name) !== call) continue;
      const fresh = definitionOf(things.get(name), sets);
      const known = this.#entries.get(name)?.definition;
      // Translation remembers its plans by the identity of the properties, so an unchanged definition stays the same object.
      const definition = fresh && known && isSame(known, fresh) ? known : fresh;
      let entry = entries.get(definition);
      if (entry === undefined) {
        // That a Thing does not exist holds for this call only: it may be created at any time.
        entry = { definition, loadedAtMs: now, expiresAtMs: definition ? now + maxAgeMs : 0 };
        entries.set(definition, entry);
      }
      this.#entries.delete(name);
      this.#entries.set(name, entry);
    }
    this.#trim();
  }

  #share(described: DescribedProperties): SharedSet {
    const key = createHash('sha256').update(JSON.stringify(described)).digest('base64');
    let shared = this.#shared.get(key);
    if (!shared) {
      shared = { properties: propertiesOf(described), definitions: new Map() };
      if (this.#shared.size >= MAX_SHARED) this.#shared.clear();
      this.#shared.set(key, shared);
    }
    return shared;
  }

  #trim(): void {
    for (const name of this.#entries.keys()) {
      if (this.#entries.size <= this.#options.maxEntries) return;
      this.#entries.delete(name);
    }
  }
}

function definitionOf(
  thing: DescribedThing | undefined,
  sets: readonly SharedSet[],
): ThingDefinition | undefined {
  if (thing === undefined) return undefined;
  const { template = '', bindings } = thing;
  const set = sets[thing.properties];
  if (set === undefined) return { template, properties: new Map() };
  const { properties, definitions } = set;
  if (bindings) return { template, properties, bindings: new Map(Object.entries(bindings)) };
  let definition = definitions.get(template);
  if (definition === undefined) {
    definition = { template, properties };
    if (definitions.size >= MAX_SHARED) definitions.clear();
    definitions.set(template, definition);
  }
  return definition;
}

function propertiesOf(described: DescribedProperties): ThingDefinition['properties'] {
  return new Map(
    Object.entries(described).map(([property, { baseType, dataShape }]) => [
      property,
      { baseType: baseType as BaseType, dataShape: dataShape || undefined },
    ]),
  );
}

function isSame(known: ThingDefinition, fresh: ThingDefinition): boolean {
  return (
    known === fresh || (hasSameProperties(known, fresh) && hasSameBindings(known.bindings, fresh.bindings))
  );
}

function hasSameBindings(
  known: ThingDefinition['bindings'] = new Map(),
  fresh: ThingDefinition['bindings'] = new Map(),
): boolean {
  return (
    known.size === fresh.size && [...fresh].every(([property, source]) => known.get(property) === source)
  );
}

function hasSameProperties(known: ThingDefinition, fresh: ThingDefinition): boolean {
  if (known.template === fresh.template && known.properties === fresh.properties) return true;
  if (known.template !== fresh.template || known.properties.size !== fresh.properties.size) return false;
  for (const [name, { baseType, dataShape }] of fresh.properties) {
    const property = known.properties.get(name);
    if (property?.baseType !== baseType || property.dataShape !== dataShape) return false;
  }
  return true;
}
