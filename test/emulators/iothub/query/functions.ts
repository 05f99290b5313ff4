/**
 * The functions of the query language. The article allows twin and job queries IS_DEFINED alone and the rest only in
 * routes; the hub is known to take string functions such as STARTSWITH in twin queries too, so all are served
 * everywhere. Names are looked up in lower case without underscores: STARTS_WITH and STARTSWITH are one.
 */
export interface QueryFunction {
  minParameters: number;
  maxParameters: number;
  /** Gets the values of its parameters; undefined stands for the language's `undefined`. */
  run(...values: unknown[]): unknown;
}

const one = (run: (value: unknown) => unknown): QueryFunction => ({
  minParameters: 1,
  maxParameters: 1,
  run,
});
const number = (run: (value: number) => number): QueryFunction =>
  one((value) => (typeof value === 'number' ? finite(run(value)) : undefined));
const texts = (run: (left: string, right: string) => unknown): QueryFunction => ({
  minParameters: 2,
  maxParameters: 2,
  run: (left, right) =>
    typeof left === 'string' && typeof right === 'string' ? run(left, right) : undefined,
});
const text = (run: (value: string) => unknown): QueryFunction =>
  one((value) => (typeof value === 'string' ? run(value) : undefined));

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function isPrimitive(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

export const functions: ReadonlyMap<string, QueryFunction> = new Map<string, QueryFunction>([
  ['isdefined', one((value) => value !== undefined)],
  ['isnull', one((value) => value === null)],
  ['isarray', one((value) => Array.isArray(value))],
  ['isbool', one((value) => typeof value === 'boolean')],
  ['isnumber', one((value) => typeof value === 'number')],
  ['isstring', one((value) => typeof value === 'string')],
  ['isobject', one((value) => typeof value === 'object' && value !== null && !Array.isArray(value))],
  ['isprimitive', one(isPrimitive)],
  ['abs', number(Math.abs)],
  ['exp', number(Math.exp)],
  ['square', number((value) => value * value)],
  ['sqrt', number(Math.sqrt)],
  ['ceiling', number(Math.ceil)],
  ['floor', number(Math.floor)],
  ['sign', number(Math.sign)],
  [
    'power',
    {
      minParameters: 2,
      maxParameters: 2,
      run: (base, exponent) =>
        typeof base === 'number' && typeof exponent === 'number' ? finite(base ** exponent) : undefined,
    },
  ],
  [
    'asnumber',
    one((value) => {
      if (typeof value === 'number') return value;
      if (typeof value !== 'string' || value.trim() === '') return undefined;
      return finite(Number(value));
    }),
  ],
  ['length', text((value) => value.length)],
  ['lower', text((value) => value.toLowerCase())],
  ['upper', text((value) => value.toUpperCase())],
  ['startswith', texts((value, start) => value.startsWith(start))],
  ['endswith', texts((value, end) => value.endsWith(end))],
  ['contains', texts((value, part) => value.includes(part))],
  ['indexof', texts((value, part) => value.indexOf(part))],
  [
    'concat',
    {
      minParameters: 1,
      maxParameters: Number.POSITIVE_INFINITY,
      run: (...values) => (values.every((value) => typeof value === 'string') ? values.join('') : undefined),
    },
  ],
  [
    'substring',
    {
      minParameters: 2,
      maxParameters: 3,
      // The article names the third parameter `end` but describes it as a length.
      run: (value, start, length) =>
        typeof value === 'string' && typeof start === 'number'
          ? value.slice(start, typeof length === 'number' ? start + length : undefined)
          : undefined,
    },
  ],
]);
