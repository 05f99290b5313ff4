import type { TSchema } from 'typebox';
import {
  annotationOf,
  baseTypeOf,
  factsOf,
  isOneRow,
  mayBeEmpty,
  rowOf,
} from '../../sidecar/contract/schema.ts';
import { BINDINGS, type BindingSource } from '../../sidecar/operations/bindings.ts';
import { type Operation, ownerMember, resultSchema } from '../../sidecar/operations/operation.ts';
import { script } from './scripts.ts';

/** Longer than the sidecar's own time limits, shorter than the 30 s after which ThingWorx ends a script. */
const DEFAULT_TIMEOUT_MS = 20_000;

/** The ES5 script of an operation: parameters to input, CallSidecar, answer to the declared base type. */
export function operationScript(operation: Operation): string {
  if (!operation.entity) throw new Error(`${operation.name} has no entity, so it has no service`);
  const binding = BINDINGS[operation.entity];
  const required = new Set(factsOf(operation.input).required ?? []);
  const lines: string[] = [];
  let password: string | undefined;

  lines.push('var caller = me;');
  if (binding.caller !== 'me') {
    const { property } = binding.caller;
    lines.push(
      `if (!isSet(me.${property})) {`,
      `  throw new Error("SETTING_MISSING: ${property} of " + me.name + " is not set.");`,
      '}',
      `caller = callerOf(${JSON.stringify(property)});`,
    );
  }
  lines.push('var input = {};');
  for (const [name, schema] of Object.entries(factsOf(operation.input).properties ?? {})) {
    // The caller stands for it.
    if (name === ownerMember(operation.path)) continue;
    const source = binding.members[name];
    if (baseTypeOf(schema) === 'PASSWORD') {
      password = source?.property === undefined ? name : `me.${source.property}`;
      continue;
    }
    if (source) {
      lines.push(...boundMember(name, source));
      continue;
    }
    const test = mayBeEmpty(schema) ? 'isGiven' : 'isSet';
    lines.push(`if (${test}(${name})) {`, `  input.${name} = ${parameterValue(name, schema)};`);
    if (required.has(name))
      lines.push('} else {', `  throw new Error("REQUEST_INVALID: ${name} is required.");`);
    lines.push('}');
  }

  const request = [
    `operation: ${JSON.stringify(operation.name)}`,
    'input: input',
    `timeoutSeconds: ${timeoutSeconds(operation)}`,
  ];
  lines.push(
    `var request = { ${request.join(', ')} };`,
    ...(password === undefined ? [] : [`if (isSet(${password})) {`, `  request.secret = ${password};`, '}']),
    'var answer;',
    'try {',
    '  answer = plain(caller.CallSidecar(request));',
    '} catch (thrown) {',
    '  throw new Error(errorText(thrown));',
    '}',
    ...resultLines(operation),
  );
  const body = [
    `/* Generated from the operation ${operation.name}. */`,
    'function run() {',
    ...lines.map((line) => `  ${line}`),
    '}',
    '',
  ];
  body.push(operation.noResult ? 'run();' : 'var result = run();');
  return script(body.join('\n'));
}

/** An expression: the fixed time, and what the caller grants the device beyond it. */
function timeoutSeconds(operation: Operation): string {
  const fixed = Math.ceil((operation.timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1000);
  const added = (operation.addedSeconds ?? []).map((name) => {
    const schema = factsOf(operation.input).properties?.[name] as TSchema;
    return `(isSet(input.${name}) ? input.${name} : ${Number(factsOf(schema).default ?? 0)})`;
  });
  return [fixed, ...added].join(' + ');
}

function boundMember(name: string, source: BindingSource): string[] {
  if (!source.property) return [`input.${name} = String(me.name);`];
  const { property } = source;
  if (source.name)
    return [`input.${name} = isSet(me.${property}) ? String(me.${property}) : String(me.name);`];
  if (source.optional)
    return [`if (isSet(me.${property})) {`, `  input.${name} = String(me.${property});`, '}'];
  return [
    `if (!isSet(me.${property})) {`,
    `  throw new Error("SETTING_MISSING: ${property} of " + me.name + " is not set.");`,
    '}',
    `input.${name} = String(me.${property});`,
  ];
}

function parameterValue(name: string, schema: TSchema): string {
  const baseType = baseTypeOf(schema);
  if (baseType === 'INFOTABLE') return `tableRows(${name}, ${JSON.stringify(rowTypes(schema))})`;
  // An object is taken as it is: one whose only member is called "array" is no boxed array here.
  if (baseType === 'JSON' && factsOf(schema).type === 'object')
    return `given(${name}, ${JSON.stringify(name)})`;
  return `scriptValue(${name}, ${JSON.stringify(baseType)}, ${JSON.stringify(name)})`;
}

function resultLines(operation: Operation): string[] {
  if (operation.noResult) return [];
  const schema = resultSchema(operation);
  const value = operation.result === undefined ? 'answer' : `answer.${operation.result}`;
  switch (baseTypeOf(schema)) {
    case 'INFOTABLE': {
      const rows = isOneRow(schema) ? `[${value}]` : value;
      return [`return toTable(${rows}, ${JSON.stringify(tableType(schema))});`];
    }
    case 'DATETIME':
      return [`return toDate(${value});`];
    case 'JSON':
      return [`return boxed(${value});`];
    case 'BLOB':
    case 'IMAGE':
      return [`return base64DecodeBytes(${value});`];
    default:
      return [`return ${value};`];
  }
}

/** The Data Shape of an INFOTABLE and its fields: what a script makes one of. */
interface TableType {
  readonly dataShape: string;
  readonly fields: RowTypes;
}

/** The fields of rows: the base type of each, and what the tables in those of the base type INFOTABLE are. */
type RowTypes = Readonly<Record<string, string | TableType>>;

export function tableType(table: TSchema): TableType {
  const { dataShape } = annotationOf(table);
  if (dataShape === undefined) throw new Error('an INFOTABLE must name its Data Shape');
  return { dataShape, fields: rowTypes(table) };
}

export function rowTypes(table: TSchema): RowTypes {
  return Object.fromEntries(
    Object.entries(factsOf(rowOf(table)).properties ?? {}).map(([name, schema]) => {
      const baseType = baseTypeOf(schema);
      return [name, baseType === 'INFOTABLE' ? tableType(schema) : baseType];
    }),
  );
}
