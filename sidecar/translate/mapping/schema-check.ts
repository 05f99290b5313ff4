import { Ajv, type ErrorObject } from 'ajv';
import { show } from '../coerce/wrong.ts';
import { MappingDocument, TestMessage } from './schema.ts';

/** Something wrong in a mapping document. */
export interface MappingProblem {
  /** Where, as a JSON pointer (RFC 6901); empty for the whole. */
  readonly pointer: string;
  /** What is wrong and what is expected, in plain words. */
  readonly message: string;
}

/** Problems shown at once; a document with more has one thing wrong in many places. */
const MAX_PROBLEMS = 50;

/** Nesting beyond which a document is not looked at. */
const MAX_DEPTH = 200;

/** Compiles a schema when it is first used, which a sidecar without mappings never does. */
const ajv = new Ajv({ allErrors: true, verbose: true, strict: false });

/** Checks a mapping document against the schema: where it does not fit, and what is expected there. */
export function checkDocument(document: unknown): readonly MappingProblem[] {
  return check(MappingDocument, document);
}

/** Checks the message of a test or of TestMapping. */
export function checkSample(sample: unknown): readonly MappingProblem[] {
  return check(TestMessage, sample);
}

/** Checks a value against a schema: where it does not fit, and what is expected there. */
export function check(schema: object, value: unknown): readonly MappingProblem[] {
  if (depthOf(value) > MAX_DEPTH) {
    return [{ pointer: '', message: `The document is nested deeper than ${MAX_DEPTH} levels.` }];
  }
  return ajv.validate(schema, value) ? [] : problemsOf(ajv.errors ?? []);
}

/**
 * Errors of ajv in plain words. Where alternatives failed, ajv reports every branch; the union's own description says what is expected, so only it is
 * kept, unless a branch failed deeper within the value, which is then the better place.
 */
function problemsOf(errors: readonly ErrorObject[]): readonly MappingProblem[] {
  const problems = new Map<string, MappingProblem>();
  const unions = errors.filter((error) => error.keyword === 'anyOf');
  for (const error of errors) {
    const union = unions.find(
      (other) => other !== error && error.schemaPath.startsWith(`${other.schemaPath}/`),
    );
    if (union !== undefined && error.instancePath.length <= union.instancePath.length) continue;
    if (error.keyword === 'anyOf' && hasDeeper(error, errors)) continue;
    const pointer = pointerOf(error);
    if (!problems.has(pointer)) problems.set(pointer, { pointer, message: messageOf(error) });
    if (problems.size >= MAX_PROBLEMS) break;
  }
  return [...problems.values()];
}

function hasDeeper(union: ErrorObject, errors: readonly ErrorObject[]): boolean {
  return errors.some(
    (error) =>
      error.schemaPath.startsWith(`${union.schemaPath}/`) &&
      error.instancePath.length > union.instancePath.length &&
      error.instancePath.startsWith(union.instancePath),
  );
}

function pointerOf(error: ErrorObject): string {
  const params = error.params as { additionalProperty?: string; missingProperty?: string };
  const key = params.additionalProperty;
  return key === undefined
    ? error.instancePath
    : `${error.instancePath}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function messageOf(error: ErrorObject): string {
  const description = (error.parentSchema as { description?: string } | undefined)?.description;
  switch (error.keyword) {
    case 'additionalProperties': {
      const { properties = {} } = (error.parentSchema ?? {}) as { properties?: object };
      const known = Object.keys(properties);
      return `There is no such member; expected is one of ${known.join(', ')}.`;
    }
    case 'required':
      return `The member "${(error.params as { missingProperty: string }).missingProperty}" is missing.`;
    default:
      return description === undefined
        ? `${show(error.data)} ${error.message ?? 'does not fit'}.`
        : `${show(error.data)} does not fit; expected is ${description}.`;
  }
}

function depthOf(document: unknown): number {
  let depth = 0;
  let level: unknown[] = [document];
  while (level.length > 0 && depth <= MAX_DEPTH) {
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
    depth++;
  }
  return depth;
}
