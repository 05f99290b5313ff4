import { Ajv, type ErrorObject } from 'ajv';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { factsOf } from '../contract/schema.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { expectation, kindOf } from '../http/validation.ts';
import { checkHubSettings } from '../hub/settings-check.ts';
import { readGivenFile } from '../lib/files.ts';
import { nearestName } from '../lib/nearest-name.ts';
import { redact } from '../observe/log.ts';
import { validateMappings } from '../translate/mapping/validate.ts';
import { type ConfigurationDocument, DOCUMENT_SCHEMA, KINDS, SECTIONS } from './document.ts';

/** Something wrong in a configuration document. */
interface Problem {
  /** From the top, each part a key or an index. */
  readonly path: readonly string[];
  readonly message: string;
}

/** Problems that are named; a document with more has one thing wrong in many places. */
const MAX_NAMED = 20;
const MAX_CHARACTERS = 16_777_216;
const ALIAS_LIMIT = 1_000;

/**
 * Reads a document in YAML or JSON, which is YAML as well, and checks it whole: form, references, mappings with their own tests.
 * @throws ConnectorError CONFIGURATION_INVALID with path and line of each problem, LOCAL_STEP_FAILED
 */
export async function readDocument(file: string): Promise<ConfigurationDocument> {
  const text = await readGivenFile(file);
  if (text.length > MAX_CHARACTERS)
    throw new ConnectorError(
      'CONFIGURATION_INVALID',
      `${file} has ${text.length} characters; expected at most ${MAX_CHARACTERS}.`,
    );
  const lines = new LineCounter();
  const parsed = attempt(file, () =>
    parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true }),
  );
  const [error] = [...parsed.errors, ...parsed.warnings];
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new ConnectorError(
      'CONFIGURATION_INVALID',
      `${file}: line ${line}, column ${col}: ${error.message.replace(/\.?$/, '.')} Expected YAML or JSON.`,
    );
  }
  const value: unknown = attempt(file, () => parsed.toJS({ maxAliasCount: ALIAS_LIMIT }));
  const problems = await problemsOf(value);
  if (problems.length > 0) throw invalid(file, problems, (path) => lineOf(parsed, lines, path));
  return value as ConfigurationDocument;
}

/** What the parser throws instead of listing it: a document that is nested too deeply, or too many aliases. */
function attempt<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const reason = cause instanceof RangeError ? 'it is nested too deeply' : (cause as Error).message;
    throw new ConnectorError('CONFIGURATION_INVALID', `${file} cannot be read as YAML: ${reason}.`, {
      cause,
    });
  }
}

function invalid(
  file: string,
  problems: readonly Problem[],
  lineOfPath: (path: readonly string[]) => number | undefined,
): ConnectorError {
  const placed = problems.slice(0, MAX_NAMED).map(({ path, message }) => ({
    path: pointer(path),
    line: lineOfPath(path),
    message,
  }));
  const named = placed.map(({ path, line, message }) =>
    [file, ...(line === undefined ? [] : [`line ${line}`]), `${path || 'The document'} ${message}`].join(
      ': ',
    ),
  );
  const more = problems.length > MAX_NAMED ? [`${problems.length - MAX_NAMED} more.`] : [];
  return new ConnectorError('CONFIGURATION_INVALID', [...named, ...more].join('\n'), {
    details: { problems: placed },
  });
}

/** A path as a JSON pointer (RFC 6901). */
export function pointer(path: readonly string[]): string {
  return path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function pathOf(text: string): string[] {
  return text
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The line of the key, or else of the nearest thing around it. */
function lineOf(parsed: Document, lines: LineCounter, path: readonly string[]): number | undefined {
  let node = parsed.contents as Node | null | undefined;
  let offset = node?.range?.[0];
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(parsed);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === part);
      if (!pair) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(node)) {
      node = node.items[Number(part)] as Node | undefined;
      offset = node?.range?.[0] ?? offset;
    } else break;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

async function problemsOf(value: unknown): Promise<readonly Problem[]> {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, validateSchema: false });
  if (!ajv.validate(DOCUMENT_SCHEMA, value)) return formProblems(ajv.errors ?? [], value);
  const document = value as unknown as ConfigurationDocument;
  const problems = [...doubledNames(document), ...secretsIn(document)];
  for (const [name, { mappings, hostName }] of Object.entries(document.hubs ?? {})) {
    for (const problem of await validateMappings(mappings))
      problems.push({
        path: ['hubs', name, 'mappings', ...pathOf(problem.pointer)],
        message: `cannot be used: ${problem.message}`,
      });
    for (const [setting, { message }] of await checkHubSettings({ hostName }))
      problems.push({ path: ['hubs', name, setting], message: `cannot be used: ${message}` });
  }
  return problems;
}

/** The first error of a place is the cause; further ones are consequences. */
function formProblems(errors: readonly ErrorObject[], value: unknown): Problem[] {
  const found = new Map<string, Problem>();
  for (const error of errors) {
    // Said by the error of propertyNames, too, which knows the place.
    if (error.propertyName !== undefined) continue;
    const problem = formProblem(error, value);
    const place = pointer(problem.path);
    if (!found.has(place)) found.set(place, problem);
  }
  return [...found.values()];
}

function formProblem(error: ErrorObject, value: unknown): Problem {
  const path = pathOf(error.instancePath);
  const schema = error.parentSchema ?? {};
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(error.params['additionalProperty']);
      const known = Object.keys(factsOf(schema as never).properties ?? {});
      return { path: [...path, name.slice(0, 200)], message: unknownKey(name, known) };
    }
    case 'required': {
      const name = String(error.params['missingProperty']);
      const member = factsOf(schema as never).properties?.[name];
      const expected = member === undefined ? '' : `; expected ${expectation(member)}`;
      return { path: [...path, name], message: `is missing${expected}.` };
    }
    case 'propertyNames':
      return {
        path: [...path, String(error.params['propertyName']).slice(0, 200)],
        message: 'is no name of a Thing; expected 1 to 256 characters.',
      };
    default:
      return { path, message: `is ${kindOf(at(value, path))}; expected ${expectation(schema as never)}.` };
  }
}

function unknownKey(name: string, known: readonly string[]): string {
  if (known.includes('secretReferences') && KINDS.hubs.secrets.includes(name))
    return `is a secret and not part of a document; expected secretReferences with ${name}: env:NAME or file:/path.`;
  if (name === 'sidecarTokenText')
    return 'holds a secret and is not part of a document; expected sidecarToken with env:NAME or file:/path.';
  const nearest = nearestName(name, known);
  return nearest === undefined
    ? `is not known; expected one of ${known.join(', ')}.`
    : `is not known; the nearest name is ${nearest}.`;
}

function at(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const part of path) current = (current as Record<string, unknown> | undefined)?.[part];
  return current;
}

/** All Things of ThingWorx share one list of names. */
function doubledNames(document: ConfigurationDocument): Problem[] {
  const owners = new Map<string, string>();
  return SECTIONS.flatMap((section) =>
    Object.keys(document[section] ?? {}).flatMap((name) => {
      const owner = owners.get(name);
      owners.set(name, section);
      return owner === undefined
        ? []
        : [{ path: [section, name], message: `is the name of a Thing of ${owner}; expected another name.` }];
    }),
  );
}

/** Settings in which a login or key stands that belongs into a reference. */
function secretsIn(document: ConfigurationDocument): Problem[] {
  return SECTIONS.flatMap((section) =>
    Object.entries(document[section] ?? {}).flatMap(([name, settings]) =>
      Object.entries(settings)
        .filter(([, value]) => holdsSecret(value))
        .map(([setting]) => ({
          path: [section, name, setting],
          message: 'holds a login or key; expected the value without it, and the secret as a reference.',
        })),
    ),
  );
}

/** Whether a setting that is a text has a secret in it, such as an address with a shared access signature. */
export function holdsSecret(value: unknown): boolean {
  return typeof value === 'string' && redact(value) !== value;
}
