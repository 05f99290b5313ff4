import { allowedReading } from './bound-fields.ts';
import type { CoerceContext } from './coerce/context.ts';
import { show, Wrong } from './coerce/wrong.ts';
import { DEFAULT_LIMITS } from './decode/limits.ts';
import { separateTimes } from './distinct-times.ts';
import { Outcome } from './outcome.ts';
import type { Plan, PlanCache, Slot } from './plan.ts';
import { type Content, NONE, type Reading } from './reading.ts';
import type {
  BaseType,
  ReceivedMessage,
  ThingDefinition,
  TranslateOptions,
  Translation,
  TranslationSettings,
  Update,
} from './types.ts';
import { type Run, short, unknownProperty, unknownThing } from './unknown.ts';

const CREATION_TIME = 'iothub-creation-time-utc';

/** 2000-01-01: clocks that were never set show 1970, 1980 or 1999. */
const EARLIEST_TIME_MS = 946_684_800_000;
/** Clocks that are set by NTP differ by less than a second; five minutes also is the bound of Kerberos and of shared access signatures. */
const MAX_AHEAD_MS = 300_000;

/** The values of a row, one for each property of its plan; null where there is none. */
class RowValues {
  /** As long as it will be: many rows wait in memory, and V8 gives a list that grows room for more values than these have. */
  readonly values: unknown[];
  given = 0;
  private filled = 0;

  constructor({ properties }: Plan) {
    this.values = new Array<unknown>(properties.length);
  }

  add(value: unknown): void {
    this.values[this.filled++] = value;
    if (value !== null) this.given++;
  }
}

/** Turns the readings of one message into rows with the definitions of Things: coercion and accounting. */
export class RowBuilder implements Run {
  readonly settings: TranslationSettings;
  readonly message: ReceivedMessage;
  readonly options: TranslateOptions | undefined;
  readonly outcome: Outcome;
  private readonly plans: PlanCache;
  private readonly context: CoerceContext;
  /** A value needs the body decoded with exact integers. */
  inexact = false;
  private readonly earliestTimeMs: number;
  private readonly latestTimeMs: number;
  /** Updates with the message's time for want of their own; only kept for readings that say so. */
  private untimed: Set<Update> | undefined;
  private isFirstUntimed = false;
  private hasToldTime = false;

  constructor(
    settings: TranslationSettings,
    plans: PlanCache,
    message: ReceivedMessage,
    context: CoerceContext,
    options: TranslateOptions | undefined,
  ) {
    this.settings = settings;
    this.outcome = new Outcome(settings.limits?.maxCreations ?? DEFAULT_LIMITS.maxCreations);
    this.plans = plans;
    this.message = message;
    this.context = context;
    this.options = options;
    const { enqueuedTimeMs } = message;
    this.earliestTimeMs = settings.earliestTimeMs ?? EARLIEST_TIME_MS;
    this.latestTimeMs =
      message.enqueuedTimeUnknown === true || enqueuedTimeMs < this.earliestTimeMs
        ? Number.POSITIVE_INFINITY
        : enqueuedTimeMs + (settings.maxAheadMs ?? MAX_AHEAD_MS);
  }

  finish(content: Content): Translation {
    const translation = this.outcome.finish(content);
    if (translation.updates.length < 2 || this.settings.distinctTimes === false) return translation;
    const untimed = this.untimed ?? new Set();
    if (this.isFirstUntimed) untimed.add(translation.updates[0] as Update);
    return { ...translation, updates: separateTimes(translation.updates, untimed) };
  }

  /** Says that the device's creation time could not be read; it is undefined then, as it is when there is none. */
  noteCreationTime(): void {
    const { applicationProperties, systemProperties, enqueuedTimeMs } = this.message;
    const given = applicationProperties[CREATION_TIME] ?? systemProperties[CREATION_TIME];
    if (given === undefined || given === null || given === '') return;
    const reason = `${CREATION_TIME} is ${show(given)}, which is no ISO 8601 time; the enqueued time ${isoTime(enqueuedTimeMs)} is used instead.`;
    this.outcome.ignore({ code: 'TIME_UNREADABLE', reason });
  }

  add(given: Reading, definition: ThingDefinition | undefined): void {
    const reading =
      given.timeMs >= this.earliestTimeMs && given.timeMs <= this.latestTimeMs ? given : this.timed(given);
    if (reading === undefined) return;
    if (reading.boundTo !== undefined) this.addBound(reading, definition);
    else if (definition === undefined) unknownThing(this, reading);
    else if (reading.members !== undefined) this.addMembers(reading, reading.members, definition);
    else this.addValues(reading, reading.names ?? NONE, reading.values ?? NONE, definition);
  }

  private addBound(given: Reading, definition: ThingDefinition | undefined): void {
    const reading = allowedReading(this, given, definition);
    if (reading === undefined || definition === undefined) return;
    this.addValues(reading, reading.names ?? NONE, reading.values ?? NONE, definition);
  }

  /** A reading whose time is not plausible, with the enqueued time; undefined when it is refused. */
  private timed(reading: Reading): Reading | undefined {
    const { thing, timeMs } = reading;
    const { enqueuedTimeMs } = this.message;
    const bound =
      timeMs < this.earliestTimeMs
        ? `before ${isoTime(this.earliestTimeMs)}`
        : `after ${isoTime(this.latestTimeMs)}, more than ${minutes(this.settings.maxAheadMs ?? MAX_AHEAD_MS)} ahead of the time at which IoT Hub took the message`;
    const code = 'TIME_IMPLAUSIBLE';
    if (this.settings.implausibleTime !== 'enqueuedTime') {
      const cure =
        'Set the clock of the device, correct the "time" of the mapping rule, or set implausibleTime to enqueued-time; then replay the message.';
      this.outcome.refuse({ code, reason: `The time ${isoTime(timeMs)} is ${bound}. ${cure}`, thing });
      return undefined;
    }
    // told once: a batch of a device with a wrong clock has one fault, not thousands
    if (!this.hasToldTime) {
      this.hasToldTime = true;
      const reason = `The time ${isoTime(timeMs)} is ${bound}; the enqueued time ${isoTime(enqueuedTimeMs)} is used instead.`;
      this.outcome.ignore({ code, reason, thing });
    }
    return { ...reading, timeMs: enqueuedTimeMs, untimed: true };
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
    const row = new RowValues(plan);
    const mark = this.outcome.mark();
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
      if (slot.takesNumber && typeof value === 'number' && value - value === 0) row.add(value);
      else this.addValue(reading, slot, value, row, undefined);
    }
    if (!same || i !== names.length) {
      // the first keys agreed: take back what was noted of them
      this.outcome.takeBack(mark);
      return false;
    }
    this.push(reading, plan, row);
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
    const row = new RowValues(plan);
    plan.slots.forEach((slot, i) => {
      this.addValue(reading, slot, input[i], row, reading.baseTypes?.[i]);
    });
    this.push(reading, plan, row);
  }

  /** Appends what the row has for a key, if the Thing has its property. */
  private addValue(
    reading: Reading,
    slot: Slot,
    value: unknown,
    row: RowValues,
    baseType: BaseType | undefined,
  ): void {
    if (slot.state !== 'known') {
      unknownProperty(this, reading, slot, value ?? null, baseType);
      return;
    }
    let coerced: unknown = value ?? null;
    // a mapping may have found the value wrong already
    if (coerced !== null && !(coerced instanceof Wrong)) coerced = slot.coerce(coerced, this.context);
    if (coerced === null) {
      const reason = 'The message holds no value (null).';
      this.outcome.ignore({ code: 'NULL_VALUE', reason, thing: reading.thing, property: slot.property });
    } else if (coerced instanceof Wrong) this.refuseValue(reading, slot.property, coerced);
    row.add(coerced instanceof Wrong ? null : coerced);
  }

  refuseValue({ thing }: Reading, property: string, wrong: Wrong): void {
    if (wrong.code === 'VALUE_INEXACT') this.inexact = true;
    const reason = `The value for ${short(property)} ${sentence(wrong.reason)}`;
    this.outcome.refuse({ code: wrong.code, reason, thing, property });
  }

  /** Most messages have one row, for which it makes no difference. */
  private noteUntimed(update: Update, isFirst: boolean): void {
    if (isFirst) {
      this.isFirstUntimed = true;
      return;
    }
    this.untimed ??= new Set();
    this.untimed.add(update);
  }

  /** A row without any value is none. */
  private push(reading: Reading, plan: Plan, { values, given }: RowValues): void {
    if (given === 0) return;
    const update: Update = {
      thing: reading.thing,
      timeMs: reading.timeMs,
      quality: reading.quality,
      properties: plan.properties,
      baseTypes: plan.baseTypes,
      values,
    };
    const rows = this.outcome.add(update);
    if (reading.untimed === true) this.noteUntimed(update, rows === 1);
  }
}

/** Reasons of coercions begin with the value or a verb: `"x" is not a number`, `cannot be delivered`. */
function sentence(reason: string): string {
  return `${/^(is|has|cannot|in|at|row|field) /.test(reason) ? '' : 'is wrong: '}${reason}.`;
}

function isoTime(timeMs: number): string {
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs);
}

function minutes(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000} minutes` : `${ms} ms`;
}
