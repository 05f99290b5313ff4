/**
 * Evaluates expressions. The language has three truth values: what cannot be compared (a missing property, two types,
 * an object) is undefined, and a condition holds only when it is true, so a twin without a tag matches neither
 * `tag = 1` nor `tag != 1`. That is the behaviour of the store behind the hub (Cosmos DB's SQL).
 */
import { functions } from './functions.ts';
import type { BinaryOperator, Expression, Path } from './syntax.ts';

/** Gives the value of a path, undefined when there is none. */
export type Resolver = (path: Path) => unknown;

export function holds(expression: Expression, resolve: Resolver): boolean {
  return evaluate(expression, resolve) === true;
}

export function evaluate(expression: Expression, resolve: Resolver): unknown {
  switch (expression.kind) {
    case 'constant':
      return expression.value;
    case 'path':
      return resolve(expression.path);
    case 'array':
      return expression.items.map((item) => evaluate(item, resolve));
    case 'not': {
      const value = evaluate(expression.operand, resolve);
      return typeof value === 'boolean' ? !value : undefined;
    }
    case 'negative': {
      const value = evaluate(expression.operand, resolve);
      return typeof value === 'number' ? -value : undefined;
    }
    case 'call': {
      const values = expression.parameters.map((parameter) => evaluate(parameter, resolve));
      return functions.get(expression.name)?.run(...values);
    }
    case 'binary':
      return binary(expression.operator, expression.left, expression.right, resolve);
  }
}

function binary(operator: BinaryOperator, left: Expression, right: Expression, resolve: Resolver): unknown {
  const a = evaluate(left, resolve);
  if (operator === 'and') {
    if (a === false) return false;
    const b = evaluate(right, resolve);
    if (b === false) return false;
    return a === true && b === true ? true : undefined;
  }
  if (operator === 'or') {
    if (a === true) return true;
    const b = evaluate(right, resolve);
    if (b === true) return true;
    return a === false && b === false ? false : undefined;
  }
  const b = evaluate(right, resolve);
  switch (operator) {
    case '=':
      return compare(a, b, (order) => order === 0);
    case '!=':
      return compare(a, b, (order) => order !== 0);
    case '<':
      return compare(a, b, (order) => order < 0);
    case '>':
      return compare(a, b, (order) => order > 0);
    case '<=':
      return compare(a, b, (order) => order <= 0);
    case '>=':
      return compare(a, b, (order) => order >= 0);
    case 'in':
      return isIn(a, b);
    case 'nin': {
      const found = isIn(a, b);
      return found === undefined ? undefined : !found;
    }
    default:
      return arithmetic(operator, a, b);
  }
}

function compare(a: unknown, b: unknown, test: (order: number) => boolean): boolean | undefined {
  if (a === null && b === null) return test(0);
  if (typeof a !== typeof b) return undefined;
  if (typeof a === 'string' && typeof b === 'string') return test(a < b ? -1 : a > b ? 1 : 0);
  if (typeof a === 'number' && typeof b === 'number') return test(a - b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return test(Number(a) - Number(b));
  return undefined;
}

function isIn(value: unknown, list: unknown): boolean | undefined {
  if (value === undefined || !Array.isArray(list)) return undefined;
  return list.some((item) => item === value);
}

function arithmetic(operator: '+' | '-' | '*' | '/' | '%', a: unknown, b: unknown): number | undefined {
  if (typeof a !== 'number' || typeof b !== 'number') return undefined;
  const results = { '+': a + b, '-': a - b, '*': a * b, '/': a / b, '%': a % b };
  const result = results[operator];
  return Number.isFinite(result) ? result : undefined;
}

/** Walks into a document by exact names; array items by number. */
export function valueAt(document: unknown, path: Path): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value)) value = typeof part === 'number' ? value[part] : undefined;
    else value = Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined;
  }
  return value;
}

/** Walks into a document by names in any case, as message routing does. */
export function valueAtAnyCase(document: unknown, path: Path): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value)) value = typeof part === 'number' ? value[part] : undefined;
    else {
      const wanted = String(part).toLowerCase();
      const key = Object.keys(value).find((name) => name === part) ?? keyInAnyCase(value, wanted);
      value = key === undefined ? undefined : (value as Record<string, unknown>)[key];
    }
  }
  return value;
}

function keyInAnyCase(value: object, wanted: string): string | undefined {
  return Object.keys(value).find((name) => name.toLowerCase() === wanted);
}
