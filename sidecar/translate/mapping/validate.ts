import { isDeepStrictEqual } from 'node:util';
import { ConnectorError } from '../../errors/connector-error.ts';
import { parseDateTime } from '../coerce/date-time.ts';
import { isPlainObject } from '../coerce/structure.ts';
import { show } from '../coerce/wrong.ts';
import { DEFAULT_LIMITS } from '../decode/limits.ts';
import { CompiledTranslator } from '../translator.ts';
import type { BaseType, Translation, TranslationSettings, Update } from '../types.ts';
import { compileMappings } from './document.ts';
import { ExpressionPool } from './expression-pool.ts';
import { pointerKey } from './rule.ts';
import type { MappingDocument, MappingTest } from './schema.ts';
import type { MappingProblem } from './schema-check.ts';
import { messageOf, timeOf } from './test-message.ts';
import { CREATE_ALL, TrialDirectory, tryMessage } from './trial.ts';

/**
 * Checks a mapping document whole: form, paths, templates and expressions, then its own tests. An empty list: it can
 * be used. Never rejects. Absent, null, empty text and {} mean no mappings and are right.
 */
export async function validateMappings(
  document: unknown,
  limits: TranslationSettings['limits'] = DEFAULT_LIMITS,
): Promise<readonly MappingProblem[]> {
  const { problems } = compileMappings(document);
  if (problems.length > 0 || !isPlainObject(document)) return problems;
  const { tests } = document as Partial<MappingDocument>;
  return tests === undefined ? [] : runOwnTests(document, tests, limits);
}

/** Runs the tests that a document carries: one problem for everything that comes out otherwise than expected. */
async function runOwnTests(
  document: unknown,
  tests: readonly MappingTest[],
  limits: TranslationSettings['limits'],
): Promise<readonly MappingProblem[]> {
  const pool = new ExpressionPool();
  const open = new CompiledTranslator({ ...CREATE_ALL, mappings: document, limits }, pool);
  // with Things given, what they lack must show
  const strict = new CompiledTranslator(
    { unknownThing: 'deadLetter', unknownProperty: 'deadLetter', mappings: document, limits },
    pool,
  );
  const problems: MappingProblem[] = [];
  for (const [i, test] of tests.entries()) {
    const things = test.things as Record<string, Record<string, BaseType>> | undefined;
    const translator = things === undefined ? open : strict;
    const { translation } = await tryMessage(translator, messageOf(test.message), new TrialDirectory(things));
    const name = test.name === undefined ? `Test ${i + 1}` : `Test ${JSON.stringify(test.name)}`;
    for (const { at, message } of differences(test, translation)) {
      problems.push({ pointer: `/tests/${i}${at}`, message: `${name}: ${message}.` });
    }
  }
  await pool.stop();
  return problems;
}

interface Difference {
  readonly at: string;
  readonly message: string;
}

function differences(test: MappingTest, { updates, refusals }: Translation): readonly Difference[] {
  const found: Difference[] = [];
  const codes = refusals.map(({ code }) => code as string);
  const expectedCodes = test.refused ?? [];
  if (!isDeepStrictEqual([...codes].sort(), [...expectedCodes].sort())) {
    const reasons = refusals.map(({ code, reason }) => `${code}: ${reason}`).join(' ');
    const wanted = expectedCodes.length === 0 ? 'no refusal' : expectedCodes.join(', ');
    found.push({ at: '/refused', message: `expected is ${wanted}, but came ${reasons || 'none'}` });
  }
  if (updates.length !== test.expect.length) {
    const rows = updates.map((update) => `${update.thing} ${JSON.stringify(valuesOf(update))}`).join('; ');
    const message = `expected are ${test.expect.length} rows, but came ${updates.length}: ${rows || 'none'}`;
    found.push({ at: '/expect', message: message.slice(0, 1000) });
    return found;
  }
  test.expect.forEach((expected, i) => {
    const update = updates[i] as Update;
    found.push(
      ...rowDifferences(expected, update).map(({ at, message }) => ({ at: `/expect/${i}${at}`, message })),
    );
  });
  return found;
}

function rowDifferences(expected: MappingTest['expect'][number], update: Update): readonly Difference[] {
  const found: Difference[] = [];
  const differ = (at: string, actual: unknown, wanted: unknown): void => {
    found.push({ at, message: `expected is ${text(wanted)}, but came ${text(actual)}` });
  };
  if (update.thing !== expected.thing) differ('/thing', update.thing, expected.thing);
  if (expected.time !== undefined && timeOf(expected.time) !== update.timeMs) {
    differ('/time', new Date(update.timeMs).toISOString(), expected.time);
  }
  if (expected.quality !== undefined && expected.quality !== update.quality) {
    differ('/quality', update.quality, expected.quality);
  }
  const actual = new Map(Object.entries(valuesOf(update)));
  for (const [property, wanted] of Object.entries(expected.values)) {
    const value = actual.get(property);
    const baseType = update.baseTypes[update.properties.indexOf(property)];
    if (!sameValue(value, wanted, baseType)) differ(`/values/${pointerKey(property)}`, value, wanted);
    actual.delete(property);
  }
  for (const [property, value] of actual) differ(`/values/${pointerKey(property)}`, value, undefined);
  return found;
}

/** Dates may be expected as text. */
function sameValue(actual: unknown, wanted: unknown, baseType: BaseType | undefined): boolean {
  if (baseType === 'DATETIME' && typeof wanted === 'string') return actual === parseDateTime(wanted);
  return isDeepStrictEqual(actual, wanted);
}

/** The values that a row has, by property. */
function valuesOf({ properties, values }: Update): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    properties.map((property, i) => [property, values[i]] as const).filter(([, value]) => value !== null),
  );
}

function text(value: unknown): string {
  if (value === undefined) return 'nothing';
  const json = typeof value === 'object' ? JSON.stringify(value) : show(value);
  return json.length > 200 ? `${json.slice(0, 200)}...` : json;
}

/** Problems that a message names; a document with more is wrong as a whole. */
const MAX_NAMED = 5;

/** Throws MAPPINGS_INVALID when the mappings cannot be used or their own tests fail. */
export async function checkMappings(mappings: unknown): Promise<void> {
  const problems = await validateMappings(mappings);
  if (problems.length === 0) return;
  const named = problems
    .slice(0, MAX_NAMED)
    .map(({ pointer, message }) => `${pointer || '(whole)'}: ${message}`);
  const more = problems.length > MAX_NAMED ? ` And ${problems.length - MAX_NAMED} more.` : '';
  throw new ConnectorError('MAPPINGS_INVALID', `${named.join(' ')}${more}`, {
    details: { problems: problems.slice(0, 100) },
  });
}
