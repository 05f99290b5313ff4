import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormatsModule from 'ajv-formats';
import type { TObject, TSchema } from 'typebox';
import { ANNOTATION_KEYWORDS, EXPECTED_KEYWORD, factsOf } from '../contract/schema.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { type Operation, ownerMember, pathMembers, usesQuery } from '../operations/operation.ts';

/** ajv-formats is CommonJS whose types put the function one level too deep. */
const addFormats = addFormatsModule as unknown as (ajv: Ajv) => void;

/** Input that can be used, and the invalid parts of its lenient member by name. */
interface CheckedInput {
  readonly input: Record<string, unknown>;
  readonly invalid: ReadonlyMap<string, ConnectorError>;
}

/** One invalid field of a request. */
interface FieldError {
  /** Such as `settings.maxRowsPerCall`; empty for the whole body. */
  readonly field: string;
  readonly problem: string;
  readonly expected: string;
}

/** Checks path, query and body of a request and gives the input of the operation. @throws ConnectorError REQUEST_INVALID */
export type InputCheck = (
  path: Record<string, unknown>,
  query: Record<string, unknown>,
  body: unknown,
) => CheckedInput;

/** Creates validators that name every invalid field, the problem and what is expected. */
export class Validation {
  readonly #strict = newAjv(false);
  readonly #coercing = newAjv('array');

  /**
   * A check for the input of an operation. Path and query members are text and are converted; body members must have their
   * types. Defaults are filled in. The check throws ConnectorError REQUEST_INVALID, unless all that is wrong lies in the lenient member of
   * the operation.
   */
  forInput(operation: Operation): InputCheck {
    const inPath = new Set(pathMembers(operation.path));
    const byTicket = operation.authorisation === 'ticket';
    const elsewhere = (name: string) => inPath.has(name) || (byTicket && name === 'secret');
    const textual = usesQuery(operation.method);
    const pathSchema = pick(operation.input, (name) => inPath.has(name));
    const restSchema = pick(operation.input, (name) => !elsewhere(name));
    const checkPath = whenUsed(() => this.#coercing.compile(pathSchema));
    const checkRest = whenUsed(() => (textual ? this.#coercing : this.#strict).compile(restSchema));
    return (path, query, body) => {
      const fromPath = { ...path };
      check(checkPath(), fromPath);
      const rest = textual ? fromQuery(query, restSchema) : body;
      const invalid = checkLeniently(checkRest(), rest, operation.lenient);
      return { input: { ...(rest as Record<string, unknown>), ...fromPath }, invalid };
    };
  }

  /** The same for a call by name: the path holds the Thing, the body everything else. */
  forNamedCall(operation: Operation): InputCheck {
    const owner = ownerMember(operation.path);
    const schema = pick(operation.input, (name) => name !== owner);
    const ownerSchema = pick(operation.input, (name) => name === owner);
    const checkBody = whenUsed(() => this.#strict.compile(schema));
    const checkOwner = whenUsed(() => this.#strict.compile(ownerSchema));
    return ({ thing }, _query, body) => {
      const invalid = checkLeniently(checkBody(), body, operation.lenient);
      const ofThing = owner === undefined ? {} : { [owner]: thing };
      check(checkOwner(), ofThing);
      return { input: { ...(body as Record<string, unknown>), ...ofThing }, invalid };
    };
  }

  /** A check for the output of an operation, for tests. Returns the problem, or undefined. */
  forOutput(operation: Operation): (output: unknown) => string | undefined {
    const compiled = whenUsed(() => this.#strict.compile(operation.output));
    return (output) => {
      const validate = compiled();
      const copy: unknown = structuredClone(output);
      return validate(copy) ? undefined : describeErrors(fieldErrors(validate, copy));
    };
  }
}

/** Compiles a schema at its first use: compiling takes milliseconds, and most operations are rarely called. */
function whenUsed(compile: () => ValidateFunction): () => ValidateFunction {
  let compiled: ValidateFunction | undefined;
  return () => {
    compiled ??= compile();
    return compiled;
  };
}

function newAjv(coerceTypes: false | 'array'): Ajv {
  const ajv = new Ajv({
    allErrors: true,
    strict: true,
    strictRequired: false,
    coerceTypes,
    useDefaults: true,
    verbose: true,
    // A test checks our schemas against the meta-schema. Compiling that one takes a twentieth of the time to start.
    validateSchema: false,
  });
  addFormats(ajv);
  ajv.addVocabulary(ANNOTATION_KEYWORDS);
  return ajv;
}

function pick(schema: TObject, keep: (name: string) => boolean): TObject {
  const { properties = {}, required = [] } = factsOf(schema);
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => keep(name))),
    required: required.filter(keep),
    additionalProperties: false,
  } as unknown as TObject;
}

/** Objects and arrays are JSON text in a query string. */
function fromQuery(query: Record<string, unknown>, schema: TObject): Record<string, unknown> {
  const values: Record<string, unknown> = { ...query };
  for (const [name, member] of Object.entries(factsOf(schema).properties ?? {})) {
    const value = values[name];
    if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) continue;
    const { type } = factsOf(member);
    if (type !== 'object' && type !== 'array') continue;
    try {
      values[name] = JSON.parse(value);
    } catch {
      // Stays text; the validation then reports it.
    }
  }
  return values;
}

function check(validate: ValidateFunction, value: unknown): void {
  if (validate(value)) return;
  const errors = fieldErrors(validate, value);
  throw new ConnectorError('REQUEST_INVALID', describeErrors(errors), { details: { errors } });
}

/** Takes the invalid parts out of one member of the value, unless something else is wrong as well. */
function checkLeniently(
  validate: ValidateFunction,
  value: unknown,
  lenient: string | undefined,
): ReadonlyMap<string, ConnectorError> {
  const invalid = new Map<string, ConnectorError>();
  if (validate(value)) return invalid;
  const errors = fieldErrors(validate, value);
  const within = lenient === undefined ? [] : errors.filter(({ field }) => field.startsWith(`${lenient}.`));
  if (lenient === undefined || within.length < errors.length)
    throw new ConnectorError('REQUEST_INVALID', describeErrors(errors), { details: { errors } });
  const member = (value as Record<string, Record<string, unknown>>)[lenient] ?? {};
  const partOf = ({ field }: FieldError) => field.slice(lenient.length + 1).split(/[.[]/, 1)[0] ?? '';
  for (const part of new Set(within.map(partOf))) {
    delete member[part];
    const own = within.filter((error) => partOf(error) === part);
    invalid.set(
      part,
      new ConnectorError('REQUEST_INVALID', describeErrors(own), { details: { errors: own } }),
    );
  }
  return invalid;
}

function describeErrors(errors: readonly FieldError[]): string {
  return errors
    .map(
      ({ field, problem, expected }) =>
        `${field || 'The body'} ${problem}${expected ? `; expected ${expected}` : ''}.`,
    )
    .join(' ');
}

function fieldErrors(validate: ValidateFunction, value: unknown): FieldError[] {
  const found = new Map<string, FieldError>();
  for (const error of validate.errors ?? []) {
    const entry = fieldError(error, value);
    // The first error of a field is the cause; further ones are consequences.
    if (!found.has(entry.field)) found.set(entry.field, entry);
  }
  return [...found.values()];
}

function fieldError(error: ErrorObject, value: unknown): FieldError {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (error.keyword === 'required') {
    const name = String(error.params.missingProperty);
    const members = factsOf(error.parentSchema as TSchema).properties;
    return {
      field: fieldName([...path, name]),
      problem: 'is missing',
      expected: members?.[name] ? expectation(members[name]) : '',
    };
  }
  if (error.keyword === 'additionalProperties') {
    const name = String(error.params.additionalProperty).slice(0, 100);
    const known = Object.keys(factsOf(error.parentSchema as TSchema).properties ?? {});
    return {
      field: fieldName([...path, name]),
      problem: 'is not known',
      expected: known.length === 0 ? 'no members' : `one of ${known.join(', ')}`,
    };
  }
  return {
    field: fieldName(path),
    problem: `is ${kindOf(at(value, path))}`,
    expected: expectation(error.parentSchema as TSchema),
  };
}

function fieldName(path: readonly string[]): string {
  return path
    .map((part, index) => (/^\d+$/.test(part) ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

function at(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const part of path) current = (current as Record<string, unknown> | undefined)?.[part];
  return current;
}

/** Describes a value without its text, which may be a misplaced secret. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (typeof value === 'string') return value === '' ? 'empty' : `a text of ${value.length} characters`;
  return Array.isArray(value) ? `a list of ${value.length}` : 'an object';
}

/** Describes in words what a schema expects. */
export function expectation(schema: TSchema): string {
  const said = (schema as Record<string, unknown>)[EXPECTED_KEYWORD];
  if (typeof said === 'string') return said;
  const facts = factsOf(schema) as ReturnType<typeof factsOf> & {
    maxLength?: number;
    uniqueItems?: boolean;
  };
  if (facts.enum) return `one of ${facts.enum.join(', ')}`;
  if (facts.format === 'date-time') return 'a time such as 2026-01-31T12:00:00Z';
  switch (facts.type) {
    case 'integer':
      return `a whole number${range(facts.minimum, facts.maximum)}`;
    case 'number':
      return `a number${range(facts.minimum, facts.maximum)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return `a text${lengths(facts.minLength, facts.maxLength)}`;
    case 'array':
      return facts.uniqueItems ? 'a list without repetitions' : 'a list';
    case 'object':
      return 'a JSON object';
    default:
      return '';
  }
}

function range(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  return maximum === undefined ? '' : ` of at most ${maximum}`;
}

function lengths(minLength = 0, maxLength: number | undefined): string {
  if (maxLength === undefined) return minLength > 0 ? ' that is not empty' : '';
  return ` of ${minLength} to ${maxLength} characters`;
}
