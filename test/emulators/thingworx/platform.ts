import type { FieldDefinition } from './infotable.ts';
import { InfoTable } from './infotable.ts';
import { addBuiltIns, resourceEntity } from './model/builtin.ts';
import { builtInFields } from './model/builtin-shapes.ts';
import type { Collection, ConfigurationTable, Entity, EntityOf, ThingEntity, Vtq } from './model/entity.ts';
import { Inheritance } from './model/inheritance.ts';
import { EntityStore } from './model/store.ts';
import { ConfigurationTables } from './model/tables.ts';
import { PasswordCipher } from './password-cipher.ts';
import { Bindings } from './runtime/bindings.ts';
import { EventDispatcher } from './runtime/events.ts';
import { History, type HistoryLimits } from './runtime/history.ts';
import { Lifecycle } from './runtime/lifecycle.ts';
import { Logs } from './runtime/logs.ts';
import { PropertyValues } from './runtime/properties.ts';
import { FileRepositories } from './runtime/repositories.ts';
import { ScriptBridge } from './runtime/script-bridge.ts';
import { type ScriptRunner, Services } from './runtime/services.ts';
import { Timers } from './runtime/timers.ts';
import type { NativeResource } from './script-platform.ts';
import { Permissions } from './security/permissions.ts';
import { NativeServices } from './services/registry.ts';
import type { Switches } from './switches.ts';
import { PlatformError } from './values.ts';

/** Receives every change that a restart must bring back. */
export interface Journal {
  value(thing: string, property: string, entry: Vtq): void;
  history(stream: string, thing: string, property: string, entry: Vtq): void;
  extension(name: string, bytes: Buffer): void;
  extensionRemoved(name: string): void;
  /** History was deleted. */
  purged(): void;
  /** Rights on whole collections were changed. */
  collections(): void;
}

export interface PlatformOptions {
  switches: Switches;
  historyLimits: HistoryLimits;
  administratorPassword: string;
  /** Version that the platform pretends to have, for minimumThingWorxVersion. */
  version: string;
  cipher?: PasswordCipher | undefined;
}

/** The emulated platform without its network side: the model, its run time, and its services. */
export class Platform {
  readonly switches: Switches;
  readonly version: string;
  readonly store = new EntityStore();
  readonly logs = new Logs();
  readonly natives: NativeServices;
  readonly inheritance: Inheritance;
  readonly permissions: Permissions;
  readonly tables: ConfigurationTables;
  readonly bindings: Bindings;
  readonly properties: PropertyValues;
  readonly history: History;
  readonly events: EventDispatcher;
  readonly repositories: FileRepositories;
  readonly timers: Timers;
  readonly lifecycle: Lifecycle;
  readonly services: Services;
  readonly bridge: ScriptBridge;
  readonly cipher: PasswordCipher;
  journal: Journal | undefined;
  /**
   * Configuration tables of Things that were changed without `persistent`, as they were before (undefined: inherited). A
   * restart brings them back.
   */
  readonly volatileTables = new Map<string, Map<string, ConfigurationTable | undefined>>();
  private runner: ScriptRunner | undefined;
  private otherChanges = 0;

  constructor(options: PlatformOptions) {
    this.switches = options.switches;
    this.version = options.version;
    this.cipher = options.cipher ?? new PasswordCipher();
    this.natives = new NativeServices();
    this.inheritance = new Inheritance(this.store, this.natives);
    this.permissions = new Permissions(this.store, this.inheritance, this.switches);
    this.tables = new ConfigurationTables(this.store, this.inheritance);
    this.bindings = new Bindings(this.store, this.inheritance);
    this.history = new History(options.historyLimits);
    this.repositories = new FileRepositories(this.store);
    this.timers = new Timers(this);
    this.lifecycle = new Lifecycle(this);
    this.properties = new PropertyValues(this);
    this.events = new EventDispatcher(this);
    this.services = new Services(this);
    this.bridge = new ScriptBridge(this);
    addBuiltIns(this.store, options.administratorPassword);
    for (const resource of this.natives.resources()) {
      this.store.put(resourceEntity(resource, '', new Map()));
    }
  }

  /** Grows when anything changes that scripts may have cached. */
  get revision(): number {
    return this.store.revision + this.otherChanges;
  }

  /** Call after a change that is no entity's: a switch, the rights on a collection. */
  changed(): void {
    this.otherChanges += 1;
    this.inheritance.servicesChanged();
    this.permissions.changed();
  }

  /** Call after a change of the rights on a collection. */
  collectionsChanged(): void {
    this.changed();
    this.journal?.collections();
  }

  get scripts(): ScriptRunner {
    if (this.runner === undefined) {
      throw new PlatformError('The script engine does not run');
    }
    return this.runner;
  }

  useScripts(runner: ScriptRunner): void {
    this.runner = runner;
  }

  /** Adds resources that the script side implements. */
  useResources(resources: readonly NativeResource[]): void {
    for (const resource of resources) {
      this.natives.addResource(resource, (name) => this.shapeFields(name));
      this.store.put(resourceEntity(resource.name, resource.description, new Map()));
    }
  }

  /** Fields of a Data Shape, or undefined when there is none with that name. */
  shapeFields(name: string): FieldDefinition[] | undefined {
    const shape = name === '' ? undefined : this.store.get('DataShapes', name);
    return shape === undefined ? undefined : [...shape.fields.values()];
  }

  /** An empty table with the fields of one of the platform's own Data Shapes. */
  table(shape: string): InfoTable {
    return new InfoTable(builtInFields(shape));
  }

  /** The entity, or "not found", also when the user may not see it. */
  visible<C extends Collection>(collection: C, name: string, user: string): EntityOf<C> {
    const entity = this.store.get(collection, name);
    if (entity === undefined || !this.permissions.isVisible(entity as Entity, user)) {
      throw new PlatformError(`Entity Not Found : [${name}]`, { status: 404 });
    }
    return entity;
  }

  /** Takes back the changes of configuration tables that were not persistent. */
  restoreTables(): void {
    for (const [name, originals] of this.volatileTables) {
      const thing = this.store.get('Things', name);
      for (const [table, original] of originals) {
        if (original === undefined) {
          thing?.tables.delete(table);
        } else {
          thing?.tables.set(table, original);
        }
      }
    }
    this.volatileTables.clear();
  }

  /** Stores a value in the value stream of the Thing. Without a stream that exists it is lost, as on the platform. */
  logValue(thing: ThingEntity, property: string, entry: Vtq): void {
    const stream = this.inheritance.valueStream(thing);
    if (stream !== '' && this.store.has('Things', stream)) {
      this.history.append(stream, thing.name, property, entry);
      this.journal?.history(stream, thing.name, property, entry);
    }
  }
}
