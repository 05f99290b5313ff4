import { convert } from '../base-types.ts';
import { type FieldDefinition, InfoTable, type InfoTableRow } from '../infotable.ts';
import { queryTable } from '../infotable-query.ts';
import { builtInFields } from '../model/builtin-shapes.ts';
import type { Property, ThingEntity } from '../model/entity.ts';
import { copyValue } from '../runtime/copy.ts';
import type { HistoryEntry, HistoryRange } from '../runtime/history.ts';
import { type BaseType, PlatformError } from '../values.ts';
import {
  bool,
  date,
  native,
  number,
  type PlatformService,
  type ServiceArguments,
  type ServiceContext,
  text,
} from './native.ts';
import { defaultMaxItems } from './queries.ts';
import { nameColumn, propertyField } from './thing-properties.ts';

type Context = ServiceContext<ThingEntity>;

function range(args: ServiceArguments): HistoryRange {
  return { fromMs: date(args, 'startDate')?.getTime(), toMs: date(args, 'endDate')?.getTime() };
}

function stream(context: Context): string {
  return context.platform.inheritance.valueStream(context.entity);
}

function requireRead(context: Context, property: string): Property {
  const { platform, entity, principal, nested } = context;
  const found = platform.properties.definition(entity, property);
  platform.permissions.require(entity, 'PropertyRead', property, principal, nested);
  return found.property;
}

function loggedProperties(context: Context): Property[] {
  const { platform, entity, principal } = context;
  return [...platform.inheritance.thing(entity).properties.values()]
    .map((one) => one.property)
    .filter(
      (property) =>
        property.aspects.isLogged === true &&
        platform.permissions.allows(entity, 'PropertyRead', property.name, principal),
    );
}

/**
 * One row per time stamp with the properties that have an entry at that time. Without filters as many entries as rows are
 * wanted are read of each property, and no more.
 */
function history(context: Context, args: ServiceArguments, properties: readonly Property[]): InfoTable {
  const oldestFirst = bool(args, 'oldestFirst');
  const maxItems = number(args, 'maxItems', defaultMaxItems);
  const filtered = args.query !== undefined;
  const rows = new Map<number, InfoTableRow>();
  for (const property of properties) {
    let taken = 0;
    for (const entry of context.platform.history.entries(
      stream(context),
      context.entity.name,
      property.name,
      range(args),
      oldestFirst,
    )) {
      const row = rows.get(entry.timeMs) ?? { timestamp: new Date(entry.timeMs) };
      // Several entries of one property at one time share a row; the newest stays.
      if (entry.value !== null && (oldestFirst || row[property.name] === undefined)) {
        row[property.name] = copyValue(entry.value);
      }
      rows.set(entry.timeMs, row);
      taken += 1;
      if (!filtered && taken >= maxItems) {
        break;
      }
    }
  }
  const sorted = [...rows.keys()].sort((a, b) => (oldestFirst ? a - b : b - a));
  const fields: FieldDefinition[] = [
    { name: 'timestamp', description: '', baseType: 'DATETIME', ordinal: 0, aspects: { isPrimaryKey: true } },
    ...properties.map((property, index) => propertyField(property, index + 1)),
  ];
  const table = new InfoTable(
    fields,
    sorted.map((time) => rows.get(time) as InfoTableRow),
  );
  const found = filtered ? queryTable(table, args.query) : table;
  found.rows.splice(maxItems);
  return found;
}

interface TypedHistory {
  word: string;
  baseType: BaseType;
  shape: string;
}

const typed: TypedHistory[] = [
  { word: 'Boolean', baseType: 'BOOLEAN', shape: 'BooleanValueStream' },
  { word: 'DateTime', baseType: 'DATETIME', shape: 'DateTimeValueStream' },
  { word: 'Image', baseType: 'IMAGE', shape: 'ImageValueStream' },
  { word: 'InfoTable', baseType: 'INFOTABLE', shape: 'InfoTableValueStream' },
  { word: 'Integer', baseType: 'INTEGER', shape: 'IntegerValueStream' },
  { word: 'Location', baseType: 'LOCATION', shape: 'LocationValueStream' },
  { word: 'Long', baseType: 'LONG', shape: 'LongValueStream' },
  { word: 'Number', baseType: 'NUMBER', shape: 'NumberValueStream' },
  { word: 'String', baseType: 'STRING', shape: 'StringValueStream' },
  { word: 'ThingCode', baseType: 'THINGCODE', shape: 'ThingCodeDataShape' },
  { word: 'Vec2', baseType: 'VEC2', shape: 'Vec2DataShape' },
  { word: 'Vec3', baseType: 'VEC3', shape: 'Vec3DataShape' },
  { word: 'Vec4', baseType: 'VEC4', shape: 'Vec4DataShape' },
];

function entryRow(entry: HistoryEntry, baseType: BaseType): InfoTableRow {
  const row: InfoTableRow = { id: String(entry.id), timestamp: new Date(entry.timeMs) };
  const value = entry.value === null ? null : convert(copyValue(entry.value), baseType);
  if (value !== null) {
    row.value = value;
  }
  return row;
}

/** Newest first always: `oldestFirst` is ignored by the platform. */
function typedHistory(
  context: Context,
  args: ServiceArguments,
  { baseType, shape }: TypedHistory,
): InfoTable {
  const property = requireRead(context, text(args, 'propertyName'));
  const maxItems = number(args, 'maxItems', defaultMaxItems);
  const table = new InfoTable(builtInFields(shape));
  const filtered = args.query !== undefined;
  for (const entry of context.platform.history.entries(
    stream(context),
    context.entity.name,
    property.name,
    range(args),
    false,
  )) {
    if (!filtered && table.rows.length >= maxItems) {
      break;
    }
    table.rows.push(entryRow(entry, baseType));
  }
  const found = filtered ? queryTable(table, args.query) : table;
  found.rows.splice(maxItems);
  return found;
}

const queryParameters =
  'propertyName:STRING! maxItems:NUMBER startDate:DATETIME endDate:DATETIME oldestFirst:BOOLEAN query:QUERY';

const typedServices = typed.flatMap((type): PlatformService<ThingEntity>[] => [
  native<ThingEntity>(
    `Query${type.word}PropertyHistory`,
    queryParameters,
    `INFOTABLE:${type.shape}`,
    (args, context) => typedHistory(context, args, type),
  ),
  native<ThingEntity>(
    `Add${type.word}ValueStreamEntry`,
    `propertyName:STRING! value:${type.baseType}! timestamp:DATETIME`,
    'NOTHING',
    (args, context) => {
      const { platform, entity } = context;
      const { property } = platform.properties.definition(entity, text(args, 'propertyName'));
      if (stream(context) === '') {
        throw new PlatformError(`Thing [${entity.name}] has no value stream`);
      }
      platform.logValue(entity, property.name, {
        value: platform.properties.convertFor(property, args.value ?? null),
        timeMs: date(args, 'timestamp')?.getTime() ?? Date.now(),
        quality: 'GOOD',
      });
      return null;
    },
  ),
]);

function purge(context: Context, names: readonly string[], args: ServiceArguments): null {
  const { platform, entity } = context;
  for (const name of names) {
    platform.history.purge(stream(context), entity.name, name, range(args));
  }
  platform.journal?.purged();
  return null;
}

/** Value stream services of every Thing. */
export const historyServices: PlatformService<ThingEntity>[] = [
  native(
    'QueryPropertyHistory',
    'maxItems:NUMBER startDate:DATETIME endDate:DATETIME oldestFirst:BOOLEAN query:QUERY',
    'INFOTABLE',
    (args, context) => history(context, args, loggedProperties(context)),
  ),
  native(
    'QueryNamedPropertyHistory',
    'propertyNames:INFOTABLE:EntityList! maxItems:NUMBER startDate:DATETIME endDate:DATETIME oldestFirst:BOOLEAN query:QUERY',
    'INFOTABLE',
    (args, context) =>
      history(
        context,
        args,
        nameColumn(args.propertyNames).map((name) => requireRead(context, name)),
      ),
  ),
  native(
    'PurgePropertyHistory',
    'propertyName:STRING! startDate:DATETIME endDate:DATETIME immediate:BOOLEAN',
    'NOTHING',
    (args, context) => purge(context, [text(args, 'propertyName')], args),
  ),
  native('PurgeAllPropertyHistory', 'startDate:DATETIME endDate:DATETIME', 'NOTHING', (args, context) =>
    purge(context, context.platform.history.properties(stream(context), context.entity.name), args),
  ),
  native(
    'PurgeSelectedPropertyHistory',
    'propertiesToPurge:INFOTABLE! startDate:DATETIME endDate:DATETIME',
    'NOTHING',
    (args, context) => purge(context, nameColumn(args.propertiesToPurge), args),
  ),
  ...typedServices,
];
