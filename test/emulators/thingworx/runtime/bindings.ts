import type { Binding, Entity, ThingEntity } from '../model/entity.ts';
import { isShaped } from '../model/entity.ts';
import type { Inheritance } from '../model/inheritance.ts';
import type { EntityStore } from '../model/store.ts';

export interface BoundProperty {
  thing: string;
  property: string;
}

/** Local and remote property bindings of Things, their own and inherited ones. */
export class Bindings {
  private readonly store: EntityStore;
  private readonly inheritance: Inheritance;
  private readonly ofThings = new Map<string, ReadonlyMap<string, Binding>>();
  private targets: Map<string, BoundProperty[]> | undefined;
  /** Stays false as long as nobody uses local bindings, which is the usual case and the fast one. */
  private localInUse = false;

  constructor(store: EntityStore, inheritance: Inheritance) {
    this.store = store;
    this.inheritance = inheritance;
    store.onChange((entity) => this.forget(entity));
  }

  private forget(entity: Entity): void {
    if (!isShaped(entity)) {
      return;
    }
    this.localInUse ||= entity.bindings.some((binding) => binding.kind === 'PropertyBinding');
    this.targets = undefined;
    if (entity.collection === 'Things') {
      this.ofThings.delete(entity.name);
    } else {
      this.ofThings.clear();
    }
  }

  private all(thing: ThingEntity): ReadonlyMap<string, Binding> {
    const known = this.ofThings.get(thing.name);
    if (known !== undefined) {
      return known;
    }
    const found = new Map<string, Binding>();
    const add = (bindings: readonly Binding[]) => {
      for (const binding of bindings) {
        if (binding.kind === 'PropertyBinding' || binding.kind === 'RemotePropertyBinding') {
          found.set(binding.name, binding);
        }
      }
    };
    for (const name of [...this.inheritance.thing(thing).templates].reverse()) {
      const template = this.store.get('ThingTemplates', name);
      for (const shape of template?.implementedShapes ?? []) {
        add(this.store.get('ThingShapes', shape)?.bindings ?? []);
      }
      add(template?.bindings ?? []);
    }
    for (const shape of thing.implementedShapes) {
      add(this.store.get('ThingShapes', shape)?.bindings ?? []);
    }
    add(thing.bindings);
    const result = found.size === 0 ? none : found;
    this.ofThings.set(thing.name, result);
    return result;
  }

  /** Kind of the binding of a property, if it has one. */
  of(thing: ThingEntity, property: string): Binding['kind'] | undefined {
    return this.all(thing).get(property)?.kind;
  }

  /** Where a locally bound property gets its value from. */
  sourceOf(thing: ThingEntity, property: string): BoundProperty | undefined {
    if (!this.localInUse) {
      return undefined;
    }
    const binding = this.all(thing).get(property);
    if (binding?.kind !== 'PropertyBinding') {
      return undefined;
    }
    return {
      thing: binding.attributes.sourceThingName ?? '',
      property: binding.attributes.sourceName ?? property,
    };
  }

  /** Properties that are locally bound to the given one. */
  targetsOf(thing: string, property: string): readonly BoundProperty[] {
    if (!this.localInUse) {
      return [];
    }
    this.targets ??= this.index();
    return this.targets.get(`${thing}\n${property}`) ?? [];
  }

  private index(): Map<string, BoundProperty[]> {
    const index = new Map<string, BoundProperty[]>();
    for (const thing of this.store.all('Things')) {
      for (const property of this.all(thing).keys()) {
        const source = this.sourceOf(thing, property);
        if (source !== undefined) {
          const key = `${source.thing}\n${source.property}`;
          index.set(key, [...(index.get(key) ?? []), { thing: thing.name, property }]);
        }
      }
    }
    return index;
  }
}

const none: ReadonlyMap<string, Binding> = new Map();
