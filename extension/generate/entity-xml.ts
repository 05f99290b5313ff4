import {
  type DataShape,
  type Entity,
  type Group,
  type Permission,
  PROJECT,
  type Project,
  type ThingShape,
  type ThingTemplate,
} from '../entities/model.ts';
import { characteristics, fieldAttributes } from './characteristics-xml.ts';
import { runTimePermissions } from './permissions-xml.ts';
import { type Element, element, toXml } from './xml.ts';

/** Entity kind to the collection that holds it. */
const COLLECTIONS: Readonly<Record<Entity['kind'], string>> = {
  Project: 'Projects',
  Group: 'Groups',
  DataShape: 'DataShapes',
  ThingShape: 'ThingShapes',
  ThingTemplate: 'ThingTemplates',
};

/** The place of an entity in the zip. */
export function entityPath(entity: Entity): string {
  return `Entities/${COLLECTIONS[entity.kind]}/${entity.name}.xml`;
}

/** The file of one entity, in the form that extensions of all platform versions since 9.0 use. */
export function entityXml(entity: Entity): string {
  return toXml(element('Entities', {}, [element(COLLECTIONS[entity.kind], {}, [toElement(entity)])]));
}

function toElement(entity: Entity): Element {
  switch (entity.kind) {
    case 'Project':
      return projectElement(entity);
    case 'Group':
      return groupElement(entity);
    case 'DataShape':
      return dataShapeElement(entity);
    case 'ThingShape':
      return thingShapeElement(entity);
    case 'ThingTemplate':
      return thingTemplateElement(entity);
  }
}

function commonAttributes(entity: Entity): Record<string, string> {
  return {
    name: entity.name,
    description: entity.description,
    documentationContent: '',
    homeMashup: '',
    projectName: PROJECT,
    tags: '',
  };
}

function commonChildren(permissions: readonly Permission[] = []): Element[] {
  return [
    element('avatar'),
    designTimePermissions('DesignTimePermissions'),
    runTimePermissions('RunTimePermissions', permissions),
    element('VisibilityPermissions', {}, [element('Visibility')]),
    element('ConfigurationTableDefinitions'),
    element('ConfigurationTables'),
  ];
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
  return element('Group', commonAttributes(group), [...commonChildren(), element('Members')]);
}

function dataShapeElement(shape: DataShape): Element {
  return element('DataShape', { ...commonAttributes(shape), baseDataShape: '' }, [
    ...commonChildren(),
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
    ...commonChildren(),
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
    element('InstanceVisibilityPermissions', {}, [element('Visibility')]),
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
