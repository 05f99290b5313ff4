import jsonata from 'jsonata';
import { toDateTime } from '../coerce/date-time.ts';
import { toQuality } from '../coerce/quality.ts';
import { isPlainObject, member } from '../coerce/structure.ts';
import { show } from '../coerce/wrong.ts';
import { type Content, contentOf, messageTimeMs, type Reading, refused } from '../reading.ts';
import type { Ignored, ReceivedMessage, Refusal, TranslationLimits } from '../types.ts';
import { textOf } from './expression-job.ts';
import type { ExpressionPool } from './expression-pool.ts';
import { Flaw, messageFields } from './path.ts';
import { compileRegex } from './regex.ts';

/** A JSONata expression that does the whole work of a rule. */
export interface CompiledExpression {
  /** Never rejects. */
  evaluate(
    message: ReceivedMessage,
    body: unknown,
    limits: TranslationLimits,
    rule: RuleNames,
  ): Promise<Content>;
}

interface RuleNames {
  readonly name: string;
  readonly template: string | undefined;
}

/**
 * Checks an expression once; it is evaluated in a thread of its own (expression-pool.ts), which is ended at the limits of time and memory.
 * It sees the body as `$` and the message as `$message`.
 */
export function compileExpression(source: string, pool: ExpressionPool): CompiledExpression | Flaw {
  const flaw = flawOf(source);
  if (flaw !== undefined) return flaw;
  const usesMessage = source.includes('$message');
  return {
    async evaluate(message, body, limits, rule) {
      const { maxExpressionMs, maxKeys, maxInflatedBytes } = limits;
      const outcome = await pool.evaluate({
        source,
        body,
        message: usesMessage ? messageFields(message) : undefined,
        nowMs: message.enqueuedTimeMs,
        limits: { maxMs: maxExpressionMs, maxLength: maxKeys, maxCharacters: maxInflatedBytes },
      });
      if ('failure' in outcome) {
        const reason = `The expression of ${rule.name} failed: ${outcome.failure}.`;
        return refused({ code: 'MAPPING_FAILED', reason });
      }
      return contentOfResult(outcome.result, message, rule);
    },
  };
}

function flawOf(source: string): Flaw | undefined {
  try {
    return firstRegexFlaw(jsonata(source).ast());
  } catch (thrown) {
    const position = (thrown as { position?: unknown }).position;
    const place = typeof position === 'number' ? ` at character ${position}` : '';
    return new Flaw(`the JSONata expression cannot be read${place}: ${textOf(thrown)}`);
  }
}

/** Walks the syntax tree with a list of its own: a long chain of operators nests deep. */
function firstRegexFlaw(ast: unknown): Flaw | undefined {
  const pending: unknown[] = [ast];
  const seen = new Set<object>();
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node instanceof RegExp) {
      const regex = compileRegex(node.source, node.flags);
      if (regex instanceof Flaw) return regex;
    } else if (typeof node === 'object' && node !== null && !seen.has(node)) {
      seen.add(node);
      pending.push(...Object.values(node).filter((value) => value !== undefined));
    }
  }
  return undefined;
}

function contentOfResult(result: unknown, message: ReceivedMessage, rule: RuleNames): Content {
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

function readingOf(item: unknown, message: ReceivedMessage, rule: RuleNames): Reading | Refusal {
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
  const untimed = givenTime === undefined || givenTime === null;
  return { thing, template: rule.template, prefix: '', timeMs, untimed, quality, members: properties };
}
