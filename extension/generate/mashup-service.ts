import type { FieldDefinition, ServiceDefinition } from '../../sidecar/entities/model.ts';
import { script } from './scripts.ts';

/** How AzureIoT.MashupServices offers a service of the Things that a user chooses. */
export interface MashupCall {
  readonly service: ServiceDefinition;
  /** What sort of Thing offers it, for people. */
  readonly what: string;
  /**
   * What the user reads when it is done. Such a service gives a row of AzureIoT.Outcome_DS, whatever happens. Without it the service
   * gives the rows of the service that it calls.
   */
  readonly done?: string;
  /** Inputs that are an array of texts, and the field of the selected rows that they are made of. */
  readonly rows?: Readonly<Record<string, string>>;
  /** Without this input, which a selection gives, nothing is called and nothing is wrong. */
  readonly needs?: string;
  /** Inputs that mashups do not offer. */
  readonly without?: readonly string[];
}

/**
 * The service under the same name with the Thing as an input. Mashups bind texts, so JSON is typed and shown as text; they know nothing of
 * failed services, so an action gives a row that says what is wrong and what to do.
 */
export function mashupService(
  call: MashupCall,
  fields: (dataShape: string) => readonly FieldDefinition[],
): ServiceDefinition {
  const { service, what, done, rows = {}, without = [] } = call;
  const inputs = service.parameters.filter(({ name }) => !without.includes(name));
  return {
    name: service.name,
    category: 'Mashups',
    description: service.description,
    parameters: [
      { name: 'thing', baseType: 'THINGNAME', description: `The Thing of the ${what}.` },
      ...inputs.map((input) => mashupInput(input, rows[input.name])),
    ],
    result:
      done === undefined
        ? service.result
        : { baseType: 'INFOTABLE', dataShape: 'AzureIoT.Outcome_DS', description: 'One row.' },
    script: script(body(call, inputs, fields)),
  };
}

function mashupInput(input: FieldDefinition, column: string | undefined): FieldDefinition {
  const { isRequired: _, dataShape: __, thingTemplate: ___, thingShape: ____, ...rest } = input;
  if (column !== undefined)
    return { name: input.name, baseType: 'INFOTABLE', description: `Rows with the field ${column}.` };
  switch (input.baseType) {
    case 'JSON':
      return { ...rest, baseType: 'STRING', description: `${input.description} As JSON text.` };
    case 'THINGTEMPLATENAME':
      return { ...rest, baseType: 'STRING' };
    default:
      return rest;
  }
}

function body(
  { service, what, done, needs, rows = {} }: MashupCall,
  inputs: readonly FieldDefinition[],
  fields: (dataShape: string) => readonly FieldDefinition[],
): string {
  // The platform refuses an argument where a service has no inputs.
  const call = `chosenThing(thing, ${JSON.stringify(what)}).${service.name}(${inputs.length > 0 ? 'input' : ''})`;
  const lines =
    inputs.length > 0
      ? ['var input = {};', ...inputs.flatMap((input) => inputLines(input, rows[input.name]))]
      : [];
  const head = [`/* Generated: calls ${service.name} of the chosen Thing. */`, 'function call() {'];
  const indented = lines.map((line) => `  ${line}`);
  const empty =
    done === undefined
      ? `toTable([], { dataShape: ${JSON.stringify(service.result.dataShape)}, fields: {} })`
      : '""';
  const nothing = needs === undefined ? [] : [`  if (!isSet(${needs})) {`, `    return ${empty};`, '  }'];
  if (done === undefined) {
    const tail = ['try {', `  return ${call};`, '} catch (thrown) {', '  throw withRemedy(thrown);', '}'];
    return [
      ...head,
      ...nothing,
      ...indented,
      ...tail.map((line) => `  ${line}`),
      '}',
      '',
      'var result = call();',
    ].join('\n');
  }
  const answer = resultText(service, call, fields);
  return [
    ...head,
    ...nothing,
    ...indented,
    `  ${answer}`,
    '}',
    '',
    `var result = outcomeOf(call, ${JSON.stringify(done)});`,
  ].join('\n');
}

function inputLines({ name, baseType, mayBeEmpty }: FieldDefinition, column: string | undefined): string[] {
  if (column !== undefined) {
    return [
      `input.${name} = {`,
      `  array: selectedRows(${name}).map(function (row) {`,
      `    return String(row.${column});`,
      '  })',
      '};',
    ];
  }
  const value = baseType === 'JSON' ? `typedJson(${JSON.stringify(name)}, ${name})` : name;
  return [`if (${mayBeEmpty ? 'isGiven' : 'isSet'}(${name})) {`, `  input.${name} = ${value};`, '}'];
}

function resultText(
  { result }: ServiceDefinition,
  call: string,
  fields: (dataShape: string) => readonly FieldDefinition[],
): string {
  switch (result.baseType) {
    case 'NOTHING':
      return `${call};`;
    case 'JSON':
      return `return plain(${call});`;
    case 'INFOTABLE':
      return `return tableContent(${call}, ${JSON.stringify(typesOf(result.dataShape ?? '', fields))});`;
    default:
      return `return String(${call});`;
  }
}

type Types = Readonly<Record<string, string | { readonly dataShape: string; readonly fields: Types }>>;

/** The base types of the fields of a Data Shape; of an INFOTABLE in a field its own. */
function typesOf(dataShape: string, fields: (dataShape: string) => readonly FieldDefinition[]): Types {
  return Object.fromEntries(
    fields(dataShape).map(({ name, baseType, dataShape: inner = '' }) => [
      name,
      baseType === 'INFOTABLE' ? { dataShape: inner, fields: typesOf(inner, fields) } : baseType,
    ]),
  );
}
