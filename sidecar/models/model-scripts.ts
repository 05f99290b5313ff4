import type { Channel } from './model.ts';
import { baseTypeOf, type ValueType } from './value-types.ts';

/** The scripts of a package: they hand over to the services of AzureIoT.Model_TS, so that a new version of the extension serves old packages. */

/** A JSON value as a literal of ES5, where the two separators end a line. */
function literal(value: unknown): string {
  return JSON.stringify(value).replace(/[\u2028\u2029]/g, (character) =>
    character === '\u2028' ? '\\u2028' : '\\u2029',
  );
}

/** A parameter of a command and the member of the payload that it fills; undefined: it is the payload. */
export interface CommandParameter {
  readonly variable: string;
  readonly member: string | undefined;
  readonly type: ValueType;
}

interface CommandCall {
  readonly method: string;
  readonly parameters: readonly CommandParameter[];
  readonly requestType:
    | { readonly type: ValueType; readonly name: string; readonly optional: boolean }
    | undefined;
  readonly resultType: ValueType | undefined;
}

export function commandScript({ method, parameters, requestType, resultType }: CommandCall): string {
  const members = [`  method: ${literal(method)}`];
  if (requestType !== undefined) {
    members.push(`  content: { value: ${payload(parameters)} }`, `  requestType: ${literal(requestType)}`);
  }
  members.push(`  resultType: ${literal(resultType === undefined ? {} : { type: resultType })}`);
  const call = (service: string) => `me.${service}({\n${members.join(',\n')}\n})`;
  if (resultType === undefined) return `${call('CallCommand')};`;
  if (typeof resultType !== 'string') return `var result = ${call('CallCommandForTable')};`;
  return [
    `var answer = ${call('CallCommand')};`,
    'var result;',
    'if (answer.result !== undefined && answer.result !== null) {',
    `  result = ${converted('answer.result', resultType)};`,
    '}',
  ].join('\n');
}

function payload(parameters: readonly CommandParameter[]): string {
  const [first] = parameters;
  if (first !== undefined && first.member === undefined) return plainValue(first.variable, first.type);
  const fields = parameters.map(
    ({ variable, member, type }) => `${literal(member)}: ${plainValue(variable, type)}`,
  );
  // Of an object and a text alike: fields that are null are left out. A table has its fields in its first row.
  return `{ rows: [{ ${fields.join(', ')} }] }`;
}

/** A value of a script as JSON. */
function plainValue(expression: string, type: ValueType): string {
  const given = (value: string) =>
    `(${expression} === undefined || ${expression} === null ? null : ${value})`;
  switch (baseTypeOf(type)) {
    case 'DATETIME':
      return given(`${expression}.getTime()`);
    case 'INFOTABLE':
      return given(`${expression}.ToJSON()`);
    case 'LOCATION': {
      const member = (name: string) => `${name}: Number(${expression}.${name} || 0)`;
      return given(`{ ${['latitude', 'longitude', 'elevation'].map(member).join(', ')} }`);
    }
    default:
      return given(expression);
  }
}

/** A member of a JSON value as a value of the type. */
function converted(expression: string, type: ValueType): string {
  switch (baseTypeOf(type)) {
    case 'NUMBER':
    case 'INTEGER':
    case 'LONG':
      return `Number(${expression})`;
    case 'BOOLEAN':
      return `String(${expression}) === "true"`;
    case 'DATETIME':
      return `new Date(Number(${expression}))`;
    case 'STRING':
      return `String(${expression})`;
    default:
      return expression;
  }
}

interface PropertyWrite {
  readonly property: string;
  readonly component: string;
  readonly name: string;
  readonly channel: Channel;
  readonly type: ValueType;
}

/** What the subscription to a writable property does. */
export function writeScript({ type, ...write }: PropertyWrite): string {
  const members = [
    ...Object.entries(write).map(([name, value]) => `  ${name}: ${literal(value)}`),
    `  type: ${literal({ type })}`,
    `  content: { value: ${plainValue('value', type)} }`,
    '  time: eventData.newValue.time',
  ];
  return `var value = eventData.newValue.value;\nme.WriteProperty({\n${members.join(',\n')}\n});`;
}

/** A property that the twin has a value for. */
export interface TwinProperty {
  readonly property: string;
  readonly type: ValueType;
  readonly isWritable?: true;
}

interface TwinReading {
  readonly component: string;
  readonly properties: Readonly<Record<string, TwinProperty>>;
}

/** What the subscription to a twin property does. */
export function twinScript(section: 'desired' | 'reported', reading: TwinReading): string {
  return receive(section, reading, [
    '  before: eventData.oldValue.value',
    '  after: eventData.newValue.value',
  ]);
}

/** What follows on TwinUpdateRefused: the properties get the values of the IoT Hub again. */
export function refusalScript(reading: TwinReading): string {
  const call = receive('desired', reading, ['  after: me.twinDesired', '  attempted: eventData.attempted']);
  return `if (String(eventData.property) === "twinDesired") {\n${call}\n}`;
}

function receive(section: string, { component, properties }: TwinReading, more: readonly string[]): string {
  const members = [
    `  section: ${literal(section)}`,
    `  component: ${literal(component)}`,
    `  properties: ${literal(properties)}`,
    ...more,
  ];
  return `me.ReceiveTwin({\n${members.join(',\n')}\n});`;
}

/** What the subscription to a telemetry that is an event does: it fires the event with the value, or the fields of an object. */
export function eventScript(event: string, type: ValueType): string {
  const fire = `me[${literal(event)}](data);`;
  const data = 'var data = { time: eventData.newValue.time };';
  if (typeof type === 'string' || type.list === true)
    return `${data}\ndata.value = eventData.newValue.value;\n${fire}`;
  // A time of the object takes the place of the time of the value, a text with this name does not.
  const names = Object.keys(type.fields).filter(
    (name) => name !== 'time' || baseTypeOf(type.fields[name] as ValueType) === 'DATETIME',
  );
  const fields = names.map((name) => {
    const member = literal(name);
    return `  if (row[${member}] !== undefined && row[${member}] !== null) {\n    data[${member}] = row[${member}];\n  }`;
  });
  return [data, 'var row = eventData.newValue.value.rows[0];', 'if (row) {', ...fields, '}', fire].join('\n');
}
