import { convert } from '../base-types.ts';
import { type FieldDefinition, InfoTable, type InfoTableRow } from '../infotable.ts';
import { builtInFields } from '../model/builtin-shapes.ts';
import type { Property, ThingEntity } from '../model/entity.ts';
import { copyValue } from '../runtime/copy.ts';
import { type BaseType, PlatformError, type PlatformValue, Variant } from '../values.ts';
import { missingParameter, native, type PlatformService, type ServiceContext, text } from './native.ts';

type Context = ServiceContext<ThingEntity>;

function properties(context: Context): Property[] {
  return [...context.platform.inheritance.thing(context.entity).properties.values()].map(
    (one) => one.property,
  );
}

/** Properties that the caller may read. */
function readable(context: Context): Property[] {
  const { platform, entity, principal } = context;
  return properties(context).filter((property) =>
    platform.permissions.allows(entity, 'PropertyRead', property.name, principal),
  );
}

export function propertyField(property: Property, ordinal: number): FieldDefinition {
  const { dataShape, isPrimaryKey } = property.aspects;
  return {
    name: property.name,
    description: property.description,
    baseType: property.baseType,
    ordinal,
    aspects: {
      ...(dataShape === undefined ? {} : { dataShape }),
      ...(isPrimaryKey === undefined ? {} : { isPrimaryKey }),
    },
  };
}

/** One row with the values of the given properties. */
export function valuesTable(context: Context, chosen: readonly Property[]): InfoTable {
  const row: InfoTableRow = {};
  for (const property of chosen) {
    const { value } = context.platform.properties.readKnown(context.entity, property);
    if (value !== null) {
      row[property.name] = copyValue(value);
    }
  }
  return new InfoTable(chosen.map(propertyField), [row]);
}

function vtqTable(context: Context, chosen: readonly Property[]): InfoTable {
  const row: InfoTableRow = {};
  for (const property of chosen) {
    const vtq = context.platform.properties.readKnown(context.entity, property);
    const cells: InfoTableRow = { time: new Date(vtq.timeMs), quality: vtq.quality };
    if (vtq.value !== null) {
      cells.value = copyValue(vtq.value);
    }
    const fields = builtInFields('VTQ').map((field) =>
      field.name === 'value' ? { ...field, baseType: property.baseType } : field,
    );
    row[property.name] = new InfoTable(fields, [cells]);
  }
  const fields = chosen.map((property, ordinal) => ({
    ...propertyField(property, ordinal),
    baseType: 'INFOTABLE' as BaseType,
    aspects: { dataShape: 'VTQ' },
  }));
  return new InfoTable(fields, [row]);
}

function named(context: Context, names: readonly string[]): Property[] {
  return names.map((name) => {
    const { property } = context.platform.properties.definition(context.entity, name);
    context.platform.permissions.require(
      context.entity,
      'PropertyRead',
      name,
      context.principal,
      context.nested,
    );
    return property;
  });
}

/** Names from an EntityList table. */
export function nameColumn(table: PlatformValue | undefined): string[] {
  return table instanceof InfoTable ? table.rows.map((row) => String(row.name ?? '')) : [];
}

interface Update {
  property: Property;
  value: PlatformValue;
  timeMs: number | undefined;
  quality: string | undefined;
}

/** All rows are checked before the first is applied: a refused call changes nothing. That is an assumption. */
function readUpdates(context: Context, table: InfoTable): Update[] {
  const { platform, entity, principal, nested } = context;
  const effective = platform.inheritance.thing(entity).properties;
  const updates: Update[] = [];
  for (const row of table.rows) {
    const name = typeof row.name === 'string' ? row.name : '';
    const found = effective.get(name);
    if (found === undefined) {
      if (platform.switches.unknownPropertyInUpdate === 'row') {
        platform.logs.write('ApplicationLog', {
          level: 'WARN',
          content: `UpdatePropertyValues: Property [${name}] Not Found On Thing [${entity.name}]`,
          origin: 'c.t.t.Thing',
          instance: entity.name,
        });
        continue;
      }
      throw new PlatformError(`Property [${name}] Not Found On Thing [${entity.name}]`);
    }
    if (platform.switches.updateNeedsPropertyWrite) {
      platform.permissions.require(entity, 'PropertyWrite', name, principal, nested);
    }
    const given = row.value ?? null;
    updates.push({
      property: found.property,
      value: platform.properties.convertFor(found.property, given instanceof Variant ? given.value : given),
      timeMs: row.time instanceof Date ? row.time.getTime() : undefined,
      quality: typeof row.quality === 'string' && row.quality !== '' ? row.quality : undefined,
    });
  }
  return updates;
}

function updatePropertyValues(context: Context, table: PlatformValue | undefined): null {
  if (!(table instanceof InfoTable)) {
    throw missingParameter('UpdatePropertyValues', context.entity.name);
  }
  const { platform, entity, principal } = context;
  platform.properties.requireRunning(entity);
  for (const { property, value, timeMs, quality } of readUpdates(context, table)) {
    if (property.aspects.isBuiltIn === true) {
      continue;
    }
    platform.properties.apply(entity, property, value, { timeMs, quality, principal });
  }
  return null;
}

function setPropertyValues(context: Context, table: PlatformValue | undefined): null {
  if (!(table instanceof InfoTable)) {
    throw missingParameter('SetPropertyValues', context.entity.name);
  }
  const { platform, entity, principal, nested } = context;
  for (const [name, value] of Object.entries(table.rows[0] ?? {})) {
    platform.properties.definition(entity, name);
    platform.permissions.require(entity, 'PropertyWrite', name, principal, nested);
    platform.properties.write(entity, name, value, { principal });
  }
  return null;
}

function read(context: Context, name: string) {
  const [property] = named(context, [name]);
  return context.platform.properties.readKnown(context.entity, property as Property);
}

/** GetNumberPropertyValue and its family: the value, converted to the type in the name. */
const typedReaders = (
  [
    ['Boolean', 'BOOLEAN'],
    ['DateTime', 'DATETIME'],
    ['Image', 'IMAGE'],
    ['Integer', 'INTEGER'],
    ['Location', 'LOCATION'],
    ['Long', 'LONG'],
    ['Number', 'NUMBER'],
    ['String', 'STRING'],
    ['ThingCode', 'THINGCODE'],
    ['Vec2', 'VEC2'],
    ['Vec3', 'VEC3'],
    ['Vec4', 'VEC4'],
  ] as const
).map(([word, baseType]) =>
  native<ThingEntity>(`Get${word}PropertyValue`, 'propertyName:STRING!', baseType, (args, context) =>
    convert(copyValue(read(context, text(args, 'propertyName')).value), baseType),
  ),
);

/** Services of every Thing that read and write property values. */
export const propertyServices: PlatformService<ThingEntity>[] = [
  native('UpdatePropertyValues', 'values:INFOTABLE:NamedVTQ!', 'NOTHING', (args, context) =>
    updatePropertyValues(context, args.values),
  ),
  native('SetPropertyValues', 'values:INFOTABLE!', 'NOTHING', (args, context) =>
    setPropertyValues(context, args.values),
  ),
  native('GetPropertyValues', '', 'INFOTABLE', (_args, context) => valuesTable(context, readable(context))),
  native('GetPropertyValuesVTQ', '', 'INFOTABLE', (_args, context) => vtqTable(context, readable(context))),
  native('GetPropertyValuesAsMultiRowTable', '', 'INFOTABLE', (_args, context) => {
    const table = new InfoTable([...builtInFields('NamedVTQ')]);
    for (const property of readable(context)) {
      const vtq = context.platform.properties.readKnown(context.entity, property);
      const row: InfoTableRow = { name: property.name, time: new Date(vtq.timeMs), quality: vtq.quality };
      if (vtq.value !== null) {
        row.value = new Variant(property.baseType, copyValue(vtq.value));
      }
      table.rows.push(row);
    }
    return table;
  }),
  native('GetNamedPropertyValues', 'propertyNames:INFOTABLE:EntityList!', 'INFOTABLE', (args, context) =>
    valuesTable(context, named(context, nameColumn(args.propertyNames))),
  ),
  native('GetNamedPropertyValuesVTQ', 'propertyNames:INFOTABLE:EntityList!', 'INFOTABLE', (args, context) =>
    vtqTable(context, named(context, nameColumn(args.propertyNames))),
  ),
  native(
    'GetPropertyTime',
    'propertyName:STRING!',
    'DATETIME',
    (args, context) => new Date(read(context, text(args, 'propertyName')).timeMs),
  ),
  native(
    'GetPropertyQuality',
    'propertyName:STRING!',
    'STRING',
    (args, context) => read(context, text(args, 'propertyName')).quality,
  ),
  native('HavePropertiesChangedSince', 'timestamp:DATETIME!', 'BOOLEAN', (args, context) => {
    const since = args.timestamp instanceof Date ? args.timestamp.getTime() : 0;
    return properties(context).some(
      (property) =>
        property.aspects.isBuiltIn !== true &&
        context.platform.properties.readKnown(context.entity, property).timeMs > since,
    );
  }),
  ...typedReaders,
];

/** Remote Things take updates from their device under this name; the effect is the same. */
export const remoteThingServices: PlatformService<ThingEntity>[] = [
  native('UpdateSubscribedPropertyValues', 'values:INFOTABLE:NamedVTQ!', 'NOTHING', (args, context) =>
    updatePropertyValues(context, args.values),
  ),
];
