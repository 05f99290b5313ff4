import type {
  Characteristics,
  FieldDefinition,
  PropertyDefinition,
  ServiceDefinition,
  SubscriptionDefinition,
} from './model.ts';
import { type Element, element } from './xml.ts';

/** The six blocks, in the order that the platform exports. */
export function characteristics(owner: Characteristics): Element[] {
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

export function fieldAttributes(field: FieldDefinition, index: number): Record<string, string | undefined> {
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
