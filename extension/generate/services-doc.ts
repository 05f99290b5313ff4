import type { TSchema } from 'typebox';
import { HubSettings, SETTING_NAMES, settingFacts } from '../../sidecar/contract/hub-settings.ts';
import { baseTypeOf, factsOf, isOneRow } from '../../sidecar/contract/schema.ts';
import {
  type DataShape,
  type FieldDefinition,
  INNER_CATEGORY,
  type ServiceDefinition,
  type ThingShape,
  type ThingTemplate,
} from '../../sidecar/entities/model.ts';
import { expectation } from '../../sidecar/http/validation.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { type Operation, resultSchema } from '../../sidecar/operations/operation.ts';
import { ENTITIES } from '../entities/index.ts';

type Offering = ThingShape | ThingTemplate;

/** docs/services.md: what each shape and template offers in Composer. */
export function servicesDoc(): string {
  const parts = [
    '# Services, properties and events',
    'Generated from the definitions by `npm run generate`. A service that fails throws an Error whose message is `CODE: detail`; ' +
      '[errors.md](errors.md) lists the codes. [openapi.json](openapi.json) describes the same operations over HTTP.',
    'A service whose result has a fixed form returns an INFOTABLE, which grids and forms can bind. Where it says "one row", a script reads a ' +
      'field as `result.rows[0].field`. A field of the base type JSON holds an object or an array, which is boxed as `{"array": [...]}`.',
    ...ENTITIES.filter(isOffering).map(offering),
    '## Settings of a hub Thing',
    settingsTable(),
    '## Data Shapes',
    ...ENTITIES.filter((entity) => entity.kind === 'DataShape').map(dataShape),
    '## Routes without a service',
    table(
      ['Route', 'Does'],
      OPERATIONS.filter((operation) => !operation.entity).map((operation) => [
        route(operation),
        operation.summary,
      ]),
    ),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function isOffering(entity: (typeof ENTITIES)[number]): entity is Offering {
  return entity.kind === 'ThingShape' || entity.kind === 'ThingTemplate';
}

function offering(entity: Offering): string {
  const settings = new Set<string>(entity.name === 'AzureIoT.Hub_TT' ? SETTING_NAMES : []);
  const properties = entity.properties.filter(
    (property) => !settings.has(property.name) && property.category !== INNER_CATEGORY,
  );
  const shapes = entity.kind === 'ThingTemplate' ? entity.implementedShapes : [];
  return [
    `## ${entity.name}`,
    entity.description,
    ...(shapes.length > 0 ? [`Implements ${shapes.map((name) => `\`${name}\``).join(', ')}.`] : []),
    ...(properties.length > 0 ? ['### Properties', fieldTable(properties)] : []),
    ...(entity.events.length > 0
      ? [
          '### Events',
          table(
            ['Event', 'Data Shape', 'When'],
            entity.events.map((event) => [`\`${event.name}\``, `\`${event.dataShape}\``, event.description]),
          ),
        ]
      : []),
    ...(entity.services.length > 0
      ? ['### Services', ...entity.services.map((item) => service(entity.name, item))]
      : []),
  ].join('\n\n');
}

function service(owner: string, definition: ServiceDefinition): string {
  const operation = OPERATIONS.find((item) => item.entity === owner && item.name === definition.name);
  const { baseType, dataShape: shape, description } = definition.result;
  const isRow = operation !== undefined && isOneRow(resultSchema(operation));
  const type = shape ? `${baseType} of \`${shape}\`${isRow ? ', one row' : ''}` : baseType;
  return [
    `#### ${definition.name}`,
    definition.description,
    ...(definition.parameters.length > 0 ? [fieldTable(definition.parameters)] : []),
    definition.isAsync
      ? 'Runs in the background.'
      : `Result: ${type}${description ? `. ${sentence(description)}` : ''}`,
    ...(operation ? [`Route: ${route(operation)}${codes(operation)}`] : []),
  ].join('\n\n');
}

function codes(operation: Operation): string {
  return operation.errors.length === 0
    ? ''
    : `. Errors of its own: ${operation.errors.map((code) => `\`${code}\``).join(', ')}`;
}

function route(operation: Operation): string {
  return `\`${operation.method} /v1${operation.path}\``;
}

function fieldTable(fields: readonly FieldDefinition[]): string {
  return table(
    ['Name', 'Type', 'Default', 'Description'],
    fields.map((field) => [
      `\`${field.name}\`${field.isRequired ? ' (required)' : ''}`,
      field.dataShape ? `${field.baseType} of \`${field.dataShape}\`` : field.baseType,
      field.defaultValue ? `\`${field.defaultValue}\`` : '',
      field.description,
    ]),
  );
}

function settingsTable(): string {
  const rows = SETTING_NAMES.map((name) => {
    const schema: TSchema = HubSettings.properties[name];
    const facts = factsOf(schema);
    const { secret, reopensConsumer } = settingFacts(name);
    return [
      `\`${name}\``,
      baseTypeOf(schema),
      facts.default === undefined ? '' : `\`${String(facts.default)}\``,
      secret ? '' : expectation(schema),
      `${facts.description ?? ''}${reopensConsumer ? ' A change reopens the consumer.' : ''}`,
    ];
  });
  return table(['Property', 'Type', 'Default', 'Expected', 'Description'], rows);
}

function dataShape(shape: DataShape): string {
  return [`### ${shape.name}`, shape.description, fieldTable(shape.fields)].join('\n\n');
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
