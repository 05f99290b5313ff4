import {
  type Characteristics,
  type DataShape,
  type Entity,
  type FieldDefinition,
  type Group,
  type Permission,
  type PermissionKind,
  PROJECT,
  type Project,
  type PropertyDefinition,
  type ServiceDefinition,
  type SubscriptionDefinition,
  type ThingShape,
  type ThingTemplate,
} from '../entities/model.ts';
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

/** The six blocks, in the order that the platform exports. */
function characteristics(owner: Characteristics): Element[] {
  return [
    element('PropertyDefinitions', {}, owner.properties.map(propertyElement)),
    element('ServiceDefinitions', {}, owner.services.map(serviceElement)),
    element(
      'EventDefinitions',
      {},
      owner.events.map((event) =>
        element('EventDefinition', {
          name: event.name,
          description: event.description,
          category: event.category,
          dataShape: event.dataShape,
        }),
      ),
    ),
    element('ServiceMappings'),
    element(
      'ServiceImplementations',
      {},
      owner.services.map((service) => implementation(service.name, service.script)),
    ),
    element('Subscriptions', {}, owner.subscriptions.map(subscriptionElement)),
  ];
}

function fieldAttributes(field: FieldDefinition, index: number): Record<string, string | undefined> {
  return {
    name: field.name,
    baseType: field.baseType,
    description: field.description,
    ordinal: String(index + 1),
    'aspect.dataShape': field.dataShape,
    'aspect.defaultValue': field.defaultValue,
    'aspect.friendlyName': field.friendlyName,
    'aspect.isRequired': field.isRequired && 'true',
    'aspect.thingShape': field.thingShape,
    'aspect.thingTemplate': field.thingTemplate,
    'aspect.units': field.units,
  };
}

function propertyElement(property: PropertyDefinition, index: number): Element {
  return element('PropertyDefinition', {
    ...fieldAttributes(property, index),
    category: property.category,
    isLocalOnly: 'false',
    'aspect.cacheTime': '0.0',
    'aspect.dataChangeType': property.dataChangeType ?? 'VALUE',
    'aspect.isLogged': property.isLogged && 'true',
    'aspect.isPersistent': String(property.isPersistent ?? false),
    'aspect.maximumValue': property.maximum?.toString(),
    'aspect.minimumValue': property.minimum?.toString(),
  });
}

function serviceElement(service: ServiceDefinition): Element {
  const attributes = {
    name: service.name,
    description: service.description,
    category: service.category,
    'aspect.isAsync': String(service.isAsync ?? false),
    isAllowOverride: String(service.isOverridable ?? false),
    isLocalOnly: 'false',
    isOpen: 'false',
    isPrivate: 'false',
  };
  return element('ServiceDefinition', attributes, [
    element('ResultType', {
      name: 'result',
      description: service.result.description,
      baseType: service.result.baseType,
      ordinal: '0',
      'aspect.dataShape': service.result.dataShape,
    }),
    element(
      'ParameterDefinitions',
      {},
      service.parameters.map((parameter, index) =>
        element('FieldDefinition', fieldAttributes(parameter, index)),
      ),
    ),
  ]);
}

function implementation(name: string, script: string): Element {
  const code: Element = { name: 'code', cdata: script };
  const field = element('FieldDefinition', {
    baseType: 'STRING',
    description: 'code',
    name: 'code',
    ordinal: '0',
  });
  return element('ServiceImplementation', { description: '', handlerName: 'Script', name }, [
    element('ConfigurationTables', {}, [
      element(
        'ConfigurationTable',
        { dataShapeName: '', description: 'Script', isMultiRow: 'false', name: 'Script', ordinal: '0' },
        [
          element('DataShape', {}, [element('FieldDefinitions', {}, [field])]),
          element('Rows', {}, [element('Row', {}, [code])]),
        ],
      ),
    ]),
  ]);
}

/** The old form, which every platform version reads. */
function subscriptionElement(subscription: SubscriptionDefinition): Element {
  const attributes = {
    name: subscription.name,
    description: subscription.description,
    enabled: 'true',
    eventName: subscription.eventName,
    source: '',
    sourceProperty: subscription.sourceProperty ?? '',
    sourceType: 'Thing',
  };
  return element('Subscription', attributes, [implementation(subscription.name, subscription.script)]);
}

const PERMISSION_KINDS: readonly PermissionKind[] = [
  'PropertyRead',
  'PropertyWrite',
  'ServiceInvoke',
  'EventInvoke',
  'EventSubscribe',
];

function runTimePermissions(name: string, permissions: readonly Permission[]): Element {
  const resources = [...new Set(permissions.map((permission) => permission.resource))].sort();
  return element(
    name,
    {},
    resources.map((resourceName) =>
      element(
        'Permissions',
        { resourceName },
        PERMISSION_KINDS.map((kind) =>
          element(
            kind,
            {},
            permissions
              .filter((permission) => permission.resource === resourceName && permission.kind === kind)
              .map((permission) =>
                element('Principal', {
                  isPermitted: 'true',
                  name: permission.principal,
                  type: permission.principalType,
                }),
              ),
          ),
        ),
      ),
    ),
  );
}
