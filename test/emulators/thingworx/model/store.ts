import { type Collection, collections, type Entity, type EntityOf } from './entity.ts';

export type StoreListener = (entity: Entity, change: 'put' | 'remove') => void;

/** All entities, by collection and name. Names are case sensitive. */
export class EntityStore {
  private readonly maps = new Map<Collection, Map<string, Entity>>();
  private readonly listeners: StoreListener[] = [];
  private changes = 0;

  constructor() {
    for (const collection of collections) {
      this.maps.set(collection, new Map());
    }
  }

  /** Grows with every change of an entity. */
  get revision(): number {
    return this.changes;
  }

  onChange(listener: StoreListener): void {
    this.listeners.push(listener);
  }

  get<C extends Collection>(collection: C, name: string): EntityOf<C> | undefined {
    return this.maps.get(collection)?.get(name) as EntityOf<C> | undefined;
  }

  has(collection: Collection, name: string): boolean {
    return this.maps.get(collection)?.has(name) ?? false;
  }

  /** Entities of a collection in the order of their creation. */
  all<C extends Collection>(collection: C): EntityOf<C>[] {
    return [...(this.maps.get(collection)?.values() ?? [])] as EntityOf<C>[];
  }

  count(collection: Collection): number {
    return this.maps.get(collection)?.size ?? 0;
  }

  *everything(): Generator<Entity> {
    for (const map of this.maps.values()) {
      yield* map.values();
    }
  }

  /** Creates, replaces, or announces a change made in place. */
  put(entity: Entity): void {
    this.maps.get(entity.collection)?.set(entity.name, entity);
    this.changed(entity, 'put');
  }

  remove(collection: Collection, name: string): void {
    const map = this.maps.get(collection);
    const entity = map?.get(name);
    if (map !== undefined && entity !== undefined) {
      map.delete(name);
      this.changed(entity, 'remove');
    }
  }

  private changed(entity: Entity, change: 'put' | 'remove'): void {
    this.changes += 1;
    for (const listener of this.listeners) {
      listener(entity, change);
    }
  }
}
