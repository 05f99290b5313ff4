import { convert } from '../base-types.ts';
import { type FieldDefinition, InfoTable, type InfoTableRow } from '../infotable.ts';
import { likePattern, queryTable } from '../infotable-query.ts';
import { builtInFields } from '../model/builtin-shapes.ts';
import type {
  Entity,
  Property,
  ThingEntity,
  ThingShapeEntity,
  ThingTemplateEntity,
} from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { copyValue } from '../runtime/copy.ts';
import type { Tag } from '../values.ts';
import {
  native,
  number,
  type PlatformService,
  type ServiceArguments,
  type ServiceContext,
  text,
} from './native.ts';
import { nameColumn, propertyField } from './thing-properties.ts';

/** Number of rows that queries answer when `maxItems` is not given. */
export const defaultMaxItems = 500;

export function entityListRow(entity: Entity): InfoTableRow {
  const row: InfoTableRow = {
    name: entity.name,
    description: entity.description,
    homeMashup: entity.homeMashup,
    tags: convert(entity.tags, 'TAGS'),
    isSystemObject: entity.isSystemObject,
  };
  return row;
}

export function hasTags(entity: Entity, tags: unknown): boolean {
  if (!Array.isArray(tags) || tags.length === 0) {
    return true;
  }
  const own = (convert(entity.tags, 'TAGS') ?? []) as Tag[];
  return (tags as Tag[]).every((tag) =>
    own.some((one) => one.vocabulary === tag.vocabulary && one.vocabularyTerm === tag.vocabularyTerm),
  );
}

type Implementable = ThingTemplateEntity | ThingShapeEntity;

/** Things that implement a template (or one below it) or a shape, and that the caller can see. */
export function implementers(context: ServiceContext<Implementable>, args: ServiceArguments): ThingEntity[] {
  const { platform, entity, principal } = context;
  const mask = text(args, 'nameMask');
  const pattern = mask === '' ? undefined : likePattern(mask, true);
  return platform.store.all('Things').filter((thing) => {
    const effective = platform.inheritance.thing(thing);
    const implemented =
      entity.collection === 'ThingTemplates'
        ? effective.templates.includes(entity.name)
        : effective.shapes.has(entity.name);
    return (
      implemented &&
      (pattern === undefined || pattern.test(thing.name)) &&
      hasTags(thing, args.tags) &&
      platform.permissions.isVisible(thing, principal)
    );
  });
}

function implementedProperties(platform: Platform, entity: Implementable): Property[] {
  return entity.collection === 'ThingTemplates'
    ? [...platform.inheritance.template(entity.name).properties.values()].map((one) => one.property)
    : [...entity.definitions.properties.values()];
}

function withData(
  context: ServiceContext<Implementable>,
  args: ServiceArguments,
  properties: readonly Property[],
): InfoTable {
  const { platform, principal } = context;
  const head = builtInFields('RootEntityList');
  const headNames = new Set([...head.map((field) => field.name), 'thingTemplate']);
  const own = properties.filter((property) => !headNames.has(property.name));
  const fields: FieldDefinition[] = [
    ...head,
    {
      name: 'thingTemplate',
      description: '',
      baseType: 'THINGTEMPLATENAME',
      ordinal: head.length,
      aspects: {},
    },
    ...own.map((property, index) => propertyField(property, head.length + 1 + index)),
  ];
  const table = new InfoTable(fields);
  for (const thing of implementers(context, args)) {
    const row: InfoTableRow = { ...entityListRow(thing), thingTemplate: thing.thingTemplate };
    for (const property of own) {
      if (platform.permissions.allows(thing, 'PropertyRead', property.name, principal)) {
        const { value } = platform.properties.readKnown(thing, property);
        if (value !== null) {
          row[property.name] = copyValue(value);
        }
      }
    }
    table.rows.push(row);
  }
  return finish(table, args);
}

function finish(table: InfoTable, args: ServiceArguments): InfoTable {
  const found = queryTable(table, args.query);
  found.rows.splice(number(args, 'maxItems', defaultMaxItems));
  return found;
}

function list(context: ServiceContext<Implementable>, args: ServiceArguments): InfoTable {
  const table = context.platform.table('RootEntityList');
  table.rows.push(...implementers(context, args).map(entityListRow));
  return table;
}

const queryParameters = 'maxItems:NUMBER nameMask:STRING query:QUERY tags:TAGS';

/** Services of templates and shapes that find the Things that implement them. */
export const implementerServices: PlatformService<Implementable>[] = [
  native('GetImplementingThings', '', 'INFOTABLE:RootEntityList', (args, context) => list(context, args)),
  native('GetImplementingThingsWithData', '', 'INFOTABLE', (args, context) =>
    withData(
      context,
      { ...args, maxItems: Number.MAX_SAFE_INTEGER },
      implementedProperties(context.platform, context.entity),
    ),
  ),
  native('QueryImplementingThings', queryParameters, 'INFOTABLE:RootEntityList', (args, context) =>
    finish(list(context, args), args),
  ),
  native('QueryImplementingThingsWithData', queryParameters, 'INFOTABLE', (args, context) =>
    withData(context, args, implementedProperties(context.platform, context.entity)),
  ),
  native(
    'QueryImplementingThingsWithNamedData',
    `${queryParameters} propertyNames:INFOTABLE:EntityList basicPropertyNames:INFOTABLE:EntityList`,
    'INFOTABLE',
    (args, context) => {
      const wanted = new Set(nameColumn(args.propertyNames));
      const properties = implementedProperties(context.platform, context.entity);
      return withData(
        context,
        args,
        properties.filter((property) => wanted.has(property.name)),
      );
    },
  ),
];
