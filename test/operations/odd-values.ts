import { gzipSync } from 'node:zlib';
import type { ServiceDefinition } from '../../sidecar/entities/model.ts';

type Parameter = ServiceDefinition['parameters'][number];

const text = (...values: string[]) => values.map((value) => JSON.stringify(value));
const table = (rows: string, ...fields: string[]) => {
  const definitions = fields.map((name) => `"${name}":{"name":"${name}","baseType":"STRING","aspects":{}}`);
  return `{"dataShape":{"fieldDefinitions":{${definitions.join()}}},"rows":${rows}}`;
};

const TEXTS = [
  ...text(
    '',
    ' ',
    'toString',
    '__proto__',
    'constructor',
    '😀',
    '\ud800',
    '\u0000',
    'a\nb',
    'null',
    'true',
    '-1',
  ),
  ...text('x'.repeat(70_000), '../../x', "a'b\\", '{"a":', gzipSync('text').toString('latin1')),
];
const NUMBERS = [
  '-1',
  '0',
  '1.5',
  '1e400',
  '9007199254740993',
  'null',
  '{}',
  '[]',
  ...text('', 'NaN', 'abc'),
];
const OBJECTS = [
  ...['{}', '[]', 'null', '1', 'true', '-1e400', '{"array":[]}', '{"array":[null]}', '[[[]]]', '[{}]'],
  ...['{"toString":{}}', '{"__proto__":{"a":1}}', '{"constructor":1,"hasOwnProperty":1,"valueOf":null}'],
  ...[
    '{"":""}',
    '{"a":1e400}',
    '{"a":9007199254740993}',
    '{"a":"\\ud800"}',
    '{"a\\u0000":"\\u0000"}',
    '{"a":{}}',
  ],
  ...text('', 'text', 'null', '{"a":'),
  `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`,
];
const TABLES = [
  ...[
    '{}',
    '[]',
    'null',
    '1',
    '{"rows":[{}]}',
    table('[]'),
    table('[{}]'),
    table('[]', 'id'),
    table('[{}]', 'id'),
  ],
  ...[table('[{"id":null}]', 'id'), table('[{"toString":"x"}]', 'toString'), table('[{"id":""}]', 'id')],
  ...text('', 'text'),
];
const BINARY = text('', 'not base64!', gzipSync('text').toString('base64'));

/** JSON texts of values that made trouble somewhere, for a parameter of a base type. */
export function oddValues({ baseType }: Parameter): readonly string[] {
  switch (baseType) {
    case 'INTEGER':
    case 'NUMBER':
    case 'DATETIME':
    case 'BOOLEAN':
      return NUMBERS;
    case 'JSON':
      return OBJECTS;
    case 'INFOTABLE':
      return TABLES;
    case 'BLOB':
    case 'IMAGE':
      return [...BINARY, ...NUMBERS];
    case 'XML':
      return text('', '<a>', '<a/>', 'text');
    default:
      return TEXTS;
  }
}

const BY_NAME: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries({
      algorithm: 'md5',
      archiveFileName: '/odd.zip',
      authentication: 'sas',
      condition: "deviceId = 'odd'",
      configuration: 'odd',
      container: 'odd',
      containerName: 'spare',
      data: 'data',
      deviceId: 'spare',
      endpointUrl: 'opc.tcp://odd:4840',
      files: '/odd.txt',
      folderName: 'folder',
      id: 'odd',
      key: 'primary',
      kind: 'StartImport',
      method: 'GET',
      methodName: 'odd',
      moduleId: 'odd',
      name: 'odd',
      newFileName: 'odd.zip',
      nodeId: 'i=1',
      path: '/odd.txt',
      payloadText: '1',
      query: 'SELECT * FROM devices',
      repository: 'Odd.Files',
      sourcePath: '/odd.txt',
      task: '20260101000000000-00000000',
      targetPath: '/other.txt',
      template: 'AzureIoT.Device_TT',
      thingTemplate: 'AzureIoT.Device_TT',
      tier: 'Hot',
      version: '1',
      zipFileName: '/odd.zip',
    }).map(([name, value]) => [name, JSON.stringify(value)]),
  ),
  content: '{"a":1}',
  deviceIds: '{"array":["odd"]}',
  ids: '{"array":["odd"]}',
  nodes: table('[{"id":"i=1"}]', 'id'),
  from: String(Date.UTC(2026, 0, 1)),
  to: String(Date.UTC(2026, 0, 2)),
};

/** The odd texts that the device SDK takes as the name of a method; it keeps its handlers in a plain object. */
export function methodNames(): string[] {
  return TEXTS.map((value) => JSON.parse(value) as string).filter((value) => value !== '' && !(value in {}));
}

/** The JSON text of a value that the parameter can have. */
export function usualValue({ name, baseType }: Parameter, service: string): string {
  if (service === 'CallSidecar' && name === 'operation') return '"GetStatus"';
  if (baseType === 'XML') return '"<a/>"';
  if (baseType === 'BLOB' || baseType === 'IMAGE') return '"AAEC"';
  const known = BY_NAME[name];
  if (known !== undefined) return known;
  switch (baseType) {
    case 'INTEGER':
    case 'NUMBER':
      return '10';
    case 'DATETIME':
      return String(Date.UTC(2026, 0, 1));
    case 'BOOLEAN':
      return 'false';
    case 'JSON':
      return '{"a":1}';
    case 'INFOTABLE':
      return table('[]', 'id');
    default:
      return '"odd"';
  }
}
