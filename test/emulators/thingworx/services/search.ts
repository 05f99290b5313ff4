import type { InfoTableRow } from '../infotable.ts';
import { likePattern } from '../infotable-query.ts';
import type { Entity } from '../model/entity.ts';
import type { JsonObject, PlatformValue } from '../values.ts';
import { entityDescriptor } from './dependencies.ts';
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
import { defaultMaxItems, hasTags } from './queries.ts';

const common =
  'maxItems:NUMBER maxSearchItems:NUMBER searchExpression:STRING types:JSON aspects:JSON excludedAspects:JSON tags:TAGS';

/**
 * Resource SearchFunctions, as far as clients outside of Composer use it: what there is in a project, by name. `thingTemplates`,
 * `thingShapes` and `withPermissions` are not looked at.
 */
export const searchServices: PlatformService[] = [
  native(
    'SpotlightSearch',
    `${common} projectName:PROJECTNAME searchDescriptions:BOOLEAN sortBy:STRING isAscending:BOOLEAN withPermissions:BOOLEAN startDate:DATETIME endDate:DATETIME thingTemplates:JSON thingShapes:JSON`,
    'INFOTABLE:SpotlightSearch',
    (args, context) => {
      const table = context.platform.table('SpotlightSearch');
      const rows = search(args, context).map((entity) => spotlightRow(entity));
      const column = text(args, 'sortBy');
      if (table.fields.has(column)) {
        rows.sort((a, b) => compare(a[column], b[column]) * (bool(args, 'isAscending', true) ? 1 : -1));
      }
      table.rows.push(...rows.slice(0, number(args, 'maxItems', defaultMaxItems)));
      return table;
    },
  ),
  native('SearchModelEntities', common, 'INFOTABLE:EntityDescriptor', (args, context) => {
    const table = context.platform.table('EntityDescriptor');
    const found = search(args, context).slice(0, number(args, 'maxItems', defaultMaxItems));
    table.rows.push(...found.map(entityDescriptor));
    return table;
  }),
];

function search(args: ServiceArguments, { platform, principal }: ServiceContext): Entity[] {
  const expression = text(args, 'searchExpression');
  const pattern = expression === '' ? undefined : likePattern(expression, false);
  const types = listed(args.types);
  const project = text(args, 'projectName');
  const [start, end] = [date(args, 'startDate'), date(args, 'endDate')];
  const wanted = aspects(args.aspects);
  const excluded = aspects(args.excludedAspects);
  return [...platform.store.everything()].filter((entity) => {
    const aspect = ([name, value]: [string, unknown]) => aspectOf(entity, name) === String(value);
    return (
      (types.length === 0 || types.includes(entity.collection)) &&
      (project === '' || entity.projectName === project) &&
      (pattern === undefined ||
        pattern.test(entity.name) ||
        (bool(args, 'searchDescriptions') && pattern.test(entity.description))) &&
      (start === undefined || entity.lastModified >= start) &&
      (end === undefined || entity.lastModified <= end) &&
      wanted.every(aspect) &&
      !excluded.some(aspect) &&
      hasTags(entity, args.tags) &&
      platform.permissions.isVisible(entity, principal)
    );
  });
}

/** `{items: [...]}`, as Composer sends lists; arrays arrive boxed. */
function listed(value: PlatformValue | undefined): string[] {
  const { items, array } = (value ?? {}) as JsonObject;
  const list = items ?? array;
  return Array.isArray(list) ? list.map(String) : [];
}

function aspects(value: PlatformValue | undefined): [string, unknown][] {
  return Object.entries((value ?? {}) as JsonObject);
}

function aspectOf(entity: Entity, name: string): string {
  if (name === 'isSystemObject') return String(entity.isSystemObject);
  if (name === 'isExtension') return String(entity.extension !== '');
  return entity.attributes[`aspect.${name}`] ?? 'false';
}

function spotlightRow(entity: Entity): InfoTableRow {
  const { id: _id, ...descriptor } = entityDescriptor(entity);
  const isEditableExtensionObject = aspectOf(entity, 'isEditableExtensionObject') === 'true';
  return {
    ...descriptor,
    lastModifiedDate: entity.lastModified,
    isSystemObject: entity.isSystemObject,
    isEditableSystemObject: false,
    isExtension: entity.extension !== '',
    isEditableExtensionObject,
    isEditable: !entity.isSystemObject && (entity.extension === '' || isEditableExtensionObject),
  };
}

function compare(a: PlatformValue | undefined, b: PlatformValue | undefined): number {
  const [left, right] = [String(a ?? ''), String(b ?? '')];
  return left < right ? -1 : left > right ? 1 : 0;
}
