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
