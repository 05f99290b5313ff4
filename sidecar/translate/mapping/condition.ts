import type { Condition } from './schema.ts';

/** Whether a value meets a condition. Never throws. */
export type Matcher = (value: unknown) => boolean;

type Scalar = string | number | boolean | null;

/** Compiles a condition of the schema: pattern, scalar, array of those, {exists} or {not}. */
export function compileCondition(condition: Condition): Matcher {
  if (Array.isArray(condition)) {
    const matchers = condition.map((item) => compileScalar(item));
    return (value) => matchers.some((matches) => matches(value));
  }
  if (typeof condition === 'object' && condition !== null) {
    if ('not' in condition) {
      const matches = compileCondition(condition.not as Condition);
      return (value) => !matches(value);
    }
    const { exists } = condition as { exists: boolean };
    return (value) => (value !== undefined && value !== null) === exists;
  }
  return compileScalar(condition as Scalar);
}

function compileScalar(expected: Scalar): Matcher {
  if (expected === null) return (value) => value === null || value === undefined;
  if (typeof expected !== 'string') return (value) => value === expected;
  if (!/[*?]/.test(expected)) return (value) => value === expected;
  return (value) => typeof value === 'string' && matchesPattern(expected, value);
}

/** `*` any characters, `?` one. Linear in the text for each star, never exponential. */
export function matchesPattern(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star !== -1) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
