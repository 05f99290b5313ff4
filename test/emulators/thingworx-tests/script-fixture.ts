import { type FieldDefinition, field } from '../thingworx/infotable.ts';
import { ScriptEngine, type ScriptEngineOptions } from '../thingworx/script-engine.ts';
import type {
  EntityCollection,
  EntityDefinition,
  EntityReference,
  NativeResource,
  PropertyDefinition,
  ScriptCall,
  ScriptLogEntry,
  ScriptPlatform,
  ScriptRun,
  ServiceDefinition,
} from '../thingworx/script-platform.ts';
import { defaultValue } from '../thingworx/value-forms.ts';
import { type BaseType, PlatformError, type PlatformValue } from '../thingworx/values.ts';

type NativeCode = (
  call: ScriptCall,
  args: Record<string, PlatformValue>,
) => PlatformValue | Promise<PlatformValue>;

/** A script service; `parameters` maps names to base types. */
export function scriptService(
  name: string,
  source: string,
  result: BaseType = 'NOTHING',
  parameters: Record<string, BaseType> = {},
): ServiceDefinition {
  return {
    name,
    parameters: Object.entries(parameters).map(([key, baseType], ordinal) =>
      field(key, baseType, { ordinal }),
    ),
    result: { baseType: result },
    isAsync: false,
    implementation: { kind: 'script', source },
  };
}

/** The smallest platform that the script engine can run on: entities in memory, no rights. */
export class MemoryPlatform implements ScriptPlatform {
  revision = 1;
  readonly logs: ScriptLogEntry[] = [];
  readonly events: { entity: string; event: string; data: Record<string, PlatformValue> }[] = [];
  readonly started: string[] = [];
  readonly calls: ScriptCall[] = [];
  readonly shapes = new Map<string, FieldDefinition[]>();
  private readonly definitions = new Map<string, EntityDefinition>();
  private readonly values = new Map<string, PlatformValue>();
  private readonly native = new Map<string, NativeCode>();

  addEntity(collection: EntityCollection, name: string): EntityDefinition {
    const definition: EntityDefinition = { properties: {}, services: {}, events: {} };
    this.definitions.set(`${collection}/${name}`, definition);
    this.revision++;
    return definition;
  }

  addThing(name: string, properties: Record<string, PropertyDefinition['baseType']> = {}): EntityDefinition {
    const definition = this.addEntity('Things', name);
    for (const [property, baseType] of Object.entries(properties)) {
      definition.properties[property] = { baseType };
    }
    return definition;
  }

  addNative(collection: EntityCollection, name: string, service: ServiceDefinition, code: NativeCode): void {
    const definition = this.definitions.get(`${collection}/${name}`) ?? this.addEntity(collection, name);
    definition.services[service.name] = { ...service, implementation: { kind: 'native' } };
    this.native.set(`${collection}/${name}/${service.name}`, code);
    this.revision++;
  }

  addResource(resource: NativeResource): void {
    for (const { definition, invoke } of Object.values(resource.services)) {
      this.addNative('Resources', resource.name, definition, (_call, args) => invoke(args, this));
    }
  }

  set(thing: string, property: string, value: PlatformValue): void {
    this.values.set(`Things/${thing}.${property}`, value);
  }

  get(thing: string, property: string): PlatformValue {
    return this.values.get(`Things/${thing}.${property}`) ?? null;
  }

  findEntity(collection: EntityCollection, name: string): EntityReference | undefined {
    const key = `${collection}/${name}`;
    const definitionId = `${key}#${this.revision}`;
    return this.definitions.has(key) ? { collection, name, definitionId } : undefined;
  }

  definition(definitionId: string): EntityDefinition {
    const found = this.definitions.get(keyOf(definitionId));
    if (found === undefined) {
      throw new PlatformError(`Entity Not Found : [${definitionId}]`, { status: 404 });
    }
    return found;
  }

  dataShapeFields(name: string): FieldDefinition[] | undefined {
    return this.shapes.get(name);
  }

  getProperty(call: ScriptCall, { definitionId }: EntityReference, property: string): PlatformValue {
    this.calls.push(call);
    const baseType = this.definition(definitionId).properties[property]?.baseType ?? 'STRING';
    return this.values.get(`${keyOf(definitionId)}.${property}`) ?? defaultValue(baseType);
  }

  setProperty(
    _call: ScriptCall,
    { definitionId }: EntityReference,
    property: string,
    value: PlatformValue,
  ): void {
    this.values.set(`${keyOf(definitionId)}.${property}`, value);
  }

  authorizeService(call: ScriptCall, { name }: EntityReference, service: string): void {
    this.calls.push(call);
    if (call.principal === 'Guest') {
      throw new PlatformError(`Not authorized for ServiceInvoke on ${service} in ${name}`, {
        status: 403,
        javaClass: 'com.thingworx.common.exceptions.InvalidRequestException',
      });
    }
  }

  invokeService(
    call: ScriptCall,
    { definitionId }: EntityReference,
    service: string,
    args: Record<string, PlatformValue>,
  ): PlatformValue | Promise<PlatformValue> {
    this.calls.push(call);
    return (this.native.get(`${keyOf(definitionId)}/${service}`) as NativeCode)(call, args);
  }

  startService(_call: ScriptCall, { name }: EntityReference, service: string): void {
    this.started.push(`${name}.${service}`);
  }

  fireEvent(
    _call: ScriptCall,
    { name }: EntityReference,
    event: string,
    data: Record<string, PlatformValue>,
  ): void {
    this.events.push({ entity: name, event, data });
  }

  log(entry: ScriptLogEntry): void {
    this.logs.push(entry);
  }
}

/** `Things/T#3` without the version. */
function keyOf(definitionId: string): string {
  return definitionId.slice(0, definitionId.lastIndexOf('#'));
}

/** A platform with one Thing `T` and an engine on it. */
export class ScriptFixture {
  readonly platform = new MemoryPlatform();
  readonly engine: ScriptEngine;
  readonly thing: EntityDefinition;

  constructor(options: ScriptEngineOptions = {}, properties: Record<string, BaseType> = {}) {
    this.thing = this.platform.addThing('T', properties);
    this.engine = new ScriptEngine(this.platform, { workers: 1, ...options });
  }

  /** Runs a script as a service S of T; the result has the base type JSON unless given. */
  run(
    source: string,
    options: {
      result?: BaseType;
      variables?: ScriptRun['variables'];
      principal?: string;
      service?: string;
    } = {},
  ): Promise<PlatformValue> {
    const entity = this.platform.findEntity('Things', 'T') as EntityReference;
    return this.engine.run({
      entity,
      service: options.service ?? 'S',
      source,
      variables: options.variables ?? {},
      result: { baseType: options.result ?? 'JSON' },
      principal: options.principal ?? 'Administrator',
      depth: 0,
    });
  }

  stop(): Promise<void> {
    return this.engine.stop();
  }
}
