import { resolveProperty } from './address.ts';
import { type Coercer, coercerFor } from './base-types.ts';
import type { BaseType, ThingDefinition } from './types.ts';

/** What happens to the value of one key. */
export interface Slot {
  /** The key as the message has it. */
  readonly name: string;
  /** The property it addresses, or would if the Thing had it. */
  readonly property: string;
  readonly state: 'known' | 'unknown' | 'twice';
  readonly coerce: Coercer;
  /** A finite number needs no coercion. */
  readonly takesNumber: boolean;
}

/**
 * What to do with messages of one signature: the same keys in the same order, for Things that define them alike.
 * `properties` and `baseTypes` are the arrays that all their rows share.
 */
export interface Plan {
  readonly prefix: string;
  readonly names: readonly string[];
  readonly slots: readonly Slot[];
  readonly properties: readonly string[];
  readonly baseTypes: readonly BaseType[];
}

/** Plans that one Thing definition keeps at hand: a device sends few kinds of messages. */
const PLANS_PER_DEFINITION = 8;
/** Single-property plans (OPC UA) that one Thing definition keeps. */
const SINGLES_PER_DEFINITION = 2000;
/** Distinct plans in all; keys that never repeat (a time stamp as a key) must not fill the memory. */
const MAX_PLANS = 5000;

export interface Shelf {
  /** The most recently made first. */
  plans: Plan[];
  singles: Map<string, Plan> | undefined;
}

/**
 * Plans by signature. Things of one template define their properties alike and share plans, so that memory grows with
 * the kinds of messages and not with the number of devices.
 */
export class PlanCache {
  readonly #shelves = new WeakMap<ThingDefinition, Shelf>();
  #plans = new Map<string, Plan>();

  /** The plans to try first for messages of this Thing; compare `prefix` and `names`. */
  shelf(thing: ThingDefinition): Shelf {
    let shelf = this.#shelves.get(thing);
    if (shelf === undefined) {
      shelf = { plans: [], singles: undefined };
      this.#shelves.set(thing, shelf);
    }
    return shelf;
  }

  find(thing: ThingDefinition, prefix: string, names: readonly string[]): Plan {
    const shelf = this.shelf(thing);
    if (names.length === 1) return this.#single(thing, shelf, prefix, names);
    for (const plan of shelf.plans) {
      if (plan.prefix === prefix && sameNames(plan.names, names)) return plan;
    }
    const plan = this.#make(thing, prefix, names);
    shelf.plans = [plan, ...shelf.plans.slice(0, PLANS_PER_DEFINITION - 1)];
    return plan;
  }

  #single(thing: ThingDefinition, shelf: Shelf, prefix: string, names: readonly string[]): Plan {
    const key = prefix + names[0];
    const known = shelf.singles?.get(key);
    if (known?.prefix === prefix) return known;
    if (shelf.singles === undefined || shelf.singles.size >= SINGLES_PER_DEFINITION)
      shelf.singles = new Map();
    const plan = this.#make(thing, prefix, names);
    shelf.singles.set(key, plan);
    return plan;
  }

  #make(thing: ThingDefinition, prefix: string, names: readonly string[]): Plan {
    const resolved = names.map((name) => resolveProperty(thing, prefix + name));
    const signature = JSON.stringify([
      prefix,
      names,
      resolved.map(({ property, definition }) => [property, definition?.baseType, definition?.dataShape]),
    ]);
    const known = this.#plans.get(signature);
    if (known !== undefined) return known;
    const properties: string[] = [];
    const baseTypes: BaseType[] = [];
    const taken = new Set<string>();
    const slots = resolved.map(({ property, definition }, i): Slot => {
      const name = names[i] as string;
      if (definition === undefined) return without(name, property, 'unknown');
      if (taken.has(property)) return without(name, property, 'twice');
      taken.add(property);
      properties.push(property);
      baseTypes.push(definition.baseType);
      return {
        name,
        property,
        state: 'known',
        coerce: coercerFor(definition),
        takesNumber: definition.baseType === 'NUMBER',
      };
    });
    const plan: Plan = { prefix, names: names.slice(), slots, properties, baseTypes };
    if (this.#plans.size >= MAX_PLANS) this.#plans = new Map();
    this.#plans.set(signature, plan);
    return plan;
  }
}

function without(name: string, property: string, state: 'unknown' | 'twice'): Slot {
  return { name, property, state, coerce: () => null, takesNumber: false };
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}
