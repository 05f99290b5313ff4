import { ImportProblem, type ImportReport } from '../import/report.ts';
import type { FieldDefinition } from '../infotable.ts';
import {
  type Collection,
  collectionElements,
  type Entity,
  entityHead,
  isCollection,
  type ThingEntity,
} from '../model/entity.ts';
import { hashPassword } from '../security/passwords.ts';
import { type DefinitionContext, flag, readBindings, readDefinitions, readField } from './definitions.ts';
import { readXml, type XmlElement, XmlProblem } from './document.ts';
import { readDesignTimePermissions, readRunTimePermissions, readVisibility } from './permissions.ts';
import { readTableDefinitions, readTables } from './tables.ts';

/** An entity as read, with what the store does not keep inside it. */
export interface ReadEntity {
  entity: Entity;
  /** `<ThingProperties>` of a Thing: initial values, read when the property definitions are known. */
  thingProperties: XmlElement | undefined;
  /** Top-level Group members etc. were written, so that an empty list can be told from an absent one. */
  element: XmlElement;
}

export interface ReadOptions {
  report: ImportReport;
  checkScript: DefinitionContext['checkScript'];
}

/** Reads every entity of a document with an `<Entities>` root. ExtensionPackages are not entities and are left out. */
export function readEntities(text: string, file: string, options: ReadOptions): ReadEntity[] {
  let root: XmlElement;
  try {
    root = readXml(text);
  } catch (error) {
    if (error instanceof XmlProblem) {
      throw new ImportProblem(`Unable to parse ${file}: ${error.message}`);
    }
    throw error;
  }
  if (root.tag !== 'Entities') {
    throw new ImportProblem(`Unable to parse ${file}: the root element is ${root.tag}, not Entities`);
  }
  return readCollections(root, options);
}

export function readCollections(root: XmlElement, options: ReadOptions): ReadEntity[] {
  const found: ReadEntity[] = [];
  for (const collection of root.childTags()) {
    if (!isCollection(collection)) {
      continue;
    }
    for (const element of root.path(collection, collectionElements[collection])) {
      found.push(readEntity(collection, element, options));
    }
  }
  return found;
}

function readEntity(collection: Collection, element: XmlElement, options: ReadOptions): ReadEntity {
  const name = element.attribute('name') ?? '';
  if (name === '') {
    throw new ImportProblem(`A ${collectionElements[collection]} has no name`);
  }
  const context: DefinitionContext = { entity: `${collection}/${name}`, ...options };
  const entity = readDetails(collection, element, readHead(name, element, context), context);
  return { entity, thingProperties: element.first('ThingProperties'), element };
}

const headAttributes: ReadonlySet<string> = new Set([
  'name',
  'description',
  'documentationContent',
  'homeMashup',
  'projectName',
  'tags',
  'lastModifiedDate',
]);

function readHead(name: string, element: XmlElement, context: DefinitionContext) {
  const attributes = Object.fromEntries(
    Object.entries(element.attributes()).filter(([key]) => !headAttributes.has(key)),
  );
  return entityHead(name, {
    description: element.attribute('description') ?? '',
    documentationContent: element.attribute('documentationContent') ?? '',
    homeMashup: element.attribute('homeMashup') ?? '',
    projectName: element.attribute('projectName') ?? '',
    tags: element.attribute('tags') ?? '',
    owner: element.first('Owner')?.attribute('name') ?? 'Administrator',
    attributes,
    runTime: readRunTimePermissions(element.first('RunTimePermissions'), context.entity),
    designTime: readDesignTimePermissions(element.first('DesignTimePermissions'), context.entity),
    visibility: readVisibility(element.first('VisibilityPermissions'), context.entity),
    tableDefinitions: readTableDefinitions(element),
    tables: readTables(element, context),
  });
}

function readDetails(
  collection: Collection,
  element: XmlElement,
  head: ReturnType<typeof entityHead>,
  context: DefinitionContext,
): Entity {
  switch (collection) {
    case 'ThingShapes':
      return {
        ...head,
        collection,
        definitions: readDefinitions(element, context),
        bindings: readBindings(element),
        instanceRunTime: readRunTimePermissions(element.first('InstanceRunTimePermissions'), context.entity),
      };
    case 'ThingTemplates':
      return {
        ...head,
        collection,
        definitions: readOwnShape(element, context),
        bindings: readBindings(element),
        baseThingTemplate: element.attribute('baseThingTemplate') || 'GenericThing',
        implementedShapes: readImplementedShapes(element),
        valueStream: element.attribute('valueStream') ?? '',
        instanceRunTime: readRunTimePermissions(element.first('InstanceRunTimePermissions'), context.entity),
        instanceDesignTime: readDesignTimePermissions(
          element.first('InstanceDesignTimePermissions'),
          context.entity,
        ),
        instanceVisibility: readVisibility(element.first('InstanceVisibilityPermissions'), context.entity),
      };
    case 'Things':
      return readThing(element, head, context);
    case 'DataShapes':
      return readDataShape(element, head, context);
    case 'Groups':
      return { ...head, collection, members: readMembers(element) };
    case 'Users':
      return {
        ...head,
        collection,
        // Exports carry an encrypted password that no other system can read: such a user gets one from an administrator.
        passwordHash: element.attribute('password') ? hashPassword(element.attribute('password') ?? '') : '',
        enabled: element.attribute('enabled') !== 'false',
        locked: flag(element, 'locked'),
      };
    case 'Organizations':
      return { ...head, collection, ...readOrganization(element) };
    case 'ApplicationKeys': {
      const expires = element.attribute('expirationDate');
      return {
        ...head,
        collection,
        keyId: element.attribute('keyId') ?? '',
        userNameReference: element.attribute('userNameReference') ?? '',
        clientName: element.attribute('clientName') ?? '',
        ipWhitelist: element.attribute('ipWhitelist') ?? '',
        expirationDate: expires ? new Date(expires) : new Date(Date.now() + 24 * 3_600_000),
      };
    }
    default:
      return { ...head, collection, content: readContent(element) };
  }
}

/** The definitions of a template or Thing stand in an inner `<ThingShape>`; subscriptions elsewhere are lost. */
function readOwnShape(element: XmlElement, context: DefinitionContext) {
  for (const stray of element.path('Subscriptions', 'Subscription')) {
    context.report.loss(
      'SUBSCRIPTION_DROPPED',
      context.entity,
      `Subscription ${stray.attribute('name') ?? stray.attribute('eventName') ?? ''} stands outside <ThingShape>`,
    );
  }
  const shape = element.first('ThingShape');
  return readDefinitions(shape ?? emptyElement, context);
}

const emptyElement = readXml('<ThingShape/>');

function readThing(
  element: XmlElement,
  head: ReturnType<typeof entityHead>,
  context: DefinitionContext,
): ThingEntity {
  for (const [index] of element.path('Rows', 'Row').entries()) {
    if (index === 0) {
      context.report.loss('ROWS_IGNORED', context.entity, 'Data rows of a Thing do not travel in XML');
    }
  }
  return {
    ...head,
    collection: 'Things',
    definitions: readOwnShape(element, context),
    bindings: readBindings(element),
    thingTemplate: element.attribute('thingTemplate') || 'GenericThing',
    implementedShapes: readImplementedShapes(element),
    valueStream: element.attribute('valueStream') ?? '',
    identifier: element.attribute('identifier') ?? '',
    enabled: element.attribute('enabled') !== 'false',
    published: flag(element, 'published'),
  };
}

function readDataShape(
  element: XmlElement,
  head: ReturnType<typeof entityHead>,
  context: DefinitionContext,
): Entity {
  const base = element.attribute('baseDataShape') ?? '';
  if (base !== '') {
    context.report.loss(
      'BASE_DATA_SHAPE_DROPPED',
      context.entity,
      `baseDataShape="${base}" is dropped: only the own fields exist`,
    );
  }
  const fields = new Map<string, FieldDefinition>();
  for (const one of element.path('FieldDefinitions', 'FieldDefinition')) {
    const field = readField(one, context);
    fields.set(field.name, field);
  }
  return { ...head, collection: 'DataShapes', baseDataShape: '', fields };
}

function readImplementedShapes(element: XmlElement): string[] {
  return element.path('ImplementedShapes', 'ImplementedShape').map((one) => one.attribute('name') ?? '');
}

/** Real exports nest `<Members><Members><Member/></Members></Members>`; the flat form is read too. */
export function readMembers(element: XmlElement): { name: string; type: 'User' | 'Group' }[] {
  const found = [...element.path('Members', 'Member'), ...element.path('Members', 'Members', 'Member')];
  return found.map((one) => ({
    name: one.attribute('name') ?? '',
    type: one.attribute('type') === 'Group' ? 'Group' : 'User',
  }));
}

function readOrganization(element: XmlElement) {
  const units = new Map(
    element.path('OrganizationalUnits', 'OrganizationalUnit').map((one) => {
      const name = one.attribute('name') ?? '';
      return [name, { name, description: one.attribute('description') ?? '', members: readMembers(one) }];
    }),
  );
  const connections = element.path('Connections', 'Connection').map((one) => ({
    from: one.attribute('from') ?? '',
    to: one.attribute('to') ?? '',
  }));
  return { units, connections };
}

function readContent(element: XmlElement): string {
  for (const tag of ['mashupContent', 'content', 'Content']) {
    const found = element.first(tag);
    if (found !== undefined) {
      return found.text;
    }
  }
  return '';
}
