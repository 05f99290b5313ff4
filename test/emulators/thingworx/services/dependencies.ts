import type { InfoTable, InfoTableRow } from '../infotable.ts';
import {
  type Aspects,
  type Collection,
  collectionElements,
  type Definitions,
  type Entity,
  isCollection,
  isShaped,
} from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { native, number, type PlatformService, type ServiceContext } from './native.ts';

/**
 * Row of the Data Shape EntityDescriptor. That public clients find the collection in `parentName` is known; the form of `id` and
 * `type` is not.
 */
export function entityDescriptor(entity: Entity): InfoTableRow {
  return {
    id: `${entity.collection}/${entity.name}`,
    name: entity.name,
    description: entity.description,
    type: collectionElements[entity.collection],
    parentName: entity.collection,
    parentType: entity.collection,
  };
}

/** Entities that this one names in its definition. Permissions, tags and the project do not count (believed). */
export function outgoing(platform: Platform, entity: Entity): Entity[] {
  const found = new Map<string, Entity>();
  const add = (collection: Collection, name: unknown) => {
    const target = typeof name === 'string' && name !== '' ? platform.store.get(collection, name) : undefined;
    if (target !== undefined && target !== entity)
      found.set(`${collection}/${target.name}`, target as Entity);
  };
  add('Mashups', entity.homeMashup);
  for (const definition of entity.tableDefinitions.values()) add('DataShapes', definition.dataShapeName);
  if (isShaped(entity)) {
    addDefinitions(add, entity.definitions);
    for (const { attributes } of entity.bindings) add('Things', attributes.sourceThingName);
  }
  switch (entity.collection) {
    case 'Things':
      add('ThingTemplates', entity.thingTemplate);
      add('Things', entity.valueStream);
      for (const shape of entity.implementedShapes) add('ThingShapes', shape);
      break;
    case 'ThingTemplates':
      add('ThingTemplates', entity.baseThingTemplate);
      add('Things', entity.valueStream);
      for (const shape of entity.implementedShapes) add('ThingShapes', shape);
      break;
    case 'DataShapes':
      for (const { aspects } of entity.fields.values()) addAspects(add, aspects);
      break;
    case 'Groups':
      for (const { type, name } of entity.members) add(`${type}s`, name);
      break;
    case 'Organizations':
      for (const { members } of entity.units.values())
        for (const { type, name } of members) add(`${type}s`, name);
      break;
    case 'ApplicationKeys':
      add('Users', entity.userNameReference);
      break;
    case 'Mashups':
      addMashup(add, entity.content);
      break;
    default:
  }
  return [...found.values()];
}

type Add = (collection: Collection, name: unknown) => void;

function addAspects(add: Add, aspects: Aspects): void {
  add('DataShapes', aspects.dataShape);
  add('ThingTemplates', aspects.thingTemplate);
  add('ThingShapes', aspects.thingShape);
}

function addDefinitions(add: Add, definitions: Definitions): void {
  for (const { aspects } of definitions.properties.values()) addAspects(add, aspects);
  for (const { dataShape } of definitions.events.values()) add('DataShapes', dataShape);
  for (const { result, parameters } of definitions.services.values())
    for (const { aspects } of [result, ...parameters.values()]) addAspects(add, aspects);
  for (const { triggers } of definitions.subscriptions.values())
    for (const { source, sourceType } of triggers) {
      const collection = `${sourceType}s`;
      if (isCollection(collection)) add(collection, source);
    }
}

/** The entities whose services a mashup calls. */
function addMashup(add: Add, content: string): void {
  try {
    const { Data = {} } = JSON.parse(content) as { Data?: Record<string, Record<string, unknown>> };
    for (const { EntityType, EntityName } of Object.values(Data)) {
      const collection = String(EntityType ?? '').replace(/^Dynamic/, '');
      if (isCollection(collection)) add(collection, EntityName);
    }
  } catch {
    // The importer has reported it.
  }
}

function descriptors(context: ServiceContext, entities: readonly Entity[], maxItems: number): InfoTable {
  const { platform, principal } = context;
  const table = platform.table('EntityDescriptor');
  const visible = entities.filter((one) => platform.permissions.isVisible(one, principal));
  table.rows.push(...visible.slice(0, maxItems).map(entityDescriptor));
  return table;
}

/** Services of every entity that tell what it needs and what needs it. */
export const dependencyServices: PlatformService[] = [
  native('GetOutgoingDependencies', 'maxItems:NUMBER', 'INFOTABLE:EntityDescriptor', (args, context) =>
    descriptors(context, outgoing(context.platform, context.entity), number(args, 'maxItems', 500)),
  ),
  native('GetIncomingDependencies', 'maxItems:NUMBER', 'INFOTABLE:EntityDescriptor', (args, context) => {
    const { platform, entity } = context;
    const users = [...platform.store.everything()].filter((one) => outgoing(platform, one).includes(entity));
    return descriptors(context, users, number(args, 'maxItems', 500));
  }),
];
