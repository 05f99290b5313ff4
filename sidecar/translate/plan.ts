import { type ResolvedProperty, resolveProperty } from './address.ts';
import { type Coercer, coercerFor } from './coerce/base-types.ts';
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

/** Plans that Things with the same properties keep at hand: their devices send few kinds of messages. */
const PLANS_PER_SET = 16;
/** Single-property plans (OPC UA) that they keep. */
const SINGLES_PER_SET = 5_000;
/**
 * Plans kept in all, by number and by the length of their names together, and keys of the largest one that is kept:
 * keys that never repeat (a time stamp as a key) must not fill the memory.
 */
const MAX_PLANS = 20_000;
const MAX_SIGNATURES_LENGTH = 8_000_000;
const MAX_KEPT_NAMES = 300;

interface Shelf {
  /** The most recently made first. */
  plans: Plan[];
  singles: Map<string, Plan> | undefined;
}

/**
 * Plans by signature. Things of one template define their properties alike and share plans, so that memory grows with
 * the kinds of messages and not with the number of devices.
 */
export class PlanCache {
  /** Holds only plans that `#plans` holds too, so that its bound is the bound of all. */
  #shelves = new WeakMap<ThingDefinition['properties'], Shelf>();
  #plans = new Map<string, Plan>();
  #signaturesLength = 0;

  /** The plans to try first for messages of this Thing; compare `prefix` and `names`. */
  shelf(thing: ThingDefinition): Shelf {
    let shelf = this.#shelves.get(thing.properties);
    if (shelf === undefined) {
      shelf = { plans: [], singles: undefined };
      this.#shelves.set(thing.properties, shelf);
    }
    return shelf;
  }

  find(thing: ThingDefinition, prefix: string, names: readonly string[]): Plan {
    const shelf = this.shelf(thing);
    const key = names.length === 1 ? prefix + names[0] : undefined;
    const single = key === undefined ? undefined : shelf.singles?.get(key);
    if (single?.prefix === prefix) return single;
    if (key === undefined) {
      for (const plan of shelf.plans) {
        if (plan.prefix === prefix && sameNames(plan.names, names)) return plan;
      }
    }
    const plan = this.#make(thing, prefix, names);
    if (names.length <= MAX_KEPT_NAMES) this.#keep(this.shelf(thing), key, plan);
    return plan;
  }

  /** Single-property plans have a place of their own, where many of them do not push out the others. */
  #keep(shelf: Shelf, key: string | undefined, plan: Plan): void {
    if (key === undefined) shelf.plans = [plan, ...shelf.plans.slice(0, PLANS_PER_SET - 1)];
    else {
      if (shelf.singles === undefined || shelf.singles.size >= SINGLES_PER_SET) shelf.singles = new Map();
      shelf.singles.set(key, plan);
    }
  }

  #make(thing: ThingDefinition, prefix: string, names: readonly string[]): Plan {
    const resolved = names.map((name) => resolveProperty(thing, prefix + name));
    if (names.length > MAX_KEPT_NAMES) return makePlan(prefix, names, resolved);
    const signature = JSON.stringify([
      prefix,
      names,
      resolved.map(({ property, definition }) => [property, definition?.baseType, definition?.dataShape]),
    ]);
    const known = this.#plans.get(signature);
    if (known !== undefined) return known;
    this.#makeRoom(signature.length);
    const plan = makePlan(prefix, names, resolved);
    this.#plans.set(signature, plan);
    return plan;
  }

  #makeRoom(length: number): void {
    this.#signaturesLength += length;
    if (this.#plans.size < MAX_PLANS && this.#signaturesLength <= MAX_SIGNATURES_LENGTH) return;
    this.#plans = new Map();
    this.#shelves = new WeakMap();
    this.#signaturesLength = length;
  }
}

function makePlan(prefix: string, names: readonly string[], resolved: readonly ResolvedProperty[]): Plan {
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
    const takesNumber = definition.baseType === 'NUMBER';
    return { name, property, state: 'known', coerce: coercerFor(definition), takesNumber };
  });
  return { prefix, names: names.slice(), slots, properties, baseTypes };
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
