import { characteristics, fieldAttributes } from './characteristics-xml.ts';
import {
  type ConfigurationTable,
  type DataShape,
  type Entity,
  type Group,
  type Named,
  ORGANIZATION,
  type Organization,
  type Permission,
  PROJECT,
  type Project,
  type Thing,
  type ThingShape,
  type ThingTemplate,
} from './model.ts';
import { runTimePermissions } from './permissions-xml.ts';
import { type Element, element, toXml } from './xml.ts';

/** Entity kind to the collection that holds it. */
const COLLECTIONS = {
  Project: 'Projects',
  Group: 'Groups',
  Organization: 'Organizations',
  DataShape: 'DataShapes',
  ThingShape: 'ThingShapes',
  ThingTemplate: 'ThingTemplates',
  Thing: 'Things',
  Mashup: 'Mashups',
} as const;

type Kind = keyof typeof COLLECTIONS;

/** The place of an entity in the zip. */
export function entityPath(entity: { readonly kind: Kind; readonly name: string }): string {
  return `Entities/${COLLECTIONS[entity.kind]}/${entity.name}.xml`;
}

/** The file of one entity, in the form that extensions of all platform versions since 9.0 use. */
export function entityXml(entity: Entity): string {
  return documentOf(entity.kind, toElement(entity));
}

export function documentOf(kind: Kind, entity: Element): string {
  return toXml(element('Entities', {}, [element(COLLECTIONS[kind], {}, [entity])]));
}

function toElement(entity: Entity): Element {
  switch (entity.kind) {
    case 'Project':
      return projectElement(entity);
    case 'Group':
      return groupElement(entity);
    case 'Organization':
      return organizationElement(entity);
    case 'DataShape':
      return dataShapeElement(entity);
    case 'ThingShape':
      return thingShapeElement(entity);
    case 'ThingTemplate':
      return thingTemplateElement(entity);
    case 'Thing':
      return thingElement(entity);
  }
}

export function commonAttributes(entity: Named): Record<string, string> {
  return {
    name: entity.name,
    description: entity.description,
    documentationContent: '',
    homeMashup: entity.homeMashup ?? '',
    projectName: entity.project ?? PROJECT,
    tags: '',
  };
}

export function commonChildren(
  permissions: readonly Permission[] = [],
  tables: readonly ConfigurationTable[] = [],
): Element[] {
  return [
    element('avatar'),
    designTimePermissions('DesignTimePermissions'),
    runTimePermissions('RunTimePermissions', permissions),
    visibility('VisibilityPermissions'),
    element('ConfigurationTableDefinitions'),
    element('ConfigurationTables', {}, tables.map(tableElement)),
  ];
}

function visibility(name: string): Element {
  const principal = element('Principal', { isPermitted: 'true', name: ORGANIZATION, type: 'Organization' });
  return element(name, {}, [element('Visibility', {}, [principal])]);
}

function designTimePermissions(name: string): Element {
  return element(
    name,
    {},
    ['Create', 'Read', 'Update', 'Delete', 'Metadata'].map((right) => element(right)),
  );
}

function projectElement(project: Project): Element {
  const attributes = {
    ...commonAttributes(project),
    artifactId: '',
    'aspect.projectType': 'Component',
    dependsOn: '{"extensions":"","projects":""}',
    groupId: '',
    minPlatformVersion: '',
    packageVersion: '1.0.0',
    publishResult: '',
    state: 'DRAFT',
  };
  return element('Project', attributes, commonChildren());
}

function groupElement(group: Group): Element {
  return element('Group', commonAttributes(group), [
    ...commonChildren(),
    element('Members', {}, [element('Members')]),
  ]);
}

function organizationElement(organization: Organization): Element {
  const attributes = {
    ...commonAttributes(organization),
    loginButtonStyle: '',
    loginPrompt: '',
    loginResetPassword: 'false',
    loginStyle: '',
    mobileMashup: '',
    resetMailContent: '',
    resetMailServer: '',
    resetMailSubject: '',
  };
  const unit = (name: string, description: string, groups: readonly string[]) =>
    element('OrganizationalUnit', { name, description }, [
      element('Members', {}, [
        element(
          'Members',
          {},
          groups.map((group) => element('Member', { name: group, type: 'Group' })),
        ),
      ]),
    ]);
  return element('Organization', attributes, [
    ...commonChildren(),
    element('loginImage'),
    element('Connections', {}, [
      element('Connection', { from: '', to: 'Root' }),
      ...organization.units.map(({ name }) => element('Connection', { from: 'Root', to: name })),
    ]),
    element('OrganizationalUnits', {}, [
      unit('Root', '', []),
      ...organization.units.map(({ name, description, groups }) => unit(name, description, groups)),
    ]),
  ]);
}

function dataShapeElement(shape: DataShape): Element {
  return element('DataShape', { ...commonAttributes(shape), baseDataShape: '' }, [
    ...commonChildren(shape.permissions),
    element(
      'FieldDefinitions',
      {},
      shape.fields.map((field, index) =>
        element('FieldDefinition', {
          ...fieldAttributes(field, index),
          'aspect.isPrimaryKey': String(field.isPrimaryKey ?? false),
        }),
      ),
    ),
  ]);
}

function thingShapeElement(shape: ThingShape): Element {
  return element('ThingShape', { ...commonAttributes(shape), 'aspect.isSystemObject': 'false' }, [
    ...characteristics(shape),
    ...commonChildren(shape.permissions),
    ...bindings(),
    runTimePermissions('InstanceRunTimePermissions', shape.instancePermissions),
  ]);
}

function thingTemplateElement(template: ThingTemplate): Element {
  const attributes = {
    ...commonAttributes(template),
    'aspect.isSystemObject': 'false',
    baseThingTemplate: template.baseThingTemplate,
    effectiveThingPackage: 'ConfiguredThing',
    inheritedValueStream: '',
    thingPackage: '',
    valueStream: '',
  };
  return element('ThingTemplate', attributes, [
    ...commonChildren(template.permissions),
    ...bindings(),
    element('ThingShape', {}, characteristics(template)),
    element(
      'ImplementedShapes',
      {},
      template.implementedShapes.map((name) => element('ImplementedShape', { name, type: 'ThingShape' })),
    ),
    element('SharedConfigurationTables'),
    designTimePermissions('InstanceDesignTimePermissions'),
    runTimePermissions('InstanceRunTimePermissions', template.instancePermissions),
    visibility('InstanceVisibilityPermissions'),
  ]);
}

/** In the form of exported Timer Things: the definition of the table belongs to the template of the platform. */
function tableElement({ name, description, fields, row }: ConfigurationTable): Element {
  const attributes = {
    name,
    description,
    dataShapeName: '',
    isHidden: 'true',
    isMultiRow: 'false',
    ordinal: '0',
  };
  return element('ConfigurationTable', attributes, [
    element('DataShape', {}, [
      element(
        'FieldDefinitions',
        {},
        fields.map((field) =>
          element('FieldDefinition', {
            name: field.name,
            baseType: field.baseType,
            description: field.description,
            ordinal: '0',
            'aspect.defaultValue': field.defaultValue,
          }),
        ),
      ),
    ]),
    element('Rows', {}, [
      element(
        'Row',
        {},
        Object.entries(row).map(([cell, text]) => ({ name: cell, text })),
      ),
    ]),
  ]);
}

function thingElement(thing: Thing): Element {
  const attributes = {
    ...commonAttributes(thing),
    effectiveThingPackage:
      thing.thingTemplate === 'GenericThing' ? 'ConfiguredThing' : `${thing.thingTemplate}Thing`,
    enabled: 'true',
    identifier: '',
    inheritedValueStream: '',
    published: 'false',
    thingTemplate: thing.thingTemplate,
    valueStream: '',
  };
  return element('Thing', attributes, [
    ...commonChildren(thing.permissions, thing.configurationTables),
    element('ThingShape', {}, characteristics(thing)),
    ...bindings(),
    element('ImplementedShapes'),
  ]);
}

function bindings(): Element[] {
  return [
    'PropertyBindings',
    'RemotePropertyBindings',
    'RemoteServiceBindings',
    'RemoteEventBindings',
    'AlertConfigurations',
  ].map((name) => element(name));
}
