import type { CoerceContext } from './coerce/context.ts';
import { Wrong } from './coerce/wrong.ts';
import { Outcome } from './outcome.ts';
import type { Plan, PlanCache, Slot } from './plan.ts';
import { type Content, NONE, type Reading } from './reading.ts';
import type {
  BaseType,
  HubMessage,
  ThingDefinition,
  TranslateOptions,
  Translation,
  TranslationSettings,
} from './types.ts';
import { type Run, short, unknownProperty, unknownThing } from './unknown.ts';

/** Turns the readings of one message into rows with the definitions of Things: coercion and accounting. */
export class RowBuilder implements Run {
  readonly settings: TranslationSettings;
  readonly message: HubMessage;
  readonly options: TranslateOptions | undefined;
  readonly outcome = new Outcome();
  private readonly plans: PlanCache;
  private readonly context: CoerceContext;
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
    return this.outcome.finish(content);
  }

  add(reading: Reading, definition: ThingDefinition | undefined): void {
    if (definition === undefined) unknownThing(this, reading);
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
    const mark = this.outcome.mark();
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
      // the first keys agreed: take back what was noted of them
      this.outcome.takeBack(mark);
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
      const reason = 'The message holds no values.';
      this.outcome.ignore({ code: 'NO_VALUES', reason, thing: reading.thing });
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
      unknownProperty(this, reading, slot, value ?? null, baseType);
      return false;
    }
    let coerced: unknown = value ?? null;
    // a mapping may have found the value wrong already
    if (coerced !== null && !(coerced instanceof Wrong)) coerced = slot.coerce(coerced, this.context);
    if (coerced === null) {
      const reason = 'The message holds no value (null).';
      this.outcome.ignore({ code: 'NULL_VALUE', reason, thing: reading.thing, property: slot.property });
    } else if (coerced instanceof Wrong) this.refuseValue(reading, slot.property, coerced);
    else {
      values.push(coerced);
      return true;
    }
    values.push(null);
    return false;
  }

  refuseValue({ thing }: Reading, property: string, wrong: Wrong): void {
    if (wrong.code === 'VALUE_INEXACT') this.inexact = true;
    const reason = `The value for ${short(property)} ${sentence(wrong.reason)}`;
    this.outcome.refuse({ code: wrong.code, reason, thing, property });
  }

  private push(reading: Reading, plan: Plan, values: readonly unknown[]): void {
    this.outcome.updates.push({
      thing: reading.thing,
      timeMs: reading.timeMs,
      quality: reading.quality,
      properties: plan.properties,
      baseTypes: plan.baseTypes,
      values,
    });
  }
}

/** Reasons of coercions begin with the value or a verb: `"x" is not a number`, `cannot be delivered`. */
function sentence(reason: string): string {
  return `${/^(is|cannot|in|at|row|field) /.test(reason) ? '' : 'is wrong: '}${reason}.`;
}
