import { type FieldDefinition, InfoTable, type InfoTableRow } from '../infotable.ts';
import type { Aspects, Property, ThingEntity } from '../model/entity.ts';
import type { EffectiveShape } from '../model/inheritance.ts';
import type { Platform } from '../platform.ts';
import { isBaseType, PlatformError, type PlatformValue } from '../values.ts';
import { aspectValue } from '../xml/definitions.ts';
import { native, number, type PlatformService, text } from './native.ts';

function propertyRow(property: Property): InfoTableRow {
  const { aspects } = property;
  return {
    name: property.name,
    description: property.description,
    baseType: property.baseType,
    isPersistent: aspects.isPersistent === true,
    isReadOnly: aspects.isReadOnly === true,
    isLogged: aspects.isLogged === true,
    category: property.category,
    ...(aspects.dataShape === undefined ? {} : { dataShape: String(aspects.dataShape) }),
    ...(aspects.defaultValue === undefined ? {} : { defaultValue: String(aspects.defaultValue) }),
    dataChangeType: String(aspects.dataChangeType ?? 'VALUE'),
  };
}

export interface DefinitionFilter {
  category?: string;
  type?: string;
  dataShape?: string;
}

export function propertyDefinitions(
  platform: Platform,
  effective: EffectiveShape,
  filter: DefinitionFilter = {},
): InfoTable {
  const details = platform.shapeFields('PropertyDefinitionWithDetails') ?? [];
  const table = new InfoTable(
    details.filter((field) => !field.name.startsWith('remote') && field.name !== 'isRemote'),
  );
  for (const { property } of effective.properties.values()) {
    const wanted =
      (filter.category || property.category) === property.category &&
      (filter.type || property.baseType) === property.baseType &&
      (!filter.dataShape || filter.dataShape === property.aspects.dataShape);
    if (wanted) {
      table.rows.push(table.convertRow(propertyRow(property)));
    }
  }
  return table;
}

export function serviceDefinitions(platform: Platform, effective: EffectiveShape, category = ''): InfoTable {
  const table = platform.table('ServiceDefinition');
  for (const { service } of effective.services.values()) {
    if (category === '' || category === service.category) {
      const { name, description, isAllowOverride, isOpen, isPrivate } = service;
      table.rows.push({ name, description, isAllowOverride, isOpen, isPrivate });
    }
  }
  return table;
}

export function eventDefinitions(platform: Platform, effective: EffectiveShape, dataShape = ''): InfoTable {
  const table = platform.table('EventDefinition');
  for (const { event } of effective.events.values()) {
    if (dataShape === '' || dataShape === event.dataShape) {
      table.rows.push({ name: event.name, description: event.description, dataShape: event.dataShape });
    }
  }
  return table;
}

function one(table: InfoTable, name: string, kind: string): InfoTable {
  const row = table.rows.find((candidate) => candidate.name === name);
  if (row === undefined) {
    throw new PlatformError(`${kind} [${name}] does not exist`);
  }
  return new InfoTable(table.fields.values(), [row]);
}

/** Services of a Thing that describe it. */
export const thingDefinitionServices: PlatformService<ThingEntity>[] = [
  native(
    'GetPropertyDefinitions',
    'category:STRING type:BASETYPENAME dataShape:DATASHAPENAME',
    'INFOTABLE:PropertyDefinition',
    (args, { platform, entity }) =>
      propertyDefinitions(platform, platform.inheritance.thing(entity), {
        category: text(args, 'category'),
        type: text(args, 'type'),
        dataShape: text(args, 'dataShape'),
      }),
  ),
  native(
    'GetPropertyDefinition',
    'name:STRING!',
    'INFOTABLE:PropertyDefinition',
    (args, { platform, entity }) =>
      one(propertyDefinitions(platform, platform.inheritance.thing(entity)), text(args, 'name'), 'Property'),
  ),
  native(
    'GetLoggedProperties',
    'type:BASETYPENAME',
    'INFOTABLE:PropertyDefinition',
    (args, { platform, entity }) => {
      const table = propertyDefinitions(platform, platform.inheritance.thing(entity), {
        type: text(args, 'type'),
      });
      return new InfoTable(
        table.fields.values(),
        table.rows.filter((row) => row.isLogged === true),
      );
    },
  ),
  native(
    'GetServiceDefinitions',
    'category:STRING',
    'INFOTABLE:ServiceDefinition',
    (args, { platform, entity }) =>
      serviceDefinitions(platform, platform.inheritance.thing(entity), text(args, 'category')),
  ),
  native(
    'GetServiceDefinition',
    'name:STRING!',
    'INFOTABLE:ServiceDefinition',
    (args, { platform, entity }) =>
      one(serviceDefinitions(platform, platform.inheritance.thing(entity)), text(args, 'name'), 'Service'),
  ),
  native(
    'GetEventDefinitions',
    'category:STRING dataShape:DATASHAPENAME',
    'INFOTABLE:EventDefinition',
    (args, { platform, entity }) =>
      eventDefinitions(platform, platform.inheritance.thing(entity), text(args, 'dataShape')),
  ),
  native('GetEventDefinition', 'name:STRING!', 'INFOTABLE:EventDefinition', (args, { platform, entity }) =>
    one(eventDefinitions(platform, platform.inheritance.thing(entity)), text(args, 'name'), 'Event'),
  ),
  native('GetPropertyLogging', 'propertyName:STRING!', 'BOOLEAN', (args, { platform, entity }) => {
    const { property } = platform.properties.definition(entity, text(args, 'propertyName'));
    return property.aspects.isLogged === true;
  }),
  native('GetEffectivePropertyLogging', 'propertyName:STRING!', 'BOOLEAN', (args, { platform, entity }) => {
    const { property } = platform.properties.definition(entity, text(args, 'propertyName'));
    return property.aspects.isLogged === true && platform.inheritance.valueStream(entity) !== '';
  }),
];

/** Reads a field definition from a row of the Data Shape FieldDefinition. */
export function fieldFromRow(row: Record<string, PlatformValue>, ordinal: number): FieldDefinition {
  const name = text(row, 'name');
  const baseType = text(row, 'baseType');
  if (!isBaseType(baseType)) {
    throw new PlatformError(`Invalid Base Type for field ${name} [${baseType}]`);
  }
  const aspects: Aspects = { isPrimaryKey: aspectValue('isPrimaryKey', String(row.isPrimaryKey ?? false)) };
  if (text(row, 'dataShape') !== '') {
    aspects.dataShape = text(row, 'dataShape');
  }
  return {
    name,
    description: text(row, 'description'),
    baseType,
    ordinal: number(row, 'ordinal', ordinal),
    aspects,
  };
}
