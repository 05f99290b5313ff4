import { addressPrefix } from '../address.ts';
import { isPlainObject } from '../coerce/structure.ts';
import { Wrong } from '../coerce/wrong.ts';
import { samplesOf } from '../defaults.ts';
import type { Sample } from '../format/sample.ts';
import { type Content, messageTimeMs, NONE, type Reading } from '../reading.ts';
import type { BaseType, Ignored, Quality, ReceivedMessage, Refusal } from '../types.ts';
import type { FanOut } from './fan-out.ts';
import type { CompiledProperty, CompiledRule } from './rule.ts';
import { opened, rootScope, type Scope } from './scope.ts';

/** What a rule makes of a decoded body. */
export function applyRule(
  rule: CompiledRule,
  message: ReceivedMessage,
  body: unknown,
  exact: boolean,
): Content {
  const scope = rootScope(message, body, exact);
  const prefix = rule.prefix ?? addressPrefix(message.moduleId, message.componentName);
  const builder = new ReadingBuilder(rule, message, prefix);
  const { matchesElement } = rule;
  const isMeant = (element: Scope): boolean => {
    if (matchesElement === undefined || matchesElement(element)) return true;
    builder.leave();
    return false;
  };
  if (rule.properties !== undefined) {
    for (const element of elementsOf(rule, scope)) {
      if (isMeant(element)) builder.addMapped(element, rule.properties);
    }
  } else {
    const { samples, ignored, refusals } =
      rule.each === undefined ? samplesOfBody(scope) : samplesOfEach(rule.each, scope);
    for (const sample of samples) {
      const element = { ...scope, ...sample };
      if (isMeant(element)) builder.addSample(element, sample);
    }
    builder.note(ignored, refusals);
  }
  return builder.finish();
}

/** Without `each`, a body that is an array is taken element by element. */
function elementsOf({ each }: CompiledRule, scope: Scope): readonly Scope[] {
  if (each !== undefined) return each(scope);
  const root = plainOf(scope.root, scope);
  if (!Array.isArray(root)) return [scope];
  const around = [root];
  return root.map((item, key) => ({ ...scope, item, around, key }));
}

function samplesOfBody(scope: Scope): Samples {
  const { samples, ignored, refusals } = samplesOf(plainOf(scope.root, scope));
  return { samples: samples.map((sample) => ({ ...sample, keysAround: [] })), ignored, refusals };
}

/** A text that holds a JSON object or array is read as that. */
function plainOf(value: unknown, scope: Scope): unknown {
  return typeof value === 'string' ? (opened(value, scope) ?? value) : value;
}

/** With `each` and no properties, every element is read as if it were the body. */
function samplesOfEach(each: FanOut, scope: Scope): Samples {
  const samples: ElementSample[] = [];
  const refusals: ReturnType<typeof samplesOf>['refusals'][number][] = [];
  for (const element of each(scope)) {
    const item = plainOf(element.item, scope);
    const inner = samplesOf(item);
    refusals.push(...inner.refusals);
    for (const sample of inner.samples) {
      if (sample.item === item) {
        const { around, key, keysAround } = element;
        samples.push({ ...sample, around, key, keysAround });
      } else {
        const around = [...sample.around, ...element.around];
        const keysAround = [...sample.around.map(() => element.key), ...element.keysAround];
        samples.push({ ...sample, around, key: sample.key ?? element.key, keysAround });
      }
    }
  }
  return { samples, ignored: NONE, refusals };
}

type ElementSample = Sample & Pick<Scope, 'keysAround'>;

interface Samples {
  readonly samples: readonly ElementSample[];
  readonly ignored: readonly Ignored[];
  readonly refusals: readonly Refusal[];
}

/** Collects what a rule reads from the elements of one message. */
class ReadingBuilder {
  readonly #rule: CompiledRule;
  readonly #message: ReceivedMessage;
  readonly #prefix: string;
  readonly #readings: Reading[] = [];
  readonly #ignored: Ignored[] = [];
  #left = 0;
  readonly #refusals: Refusal[] = [];

  constructor(rule: CompiledRule, message: ReceivedMessage, prefix: string) {
    this.#rule = rule;
    this.#message = message;
    this.#prefix = prefix;
  }

  finish(): Content {
    if (this.#left > 0) {
      const what = this.#left === 1 ? '1 element' : `${this.#left} elements`;
      const reason = `${what} of the message did not meet the conditions "where" of ${this.#rule.name}.`;
      this.#ignored.push({ code: 'MAPPING', reason });
    }
    if (this.#readings.length + this.#ignored.length + this.#refusals.length === 0) {
      this.#ignored.push({
        code: 'NO_VALUES',
        reason: `The rule ${this.#rule.name} found no values in the message.`,
      });
    }
    return {
      readings: this.#readings,
      ignored: this.#ignored,
      refusals: this.#refusals,
      notifications: NONE,
    };
  }

  /** An element that does not meet the conditions of the rule. */
  leave(): void {
    this.#left++;
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
    const item = this.#rule.mapsOthers ? plainOf(scope.item, scope) : undefined;
    if (isPlainObject(item)) this.#addOthers(item, common, rows);
    const { thing, template } = common;
    for (const { timeMs, quality, names, values, baseTypes } of rows) {
      const untimed = common.untimed && timeMs === common.timeMs;
      this.#readings.push({
        thing,
        template,
        prefix: '',
        timeMs,
        untimed,
        quality,
        names,
        values,
        baseTypes,
      });
    }
  }

  #addProperty(scope: Scope, property: CompiledProperty, common: Common, rows: Row[]): void {
    const { thing } = common;
    const name = property.name.fixed ?? property.name.fill(scope);
    const value = property.read(scope);
    if (name === undefined || name === '') {
      // an element with neither name nor value says nothing
      if (value === undefined || value === null)
        this.#nothing('An element has neither the name nor the value of a property', thing);
      else this.#fail('The name of a property needs a value that the message does not have', thing);
      return;
    }
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
    const ownTimeMs = time?.(scope) ?? rowTimeMs;
    const timeMs = ownTimeMs ?? messageTimeMs(this.#message);
    const quality = readQuality?.(scope) ?? rowQuality;
    if (timeMs instanceof Wrong || quality instanceof Wrong) {
      const wrong = (timeMs instanceof Wrong ? timeMs : quality) as Wrong;
      this.#refusals.push({ code: wrong.code, reason: wrong.reason, thing });
      return undefined;
    }
    return { thing, template: this.#rule.template, timeMs, untimed: ownTimeMs === undefined, quality };
  }

  #nothing(what: string, thing: string): void {
    this.#ignored.push({ code: 'MAPPING', reason: `${what} (${this.#rule.name}).`, thing });
  }

  #fail(what: string, thing?: string): void {
    const reason = `${what} (${this.#rule.name}). To leave out elements without it, give the rule "where", such as {"id": {"exists": true}}.`;
    this.#refusals.push({ code: 'MAPPING_FAILED', reason, ...(thing === undefined ? {} : { thing }) });
  }
}

interface Common {
  readonly thing: string;
  readonly template: string | undefined;
  readonly timeMs: number;
  readonly untimed: boolean;
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
