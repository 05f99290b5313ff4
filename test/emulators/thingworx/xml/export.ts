import { XMLBuilder } from 'fast-xml-parser';
import { type FieldDefinition, InfoTable } from '../infotable.ts';
import {
  type Aspects,
  type ConfigurationTable,
  collectionElements,
  type Definitions,
  type Entity,
  type Implementation,
  isShaped,
  type Principal,
  type RunTimePermissions,
} from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { plainText } from '../value-forms.ts';
import { type JsonValue, Password, type PlatformValue } from '../values.ts';

interface Node {
  [key: string]: unknown;
}

/** Writes entities in the form that Importer reads. */
export function exportDocument(platform: Platform, entities: readonly Entity[]): string {
  return documentOf(entities.map((entity) => [entity, entityNode(platform, entity)]));
}

/** One entity in the form for source control: attributes in order, without owner and times (seen). */
export function exportForSourceControl(platform: Platform, entity: Entity): string {
  const { '@lastModifiedDate': _modified, Owner: _owner, ...node } = entityNode(platform, entity);
  return documentOf([[entity, sorted(node) as Node]]);
}

/** Attributes by name, before the children in their order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const entries = Object.entries(value);
  const isAttribute = ([name]: [string, unknown]) => name.startsWith('@');
  return Object.fromEntries([
    ...entries.filter(isAttribute).sort(([a], [b]) => (a < b ? -1 : 1)),
    ...entries.filter((entry) => !isAttribute(entry)).map(([name, child]) => [name, sorted(child)]),
  ]);
}

function documentOf(entities: readonly (readonly [Entity, Node])[]): string {
  const root: Node = { '@majorVersion': '9', '@minorVersion': '5', '@universal': 'password' };
  for (const [entity, node] of entities) {
    const element = collectionElements[entity.collection];
    root[entity.collection] ??= { [element]: [] };
    (root[entity.collection] as Record<string, Node[]>)[element]?.push(node);
  }
  const builder = new XMLBuilder({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    cdataPropName: '#cdata',
    suppressEmptyNode: true,
    suppressBooleanAttributes: false,
    format: true,
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build({ Entities: root })}`;
}

function entityNode(platform: Platform, entity: Entity): Node {
  const node: Node = {
    ...attributes(entity.attributes),
    '@name': entity.name,
    '@description': entity.description,
    '@documentationContent': entity.documentationContent,
    '@homeMashup': entity.homeMashup,
    '@projectName': entity.projectName,
    '@tags': entity.tags,
    '@lastModifiedDate': entity.lastModified.toISOString(),
    Owner: { '@name': entity.owner, '@type': 'User' },
    DesignTimePermissions: Object.fromEntries(
      [...entity.designTime].map(([right, principals]) => [right, principalNodes(principals)]),
    ),
    RunTimePermissions: runTimeNode(entity.runTime),
    VisibilityPermissions: { Visibility: principalNodes(entity.visibility) },
    ConfigurationTableDefinitions: {
      ConfigurationTableDefinition: [...entity.tableDefinitions.values()].map((one) =>
        attributes({ ...one }),
      ),
    },
    ConfigurationTables: {
      ConfigurationTable: [...entity.tables.values()].map((one) => tableNode(platform, one)),
    },
  };
  if (isShaped(entity)) {
    Object.assign(node, shapedNode(platform, entity));
  } else if (entity.collection === 'DataShapes') {
    node['@baseDataShape'] = '';
    node.FieldDefinitions = { FieldDefinition: [...entity.fields.values()].map(fieldNode) };
  } else if (entity.collection === 'Groups') {
    node.Members = { Members: { Member: entity.members.map((member) => attributes({ ...member })) } };
  } else if (entity.collection === 'Organizations') {
    node.Connections = { Connection: entity.connections.map((one) => attributes({ ...one })) };
    node.OrganizationalUnits = {
      OrganizationalUnit: [...entity.units.values()].map((unit) => ({
        '@name': unit.name,
        '@description': unit.description,
        Members: { Members: { Member: unit.members.map((member) => attributes({ ...member })) } },
      })),
    };
  } else if (entity.collection === 'ApplicationKeys') {
    Object.assign(
      node,
      attributes({
        keyId: entity.keyId,
        userNameReference: entity.userNameReference,
        clientName: entity.clientName,
        ipWhitelist: entity.ipWhitelist,
        expirationDate: entity.expirationDate.toISOString(),
      }),
    );
  } else if ('content' in entity && entity.content !== '') {
    node[entity.collection === 'Mashups' ? 'mashupContent' : 'content'] = cdata(entity.content);
  }
  return node;
}

function shapedNode(platform: Platform, entity: Extract<Entity, { definitions: Definitions }>): Node {
  const definitions = definitionsNode(entity.definitions);
  const node: Node = {};
  for (const binding of entity.bindings) {
    node[`${binding.kind}s`] ??= { [binding.kind]: [] };
    const list = node[`${binding.kind}s`] as Record<string, Node[]>;
    list[binding.kind]?.push(attributes(binding.attributes));
  }
  if (entity.collection === 'ThingShapes') {
    return { ...node, ...definitions, InstanceRunTimePermissions: runTimeNode(entity.instanceRunTime) };
  }
  node.ThingShape = definitions;
  node['@valueStream'] = entity.valueStream;
  node.ImplementedShapes = {
    ImplementedShape: entity.implementedShapes.map((name) => ({ '@name': name, '@type': 'ThingShape' })),
  };
  if (entity.collection === 'ThingTemplates') {
    node['@baseThingTemplate'] = entity.baseThingTemplate;
    node.InstanceRunTimePermissions = runTimeNode(entity.instanceRunTime);
    node.InstanceVisibilityPermissions = { Visibility: principalNodes(entity.instanceVisibility) };
    return node;
  }
  node['@thingTemplate'] = entity.thingTemplate;
  node['@enabled'] = String(entity.enabled);
  node['@published'] = String(entity.published);
  node['@identifier'] = entity.identifier;
  const values: Node = {};
  for (const { property } of platform.inheritance.thing(entity).properties.values()) {
    if (property.aspects.isPersistent === true && platform.properties.hasValue(entity.name, property.name)) {
      const vtq = platform.properties.readKnown(entity, property);
      values[property.name] = {
        Value: cellNode(platform, vtq.value),
        Timestamp: new Date(vtq.timeMs).toISOString(),
        Quality: vtq.quality,
      };
    }
  }
  node.ThingProperties = values;
  return node;
}

function definitionsNode(definitions: Definitions): Node {
  return {
    PropertyDefinitions: {
      PropertyDefinition: [...definitions.properties.values()].map((property) => ({
        ...fieldNode(property),
        '@category': property.category,
        '@isLocalOnly': String(property.isLocalOnly),
      })),
    },
    ServiceDefinitions: {
      ServiceDefinition: [...definitions.services.values()].map((service) => ({
        ...aspectNode(service.aspects),
        ...attributes({
          category: service.category,
          description: service.description,
          isAllowOverride: service.isAllowOverride,
          isLocalOnly: service.isLocalOnly,
          isOpen: service.isOpen,
          isPrivate: service.isPrivate,
          name: service.name,
        }),
        ResultType: fieldNode(service.result),
        ParameterDefinitions: { FieldDefinition: [...service.parameters.values()].map(fieldNode) },
      })),
    },
    EventDefinitions: {
      EventDefinition: [...definitions.events.values()].map((event) =>
        attributes({
          category: event.category,
          dataShape: event.dataShape,
          description: event.description,
          name: event.name,
        }),
      ),
    },
    ServiceImplementations: {
      ServiceImplementation: [...definitions.implementations.values()].map(implementationNode),
    },
    Subscriptions: {
      Subscription: [...definitions.subscriptions.values()].map((subscription) => {
        const head = attributes({
          name: subscription.name,
          description: subscription.description,
          enabled: subscription.enabled,
        });
        const body = { ServiceImplementation: implementationNode(subscription.implementation) };
        const triggers = subscription.triggers.map((trigger) => attributes({ ...trigger }));
        return subscription.version === ''
          ? { ...triggers[0], '@alias': undefined, ...head, ...body }
          : { ...head, '@version': subscription.version, ...body, Events: { Event: triggers } };
      }),
    },
  };
}

function implementationNode(implementation: Implementation): Node {
  const head = attributes({
    description: implementation.description,
    handlerName: implementation.handlerName,
    name: implementation.name,
  });
  if (implementation.source === undefined) {
    return head;
  }
  const code = { baseType: 'STRING', description: 'code', name: 'code', ordinal: 0 };
  return {
    ...head,
    ConfigurationTables: {
      ConfigurationTable: {
        ...attributes({ dataShapeName: '', description: '', isMultiRow: false, name: 'Script', ordinal: 0 }),
        DataShape: { FieldDefinitions: { FieldDefinition: attributes(code) } },
        Rows: { Row: { code: cdata(implementation.source) } },
      },
    },
  };
}

function tableNode(platform: Platform, table: ConfigurationTable): Node {
  const { name, description, isMultiRow, isHidden, ordinal } = table;
  return {
    ...attributes({ name, description, isMultiRow, isHidden, ordinal, dataShapeName: '' }),
    ...infoTableNode(platform, table.table),
  };
}

function infoTableNode(platform: Platform, table: InfoTable): Node {
  return {
    DataShape: { FieldDefinitions: { FieldDefinition: [...table.fields.values()].map(fieldNode) } },
    Rows: {
      Row: table.rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([field, cell]) => [field, cellNode(platform, cell)])),
      ),
    },
  };
}

function cellNode(platform: Platform, value: PlatformValue): unknown {
  if (value instanceof InfoTable) {
    return { infoTable: infoTableNode(platform, value) };
  }
  if (value instanceof Password) {
    return cdata(value.clear === '' ? '' : platform.cipher.encrypt(value.clear));
  }
  const isJson =
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return isJson
    ? { json: cdata(JSON.stringify(value as JsonValue)) }
    : cdata(value === null ? '' : plainText(value));
}

function fieldNode(field: FieldDefinition): Node {
  return {
    ...aspectNode(field.aspects),
    '@baseType': field.baseType,
    '@description': field.description,
    '@name': field.name,
    '@ordinal': String(field.ordinal),
  };
}

function aspectNode(aspects: Aspects): Node {
  return Object.fromEntries(
    Object.entries(aspects).map(([name, value]) => [`@aspect.${name}`, String(value)]),
  );
}

function principalNodes(principals: readonly Principal[]): Node {
  return { Principal: principals.map((principal) => attributes({ ...principal })) };
}

function runTimeNode(permissions: RunTimePermissions): Node {
  return {
    Permissions: [...permissions].map(([resourceName, rights]) => ({
      '@resourceName': resourceName,
      ...Object.fromEntries([...rights].map(([right, principals]) => [right, principalNodes(principals)])),
    })),
  };
}

function attributes(values: Record<string, unknown>): Node {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`@${name}`, String(value)]));
}

/** A CDATA section cannot contain its own end. */
function cdata(text: string): unknown {
  const parts = text.split(']]>');
  return {
    '#cdata':
      parts.length === 1
        ? text
        : parts.map(
            (part, index) => (index === 0 ? '' : '>') + part + (index === parts.length - 1 ? '' : ']]'),
          ),
  };
}
