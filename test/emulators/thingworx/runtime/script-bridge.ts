import type { FieldDefinition } from '../infotable.ts';
import { type Collection, type Entity, isCollection } from '../model/entity.ts';
import type { EffectiveService, EffectiveShape } from '../model/inheritance.ts';
import type { Platform } from '../platform.ts';
import type {
  DefinitionPart,
  EntityCollection,
  EntityReference,
  ScriptCall,
  ScriptLogEntry,
  ScriptPlatform,
  ServiceDefinition,
} from '../script-platform.ts';
import { PlatformError, type PlatformValue } from '../values.ts';
import { copyValue } from './copy.ts';
import { resultOf } from './services.ts';

/** The platform as scripts see it. */
export class ScriptBridge implements ScriptPlatform {
  private readonly platform: Platform;
  private readonly definitions = new WeakMap<EffectiveShape, DefinitionPart>();

  constructor(platform: Platform) {
    this.platform = platform;
  }

  get revision(): number {
    return this.platform.revision;
  }

  findEntity(collection: EntityCollection, name: string, principal: string): EntityReference | undefined {
    const entity = isCollection(collection) ? this.platform.store.get(collection, name) : undefined;
    if (entity === undefined || !this.isVisible(entity, principal)) {
      return undefined;
    }
    return this.platform.services.reference(entity);
  }

  private isVisible(entity: Entity, principal: string): boolean {
    const { permissions, switches } = this.platform;
    return switches.nestedRights === 'unchecked' || permissions.isVisible(entity, principal);
  }

  definition(definitionId: string): DefinitionPart {
    const effective = this.platform.inheritance.byId(definitionId);
    const known = this.definitions.get(effective);
    if (known !== undefined) {
      return known;
    }
    const definition = describe(effective);
    this.definitions.set(effective, definition);
    return definition;
  }

  dataShapeFields(name: string): FieldDefinition[] | undefined {
    return this.platform.shapeFields(name);
  }

  private entity(reference: EntityReference): Entity {
    const entity = this.platform.store.get(reference.collection as Collection, reference.name);
    if (entity === undefined) {
      throw new PlatformError(`Entity Not Found : [${reference.name}]`, { status: 404 });
    }
    return entity;
  }

  getProperty(call: ScriptCall, reference: EntityReference, property: string): PlatformValue {
    const thing = this.entity(reference);
    if (thing.collection !== 'Things') {
      throw new PlatformError(`${reference.collection} have no properties`);
    }
    const { properties, permissions } = this.platform;
    properties.definition(thing, property);
    permissions.require(thing, 'PropertyRead', property, call.principal, true);
    properties.requireRunning(thing);
    return copyValue(properties.read(thing, property).value);
  }

  setProperty(call: ScriptCall, reference: EntityReference, property: string, value: PlatformValue): void {
    const thing = this.entity(reference);
    if (thing.collection !== 'Things') {
      throw new PlatformError(`${reference.collection} have no properties`);
    }
    const { properties, permissions } = this.platform;
    properties.definition(thing, property);
    permissions.require(thing, 'PropertyWrite', property, call.principal, true);
    properties.write(thing, property, copyValue(value), { principal: call.principal });
  }

  authorizeService(call: ScriptCall, reference: EntityReference, service: string): void {
    const entity = this.entity(reference);
    this.platform.services.find(entity, service);
    this.platform.permissions.require(entity, 'ServiceInvoke', service, call.principal, true);
  }

  invokeService(
    call: ScriptCall,
    reference: EntityReference,
    service: string,
    args: Record<string, PlatformValue>,
  ): PlatformValue | Promise<PlatformValue> {
    this.authorizeService(call, reference, service);
    const entity = this.entity(reference);
    return this.platform.services.run(entity, this.platform.services.find(entity, service), args, {
      principal: call.principal,
      nested: true,
      depth: call.depth + 1,
    });
  }

  startService(
    call: ScriptCall,
    reference: EntityReference,
    service: string,
    args: Record<string, PlatformValue>,
  ): void {
    this.authorizeService(call, reference, service);
    this.platform.services.startInBackground(this.entity(reference), service, args, {
      principal: call.principal,
      nested: true,
      depth: call.depth + 1,
    });
  }

  fireEvent(
    call: ScriptCall,
    reference: EntityReference,
    event: string,
    data: Record<string, PlatformValue>,
  ): void {
    const thing = this.entity(reference);
    if (thing.collection !== 'Things') {
      throw new PlatformError(`${reference.collection} have no events`);
    }
    if (!this.platform.inheritance.thing(thing).events.has(event)) {
      throw new PlatformError(`Event [${event}] Not Found On Thing [${thing.name}]`);
    }
    this.platform.permissions.require(thing, 'EventInvoke', event, call.principal, true);
    this.platform.events.fire(thing, event, data, call.principal);
  }

  log(entry: ScriptLogEntry): void {
    this.platform.logs.write('ScriptLog', {
      timeMs: entry.timeMs,
      level: entry.level,
      content: entry.message,
      origin: `${entry.entity}.${entry.service}`,
      instance: entry.entity,
      user: entry.principal,
    });
  }
}

function describe(effective: EffectiveShape): DefinitionPart {
  const { base } = effective;
  const properties = added(effective.properties, base?.properties);
  const services = added(effective.services, base?.services);
  const events = added(effective.events, base?.events);
  return {
    ...(base === undefined ? {} : { base: base.id }),
    properties: Object.fromEntries(
      properties.map(([name, { property }]) => [
        name,
        {
          baseType: property.baseType,
          ...(property.aspects.dataShape ? { dataShape: String(property.aspects.dataShape) } : {}),
        },
      ]),
    ),
    services: Object.fromEntries(services.map(([name, found]) => [name, describeService(name, found)])),
    events: Object.fromEntries(events.map(([name, { event }]) => [name, { dataShape: event.dataShape }])),
  };
}

/** The members that the base does not have, or has otherwise. */
function added<T>(members: ReadonlyMap<string, T>, base: ReadonlyMap<string, T> | undefined): [string, T][] {
  return [...members].filter(([name, member]) => base?.get(name) !== member);
}

function describeService(name: string, found: EffectiveService): ServiceDefinition {
  const { implementation, service } = found;
  return {
    name,
    parameters: [...service.parameters.values()].sort((a, b) => a.ordinal - b.ordinal),
    result: resultOf(found),
    isAsync: service.aspects.isAsync === true,
    implementation: implementation.kind === 'missing' ? { kind: 'missing' } : implementation,
  };
}
