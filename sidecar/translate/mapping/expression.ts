import { setImmediate } from 'node:timers/promises';
import jsonata from 'jsonata';
import { toDateTime } from '../coerce/date-time.ts';
import { toQuality } from '../coerce/quality.ts';
import { isPlainObject, member } from '../coerce/structure.ts';
import { show } from '../coerce/wrong.ts';
import { type Content, contentOf, messageTimeMs, type Reading, refused } from '../reading.ts';
import type { HubMessage, Ignored, Refusal, TranslationLimits } from '../types.ts';
import { Flaw, messageFields } from './path.ts';
import { BoundedRegExp, regexProblem } from './regex.ts';

/** Nesting of JSONata's evaluation; its own functions need some tens of levels. */
const MAX_STACK = 500;

/** A JSONata expression that does the whole work of a rule. */
export interface CompiledExpression {
  /** Never rejects. */
  evaluate(message: HubMessage, body: unknown, limits: TranslationLimits, rule: RuleNames): Promise<Content>;
}

interface RuleNames {
  readonly name: string;
  readonly template: string | undefined;
}

/**
 * Compiles an expression once. It sees the body as `$` and the message as `$message`; `$now()` and `$millis()` give the
 * message's enqueued time, for a value must not depend on when it was processed, and `$eval` is taken away, for what
 * devices send is never code. Evaluation is bounded in time, depth and length of sequences.
 */
export function compileExpression(source: string): CompiledExpression | Flaw {
  const flaw = flawOf(source);
  if (flaw !== undefined) return flaw;
  /** Limits are part of JSONata's compiled form; settings seldom change, so one is enough. */
  let compiled: { limits: TranslationLimits; expression: jsonata.Expression } | undefined;
  return {
    async evaluate(message, body, limits, rule) {
      try {
        if (compiled?.limits !== limits) compiled = { limits, expression: compileWith(source, limits) };
        const bindings = { message: messageFields(message), ...clockOf(message), ...BOUNDED_FUNCTIONS };
        const { expression } = compiled;
        const result: unknown = await inTurn(() => expression.evaluate(body, bindings));
        return contentOfResult(result, message, rule);
      } catch (thrown) {
        const reason = `The expression of ${rule.name} failed: ${messageOf(thrown)}.`;
        return refused({ code: 'MAPPING_FAILED', reason });
      }
    },
  };
}

/** How long evaluations may keep everything else waiting. */
const BREATH_MS = 20;

/** Of the module, as the thread that they share is one for all hubs. */
let turn: Promise<unknown> = Promise.resolve();
let breathedAtMs = 0;

/**
 * One evaluation at a time. The limit is on the time of one; those of a whole batch side by side would use up each other's, and an
 * expression of two milliseconds would time out. Evaluation leaves no room for anything else on the thread, so there is a pause in between.
 */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = turn.then(async () => {
    if (performance.now() - breathedAtMs > BREATH_MS) {
      await setImmediate();
      breathedAtMs = performance.now();
    }
    return await work();
  });
  turn = done.catch(() => undefined);
  return done;
}

function compileWith(source: string, limits: TranslationLimits): jsonata.Expression {
  return jsonata(source, {
    timeout: limits.maxExpressionMs,
    stack: MAX_STACK,
    sequence: limits.maxKeys,
    RegexEngine: BoundedRegExp as RegExpConstructor,
  });
}

function flawOf(source: string): Flaw | undefined {
  try {
    const problem = firstRegexProblem(jsonata(source).ast());
    return problem === undefined ? undefined : new Flaw(problem);
  } catch (thrown) {
    const position = (thrown as { position?: unknown }).position;
    const place = typeof position === 'number' ? ` at character ${position}` : '';
    return new Flaw(`the JSONata expression cannot be read${place}: ${messageOf(thrown)}`);
  }
}

/** Walks the syntax tree with a list of its own: a long chain of operators nests deep. */
function firstRegexProblem(ast: unknown): string | undefined {
  const pending: unknown[] = [ast];
  const seen = new Set<object>();
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node instanceof RegExp) {
      const problem = regexProblem(node.source);
      if (problem !== undefined) return problem;
    } else if (typeof node === 'object' && node !== null && !seen.has(node)) {
      seen.add(node);
      pending.push(...Object.values(node).filter((value) => value !== undefined));
    }
  }
  return undefined;
}

function messageOf(thrown: unknown): string {
  const text = (thrown as { message?: unknown } | null)?.message;
  return (typeof text === 'string' ? text : show(thrown)).slice(0, 300).replace(/\.$/, '');
}

function clockOf({ enqueuedTimeMs }: HubMessage): Record<string, unknown> {
  return { now: () => new Date(enqueuedTimeMs).toISOString(), millis: () => enqueuedTimeMs };
}

const MAX_PAD_WIDTH = 10_000;

const BOUNDED_FUNCTIONS: Readonly<Record<string, unknown>> = {
  eval: () => {
    throw { code: 'EVAL', message: '$eval is not available in mappings' };
  },
  pad: (text: unknown, width: unknown, char: unknown) => pad(text, width, char),
};

/** As JSONata's $pad, but no text longer than a bound comes of it. */
function pad(text: unknown, width: unknown, char: unknown): string | undefined {
  if (typeof text !== 'string' || typeof width !== 'number') return undefined;
  const filling = typeof char === 'string' && char !== '' ? char : ' ';
  const length = Math.min(Math.abs(Math.trunc(width)), MAX_PAD_WIDTH);
  return width < 0 ? text.padStart(length, filling) : text.padEnd(length, filling);
}

function contentOfResult(result: unknown, message: HubMessage, rule: RuleNames): Content {
  if (result === undefined || result === null) {
    return contentOf({
      ignored: [{ code: 'MAPPING', reason: `The expression of ${rule.name} gives nothing.` }],
    });
  }
  const list = Array.isArray(result) ? result : [result];
  const readings: Reading[] = [];
  const refusals: Refusal[] = [];
  const ignored: Ignored[] = [];
  for (const item of list) {
    const reading = readingOf(item, message, rule);
    if ('code' in reading) refusals.push(reading);
    else readings.push(reading);
  }
  if (list.length === 0)
    ignored.push({ code: 'NO_VALUES', reason: `The expression of ${rule.name} gives no values.` });
  return contentOf({ readings, refusals, ignored });
}

function readingOf(item: unknown, message: HubMessage, rule: RuleNames): Reading | Refusal {
  const wrong = (what: string): Refusal => ({
    code: 'MAPPING_FAILED',
    reason: `The expression of ${rule.name} gives ${what}.`,
  });
  if (!isPlainObject(item)) return wrong(`${show(item)}; expected is {"properties": {..}}`);
  const properties = member(item, 'properties');
  if (!isPlainObject(properties)) return wrong('an object without "properties"');
  const thing = member(item, 'thing') ?? message.deviceId;
  if (typeof thing !== 'string' || thing === '') return wrong(`${show(thing)} as the name of a Thing`);
  const givenTime = member(item, 'time');
  const timeMs =
    givenTime === undefined || givenTime === null ? messageTimeMs(message) : toDateTime(givenTime);
  if (typeof timeMs !== 'number') {
    return {
      code: 'TIME_INVALID',
      reason: `The expression of ${rule.name} gives ${show(givenTime)} as time.`,
      thing,
    };
  }
  const givenQuality = member(item, 'quality');
  const quality = givenQuality === undefined || givenQuality === null ? 'GOOD' : toQuality(givenQuality);
  if (quality === undefined) return wrong(`${show(givenQuality)} as quality`);
  return { thing, template: rule.template, prefix: '', timeMs, quality, members: properties };
}
