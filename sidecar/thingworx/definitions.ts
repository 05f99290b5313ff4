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

/** One object for all Things of a call: there may be 250,000 entries. */
interface Validity {
  readonly loadedAtMs: number;
  /** From then on it must be loaded again before it is used. */
  readonly expiresAtMs: number;
}

interface Entry {
  readonly definition: ThingDefinition | undefined;
  readonly validity: Validity;
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
/** Different sets of properties that are kept to be shared, and Data Shapes that are kept. */
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
  /** By the hash of their description. Things of one template have the same properties: a hundred thousand of them share one set. */
  readonly #shared = new Map<string, ThingDefinition['properties']>();
  readonly #templates = new Map<string, string>();
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
      if (entry && entry.validity.expiresAtMs > now) {
        if (entry.validity.loadedAtMs + this.#options.refreshAgeMs <= now) this.#refresh(name);
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
      if (entry && entry.validity.loadedAtMs > sinceMs) continue;
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
    if (entry && entry.validity.loadedAtMs + CERTAIN_MS <= Date.now()) this.#expire(name, entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#loading.clear();
    this.#old.clear();
  }

  #expire(name: string, { definition, validity: { loadedAtMs } }: Entry): void {
    this.#entries.set(name, { definition, validity: { loadedAtMs, expiresAtMs: 0 } });
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
    const found = { loadedAtMs: now, expiresAtMs: now + maxAgeMs };
    // That a Thing does not exist holds for this call only: it may be created at any time.
    const missing = { loadedAtMs: now, expiresAtMs: 0 };
    for (const name of names) {
      // Invalidated meanwhile: what is described here may be from before the change.
      if (this.#loading.get(name) !== call) continue;
      const thing = things.get(name);
      const fresh = thing && {
        name,
        template: this.#shareName(thing.template ?? ''),
        properties: sets[thing.properties] ?? NO_PROPERTIES,
        ...(thing.bindings && { bindings: new Map(Object.entries(thing.bindings)) }),
      };
      const known = this.#entries.get(name)?.definition;
      // Translation remembers its plans by the identity of a definition, so an unchanged one stays the same object.
      const definition = fresh && known && isSame(known, fresh) ? known : fresh;
      this.#entries.delete(name);
      this.#entries.set(name, { definition, validity: definition ? found : missing });
    }
    this.#trim();
  }

  /** The same text for all Things: each answer has a copy for each Thing. */
  #shareName(template: string): string {
    const shared = this.#templates.get(template);
    if (shared !== undefined) return shared;
    if (this.#templates.size >= MAX_SHARED) this.#templates.clear();
    this.#templates.set(template, template);
    return template;
  }

  #share(described: DescribedProperties): ThingDefinition['properties'] {
    const key = createHash('sha256').update(JSON.stringify(described)).digest('base64');
    let shared = this.#shared.get(key);
    if (!shared) {
      shared = propertiesOf(described);
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

const NO_PROPERTIES: ThingDefinition['properties'] = new Map();

function propertiesOf(described: DescribedProperties): ThingDefinition['properties'] {
  return new Map(
    Object.entries(described).map(([property, { baseType, dataShape }]) => [
      property,
      { baseType: baseType as BaseType, dataShape: dataShape || undefined },
    ]),
  );
}

function isSame(known: ThingDefinition, fresh: ThingDefinition): boolean {
  return hasSameProperties(known, fresh) && hasSameBindings(known.bindings, fresh.bindings);
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
