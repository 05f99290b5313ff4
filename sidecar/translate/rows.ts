import { propertyNameProblem, thingNameProblem } from './address.ts';
import type { CoerceContext } from './coerce/context.ts';
import { inferBaseType } from './coerce/infer.ts';
import { Wrong } from './coerce/wrong.ts';
import type { Plan, PlanCache, Slot } from './plan.ts';
import { type Content, NONE, type Reading } from './reading.ts';
import type {
  BaseType,
  Creation,
  HubMessage,
  Ignored,
  Refusal,
  ThingDefinition,
  TranslateOptions,
  Translation,
  TranslationSettings,
  Update,
} from './types.ts';

/** Keys that are data (time stamps, serial numbers) must not make a Thing grow without end. */
const MAX_CREATIONS = 200;

/** Turns readings into rows with the definitions of Things: coercion, policies for what is unknown, accounting. */
export class RowBuilder {
  private readonly settings: TranslationSettings;
  private readonly plans: PlanCache;
  private readonly message: HubMessage;
  private readonly context: CoerceContext;
  private readonly options: TranslateOptions | undefined;
  private readonly updates: Update[] = [];
  private ignored: Ignored[] | undefined;
  private refusals: Refusal[] | undefined;
  private creations: Creation[] | undefined;
  /** A value needs the body decoded with exact integers. */
  inexact = false;

  constructor(
    settings: TranslationSettings,
    plans: PlanCache,
    message: HubMessage,
    context: CoerceContext,
    options: TranslateOptions | undefined,
  ) {
    this.settings = settings;
    this.plans = plans;
    this.message = message;
    this.context = context;
    this.options = options;
  }

  finish(content: Content): Translation {
    return {
      updates: this.updates,
      ignored: joined(content.ignored, this.ignored),
      refusals: joined(content.refusals, this.refusals),
      creations: this.creations ?? NONE,
      events: content.events,
    };
  }

  add(reading: Reading, definition: ThingDefinition | undefined): void {
    if (definition === undefined) this.unknownThing(reading);
    else if (reading.members !== undefined) this.addMembers(reading, reading.members, definition);
    else this.addValues(reading, reading.names ?? NONE, reading.values ?? NONE, definition);
  }

  /** The hot path: one pass over the keys, comparing them with the plans that such messages had before. */
  private addMembers(
    reading: Reading,
    members: Readonly<Record<string, unknown>>,
    definition: ThingDefinition,
  ): void {
    for (const plan of this.plans.shelf(definition).plans) {
      if (plan.prefix === reading.prefix && this.addByPlan(reading, members, plan)) return;
    }
    const names = Object.keys(members);
    const values = names.map((name) => members[name]);
    this.addValues(reading, names, values, definition);
  }

  /** False, with nothing kept, when the message has other keys than the plan. */
  private addByPlan(reading: Reading, members: Readonly<Record<string, unknown>>, plan: Plan): boolean {
    const { names, slots } = plan;
    const values: unknown[] = [];
    const ignoredBefore = this.ignored?.length ?? 0;
    const refusedBefore = this.refusals?.length ?? 0;
    const createdBefore = this.creations?.length ?? 0;
    let given = 0;
    let i = 0;
    let same = true;
    for (const name in members) {
      if (name !== names[i]) {
        same = false;
        break;
      }
      const slot = slots[i] as Slot;
      i++;
      const value = members[name];
      if (slot.takesNumber && typeof value === 'number' && value - value === 0) {
        values.push(value);
        given++;
      } else if (this.addValue(reading, slot, value, values, undefined)) given++;
    }
    if (!same || i !== names.length) {
      // a prefix of the keys agreed: take back what was noted of it
      if (this.ignored !== undefined) this.ignored.length = ignoredBefore;
      if (this.refusals !== undefined) this.refusals.length = refusedBefore;
      if (this.creations !== undefined) this.creations.length = createdBefore;
      return false;
    }
    if (given > 0) this.push(reading, plan, values);
    return true;
  }

  private addValues(
    reading: Reading,
    names: readonly string[],
    input: readonly unknown[],
    definition: ThingDefinition,
  ): void {
    if (names.length === 0) {
      this.noteIgnored({ code: 'NO_VALUES', reason: 'The message holds no values.', thing: reading.thing });
      return;
    }
    const plan = this.plans.find(definition, reading.prefix, names);
    const values: unknown[] = [];
    let given = 0;
    plan.slots.forEach((slot, i) => {
      if (this.addValue(reading, slot, input[i], values, reading.baseTypes?.[i])) given++;
    });
    if (given > 0) this.push(reading, plan, values);
  }

  /** Appends what the row has for a key, if the Thing has its property; true when that is a value. */
  private addValue(
    reading: Reading,
    slot: Slot,
    value: unknown,
    values: unknown[],
    baseType: BaseType | undefined,
  ): boolean {
    if (slot.state !== 'known') {
      this.withoutProperty(reading, slot, value ?? null, baseType);
      return false;
    }
    let coerced: unknown = value ?? null;
    // a mapping may have found the value wrong already
    if (coerced !== null && !(coerced instanceof Wrong)) coerced = slot.coerce(coerced, this.context);
    if (coerced === null) {
      const reason = 'The message holds no value (null).';
      this.noteIgnored({ code: 'NULL_VALUE', reason, thing: reading.thing, property: slot.property });
    } else if (coerced instanceof Wrong) this.wrongValue(reading, slot, coerced);
    else {
      values.push(coerced);
      return true;
    }
    values.push(null);
    return false;
  }

  private push(reading: Reading, plan: Plan, values: readonly unknown[]): void {
    this.updates.push({
      thing: reading.thing,
      timeMs: reading.timeMs,
      quality: reading.quality,
      properties: plan.properties,
      baseTypes: plan.baseTypes,
      values,
    });
  }

  private noteIgnored(ignored: Ignored): void {
    this.ignored ??= [];
    this.ignored.push(ignored);
  }

  private noteRefusal(refusal: Refusal): void {
    this.refusals ??= [];
    this.refusals.push(refusal);
  }

  private create(creation: Creation): void {
    this.creations ??= [];
    this.creations.push(creation);
  }

  private wrongValue({ thing }: Reading, { property }: Slot, wrong: Wrong): void {
    if (wrong.code === 'VALUE_INEXACT') this.inexact = true;
    this.noteRefusal({
      code: wrong.code,
      reason: `The value for ${short(property)} ${sentence(wrong.reason)}`,
      thing,
      property,
    });
  }

  private unknownThing(reading: Reading): void {
    const { thing } = reading;
    const policy = this.settings.unknownThing ?? 'deadLetter';
    if (policy === 'ignore') {
      this.noteIgnored({ code: 'THING_UNKNOWN', reason: 'ThingWorx has no such Thing.', thing });
      return;
    }
    const code = 'THING_UNKNOWN';
    const problem = thingNameProblem(thing);
    if (problem !== undefined) {
      const reason = `ThingWorx can have no Thing ${quote(thing)}: ${problem}.`;
      this.noteRefusal({ code: 'THING_NAME_INVALID', reason, thing });
      return;
    }
    if (policy === 'deadLetter') {
      this.noteRefusal({
        code,
        reason: `ThingWorx has no Thing ${quote(thing)}, or the application key may not see it.`,
        thing,
      });
      return;
    }
    const template = reading.template ?? this.settings.deviceTemplate ?? '';
    const { deviceId } = this.message;
    const creation: Creation = { kind: 'thing', thing, template, deviceId };
    if (template === '') {
      const reason = `ThingWorx has no Thing ${quote(thing)}, and no deviceTemplate is set from which to create it.`;
      this.noteRefusal({ code, reason, thing });
    } else if (this.options?.tried?.(creation) === true) {
      this.noteRefusal({
        code,
        reason: `The Thing ${quote(thing)} could not be created from ${template}.`,
        thing,
      });
    } else if (!this.creations?.some((other) => other.kind === 'thing' && other.thing === thing)) {
      this.create(creation);
    }
  }

  private withoutProperty(reading: Reading, slot: Slot, value: unknown, given: BaseType | undefined): void {
    const { thing } = reading;
    const { property } = slot;
    const address = reading.prefix + slot.name;
    if (slot.state === 'twice') {
      const reason = `The key ${quote(address)} means the property ${short(property)}, for which the message holds another value.`;
      this.noteRefusal({ code: 'PROPERTY_TWICE', reason, thing, property });
      return;
    }
    const policy = this.settings.unknownProperty ?? 'ignore';
    if (policy === 'ignore') {
      this.noteIgnored({
        code: 'PROPERTY_UNKNOWN',
        reason: 'The Thing has no such property.',
        thing,
        property: address,
      });
      return;
    }
    const missing = `The Thing ${quote(thing)} has no property ${quote(address)}`;
    if (policy === 'deadLetter') {
      this.noteRefusal({ code: 'PROPERTY_UNKNOWN', reason: `${missing}.`, thing, property: address });
    } else this.createProperty(reading, slot, value, missing, given);
  }

  private createProperty(
    reading: Reading,
    slot: Slot,
    value: unknown,
    missing: string,
    given: BaseType | undefined,
  ): void {
    const { thing } = reading;
    const { property } = slot;
    if (value instanceof Wrong) {
      this.wrongValue(reading, slot, value);
      return;
    }
    const baseType = given ?? inferBaseType(value);
    const problem = propertyNameProblem(property);
    if (baseType === undefined) {
      const reason = `${missing}, and a value of null does not say its base type.`;
      this.noteIgnored({ code: 'NULL_VALUE', reason, thing, property });
      return;
    }
    if (problem !== undefined) {
      const reason = `${missing}, and it cannot be created: ${problem}.`;
      this.noteRefusal({ code: 'PROPERTY_NAME_INVALID', reason, thing, property: property.slice(0, 255) });
      return;
    }
    const creation: Creation = { kind: 'property', thing, property, baseType };
    if (this.options?.tried?.(creation) === true) {
      const reason = `${missing}, and it could not be created.`;
      this.noteRefusal({ code: 'PROPERTY_UNKNOWN', reason, thing, property });
      return;
    }
    const wanted = this.creations?.some(
      (other) => other.kind === 'property' && other.thing === thing && other.property === property,
    );
    if (wanted) return;
    if ((this.creations?.length ?? 0) >= MAX_CREATIONS) {
      const reason = `${missing}, and one message may create at most ${MAX_CREATIONS} properties.`;
      this.noteRefusal({ code: 'PROPERTY_UNKNOWN', reason, thing, property });
      return;
    }
    this.create(creation);
  }
}

/** Reasons of coercions begin with the value or a verb: `"x" is not a number`, `cannot be delivered`. */
function sentence(reason: string): string {
  return `${/^(is|cannot|in|at|row|field) /.test(reason) ? '' : 'is wrong: '}${reason}.`;
}

function quote(name: string): string {
  return JSON.stringify(short(name));
}

/** Names come from messages and may be as long as those. */
function short(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}...` : name;
}

function joined<T>(first: readonly T[], second: readonly T[] | undefined): readonly T[] {
  if (second === undefined) return first;
  return first.length === 0 ? second : [...first, ...second];
}
