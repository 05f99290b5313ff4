import type {
  EntityCollection,
  EntityDefinition,
  EntityReference,
  NativeResource,
  NativeService,
  ScriptCall,
  ServiceDefinition,
} from '../script-platform.ts';
import { serviceArguments } from '../service-arguments.ts';
import { PlatformError, type PlatformValue } from '../values.ts';
import type { Bridge } from './bridge.ts';
import type { Channel } from './channel.ts';
import type { Directory } from './directory.ts';
import { decodeValue, encodeValue, encodeValues, type Wire } from './wire.ts';

/** Runs script services in this thread; given by the runtime. */
export interface Invoker {
  /** The call that requests of the running script are made with. */
  readonly call: ScriptCall;
  runNested(
    entity: EntityReference,
    service: ServiceDefinition,
    source: string,
    args: Record<string, PlatformValue>,
  ): PlatformValue;
}

/** Functions of one entity object, made when they are asked for. */
interface Members {
  of: EntityDefinition | undefined;
  functions: Map<string, unknown>;
}

/** `Things`, `Resources` and the like, and the entities in them, as scripts see them. */
export class Entities {
  private readonly bridge: Bridge;
  private readonly channel: Channel;
  private readonly directory: Directory;
  private readonly invoker: Invoker;
  /** Resources whose services run in this thread because they only compute. */
  private readonly local: ReadonlyMap<string, NativeResource>;

  constructor(
    bridge: Bridge,
    channel: Channel,
    directory: Directory,
    invoker: Invoker,
    local: ReadonlyMap<string, NativeResource>,
  ) {
    this.bridge = bridge;
    this.channel = channel;
    this.directory = directory;
    this.invoker = invoker;
    this.local = local;
  }

  collection(collection: EntityCollection): object {
    return new Proxy(this.bridge.object({}), {
      get: (target, key) =>
        typeof key === 'symbol' ? Reflect.get(target, key) : this.lookUp(collection, key),
      has: (_target, key) => typeof key === 'string' && this.lookUp(collection, key) !== null,
    });
  }

  /** The entity, or null: missing and invisible entities are falsy. */
  private lookUp(collection: EntityCollection, name: string): object | null {
    try {
      const found = this.directory.find(collection, name, this.invoker.call.principal);
      return found === null ? null : this.entity(found);
    } catch (error) {
      throw this.bridge.toScriptError(error);
    }
  }

  entity(reference: EntityReference): object {
    const { bridge } = this;
    const members: Members = { of: undefined, functions: new Map() };
    const text = () => reference.name;
    return bridge.remember(
      new Proxy(bridge.object({}), {
        get: (_target, key) => {
          if (typeof key === 'symbol') {
            return key === Symbol.toPrimitive ? text : undefined;
          }
          try {
            return this.member(reference, members, key);
          } catch (error) {
            throw bridge.toScriptError(error);
          }
        },
        set: (_target, key, value) => {
          try {
            this.write(reference, String(key), value);
          } catch (error) {
            throw bridge.toScriptError(error);
          }
          return true;
        },
        has: (_target, key) => typeof key === 'string' && this.hasMember(reference, key),
        ownKeys: () => [],
      }),
      reference.name,
    );
  }

  /** The definition as it is now: a script may change the entity that it holds. */
  private definition({ collection, name, definitionId }: EntityReference): EntityDefinition {
    const current = this.directory.find(collection, name, this.invoker.call.principal);
    return this.directory.definition(current?.definitionId ?? definitionId);
  }

  private hasMember(reference: EntityReference, name: string): boolean {
    const { properties, services, events } = this.definition(reference);
    return name === 'name' || [properties, services, events].some((members) => Object.hasOwn(members, name));
  }

  private member(reference: EntityReference, members: Members, name: string): unknown {
    const definition = this.definition(reference);
    if (members.of !== definition) {
      members.of = definition;
      members.functions.clear();
    }
    if (Object.hasOwn(definition.properties, name)) {
      const wire = this.channel.request('getProperty', this.invoker.call, [reference, name]);
      return this.bridge.toScript(decodeValue(wire as Wire));
    }
    let member = members.functions.get(name);
    if (member === undefined) {
      member = this.functionMember(reference, definition, name);
      members.functions.set(name, member);
    }
    return member;
  }

  private functionMember(reference: EntityReference, definition: EntityDefinition, name: string): unknown {
    const local =
      reference.collection === 'Resources' ? this.local.get(reference.name)?.services[name] : undefined;
    if (local !== undefined) {
      return this.bridge.hostFunction(name, (...given) => this.invokeLocal(local, given));
    }
    if (Object.hasOwn(definition.services, name)) {
      const service = definition.services[name] as ServiceDefinition;
      return this.bridge.hostFunction(name, (...given) => this.invoke(reference, service, given));
    }
    if (Object.hasOwn(definition.events, name)) {
      return this.bridge.hostFunction(name, (data) => this.fire(reference, name, data));
    }
    if (name === 'name') {
      return reference.name;
    }
    return name === 'toString' || name === 'toJSON' ? () => reference.name : undefined;
  }

  private write(reference: EntityReference, name: string, value: unknown): void {
    const properties = this.definition(reference).properties;
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (property === undefined) {
      throw new PlatformError(`Property [${name}] does not exist on [${reference.name}]`);
    }
    const converted = this.bridge.toPlatform(value, property.baseType);
    this.channel.request('setProperty', this.invoker.call, [reference, name, encodeValue(converted)]);
  }

  private argumentsOf(service: ServiceDefinition, given: unknown[]): Record<string, PlatformValue> {
    const [first] = given;
    const { argumentsOfParameterlessServices: empty, parameterDefaults } = this.bridge.switches;
    if (first === undefined || first === null) {
      return serviceArguments(service, {}, { defaults: parameterDefaults });
    }
    const plain = this.bridge.fromScript(first);
    const refused = service.parameters.length === 0 && empty === 'refuse';
    if (typeof first !== 'object' || typeof plain !== 'object' || plain === null || refused) {
      throw new PlatformError('Invalid parameter type');
    }
    return serviceArguments(service, first as Record<string, unknown>, {
      defaults: parameterDefaults,
      conversion: { readPassword: this.bridge.readPassword },
      convert: (value, parameter, options) => this.bridge.toPlatform(value, parameter.baseType, options),
    });
  }

  private invokeLocal(service: NativeService, given: unknown[]): unknown {
    const args = this.argumentsOf(service.definition, given);
    const context = { dataShapeFields: (name: string) => this.directory.dataShapeFields(name) };
    return this.bridge.toScript(service.invoke(args, context) as PlatformValue);
  }

  private invoke(reference: EntityReference, service: ServiceDefinition, given: unknown[]): unknown {
    const args = this.argumentsOf(service, given);
    const { call } = this.invoker;
    const { implementation } = service;
    if (implementation.kind === 'missing') {
      throw new PlatformError(
        `Unable to Invoke Service ${service.name} on ${reference.name} : No service handler defined for service ` +
          `${service.name} on thing [${reference.name}]`,
      );
    }
    if (implementation.kind === 'native') {
      const wire = this.channel.request('invokeService', call, [reference, service.name, encodeValues(args)]);
      return this.bridge.toScript(decodeValue(wire as Wire));
    }
    if (service.isAsync) {
      this.channel.request('startService', call, [reference, service.name, encodeValues(args)]);
      return undefined;
    }
    this.channel.request('authorizeService', call, [reference, service.name]);
    return this.bridge.toScript(this.invoker.runNested(reference, service, implementation.source, args));
  }

  private fire(reference: EntityReference, event: string, data: unknown): void {
    const definition = this.definition(reference).events[event];
    const fields = this.directory.dataShapeFields(definition?.dataShape ?? '') ?? [];
    const given = (data ?? {}) as Record<string, unknown>;
    const values: Record<string, PlatformValue> = {};
    for (const { name, baseType } of fields) {
      const value = this.bridge.toPlatform(given[name], baseType);
      if (value !== null) {
        values[name] = value;
      }
    }
    this.channel.request('fireEvent', this.invoker.call, [reference, event, encodeValues(values)]);
  }
}
