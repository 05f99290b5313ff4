import { Undecodable } from '../decode/undecodable.ts';
import { AUTO, type BodyForm } from '../decode.ts';
import { readDefault } from '../defaults.ts';
import { type Content, contentOf, refused } from '../reading.ts';
import { readNotification } from '../sources/notification-reader.ts';
import type { ReceivedMessage, TranslationLimits } from '../types.ts';
import { applyRule } from './apply-rule.ts';
import { ExpressionPool } from './expression-pool.ts';
import { type CompiledRule, compileRule } from './rule.ts';
import type { MappingDocument } from './schema.ts';
import { checkDocument, type MappingProblem } from './schema-check.ts';
import { rootScope } from './scope.ts';

/** Reads the body in a form; the one that was asked for last is kept. */
export type BodyReader = (form: BodyForm, exact?: boolean) => unknown;

export interface CompiledMappings {
  /** Empty: the document can be used. */
  readonly problems: readonly MappingProblem[];
  /** The rule that takes a message: its name for TestMapping; undefined for the defaults. */
  ruleFor(message: ReceivedMessage, body: BodyReader, exact: boolean): CompiledRule | undefined;
  read(
    message: ReceivedMessage,
    body: BodyReader,
    limits: TranslationLimits,
    exact: boolean,
  ): Content | Promise<Content>;
}

/** Compiles a mapping document; absent, null and {} mean none. Never throws: what is wrong is in `problems`. */
export function compileMappings(document: unknown, pool = new ExpressionPool()): CompiledMappings {
  if (isAbsent(document)) return new Mappings([], 'default', []);
  const problems = [...checkDocument(document)];
  if (problems.length > 0) return new Mappings([], 'default', problems);
  const { rules, otherwise } = document as MappingDocument;
  const compiled: CompiledRule[] = [];
  rules.forEach((rule, i) => {
    const result = compileRule(rule, i, pool);
    if ('name' in result) compiled.push(result);
    else {
      for (const { at, flaw } of result) {
        problems.push({ pointer: `/rules/${i}${at}`, message: `${flaw.reason}.` });
      }
    }
  });
  return new Mappings(compiled, otherwise ?? 'default', problems);
}

function isAbsent(document: unknown): boolean {
  if (document === undefined || document === null || document === '') return true;
  return typeof document === 'object' && !Array.isArray(document) && Object.keys(document).length === 0;
}

function withoutEmpty(value: unknown): unknown {
  return value instanceof Undecodable && value.code === 'BODY_EMPTY' ? undefined : value;
}

class Mappings implements CompiledMappings {
  readonly problems: readonly MappingProblem[];
  readonly #rules: readonly CompiledRule[];
  readonly #otherwise: 'default' | 'ignore' | 'deadLetter';

  constructor(
    rules: readonly CompiledRule[],
    otherwise: 'default' | 'ignore' | 'deadLetter',
    problems: readonly MappingProblem[],
  ) {
    this.#rules = rules;
    this.#otherwise = otherwise;
    this.problems = problems;
  }

  ruleFor(message: ReceivedMessage, body: BodyReader, exact: boolean): CompiledRule | undefined {
    for (const rule of this.#rules) {
      if (!rule.matchesMessage(message)) continue;
      if (rule.matchesBody === undefined) return rule;
      const value = withoutEmpty(body(rule.form));
      // a body that cannot be read meets no condition on it; an empty one has nothing at any path
      if (!(value instanceof Undecodable) && rule.matchesBody(rootScope(message, value, exact))) return rule;
    }
    return undefined;
  }

  read(
    message: ReceivedMessage,
    body: BodyReader,
    limits: TranslationLimits,
    exact: boolean,
  ): Content | Promise<Content> {
    if (this.problems.length > 0) return this.#unusable();
    const rule = this.#rules.length === 0 ? undefined : this.ruleFor(message, body, exact);
    if (rule?.ignore === true) {
      return contentOf({
        ignored: [{ code: 'MAPPING', reason: `The rule ${rule.name} ignores such messages.` }],
      });
    }
    const isTelemetry = message.source === 'Telemetry' || message.source === '';
    if (rule === undefined && isTelemetry && this.#otherwise !== 'default') return this.#noRule();
    // an expression gets integers that a double cannot hold as text, with all their digits
    const decoded = body(rule?.form ?? AUTO, exact || rule?.expression !== undefined);
    // paths may read the message's properties alone
    const value = rule?.properties === undefined ? decoded : withoutEmpty(decoded);
    if (value instanceof Undecodable) return refused({ code: value.code, reason: value.reason });
    if (rule === undefined)
      return isTelemetry ? readDefault(message, value) : readNotification(message, value);
    if (rule.expression !== undefined) return rule.expression.evaluate(message, value, limits, rule);
    return applyRule(rule, message, value, exact);
  }

  #noRule(): Content {
    const reason = 'No mapping rule takes such messages.';
    return this.#otherwise === 'ignore'
      ? contentOf({ ignored: [{ code: 'MAPPING', reason }] })
      : refused({ code: 'MAPPING_FAILED', reason });
  }

  /** Values mapped by the wrong rules would be worse than none: the messages wait in the dead letters. */
  #unusable(): Content {
    const [first] = this.problems;
    return refused({
      code: 'MAPPING_FAILED',
      reason: `The mappings cannot be used: ${first?.pointer || 'the document'}: ${first?.message}`,
    });
  }
}
