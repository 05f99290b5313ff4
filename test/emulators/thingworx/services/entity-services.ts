import { randomUUID } from 'node:crypto';
import { convert } from '../base-types.ts';
import { InfoTable } from '../infotable.ts';
import { likePattern } from '../infotable-query.ts';
import {
  type Collection,
  type Entity,
  emptyDefinitions,
  entityHead,
  isCollection,
  type ThingEntity,
  type ThingTemplateEntity,
} from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { hashPassword } from '../security/passwords.ts';
import { Password, PlatformError } from '../values.ts';
import { cloneEntity } from './clone.ts';
import { describeEntity } from './describe.ts';
import {
  createThing,
  deleteEntity,
  requireCreate,
  requireDesign,
  requireNewName,
  requireProject,
  tagText,
} from './model-changes.ts';
import {
  date,
  native,
  number,
  type PlatformService,
  type ServiceArguments,
  type ServiceContext,
  text,
} from './native.ts';
import { defaultMaxItems, entityListRow, hasTags } from './queries.ts';

/** Application keys made by CreateApplicationKey without a date expire after a day. */
const keyLifetimeMs = 24 * 3_600_000;

function newHead(context: ServiceContext, collection: Collection, args: ServiceArguments) {
  requireCreate(context, collection);
  const name = text(args, 'name');
  requireNewName(context.platform, collection, name);
  return entityHead(name, {
    description: text(args, 'description'),
    projectName: requireProject(context.platform, text(args, 'projectName')),
    tags: tagText(args.tags ?? null),
    owner: text(args, 'ownerUserName') || context.principal,
  });
}

function put(context: ServiceContext, entity: Entity): null {
  context.platform.store.put(entity);
  return null;
}

function template(platform: Platform, name: string): void {
  if (!platform.store.has('ThingTemplates', name)) {
    throw new PlatformError(`Unable to find ThingTemplate [${name}]`, { status: 404 });
  }
}

/** Password from a STRING or PASSWORD parameter. */
function clearText(value: unknown): string {
  return value instanceof Password ? value.clear : typeof value === 'string' ? value : '';
}

function changeShapes(
  context: ServiceContext,
  target: ThingEntity | ThingTemplateEntity,
  shape: string,
  add: boolean,
): null {
  requireDesign(context, target, 'Update');
  if (!context.platform.store.has('ThingShapes', shape)) {
    throw new PlatformError(`Unable to find ThingShape [${shape}]`, { status: 404 });
  }
  const implemented = target.implementedShapes.includes(shape);
  if (add === implemented) {
    throw new PlatformError(
      add
        ? `ThingShape [${shape}] is already implemented by [${target.name}]`
        : `ThingShape [${shape}] is not implemented by [${target.name}]`,
    );
  }
  target.implementedShapes = add
    ? [...target.implementedShapes, shape]
    : target.implementedShapes.filter((one) => one !== shape);
  put(context, target);
  if (target.collection === 'Things') {
    context.platform.lifecycle.refresh(target);
  }
  return null;
}

const headParameters = 'name:STRING! description:STRING projectName:PROJECTNAME tags:TAGS';

const creators: PlatformService[] = [
  native(
    'CreateThing',
    `${headParameters} thingTemplateName:THINGTEMPLATENAME! ownerUserName:USERNAME`,
    'NOTHING',
    (args, context) => {
      createThing(context, {
        name: text(args, 'name'),
        description: text(args, 'description'),
        thingTemplate: text(args, 'thingTemplateName'),
        projectName: text(args, 'projectName'),
        tags: args.tags ?? null,
        owner: text(args, 'ownerUserName'),
      });
      return null;
    },
  ),
  native(
    'CreateThingTemplate',
    `${headParameters} thingTemplateName:THINGTEMPLATENAME ownerUserName:USERNAME`,
    'NOTHING',
    (args, context) => {
      const base = text(args, 'thingTemplateName') || 'GenericThing';
      template(context.platform, base);
      return put(context, {
        ...newHead(context, 'ThingTemplates', args),
        collection: 'ThingTemplates',
        baseThingTemplate: base,
        implementedShapes: [],
        valueStream: '',
        definitions: emptyDefinitions(),
        bindings: [],
        instanceRunTime: new Map(),
        instanceDesignTime: new Map(),
        instanceVisibility: [],
      });
    },
  ),
  native('CreateThingShape', `${headParameters} ownerUserName:USERNAME`, 'NOTHING', (args, context) =>
    put(context, {
      ...newHead(context, 'ThingShapes', args),
      collection: 'ThingShapes',
      definitions: emptyDefinitions(),
      bindings: [],
      instanceRunTime: new Map(),
    }),
  ),
  native('CreateDataShape', `${headParameters} fields:INFOTABLE`, 'NOTHING', (args, context) => {
    const fields = args.fields instanceof InfoTable ? args.fields.fields : new Map();
    return put(context, {
      ...newHead(context, 'DataShapes', args),
      collection: 'DataShapes',
      baseDataShape: '',
      fields: new Map(fields),
    });
  }),
  native('CreateGroup', headParameters, 'NOTHING', (args, context) =>
    put(context, { ...newHead(context, 'Groups', args), collection: 'Groups', members: [] }),
  ),
  native('CreateUser', `${headParameters} password:STRING!`, 'NOTHING', (args, context) =>
    put(context, {
      ...newHead(context, 'Users', args),
      collection: 'Users',
      passwordHash: hashPassword(clearText(args.password)),
      enabled: true,
      locked: false,
    }),
  ),
  native(
    'CreateOrganization',
    `${headParameters} topOUName:STRING topOUDescription:STRING`,
    'NOTHING',
    (args, context) => {
      const top = text(args, 'topOUName') || 'Root';
      return put(context, {
        ...newHead(context, 'Organizations', args),
        collection: 'Organizations',
        units: new Map([[top, { name: top, description: text(args, 'topOUDescription'), members: [] }]]),
        connections: [{ from: '', to: top }],
      });
    },
  ),
  native(
    'CreateProject',
    'name:STRING! description:STRING type:STRING dependsOn:STRING tags:TAGS',
    'NOTHING',
    (args, context) =>
      put(context, { ...newHead(context, 'Projects', args), collection: 'Projects', content: '' }),
  ),
  native(
    'CreateApplicationKey',
    `${headParameters} clientName:STRING user:USERNAME! whitelist:STRING expirationDate:DATETIME`,
    'NOTHING',
    (args, context) => {
      const user = text(args, 'user');
      if (!context.platform.store.has('Users', user)) {
        throw new PlatformError(`User [${user}] does not exist`);
      }
      return put(context, {
        ...newHead(context, 'ApplicationKeys', args),
        collection: 'ApplicationKeys',
        keyId: randomUUID(),
        userNameReference: user,
        clientName: text(args, 'clientName'),
        ipWhitelist: text(args, 'whitelist'),
        expirationDate: date(args, 'expirationDate') ?? new Date(Date.now() + keyLifetimeMs),
      });
    },
  ),
];

const deleters: PlatformService[] = (
  [
    ['DeleteThing', 'Things', 'THINGNAME'],
    ['DeleteThingTemplate', 'ThingTemplates', 'THINGTEMPLATENAME'],
    ['DeleteThingShape', 'ThingShapes', 'THINGSHAPENAME'],
    ['DeleteGroup', 'Groups', 'GROUPNAME'],
    ['DeleteUser', 'Users', 'USERNAME'],
    ['DeleteOrganization', 'Organizations', 'ORGANIZATIONNAME'],
    ['DeleteApplicationKey', 'ApplicationKeys', 'APPLICATIONKEYNAME'],
    ['DeleteProject', 'Projects', 'PROJECTNAME'],
  ] as const
).map(([name, collection, baseType]) =>
  native(name, `name:${baseType}!`, 'NOTHING', (args, context) => {
    deleteEntity(context, collection, text(args, 'name'));
    return null;
  }),
);

const shapeServices: PlatformService[] = (
  [
    ['AddShapeToThing', 'Things', true],
    ['RemoveShapeFromThing', 'Things', false],
    ['AddShapeToThingTemplate', 'ThingTemplates', true],
    ['RemoveShapeFromThingTemplate', 'ThingTemplates', false],
  ] as const
).map(([name, collection, add]) =>
  native(name, 'name:STRING! thingShapeName:THINGSHAPENAME!', 'NOTHING', (args, context) => {
    const target = context.platform.visible(collection, text(args, 'name'), context.principal);
    return changeShapes(context, target, text(args, 'thingShapeName'), add);
  }),
);

function entityList(context: ServiceContext, args: ServiceArguments, pattern: RegExp | undefined): InfoTable {
  const { platform, principal } = context;
  const type = collectionOf(text(args, 'type'));
  const table = platform.table('RootEntityList');
  for (const entity of platform.store.all(type)) {
    if (table.rows.length >= number(args, 'maxItems', defaultMaxItems)) {
      break;
    }
    const wanted =
      (pattern === undefined || pattern.test(entity.name)) &&
      hasTags(entity, args.tags) &&
      platform.permissions.isVisible(entity, principal);
    if (wanted) {
      table.rows.push(entityListRow(entity));
    }
  }
  return table;
}

/** Collection by its name or by the name of one of its entities: `Things`, `Thing`. */
function collectionOf(type: string): Collection {
  const found = isCollection(type) ? type : isCollection(`${type}s`) ? (`${type}s` as Collection) : undefined;
  if (found === undefined) {
    throw new PlatformError(`Entity type [${type}] does not exist`);
  }
  return found;
}

const listParameters = 'type:STRING! nameMask:STRING maxItems:NUMBER tags:TAGS';

const readers: PlatformService[] = [
  native('GetEntityList', listParameters, 'INFOTABLE:RootEntityList', (args, context) => {
    const mask = text(args, 'nameMask');
    return entityList(context, args, mask === '' ? undefined : likePattern(mask, true));
  }),
  native('GetEntityListByRegEx', listParameters, 'INFOTABLE:RootEntityList', (args, context) => {
    const mask = text(args, 'nameMask');
    return entityList(context, args, mask === '' ? undefined : new RegExp(mask));
  }),
  native('ReadEntityDefinitionAsJSON', 'type:STRING! name:STRING!', 'JSON', (args, context) => {
    const { platform, principal } = context;
    const entity = platform.visible(collectionOf(text(args, 'type')), text(args, 'name'), principal);
    requireDesign(context, entity, 'Read');
    return describeEntity(platform, entity, principal);
  }),
  native('ReadEntityAsJSON', 'type:STRING! name:STRING! key:STRING', 'JSON', (args, context) => {
    const { platform, principal } = context;
    const entity = platform.visible(collectionOf(text(args, 'type')), text(args, 'name'), principal);
    requireDesign(context, entity, 'Read');
    return describeEntity(platform, entity, principal);
  }),
  native('GetThingNameForIdentifier', 'identifier:STRING!', 'THINGNAME', (args, { platform, principal }) => {
    const identifier = text(args, 'identifier');
    const found = platform.store
      .all('Things')
      .find((thing) => identifier !== '' && thing.identifier === identifier);
    return found !== undefined && platform.permissions.isVisible(found, principal) ? found.name : '';
  }),
];

const cloners: PlatformService[] = (
  [
    ['CloneThing', 'Things', 'sourceThingName'],
    ['CloneThingTemplate', 'ThingTemplates', 'sourceThingTemplateName'],
    ['CloneThingShape', 'ThingShapes', 'sourceThingShapeName'],
  ] as const
).map(([name, collection, source]) =>
  native(name, `name:STRING! description:STRING ${source}:STRING! tags:TAGS`, 'NOTHING', (args, context) => {
    const original = context.platform.visible(collection, text(args, source), context.principal);
    const head = newHead(context, collection, args);
    return put(
      context,
      cloneEntity(original, head.name, head.description, tagText(convert(args.tags ?? null, 'TAGS'))),
    );
  }),
);

/** Resource EntityServices: creates, finds, changes and deletes entities. */
export const entityServices: PlatformService[] = [
  ...creators,
  ...cloners,
  ...deleters,
  ...shapeServices,
  ...readers,
];
