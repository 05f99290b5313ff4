import { fieldsToJson, InfoTable } from '../infotable.ts';
import {
  type Binding,
  type Definitions,
  type DesignTimePermissions,
  designTimeRights,
  type Entity,
  type Implementation,
  isShaped,
  type Principal,
  type RunTimePermissions,
  type Subscription,
  type ThingEntity,
} from '../model/entity.ts';
import type { EffectiveShape, Origin } from '../model/inheritance.ts';
import type { Platform } from '../platform.ts';
import type { JsonObject, JsonValue } from '../values.ts';

/** JSON form of an entity: `thingShape` has its own definitions, `effectiveShape` the inherited ones as well. */
export function describeEntity(platform: Platform, entity: Entity, principal: string): JsonObject {
  const json: JsonObject = {
    name: entity.name,
    entityType: entity.collection,
    description: entity.description,
    documentationContent: entity.documentationContent,
    homeMashup: entity.homeMashup,
    projectName: entity.projectName,
    tags: entity.tags,
    owner: { name: entity.owner, type: 'User' },
    lastModifiedDate: entity.lastModified.getTime(),
    isSystemObject: entity.isSystemObject,
    aspects: aspectsJson(entity),
    runTimePermissions: runTimeJson(entity.runTime),
    designTimePermissions: designJson(entity.designTime),
    visibilityPermissions: { Visibility: entity.visibility.map(principalJson) },
    configurationTables: Object.fromEntries(
      platform.tables.names(entity).map((name) => {
        const table = platform.tables.effective(entity, name);
        return [name, table === undefined ? {} : table.table.toJSON()];
      }),
    ),
  };
  if (entity.extension !== '') {
    json.extensionPackage = entity.extension;
  }
  if (isShaped(entity)) {
    Object.assign(json, describeShaped(platform, entity, principal));
  } else if (entity.collection === 'DataShapes') {
    json.baseDataShape = entity.baseDataShape;
    json.fieldDefinitions = fieldsToJson(entity.fields.values());
  } else if (entity.collection === 'Groups') {
    json.members = entity.members.map((member) => ({ ...member }));
  } else if (entity.collection === 'Organizations') {
    json.organizationalUnits = Object.fromEntries(
      [...entity.units].map(([name, unit]) => [
        name,
        {
          name,
          description: unit.description,
          members: unit.members.map((member) => ({ ...member })),
        },
      ]),
    );
    json.connections = entity.connections.map((connection) => ({ ...connection }));
  } else if (entity.collection === 'ApplicationKeys') {
    json.userNameReference = entity.userNameReference;
    json.clientName = entity.clientName;
    json.expirationDate = entity.expirationDate.getTime();
    json.ipWhitelist = entity.ipWhitelist;
  } else if (entity.collection === 'Mashups' && entity.content !== '') {
    json.mashupContent = entity.content;
  }
  return json;
}

function describeShaped(
  platform: Platform,
  entity: Extract<Entity, { definitions: Definitions }>,
  principal: string,
): JsonObject {
  if (entity.collection === 'ThingShapes') {
    const origin = { sourceType: 'ThingShape', sourceName: entity.name } as const;
    return {
      ...definitionsJson(entity.definitions, () => origin),
      ...implementationsJson(entity.definitions),
      ...bindingsJson(entity.bindings),
    };
  }
  const own: Origin = {
    sourceType: entity.collection === 'Things' ? 'Thing' : 'ThingTemplate',
    sourceName: entity.name,
  };
  const json: JsonObject = {
    thingShape: {
      ...definitionsJson(entity.definitions, () => own),
      ...implementationsJson(entity.definitions),
    },
    ...bindingsJson(entity.bindings),
    thingPackage: entity.attributes.thingPackage ?? '',
    effectiveThingPackage: entity.attributes.effectiveThingPackage ?? '',
  };
  if (entity.collection === 'Things') {
    Object.assign(json, {
      thingTemplate: entity.thingTemplate,
      enabled: entity.enabled,
      published: entity.published,
      identifier: entity.identifier,
      valueStream: entity.valueStream,
      effectiveShape: effectiveJson(platform.inheritance.thing(entity)),
      thingProperties: valuesJson(platform, entity, principal),
    });
  } else {
    Object.assign(json, {
      baseThingTemplate: entity.baseThingTemplate,
      valueStream: entity.valueStream,
      instanceRunTimePermissions: runTimeJson(entity.instanceRunTime),
      instanceDesignTimePermissions: designJson(entity.instanceDesignTime),
      instanceVisibilityPermissions: { Visibility: entity.instanceVisibility.map(principalJson) },
      effectiveShape: effectiveJson(platform.inheritance.template(entity.name)),
    });
  }
  json.implementedShapes = Object.fromEntries(
    entity.implementedShapes.map((name) => [name, { name, type: 'ThingShape' }]),
  );
  return json;
}

/** Scripts of services: public clients read them in this form, of a shape at the top, of templates and Things below `thingShape`. */
function implementationsJson({ implementations }: Definitions): JsonObject {
  return { serviceImplementations: mapJson(implementations, implementationJson) };
}

function implementationJson({ name, description, handlerName, source }: Implementation): JsonObject {
  const tables: JsonObject = source === undefined ? {} : { Script: { rows: [{ code: source }] } };
  return { name, description, handlerName, configurationTables: tables };
}

/** Bindings by the name of what is bound. The four names are those of the columns in which ThingWorx stores entities. */
function bindingsJson(bindings: readonly Binding[]): JsonObject {
  const ofKind = (kind: Binding['kind']) =>
    Object.fromEntries(
      bindings
        .filter((binding) => binding.kind === kind)
        .map(({ name, attributes }) => [name, { ...attributes }]),
    );
  return {
    propertyBindings: ofKind('PropertyBinding'),
    remotePropertyBindings: ofKind('RemotePropertyBinding'),
    remoteServiceBindings: ofKind('RemoteServiceBinding'),
    remoteEventBindings: ofKind('RemoteEventBinding'),
  };
}

/**
 * Value, time and quality of each property that the user may read; `value` is absent where there is none, a password is masked. Public
 * clients look for the values there; that a missing right leaves a property out is assumed.
 */
function valuesJson(platform: Platform, thing: ThingEntity, principal: string): JsonObject {
  const { properties } = platform.inheritance.thing(thing);
  const readable = [...properties.values()].filter(({ property }) =>
    platform.permissions.allows(thing, 'PropertyRead', property.name, principal),
  );
  return Object.fromEntries(
    readable.map(({ property }): [string, JsonObject] => {
      const { value, timeMs, quality } = platform.properties.readKnown(thing, property);
      const { baseType } = property;
      const field = { name: 'value', description: '', baseType, ordinal: 0, aspects: {} };
      const table = new InfoTable([field], [value === null ? {} : { value }]);
      const [row] = table.toJSON().rows as JsonObject[];
      return [property.name, { ...row, time: timeMs, quality }];
    }),
  );
}

/**
 * Definitions of an entity as JSON, what `/Metadata` and GetMetadataAsJSON answer. Services have `Inputs` and `Outputs` here, as public
 * clients read them; the members of an entity's own JSON are there as well, since it is not known that they are not.
 */
export function metadata(platform: Platform, entity: Entity): JsonObject {
  const effective = effectiveJson(platform.inheritance.entity(entity));
  const services = effective.serviceDefinitions as Record<string, JsonObject>;
  return {
    name: entity.name,
    description: entity.description,
    isSystemObject: entity.isSystemObject,
    aspects: aspectsJson(entity),
    ...effective,
    serviceDefinitions: Object.fromEntries(
      Object.entries(services).map(([name, service]) => [name, withInputs(service)]),
    ),
  };
}

function withInputs(service: JsonObject): JsonObject {
  return {
    ...service,
    Inputs: { fieldDefinitions: service.parameterDefinitions as JsonObject },
    Outputs: service.resultType as JsonObject,
  };
}

function aspectsJson(entity: Entity): JsonObject {
  const aspects = Object.entries(entity.attributes).filter(([name]) => name.startsWith('aspect.'));
  return Object.fromEntries(
    aspects.map(([name, value]) => [
      name.slice('aspect.'.length),
      value === 'true' || value === 'false' ? value === 'true' : value,
    ]),
  );
}

function effectiveJson(effective: EffectiveShape): JsonObject {
  const definitions: Definitions = {
    properties: new Map([...effective.properties].map(([name, one]) => [name, one.property])),
    services: new Map([...effective.services].map(([name, one]) => [name, one.service])),
    implementations: new Map(),
    events: new Map([...effective.events].map(([name, one]) => [name, one.event])),
    subscriptions: new Map([...effective.subscriptions].map(([name, one]) => [name, one.subscription])),
  };
  return definitionsJson(definitions, (kind, name) => {
    const found = effective[kind].get(name);
    return { sourceType: found?.sourceType ?? 'Platform', sourceName: found?.sourceName ?? '' };
  });
}

type Kind = 'properties' | 'services' | 'events' | 'subscriptions';

function definitionsJson(definitions: Definitions, origin: (kind: Kind, name: string) => Origin): JsonObject {
  return {
    propertyDefinitions: mapJson(definitions.properties, (property) => ({
      name: property.name,
      description: property.description,
      baseType: property.baseType,
      category: property.category,
      isLocalOnly: property.isLocalOnly,
      ordinal: property.ordinal,
      aspects: { ...property.aspects },
      ...origin('properties', property.name),
    })),
    serviceDefinitions: mapJson(definitions.services, (service) => ({
      name: service.name,
      description: service.description,
      category: service.category,
      isAllowOverride: service.isAllowOverride,
      isLocalOnly: service.isLocalOnly,
      isOpen: service.isOpen,
      isPrivate: service.isPrivate,
      aspects: { ...service.aspects },
      resultType: { ...service.result, aspects: { ...service.result.aspects } },
      parameterDefinitions: fieldsToJson(service.parameters.values()),
      ...origin('services', service.name),
    })),
    eventDefinitions: mapJson(definitions.events, (event) => ({
      name: event.name,
      description: event.description,
      category: event.category,
      dataShape: event.dataShape,
      aspects: { ...event.aspects },
      ...origin('events', event.name),
    })),
    subscriptions: mapJson(definitions.subscriptions, (subscription) => ({
      name: subscription.name,
      description: subscription.description,
      enabled: subscription.enabled,
      events: subscription.triggers.map((trigger) => ({ ...trigger })),
      serviceImplementation: implementationJson(subscription.implementation),
      ...subscriptionSource(subscription),
    })),
  };
}

/** Beside the definition's own name: what it listens to, so `sourceType` is not where it is defined (public clients read it so). */
function subscriptionSource({ triggers }: Subscription): JsonObject {
  const { eventName = '', source = '', sourceProperty = '', sourceType = 'Thing' } = triggers[0] ?? {};
  return { eventName, source, sourceProperty, sourceType };
}

function mapJson<T>(map: ReadonlyMap<string, T>, convert: (one: T) => JsonObject): JsonObject {
  return Object.fromEntries([...map].map(([name, one]) => [name, convert(one)]));
}

export function designJson(permissions: DesignTimePermissions): JsonObject {
  return Object.fromEntries(
    designTimeRights.map((type) => [type, (permissions.get(type) ?? []).map(principalJson)]),
  );
}

export function principalJson(principal: Principal): JsonObject {
  return { name: principal.name, type: principal.type, isPermitted: principal.isPermitted };
}

/** `{permissions: [{resourceName, PropertyRead: [...], ...}]}`. */
export function runTimeJson(permissions: RunTimePermissions): JsonObject {
  return {
    permissions: [...permissions].map(
      ([resourceName, rights]): JsonValue => ({
        resourceName,
        ...Object.fromEntries(
          ['PropertyRead', 'PropertyWrite', 'ServiceInvoke', 'EventInvoke', 'EventSubscribe'].map((right) => [
            right,
            (rights.get(right as 'PropertyRead') ?? []).map(principalJson),
          ]),
        ),
      }),
    ),
  };
}
