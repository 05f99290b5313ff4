import { addressPrefix } from '../address.ts';
import { isPlainObject } from '../coerce/structure.ts';
import { Wrong } from '../coerce/wrong.ts';
import { samplesOf } from '../defaults.ts';
import type { Sample } from '../format/sample.ts';
import { type Content, messageTimeMs, NONE, type Reading } from '../reading.ts';
import type { BaseType, HubMessage, Ignored, Quality, Refusal } from '../types.ts';
import type { FanOut } from './fan-out.ts';
import type { CompiledProperty, CompiledRule } from './rule.ts';
import { rootScope, type Scope } from './scope.ts';

/** What a rule makes of a decoded body. */
export function applyRule(rule: CompiledRule, message: HubMessage, body: unknown, exact: boolean): Content {
  const scope = rootScope(message, body, exact);
  const prefix = rule.prefix ?? addressPrefix(message.moduleId, message.componentName);
  const builder = new ReadingBuilder(rule, message, prefix);
  if (rule.properties !== undefined) {
    for (const element of elementsOf(rule, scope)) builder.addMapped(element, rule.properties);
  } else {
    const { samples, ignored, refusals } =
      rule.each === undefined ? samplesOf(body) : samplesOfEach(rule.each, scope);
    for (const sample of samples) builder.addSample({ ...scope, ...sample }, sample);
    builder.note(ignored, refusals);
  }
  return builder.finish();
}

/** Without `each`, a body that is an array is taken element by element. */
function elementsOf({ each }: CompiledRule, scope: Scope): readonly Scope[] {
  if (each !== undefined) return each(scope);
  if (!Array.isArray(scope.root)) return [scope];
  const around = [scope.root];
  return scope.root.map((item, key) => ({ ...scope, item, around, key }));
}

/** With `each` and no properties, every element is read as if it were the body. */
function samplesOfEach(each: FanOut, scope: Scope): ReturnType<typeof samplesOf> {
  const samples: Sample[] = [];
  const refusals: ReturnType<typeof samplesOf>['refusals'][number][] = [];
  for (const element of each(scope)) {
    const inner = samplesOf(element.item);
    refusals.push(...inner.refusals);
    const whole = isPlainObject(element.item);
    for (const sample of inner.samples) {
      const around =
        whole && sample.item === element.item ? element.around : [...sample.around, ...element.around];
      samples.push({ ...sample, around, key: sample.key ?? element.key });
    }
  }
  return { samples, ignored: NONE, refusals };
}

/** Collects what a rule reads from the elements of one message. */
class ReadingBuilder {
  readonly #rule: CompiledRule;
  readonly #message: HubMessage;
  readonly #prefix: string;
  readonly #readings: Reading[] = [];
  readonly #ignored: Ignored[] = [];
  readonly #refusals: Refusal[] = [];

  constructor(rule: CompiledRule, message: HubMessage, prefix: string) {
    this.#rule = rule;
    this.#message = message;
    this.#prefix = prefix;
  }

  finish(): Content {
    if (this.#readings.length + this.#ignored.length + this.#refusals.length === 0) {
      this.#ignored.push({
        code: 'NO_VALUES',
        reason: `The rule ${this.#rule.name} found no values in the message.`,
      });
    }
    return { readings: this.#readings, ignored: this.#ignored, refusals: this.#refusals, events: NONE };
  }

  note(ignored: readonly Ignored[], refusals: readonly Refusal[]): void {
    this.#ignored.push(...ignored);
    this.#refusals.push(...refusals);
  }

  /** An element whose values the rule names one by one. */
  addMapped(scope: Scope, properties: readonly CompiledProperty[]): void {
    const common = this.#common(scope, undefined, 'GOOD');
    if (common === undefined) return;
    const rows: Row[] = [];
    for (const property of properties) this.#addProperty(scope, property, common, rows);
    if (this.#rule.mapsOthers && isPlainObject(scope.item)) this.#addOthers(scope.item, common, rows);
    const { thing, template } = common;
    for (const { timeMs, quality, names, values, baseTypes } of rows) {
      this.#readings.push({ thing, template, prefix: '', timeMs, quality, names, values, baseTypes });
    }
  }

  #addProperty(scope: Scope, property: CompiledProperty, common: Common, rows: Row[]): void {
    const { thing } = common;
    const name = property.name.fixed ?? property.name.fill(scope);
    if (name === undefined || name === '') {
      this.#fail('The name of a property needs a value that the message does not have', thing);
      return;
    }
    const value = property.read(scope);
    if (value === undefined) {
      const reason = `The message has nothing at ${property.path}.`;
      this.#ignored.push({ code: 'MAPPING', reason, thing, property: name });
      return;
    }
    const timeMs = property.time === undefined ? common.timeMs : (property.time(scope) ?? common.timeMs);
    const quality =
      property.quality === undefined ? common.quality : (property.quality(scope) ?? common.quality);
    if (timeMs instanceof Wrong || quality instanceof Wrong) {
      const wrong = (timeMs instanceof Wrong ? timeMs : quality) as Wrong;
      this.#refusals.push({ code: wrong.code, reason: wrong.reason, thing, property: name });
      return;
    }
    const row = rowOf(rows, timeMs, quality);
    row.names.push(name);
    row.values.push(value);
    row.baseTypes.push(property.baseType);
  }

  #addOthers(item: Readonly<Record<string, unknown>>, common: Common, rows: Row[]): void {
    const { named } = this.#rule;
    const row = rowOf(rows, common.timeMs, common.quality);
    for (const key of Object.keys(item)) {
      if (named.has(key)) continue;
      row.names.push(this.#prefix + key);
      row.values.push(item[key]);
    }
  }

  /** An element that is read by default; the rule may say its Thing, time, quality and prefix. */
  addSample(scope: Scope, sample: Sample): void {
    for (const { timeMs, quality, members, names, values } of sample.rows) {
      const common = this.#common(scope, timeMs, quality);
      if (common === undefined) return;
      this.#readings.push({ ...common, prefix: this.#prefix, members, names, values });
    }
  }

  /** Thing, time and quality of an element; undefined when one of them cannot be had, which is then noted. */
  #common(scope: Scope, rowTimeMs: number | undefined, rowQuality: Quality): Common | undefined {
    const { thing: template, time, quality: readQuality } = this.#rule;
    const thing = template === undefined ? this.#message.deviceId : (template.fixed ?? template.fill(scope));
    if (thing === undefined || thing === '') {
      this.#fail('The name of the Thing needs a value that the message does not have');
      return undefined;
    }
    const timeMs = time?.(scope) ?? rowTimeMs ?? messageTimeMs(this.#message);
    const quality = readQuality?.(scope) ?? rowQuality;
    if (timeMs instanceof Wrong || quality instanceof Wrong) {
      const wrong = (timeMs instanceof Wrong ? timeMs : quality) as Wrong;
      this.#refusals.push({ code: wrong.code, reason: wrong.reason, thing });
      return undefined;
    }
    return { thing, template: this.#rule.template, timeMs, quality };
  }

  #fail(what: string, thing?: string): void {
    const reason = `${what} (${this.#rule.name}).`;
    this.#refusals.push({ code: 'MAPPING_FAILED', reason, ...(thing === undefined ? {} : { thing }) });
  }
}

interface Common {
  readonly thing: string;
  readonly template: string | undefined;
  readonly timeMs: number;
  readonly quality: Quality;
}

interface Row {
  readonly timeMs: number;
  readonly quality: Quality;
  readonly names: string[];
  readonly values: unknown[];
  readonly baseTypes: (BaseType | undefined)[];
}

/** Most messages have one row, which is then the first that is looked at. */
function rowOf(rows: Row[], timeMs: number, quality: Quality): Row {
  for (const row of rows) if (row.timeMs === timeMs && row.quality === quality) return row;
  const row: Row = { timeMs, quality, names: [], values: [], baseTypes: [] };
  rows.push(row);
  return row;
}
