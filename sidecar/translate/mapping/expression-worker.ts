import { parentPort } from 'node:worker_threads';
import jsonata from 'jsonata';
import { readJson } from '../exact-json.ts';
import {
  type ExpressionJob,
  type ExpressionLimits,
  type ExpressionOutcome,
  textOf,
} from './expression-job.ts';
import { LinearRegExp } from './regex.ts';

/**
 * The thread that evaluates JSONata: one expression on one body at a time. It has limits of its own that end most runaway expressions with
 * a reason; what they cannot end, expression-pool.ts ends with the thread.
 */

/** Nesting of JSONata's evaluation; its own functions need some tens of levels. */
const MAX_STACK = 500;
const MAX_COMPILED = 200;
const MAX_PAD_WIDTH = 10_000;
/** Of a result. */
const MAX_DEPTH = 200;

const compiled = new Map<string, jsonata.Expression>();

parentPort?.on('message', (job: ExpressionJob) => {
  void evaluate(job).then((outcome) => parentPort?.postMessage(outcome));
});
parentPort?.postMessage('ready');

async function evaluate(job: ExpressionJob): Promise<ExpressionOutcome> {
  const { source, body, message, nowMs, limits } = job;
  try {
    const result: unknown = await expressionOf(source, limits).evaluate(withText(body), {
      message,
      now: () => new Date(nowMs).toISOString(),
      millis: () => nowMs,
      ...FUNCTIONS,
    });
    return { result: new ResultCopy(limits).of(result) };
  } catch (thrown) {
    return { failure: textOf(thrown) };
  }
}

function expressionOf(source: string, limits: ExpressionLimits): jsonata.Expression {
  const key = `${limits.maxMs} ${limits.maxLength} ${source}`;
  let expression = compiled.get(key);
  if (expression === undefined) {
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    expression = jsonata(source, {
      timeout: limits.maxMs,
      stack: MAX_STACK,
      sequence: limits.maxLength,
      RegexEngine: LinearRegExp as unknown as RegExpConstructor,
    });
    compiled.set(key, expression);
  }
  return expression;
}

/** JSONata calculates with doubles: an integer that a double cannot hold is given as text, with all its digits. */
function withText(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value))
    return value;
  const members = value as Record<string | number, unknown>;
  for (const key of Object.keys(value)) {
    const member = members[key];
    if (typeof member === 'bigint' || (typeof member === 'object' && member !== null))
      members[key] = withText(member);
  }
  return value;
}

/**
 * The result as plain JSON: JSONata marks its own arrays with functions, which cannot be copied to another thread. Throws when it is too
 * large or too deep.
 */
class ResultCopy {
  readonly #limits: ExpressionLimits;
  #length = 0;
  #characters = 0;

  constructor(limits: ExpressionLimits) {
    this.#limits = limits;
  }

  of(value: unknown, depth = 0): unknown {
    if (typeof value === 'string') this.#count(0, value.length);
    if (typeof value === 'function') throw { message: 'it gives a function' };
    if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value))
      return value;
    if (depth > MAX_DEPTH) throw { message: `it gives something that nests deeper than ${MAX_DEPTH} levels` };
    if (Array.isArray(value)) {
      this.#count(value.length, 0);
      return value.map((item) => this.of(item, depth + 1));
    }
    // what JSONata makes of a lambda
    if ('_jsonata_lambda' in value || '_jsonata_function' in value) throw { message: 'it gives a function' };
    const entries = Object.entries(value);
    this.#count(entries.length, 0);
    return Object.fromEntries(entries.map(([key, item]) => [key, this.of(item, depth + 1)]));
  }

  #count(length: number, characters: number): void {
    const { maxLength, maxCharacters } = this.#limits;
    this.#length += length;
    this.#characters += characters;
    if (this.#length > maxLength)
      throw { message: `it gives more than ${maxLength} keys and elements (setting maxKeys)` };
    if (this.#characters > maxCharacters)
      throw { message: `it gives texts of more than ${maxCharacters} characters (setting maxInflatedBytes)` };
  }
}

/** `$toMillis` also of a number, which is a time already: those of `$message` are. */
const toMillis = jsonata('$exists(picture) ? $toMillis(text, picture) : $toMillis(text)');

const FUNCTIONS: Readonly<Record<string, unknown>> = {
  // what devices send is data and never code
  eval: (text: unknown) => {
    if (typeof text !== 'string') return undefined;
    try {
      return readJson(text, false);
    } catch {
      throw { code: 'EVAL', message: '$eval reads JSON alone in mappings, and the text is no JSON' };
    }
  },
  toMillis: (text: unknown, picture: unknown) =>
    typeof text === 'number' || text === undefined ? text : toMillis.evaluate({ text, picture }),
  bytes: (text: unknown) =>
    typeof text === 'string'
      ? [...Buffer.from(text, 'base64')]
      : text instanceof Uint8Array
        ? [...text]
        : undefined,
  pad: (text: unknown, width: unknown, char: unknown) => pad(text, width, char),
};

/** As JSONata's $pad, but no text longer than a bound comes of it. */
function pad(text: unknown, width: unknown, char: unknown): string | undefined {
  if (typeof text !== 'string' || typeof width !== 'number') return undefined;
  const filling = typeof char === 'string' && char !== '' ? char : ' ';
  const length = Math.min(Math.abs(Math.trunc(width)), MAX_PAD_WIDTH);
  return width < 0 ? text.padStart(length, filling) : text.padEnd(length, filling);
}
