import { isDeepStrictEqual } from 'node:util';
import { convert } from '../base-types.ts';
import { InfoTable } from '../infotable.ts';
import type { Property, ThingEntity, Vtq } from '../model/entity.ts';
import type { EffectiveProperty, EffectiveShape } from '../model/inheritance.ts';
import type { Platform } from '../platform.ts';
import { defaultValue } from '../value-forms.ts';
import { Password, PlatformError, type PlatformValue, type Tag } from '../values.ts';

/** Run-time state of one Thing. */
interface ThingState {
  values: Map<string, Vtq>;
  /** Value that last fired DataChange, for DEADBAND. */
  fired: Map<string, number>;
}

export interface WriteOptions {
  /** Time of the value; without it the write happens now and always counts. */
  timeMs?: number | undefined;
  quality?: string | undefined;
  principal: string;
  /** Set when the platform itself writes, past read-only and bindings. */
  internal?: boolean;
}

/** Current values of the properties of all Things, and the rules for changing them. */
export class PropertyValues {
  private readonly platform: Platform;
  private readonly states = new Map<string, ThingState>();
  /** Values written since the start. */
  writes = 0;

  constructor(platform: Platform) {
    this.platform = platform;
    platform.store.onChange((entity, change) => {
      if (entity.collection === 'Things' && change === 'remove') {
        this.states.delete(entity.name);
      }
    });
  }

  private state(thing: string): ThingState {
    let state = this.states.get(thing);
    if (state === undefined) {
      state = { values: new Map(), fired: new Map() };
      this.states.set(thing, state);
    }
    return state;
  }

  definition(thing: ThingEntity, name: string): EffectiveProperty {
    const found = this.platform.inheritance.thing(thing).properties.get(name);
    if (found === undefined) {
      // Text and status of the platform for an unknown property are not known.
      throw new PlatformError(`Property [${name}] Not Found On Thing [${thing.name}]`, { status: 404 });
    }
    return found;
  }

  /** Reads value, time and quality. A local binding is followed to its source. */
  read(thing: ThingEntity, name: string): Vtq {
    return this.readKnown(thing, this.definition(thing, name).property, 0);
  }

  readKnown(thing: ThingEntity, property: Property, hops = 0): Vtq {
    if (property.aspects.isBuiltIn === true) {
      return { value: this.builtIn(thing, property), timeMs: thing.lastModified.getTime(), quality: 'GOOD' };
    }
    const source = this.platform.bindings.sourceOf(thing, property.name);
    if (source !== undefined && hops < 10) {
      const sourceThing = this.platform.store.get('Things', source.thing);
      const found =
        sourceThing && this.platform.inheritance.thing(sourceThing).properties.get(source.property);
      return sourceThing === undefined || found === undefined
        ? { value: defaultValue(property.baseType), timeMs: 0, quality: 'BAD' }
        : this.readKnown(sourceThing, found.property, hops + 1);
    }
    return this.state(thing.name).values.get(property.name) ?? this.initial(thing, property);
  }

  private builtIn(thing: ThingEntity, property: Property): PlatformValue {
    switch (property.name) {
      case 'name':
        return thing.name;
      case 'description':
        return thing.description;
      case 'thingTemplate':
        return thing.thingTemplate;
      case 'tags':
        return convert(thing.tags, 'TAGS') as Tag[];
      case 'Enabled':
        return this.platform.timers.isEnabled(thing);
      default:
        return this.state(thing.name).values.get(property.name)?.value ?? defaultValue(property.baseType);
    }
  }

  /** Value before anything was written. Its time is the epoch, so that history of any age can follow. */
  private initial(thing: ThingEntity, property: Property): Vtq {
    const given = property.aspects.defaultValue;
    let value = defaultValue(property.baseType);
    if (given !== undefined && given !== '') {
      value = this.convertDefault(property, String(given)) ?? value;
    }
    if (value instanceof InfoTable && value.fields.size === 0) {
      value = new InfoTable(this.platform.shapeFields(String(property.aspects.dataShape ?? '')) ?? []);
    }
    const vtq = { value, timeMs: 0, quality: 'GOOD' };
    if (property.baseType === 'DATETIME') {
      // The default is the current time; it must not run on with every read.
      this.state(thing.name).values.set(property.name, vtq);
    }
    return vtq;
  }

  private convertDefault(property: Property, text: string): PlatformValue {
    try {
      return convert(text, property.baseType, { readPassword: this.platform.cipher.read });
    } catch (error) {
      if (error instanceof PlatformError) {
        return null;
      }
      throw error;
    }
  }

  /** Sets a property as REST and scripts do. `value` is raw (JSON) or already a platform value. */
  write(thing: ThingEntity, name: string, value: unknown, options: WriteOptions): void {
    const { property } = this.definition(thing, name);
    if (options.internal !== true) {
      this.requireWritable(thing, property);
    }
    const converted = this.convertFor(property, value);
    if (property.aspects.isBuiltIn === true) {
      this.writeBuiltIn(thing, property, converted, options);
      return;
    }
    this.apply(thing, property, converted, options);
  }

  requireRunning(thing: ThingEntity): void {
    if (
      this.platform.switches.disabledThings === 'refuse' &&
      !this.platform.lifecycle.isRunning(thing.name)
    ) {
      throw new PlatformError(`Thing [${thing.name}] is not running`);
    }
  }

  private requireWritable(thing: ThingEntity, property: Property): void {
    this.requireRunning(thing);
    if (property.aspects.isReadOnly === true) {
      throw new PlatformError(`Property [${property.name}] on Thing [${thing.name}] is read only`, {
        javaClass: 'com.thingworx.common.exceptions.InvalidRequestException',
      });
    }
    const binding = this.platform.bindings.of(thing, property.name);
    if (binding === 'PropertyBinding') {
      throw new PlatformError(
        `Property [${property.name}] on Thing [${thing.name}] is bound to another Thing and cannot be written`,
      );
    }
    if (binding === 'RemotePropertyBinding') {
      // Without an AlwaysOn connection, which is not emulated, a remote Thing is never connected.
      throw new PlatformError(
        `Unable to write property [${property.name}]: Thing [${thing.name}] is not connected`,
      );
    }
  }

  private writeBuiltIn(
    thing: ThingEntity,
    property: Property,
    value: PlatformValue,
    options: WriteOptions,
  ): void {
    if (property.name === 'description') {
      thing.description = String(value ?? '');
      this.platform.store.put(thing);
    } else if (property.name === 'tags') {
      thing.tags = (value as Tag[]).map((tag) => `${tag.vocabulary}:${tag.vocabularyTerm}`).join(';');
      this.platform.store.put(thing);
    } else {
      this.apply(thing, property, value, options);
    }
  }

  /** Converts a raw value to the type of a property; null becomes the type's default. */
  convertFor(property: Property, value: unknown): PlatformValue {
    const dataShape = String(property.aspects.dataShape ?? '');
    const fields =
      property.baseType === 'INFOTABLE' && this.platform.switches.infoTableWithoutDataShape === 'declared'
        ? this.platform.shapeFields(dataShape)
        : undefined;
    const converted = convert(value, property.baseType, {
      readPassword: this.platform.cipher.read,
      ...(fields === undefined ? {} : { fields }),
    });
    return converted ?? defaultValue(property.baseType);
  }

  /** Stores a converted value: history, current value, persistence and DataChange, each by its rule. */
  apply(thing: ThingEntity, property: Property, value: PlatformValue, options: WriteOptions): void {
    const { platform } = this;
    this.writes += 1;
    const state = this.state(thing.name);
    const stored = state.values.get(property.name);
    const old = stored ?? this.initial(thing, property);
    const entry: Vtq = { value, timeMs: options.timeMs ?? Date.now(), quality: options.quality ?? 'GOOD' };
    if (options.timeMs !== undefined && stored !== undefined && options.timeMs <= stored.timeMs) {
      // Not newer than the current value: goes to the value stream alone.
      if (property.aspects.isLogged === true && property.aspects.dataChangeType !== 'NEVER') {
        platform.logValue(thing, property.name, entry);
      }
      return;
    }
    state.values.set(property.name, entry);
    if (property.aspects.isPersistent === true) {
      platform.journal?.value(thing.name, property.name, entry);
    }
    if (!isDataChange(property, old, entry, state)) {
      return;
    }
    if (property.aspects.isLogged === true) {
      platform.logValue(thing, property.name, entry);
    }
    platform.events.dataChange(thing, property.name, old, entry, options.principal);
  }

  /** Sets a value without any consequence: initial values of an import, and what a journal brings back. */
  restore(thing: string, property: string, entry: Vtq): void {
    this.state(thing).values.set(property, entry);
  }

  hasValue(thing: string, property: string): boolean {
    return this.states.get(thing)?.values.has(property) ?? false;
  }

  /** Drops the values of properties that the Thing no longer has, or that are not persistent when it restarts. */
  forget(thing: ThingEntity, effective: EffectiveShape, keepVolatile: boolean): void {
    const state = this.state(thing.name);
    for (const name of [...state.values.keys()]) {
      const property = effective.properties.get(name)?.property;
      if (property === undefined || (!keepVolatile && property.aspects.isPersistent !== true)) {
        state.values.delete(name);
        state.fired.delete(name);
      }
    }
  }

  *persistent(): Generator<{ thing: string; property: string; entry: Vtq }> {
    for (const [name, state] of this.states) {
      const thing = this.platform.store.get('Things', name);
      if (thing === undefined) {
        continue;
      }
      const { properties } = this.platform.inheritance.thing(thing);
      for (const [property, entry] of state.values) {
        if (properties.get(property)?.property.aspects.isPersistent === true) {
          yield { thing: name, property, entry };
        }
      }
    }
  }
}

/**
 * The rule of `dataChangeType`, which decides on both the event and the value stream. VALUE compares numbers with the last
 * value, DEADBAND with the last one that counted as a change; both by the threshold.
 */
function isDataChange(property: Property, old: Vtq, now: Vtq, state: ThingState): boolean {
  switch (property.aspects.dataChangeType) {
    case 'ALWAYS':
      return true;
    case 'NEVER':
      return false;
    case 'ON':
      return !sameValue(old.value, now.value) && (typeof now.value !== 'boolean' || now.value);
    case 'OFF':
      return !sameValue(old.value, now.value) && !now.value;
    case 'DEADBAND': {
      if (typeof now.value !== 'number') {
        break;
      }
      const reference = state.fired.get(property.name);
      if (reference !== undefined && Math.abs(now.value - reference) <= threshold(property)) {
        return false;
      }
      state.fired.set(property.name, now.value);
      return true;
    }
    default:
  }
  if (typeof now.value === 'number' && typeof old.value === 'number') {
    return Math.abs(now.value - old.value) > threshold(property);
  }
  return !sameValue(old.value, now.value);
}

function threshold(property: Property): number {
  return Number(property.aspects.dataChangeThreshold ?? 0);
}

export function sameValue(a: PlatformValue, b: PlatformValue): boolean {
  if (a === b) {
    return true;
  }
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') {
    return false;
  }
  if (a instanceof Password && b instanceof Password) {
    return a.clear === b.clear;
  }
  return isDeepStrictEqual(a, b);
}
