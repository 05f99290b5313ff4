import { ConnectorError } from '../../errors/connector-error.ts';
import { isPlainObject } from '../coerce/structure.ts';
import { DEFAULT_LIMITS } from '../decode/limits.ts';
import type { TranslationSettings } from '../types.ts';
import { compileMappings, type MappingProblem } from './document.ts';
import { runOwnTests } from './own-tests.ts';
import type { MappingDocument } from './schema.ts';

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
