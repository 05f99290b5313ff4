import type { PlatformService } from '../services/native.ts';
import { PlatformError } from '../values.ts';
import type {
  Collection,
  Definitions,
  Entity,
  EventType,
  Property,
  Service,
  Subscription,
  ThingEntity,
} from './entity.ts';
import type { EntityStore } from './store.ts';

/** Where a definition comes from. */
export interface Origin {
  sourceType: 'Thing' | 'ThingTemplate' | 'ThingShape' | 'Platform';
  sourceName: string;
}

export interface EffectiveProperty extends Origin {
  property: Property;
}

export interface EffectiveService extends Origin {
  service: Service;
  implementation:
    | { kind: 'script'; source: string }
    | { kind: 'native' }
    | { kind: 'missing'; problem: string };
}

export interface EffectiveEvent extends Origin {
  event: EventType;
}

export interface EffectiveSubscription extends Origin {
  subscription: Subscription;
}

/** Everything that a Thing has, own and inherited. Things of one template without own definitions share one object. */
export interface EffectiveShape {
  /** Key of this very content: the same for Things that share the definition, another one when it has changed. */
  id: string;
  /** What the Thing adds its own definitions to: that of its template. Absent where nothing is added. */
  base?: EffectiveShape;
  properties: ReadonlyMap<string, EffectiveProperty>;
  services: ReadonlyMap<string, EffectiveService>;
  natives: ReadonlyMap<string, PlatformService>;
  events: ReadonlyMap<string, EffectiveEvent>;
  subscriptions: ReadonlyMap<string, EffectiveSubscription>;
  /** Template names, nearest first. */
  templates: readonly string[];
  shapes: ReadonlySet<string>;
}

/** Native services of the platform, as the inheritance needs them. */
export interface NativeRegistry {
  /** Services that a built-in template adds to its Things. */
  ofTemplate(template: string): readonly PlatformService[];
  /** Services of the entities of a collection, or of one named entity (Resources, Subsystems). */
  ofEntity(collection: Collection, name: string): readonly PlatformService[];
}

interface Layers {
  properties: Map<string, EffectiveProperty>;
  services: Map<string, EffectiveService>;
  natives: Map<string, PlatformService>;
  events: Map<string, EffectiveEvent>;
  subscriptions: Map<string, EffectiveSubscription>;
  shapes: Set<string>;
}

/** Works out what Things and other entities have, and keeps it until the model changes. */
export class Inheritance {
  private readonly store: EntityStore;
  private readonly natives: NativeRegistry;
  private readonly ofTemplates = new Map<string, EffectiveShape>();
  private readonly ofThings = new Map<string, EffectiveShape>();
  private readonly ofOthers = new Map<string, EffectiveShape>();
  private versions = 0;

  constructor(store: EntityStore, natives: NativeRegistry) {
    this.store = store;
    this.natives = natives;
    store.onChange((entity) => this.forget(entity));
  }

  private forget(entity: Entity): void {
    if (entity.collection === 'ThingTemplates' || entity.collection === 'ThingShapes') {
      this.ofTemplates.clear();
      this.ofThings.clear();
    } else if (entity.collection === 'Things') {
      this.ofThings.delete(entity.name);
    }
  }

  /** Call when the platform's own services may be others, as by a switch. */
  servicesChanged(): void {
    this.ofOthers.clear();
  }

  /** What Things of a template have before they add anything. */
  template(name: string): EffectiveShape {
    const known = this.ofTemplates.get(name);
    if (known !== undefined) {
      return known;
    }
    const chain = this.chain(name);
    const layers = emptyLayers();
    for (const templateName of [...chain].reverse()) {
      const template = this.store.get('ThingTemplates', templateName);
      if (template === undefined) {
        continue;
      }
      this.addNatives(layers, this.natives.ofTemplate(templateName), {
        sourceType: 'ThingTemplate',
        sourceName: templateName,
      });
      this.addShapes(layers, template.implementedShapes);
      addDefinitions(layers, template.definitions, { sourceType: 'ThingTemplate', sourceName: templateName });
    }
    const effective = { ...layers, id: this.versionOf(`ThingTemplates/${name}`), templates: chain };
    this.ofTemplates.set(name, effective);
    return effective;
  }

  thing(thing: ThingEntity): EffectiveShape {
    const known = this.ofThings.get(thing.name);
    if (known !== undefined) {
      return known;
    }
    const base = this.template(thing.thingTemplate);
    const effective = isPlain(thing) ? base : this.extend(base, thing);
    this.ofThings.set(thing.name, effective);
    return effective;
  }

  private extend(base: EffectiveShape, thing: ThingEntity): EffectiveShape {
    const layers: Layers = {
      properties: new Map(base.properties),
      services: new Map(base.services),
      natives: new Map(base.natives),
      events: new Map(base.events),
      subscriptions: new Map(base.subscriptions),
      shapes: new Set(base.shapes),
    };
    this.addShapes(layers, thing.implementedShapes);
    addDefinitions(layers, thing.definitions, { sourceType: 'Thing', sourceName: thing.name });
    return { ...layers, id: this.versionOf(`Things/${thing.name}`), base, templates: base.templates };
  }

  /** What an entity of any collection has: for other entities than Things the platform's own services alone. */
  entity(entity: Entity): EffectiveShape {
    if (entity.collection === 'Things') {
      return this.thing(entity);
    }
    const own = entity.collection === 'Resources' || entity.collection === 'Subsystems';
    const key = own ? `${entity.collection}/${entity.name}` : entity.collection;
    const known = this.ofOthers.get(key);
    if (known !== undefined) {
      return known;
    }
    const layers = emptyLayers();
    this.addNatives(layers, this.natives.ofEntity(entity.collection, entity.name), {
      sourceType: 'Platform',
      sourceName: entity.collection,
    });
    const effective = { ...layers, id: this.versionOf(key), templates: [] };
    this.ofOthers.set(key, effective);
    return effective;
  }

  private versionOf(key: string): string {
    this.versions += 1;
    return `${key}#${this.versions}`;
  }

  /** The definition behind an id that `entity` or `thing` gave out, as it is now. */
  byId(id: string): EffectiveShape {
    const key = id.slice(0, id.lastIndexOf('#'));
    const slash = key.indexOf('/');
    const collection = (slash < 0 ? key : key.slice(0, slash)) as Collection;
    const name = slash < 0 ? '' : key.slice(slash + 1);
    if (collection === 'ThingTemplates' && slash >= 0) {
      return this.template(name);
    }
    const entity = slash < 0 ? this.store.all(collection)[0] : this.store.get(collection, name);
    if (entity === undefined) {
      throw new PlatformError(`Entity Not Found : [${name}]`, { status: 404 });
    }
    return this.entity(entity);
  }

  /** Template and its ancestors, nearest first. A broken or circular chain ends where it breaks. */
  chain(template: string): string[] {
    const chain: string[] = [];
    let name = template;
    while (name !== '' && !chain.includes(name)) {
      chain.push(name);
      name = this.store.get('ThingTemplates', name)?.baseThingTemplate ?? '';
    }
    return chain;
  }

  /** Value stream that the logged properties of a Thing go to: its own, else the nearest of its templates. */
  valueStream(thing: ThingEntity): string {
    if (thing.valueStream !== '') {
      return thing.valueStream;
    }
    for (const name of this.thing(thing).templates) {
      const stream = this.store.get('ThingTemplates', name)?.valueStream ?? '';
      if (stream !== '') {
        return stream;
      }
    }
    return '';
  }

  private addShapes(layers: Layers, names: readonly string[]): void {
    for (const name of names) {
      const shape = this.store.get('ThingShapes', name);
      if (shape !== undefined) {
        layers.shapes.add(name);
        addDefinitions(layers, shape.definitions, { sourceType: 'ThingShape', sourceName: name });
      }
    }
  }

  private addNatives(layers: Layers, services: readonly PlatformService[], origin: Origin): void {
    for (const service of services) {
      layers.natives.set(service.name, service);
      layers.services.set(service.name, {
        ...origin,
        service: describeNative(service),
        implementation: { kind: 'native' },
      });
    }
  }
}

function emptyLayers(): Layers {
  return {
    properties: new Map(),
    services: new Map(),
    natives: new Map(),
    events: new Map(),
    subscriptions: new Map(),
    shapes: new Set(),
  };
}

function isPlain(thing: ThingEntity): boolean {
  const own = thing.definitions;
  return (
    thing.implementedShapes.length === 0 &&
    own.properties.size === 0 &&
    own.services.size === 0 &&
    own.implementations.size === 0 &&
    own.events.size === 0 &&
    own.subscriptions.size === 0
  );
}

function addDefinitions(layers: Layers, definitions: Definitions, origin: Origin): void {
  for (const property of definitions.properties.values()) {
    layers.properties.set(property.name, { ...origin, property });
  }
  for (const event of definitions.events.values()) {
    layers.events.set(event.name, { ...origin, event });
  }
  for (const subscription of definitions.subscriptions.values()) {
    layers.subscriptions.set(subscription.name, { ...origin, subscription });
  }
  for (const service of definitions.services.values()) {
    layers.services.set(service.name, {
      ...origin,
      service,
      implementation: { kind: 'missing', problem: 'no implementation' },
    });
    layers.natives.delete(service.name);
  }
  for (const implementation of definitions.implementations.values()) {
    const inherited = layers.services.get(implementation.name);
    if (inherited === undefined || !mayOverride(inherited, origin)) {
      continue;
    }
    const { source, problem } = implementation;
    const runnable = source !== undefined && problem === undefined;
    layers.services.set(implementation.name, {
      ...inherited,
      implementation: runnable
        ? { kind: 'script', source }
        : { kind: 'missing', problem: problem ?? `handler ${implementation.handlerName} is not emulated` },
    });
    layers.natives.delete(implementation.name);
  }
}

/** An implementation belongs to the definition beside it, or overrides an inherited one that allows it. */
function mayOverride(inherited: EffectiveService, origin: Origin): boolean {
  return (
    (inherited.sourceType === origin.sourceType && inherited.sourceName === origin.sourceName) ||
    inherited.service.isAllowOverride
  );
}

function describeNative(native: PlatformService): Service {
  const { baseType, dataShape } = native.result;
  return {
    name: native.name,
    description: native.description,
    category: '',
    isAllowOverride: false,
    isLocalOnly: false,
    isOpen: false,
    isPrivate: false,
    aspects: { isAsync: false },
    result: {
      name: 'result',
      description: 'result',
      baseType,
      ordinal: 0,
      aspects: dataShape === undefined ? {} : { dataShape },
    },
    parameters: new Map(native.parameters.map((parameter) => [parameter.name, parameter])),
  };
}
