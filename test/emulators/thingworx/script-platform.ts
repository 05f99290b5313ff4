import type { FieldDefinition } from './infotable.ts';
import type { BaseType, PlatformValue } from './values.ts';

/**
 * What the script engine needs of the platform, and what it gives to it. Both run in the main thread and hand each
 * other PlatformValues (values.ts). The engine alone knows how they travel to its worker threads.
 *
 * All look-ups are synchronous because a script waits for them. `invokeService` may answer with a promise: only the
 * script that asked waits, the main thread goes on.
 *
 * A method refuses by throwing PlatformError (values.ts); anything else thrown is treated as an internal error of the
 * platform and reaches the script as a java.lang.Exception.
 */
export interface ScriptPlatform {
  /**
   * Changes whenever a cached answer of `findEntity` or `dataShapeFields` may have become wrong: an entity was created,
   * deleted, renamed or changed, or visibility or permissions changed. Not when property values change.
   */
  readonly revision: number;

  /** Identifies the entity, or undefined if it does not exist or `principal` may not see it. */
  findEntity(collection: EntityCollection, name: string, principal: string): EntityReference | undefined;

  /** The effective definition with the given id, as named by an EntityReference. Things of one template may share one. */
  definition(definitionId: string): DefinitionPart;

  /** Fields of a Data Shape (inherited ones included), or undefined if there is none with that name. */
  dataShapeFields(name: string): FieldDefinition[] | undefined;

  /** Reads a property; checks PropertyRead. Never answers with a live object: InfoTables and JSON are copies. */
  getProperty(call: ScriptCall, entity: EntityReference, property: string): PlatformValue;

  /** Writes a property; checks PropertyWrite and read-only. `value` already has the property's base type. */
  setProperty(call: ScriptCall, entity: EntityReference, property: string, value: PlatformValue): void;

  /**
   * Called before a script runs another script service in its own thread (`me.Other()`, `Things[n].Service()`): checks
   * ServiceInvoke and whatever else the platform checks, and throws if the call is refused.
   */
  authorizeService(call: ScriptCall, entity: EntityReference, service: string): void;

  /**
   * Runs a native service (ServiceDefinition.implementation.kind "native") and checks ServiceInvoke. `args` has one entry
   * per given parameter, already converted to its base type; absent ones are absent.
   */
  invokeService(
    call: ScriptCall,
    entity: EntityReference,
    service: string,
    args: Record<string, PlatformValue>,
  ): PlatformValue | Promise<PlatformValue>;

  /** Starts an asynchronous script service (`isAsync`) in the background; checks ServiceInvoke. */
  startService(
    call: ScriptCall,
    entity: EntityReference,
    service: string,
    args: Record<string, PlatformValue>,
  ): void;

  /** Fires an event; `data` has one entry per given field of the event's Data Shape, already converted. */
  fireEvent(
    call: ScriptCall,
    entity: EntityReference,
    event: string,
    data: Record<string, PlatformValue>,
  ): void;

  /** Receives what scripts write with `logger`, and the engine's own entries on failed scripts. */
  log(entry: ScriptLogEntry): void;
}

/** Collections that scripts can reach as globals. */
export const scriptCollections = [
  'Things',
  'ThingTemplates',
  'ThingShapes',
  'DataShapes',
  'Resources',
  'Subsystems',
  'Users',
  'Groups',
  'Organizations',
  'ApplicationKeys',
  'Mashups',
  'Networks',
  'Projects',
  'Logs',
] as const;

export type EntityCollection = (typeof scriptCollections)[number];

export interface EntityReference {
  collection: EntityCollection;
  name: string;
  /** Key for `definition`, another one when the definition has changed: workers cache by it, and Things of one template share it. */
  definitionId: string;
}

/** What an entity has, own and inherited. */
export interface EntityDefinition {
  properties: Record<string, PropertyDefinition>;
  services: Record<string, ServiceDefinition>;
  events: Record<string, EventDefinition>;
  /** Plain read-only members such as `description` or `thingTemplate` are not here: the engine knows `name` alone. */
}

/** A definition as it is sent: that of a Thing holds only what the Thing adds to its template, whose definition is some 100 KB. */
export interface DefinitionPart extends EntityDefinition {
  /** Id of the definition that this one adds to. */
  base?: string;
}

export interface PropertyDefinition {
  baseType: BaseType;
  /** Data Shape of an INFOTABLE, or absent. */
  dataShape?: string;
}

export interface EventDefinition {
  /** Data Shape of the event's data. */
  dataShape: string;
}

export interface ServiceDefinition {
  name: string;
  /** In order. Aspects used here: isRequired, defaultValue, dataShape. */
  parameters: FieldDefinition[];
  result: { baseType: BaseType; dataShape?: string };
  isAsync: boolean;
  implementation:
    | { kind: 'script'; source: string }
    | { kind: 'native' }
    /** The script did not compile when it was imported: "No service handler defined for service S on thing [T]". */
    | { kind: 'missing' };
}

/** Who calls, and how deep. Travels with every request of a script. */
export interface ScriptCall {
  /** User whose rights apply. */
  principal: string;
  /** 0 for a call from outside, +1 for each service called by a script. */
  depth: number;
  /** Entity and service whose script makes the request. */
  source: { collection: EntityCollection; name: string; service: string };
}

export type LogLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

export interface ScriptLogEntry {
  level: LogLevel;
  message: string;
  principal: string;
  /** Entity and service (or subscription) that wrote the entry. */
  entity: string;
  service: string;
  timeMs: number;
}

/** One execution: a service called from outside, or a subscription. */
export interface ScriptRun {
  entity: EntityReference;
  /** Name for logs and errors; for a service also the key in the entity's definition. */
  service: string;
  source: string;
  /** Bare variables of the script: parameters of a service, `eventData`, `source`, ... of a subscription. */
  variables: Record<string, PlatformValue | ScriptStructure>;
  result: { baseType: BaseType; dataShape?: string };
  principal: string;
  /** Depth of this execution, 0 from outside. */
  depth: number;
}

/** Plain nested members, for `eventData` ({newValue: {value, time, quality}, oldValue: {...}}). Always made with `new`. */
export class ScriptStructure {
  readonly members: Record<string, PlatformValue | ScriptStructure>;

  constructor(members: Record<string, PlatformValue | ScriptStructure>) {
    this.members = members;
  }
}

/** Services in code: the platform registers these entities (Resources) and routes `invokeService` to them. */
export interface NativeResource {
  name: string;
  description: string;
  services: Record<string, NativeService>;
}

export interface NativeService {
  definition: ServiceDefinition;
  invoke(args: Record<string, PlatformValue>, context: NativeContext): PlatformValue | Promise<PlatformValue>;
  /** Whether the platform has the service, as its switches are; it has if absent. */
  isAvailable?(): boolean;
}

export interface NativeContext {
  dataShapeFields(name: string): FieldDefinition[] | undefined;
}
