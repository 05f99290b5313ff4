import fc from 'fast-check';

/** What the generator reads of a JSON Schema. */
interface Facts {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly unknown[];
  readonly items?: unknown;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly format?: string;
  readonly default?: unknown;
}

/** Texts that have made trouble somewhere. */
const TROUBLE = fc.constantFrom(
  '',
  ' ',
  '.',
  '..',
  '../../etc/passwd',
  '%2e%2e%2f',
  'a/b?c#d',
  'a\u0000b',
  'a\r\nx-injected: 1',
  '\ud800',
  '\u202e',
  '__proto__',
  'toString',
  "' OR 1=1 --",
  '#{7*7}',
  '<script>',
  'null',
  'NaN',
  '1e400',
  '-0',
  '9007199254740993',
  'x'.repeat(300),
);
const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 2, arbitrary: TROUBLE },
  { weight: 1, arbitrary: fc.string({ maxLength: 20, unit: 'binary' }) },
);
const number = fc.oneof(
  fc.integer({ min: -3, max: 200 }),
  fc.double(),
  fc.constantFrom(0, -1, 2 ** 31, 2 ** 53, 1e308, -0),
);
const anything = fc.anything({
  maxDepth: 3,
  maxKeys: 4,
  key: fc.oneof(fc.string({ maxLength: 8 }), TROUBLE),
  values: [text, number, fc.boolean(), fc.constant(null)],
});

/** Values that mostly have the form that the schema asks for, and now and then another one. */
export function schemaArbitrary(schema: unknown): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 12, arbitrary: fitting((schema ?? {}) as Facts) },
    { weight: 1, arbitrary: anything },
  );
}

/** An object of the schema's members; some are left out, some that nobody knows are there. */
export function objectArbitrary(schema: unknown): fc.Arbitrary<Record<string, unknown>> {
  const { properties = {}, required = [] } = schema as Facts;
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, member]) => [name, schemaArbitrary(member)]),
  );
  const known = fc.record(members, { requiredKeys: [...required] });
  const lacking = fc.record(members, { requiredKeys: [] });
  const unknown = fc.tuple(known, fc.dictionary(TROUBLE, anything, { maxKeys: 2 })).map(([own, more]) => ({
    ...more,
    ...own,
  }));
  return fc.oneof(
    { weight: 8, arbitrary: known },
    { weight: 1, arbitrary: lacking },
    { weight: 1, arbitrary: unknown },
  ) as fc.Arbitrary<Record<string, unknown>>;
}

function fitting(facts: Facts): fc.Arbitrary<unknown> {
  if ('const' in facts) return fc.constant(facts.const);
  if (facts.enum) return fc.constantFrom(...facts.enum);
  if (facts.anyOf) return fc.oneof(...facts.anyOf.map((option) => fitting(option as Facts)));
  switch (facts.type) {
    case 'string':
      if (facts.format === 'date-time')
        return fc
          .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
          .map((date) => date.toISOString());
      return text;
    case 'integer':
      return fc.integer({ min: facts.minimum ?? -5, max: Math.min(facts.maximum ?? 1000, 2 ** 31 - 1) });
    case 'number':
      return number;
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(schemaArbitrary(facts.items), { maxLength: 3 });
    case 'object':
      return facts.properties ? objectArbitrary(facts) : fc.dictionary(text, anything, { maxKeys: 4 });
    default:
      return anything;
  }
}
