import { KNOWN_ENCODINGS, statedEncoding } from '../decode/encoding.ts';
import { AUTO, type BodyForm } from '../decode.ts';
import type { ReceivedMessage } from '../types.ts';
import { compileCondition, type Matcher } from './condition.ts';
import { type CompiledExpression, compileExpression } from './expression.ts';
import type { ExpressionPool } from './expression-pool.ts';
import { compileFanOut, type FanOut } from './fan-out.ts';
import { compilePath, Flaw, type Getter, parsePath } from './path.ts';
import type { Condition, MappingRule, PropertyMapping } from './schema.ts';
import type { Scope } from './scope.ts';
import { compileTemplate, type Template } from './template.ts';
import { compileTime, type TimeReader } from './time.ts';
import {
  type CompiledValue,
  compileQuality,
  compileValue,
  type LocatedFlaw,
  type QualityReader,
} from './value.ts';

export interface CompiledProperty extends CompiledValue {
  readonly name: Template;
}

/** A rule of a mapping document, compiled. Nothing in it throws. */
export interface CompiledRule {
  /** Its name, or its number. */
  readonly name: string;
  readonly ignore: boolean;
  readonly form: BodyForm;
  readonly thing: Template | undefined;
  readonly template: string | undefined;
  readonly prefix: string | undefined;
  readonly time: TimeReader | undefined;
  readonly quality: QualityReader | undefined;
  /** Undefined: the keys of each element are the properties. */
  readonly properties: readonly CompiledProperty[] | undefined;
  /** Whether keys that no property names are mapped too. */
  readonly mapsOthers: boolean;
  /** The keys of an element from which properties take their values. */
  readonly named: ReadonlySet<string>;
  readonly expression: CompiledExpression | undefined;
  readonly each: FanOut | undefined;
  /** The conditions on each element. */
  readonly matchesElement: ((scope: Scope) => boolean) | undefined;
  /** The conditions that need no body. */
  matchesMessage(message: ReceivedMessage): boolean;
  /** The conditions on the body; undefined when there are none. */
  readonly matchesBody: ((scope: Scope) => boolean) | undefined;
}

/** Compiles a rule that the schema has passed; collects every flaw with its place. */
export function compileRule(
  rule: MappingRule,
  index: number,
  pool: ExpressionPool,
): CompiledRule | readonly LocatedFlaw[] {
  const flaws: LocatedFlaw[] = [];
  const keep = <T>(value: T | Flaw | undefined, at: string): T | undefined => {
    if (!(value instanceof Flaw)) return value;
    flaws.push({ at, flaw: value });
    return undefined;
  };
  const compiled: CompiledRule = {
    name: rule.name ?? `rule ${index + 1}`,
    ignore: rule.ignore === true,
    form: keep(compileForm(rule), '/encoding') ?? AUTO,
    thing: keep(rule.thing === undefined ? undefined : compileTemplate(rule.thing), '/thing'),
    template: rule.template,
    prefix: rule.prefix,
    time: keep(rule.time === undefined ? undefined : compileTime(rule.time), '/time'),
    quality: keep(rule.quality === undefined ? undefined : compileQuality(rule.quality), '/quality'),
    properties: compileProperties(rule, flaws),
    mapsOthers: rule.others === 'map',
    named: namedKeys(rule),
    expression: keep(
      rule.expression === undefined ? undefined : compileExpression(rule.expression, pool),
      '/expression',
    ),
    each: keep(rule.each === undefined ? undefined : compileFanOut(rule.each), '/each'),
    matchesMessage: messageMatcher(rule),
    matchesElement: pathMatcher(rule.where, '/where', keep),
    matchesBody: pathMatcher(rule.when?.body, '/when/body', keep),
  };
  flaws.push(...contradictions(rule));
  return flaws.length > 0 ? flaws : compiled;
}

function compileForm({ body = 'auto', encoding }: MappingRule): BodyForm | Flaw {
  if (encoding === undefined) return body === 'auto' ? AUTO : { format: body };
  const stated = statedEncoding(encoding);
  return stated === undefined
    ? new Flaw(
        `the encoding ${JSON.stringify(encoding)} is not known; expected is ${KNOWN_ENCODINGS}, base64 or none`,
      )
    : { format: body, encoding: stated };
}

function compileProperties(rule: MappingRule, flaws: LocatedFlaw[]): readonly CompiledProperty[] | undefined {
  if (rule.properties === undefined) return undefined;
  const compiled: CompiledProperty[] = [];
  for (const [key, mapping] of Object.entries(rule.properties)) {
    const at = `/properties/${pointerKey(key)}`;
    const name = key === '' ? new Flaw('a property name is not empty') : compileTemplate(key);
    const value = compileValue(mapping);
    if (name instanceof Flaw) flaws.push({ at, flaw: name });
    if ('flaw' in value) flaws.push({ at: at + value.at, flaw: value.flaw });
    else if (!(name instanceof Flaw)) compiled.push({ name, ...value });
  }
  return compiled;
}

function namedKeys({ properties = {} }: MappingRule): ReadonlySet<string> {
  const named = new Set<string>();
  for (const mapping of Object.values(properties)) {
    for (const path of pathsOf(mapping)) {
      const parsed = parsePath(path);
      if (parsed instanceof Flaw || parsed.start !== 'item') continue;
      const [first] = parsed.steps;
      if (typeof first === 'string') named.add(first);
    }
  }
  return named;
}

function pathsOf(mapping: PropertyMapping): readonly string[] {
  if (typeof mapping === 'string') return [mapping];
  const { path = [], location = {} } = mapping;
  return [
    ...(typeof path === 'string' ? [path] : path),
    ...Object.values(location as Record<string, string>),
  ];
}

function contradictions(rule: MappingRule): readonly LocatedFlaw[] {
  const flaws: LocatedFlaw[] = [];
  if (rule.expression !== undefined) {
    for (const other of [
      'each',
      'where',
      'properties',
      'others',
      'thing',
      'time',
      'quality',
      'prefix',
    ] as const) {
      if (rule[other] === undefined) continue;
      flaws.push({
        at: `/${other}`,
        flaw: new Flaw(`an expression does the whole; "${other}" cannot stand beside it`),
      });
    }
  }
  if (rule.others !== undefined && rule.properties === undefined) {
    flaws.push({
      at: '/others',
      flaw: new Flaw('"others" stands beside "properties"; without them every key is mapped'),
    });
  }
  return flaws;
}

/** A key as a part of a JSON pointer (RFC 6901). */
export function pointerKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

const MESSAGE_CONDITIONS = {
  device: (message) => message.deviceId,
  module: (message) => message.moduleId,
  component: (message) => message.componentName,
  interface: (message) => message.interfaceId,
  contentType: (message) => message.contentType,
} as const satisfies Record<string, (message: ReceivedMessage) => unknown>;

function messageMatcher({ when = {} }: MappingRule): (message: ReceivedMessage) => boolean {
  const tests: ((message: ReceivedMessage) => boolean)[] = [];
  for (const name of Object.keys(MESSAGE_CONDITIONS) as (keyof typeof MESSAGE_CONDITIONS)[]) {
    const condition = when[name];
    if (condition === undefined) continue;
    const matches = compileCondition(condition);
    const read = MESSAGE_CONDITIONS[name];
    tests.push((message) => matches(read(message)));
  }
  const ofSource = compileCondition(when.source ?? 'Telemetry');
  tests.push((message) => ofSource(message.source || 'Telemetry'));
  for (const [name, condition] of Object.entries(when.properties ?? {})) {
    const matches = compileCondition(condition);
    tests.push(({ applicationProperties }) =>
      matches(Object.hasOwn(applicationProperties, name) ? applicationProperties[name] : undefined),
    );
  }
  return (message) => tests.every((holds) => holds(message));
}

type Keep = <T>(value: T | Flaw | undefined, at: string) => T | undefined;

function pathMatcher(
  conditions: Readonly<Record<string, unknown>> | undefined,
  at: string,
  keep: Keep,
): ((scope: Scope) => boolean) | undefined {
  if (conditions === undefined) return undefined;
  const tests: { get: Getter; matches: Matcher }[] = [];
  for (const [path, condition] of Object.entries(conditions)) {
    const get = keep(compilePath(path), `${at}/${pointerKey(path)}`);
    if (get !== undefined) tests.push({ get, matches: compileCondition(condition as Condition) });
  }
  return (scope) => tests.every(({ get, matches }) => matches(get(scope)));
}
