import { InfoTable } from '../infotable.ts';
import type { ConfigurationTable, Entity, TableDefinition } from './entity.ts';
import type { Inheritance } from './inheritance.ts';
import type { EntityStore } from './store.ts';

/** Configuration tables of entities: their own, and for Things those of their shapes and templates. */
export class ConfigurationTables {
  private readonly store: EntityStore;
  private readonly inheritance: Inheritance;

  constructor(store: EntityStore, inheritance: Inheritance) {
    this.store = store;
    this.inheritance = inheritance;
  }

  /** The entity itself, then what it inherits from, nearest first. */
  private *sources(entity: Entity): Generator<Entity> {
    yield entity;
    const shapes = (names: readonly string[]) =>
      names.flatMap((name) => this.store.get('ThingShapes', name) ?? []);
    if (entity.collection === 'Things' || entity.collection === 'ThingTemplates') {
      yield* shapes(entity.implementedShapes);
    }
    const chain =
      entity.collection === 'Things'
        ? this.inheritance.chain(entity.thingTemplate)
        : entity.collection === 'ThingTemplates'
          ? this.inheritance.chain(entity.baseThingTemplate)
          : [];
    for (const name of chain) {
      const template = this.store.get('ThingTemplates', name);
      if (template !== undefined) {
        yield template;
        yield* shapes(template.implementedShapes);
      }
    }
  }

  effective(entity: Entity, name: string): ConfigurationTable | undefined {
    for (const source of this.sources(entity)) {
      const table = source.tables.get(name);
      if (table !== undefined) {
        return table;
      }
    }
    const definition = this.definition(entity, name);
    return definition === undefined ? undefined : this.emptyTable(definition);
  }

  definition(entity: Entity, name: string): TableDefinition | undefined {
    for (const source of this.sources(entity)) {
      const definition = source.tableDefinitions.get(name);
      if (definition !== undefined) {
        return definition;
      }
    }
    return undefined;
  }

  names(entity: Entity): string[] {
    const names = new Set<string>();
    for (const source of this.sources(entity)) {
      for (const name of [...source.tables.keys(), ...source.tableDefinitions.keys()]) {
        names.add(name);
      }
    }
    return [...names];
  }

  /** The entity's own copy of a table, made from the inherited one when it has none. */
  own(entity: Entity, name: string): ConfigurationTable | undefined {
    const own = entity.tables.get(name);
    if (own !== undefined) {
      return own;
    }
    const inherited = this.effective(entity, name);
    if (inherited === undefined) {
      return undefined;
    }
    const rows = inherited.table.rows.map((row) => ({ ...row }));
    const copy = { ...inherited, table: new InfoTable(inherited.table.fields.values(), rows) };
    entity.tables.set(name, copy);
    return copy;
  }

  private emptyTable(definition: TableDefinition): ConfigurationTable {
    const fields = this.store.get('DataShapes', definition.dataShapeName)?.fields.values() ?? [];
    return {
      name: definition.name,
      description: definition.description,
      isMultiRow: definition.isMultiRow,
      isHidden: definition.isHidden,
      ordinal: definition.ordinal,
      dataShapeName: definition.dataShapeName,
      table: new InfoTable(fields),
    };
  }
}
