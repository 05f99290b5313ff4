import { type Entity, isShaped, type ThingEntity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { removeEntity } from '../services/model-changes.ts';
import type { ReadEntity } from '../xml/entities.ts';
import { checkMashup } from './mashups.ts';
import { ImportProblem, type ImportReport } from './report.ts';
import { propertyProblems, readThingProperties } from './thing-values.ts';

export interface ImportOptions {
  /** Name of the extension package, or empty for a plain import. */
  extension: string;
  overwritePropertyValues: boolean;
  overwriteConfigurationTableValues: boolean;
  /** User that imports; new Things fire ThingStart in this user's name. */
  principal: string;
}

const order = ['Projects', 'DataShapes', 'ThingShapes', 'ThingTemplates', 'Things'];

function rank(entity: Entity): number {
  const index = order.indexOf(entity.collection);
  return index < 0 ? order.length : index;
}

/** Brings entities into the model, with the refusals and the silent losses of the platform. */
export class Importer {
  private readonly platform: Platform;

  constructor(platform: Platform) {
    this.platform = platform;
  }

  /** Checks that everything that the entities refer to exists, in the model, among themselves, or among `others` that come along. */
  check(
    entities: readonly ReadEntity[],
    report: ImportReport,
    options: ImportOptions,
    others: ReadonlySet<string> = new Set(),
  ): void {
    const staged = new Set([...others, ...entities.map(({ entity }) => label(entity))]);
    const exists = (collection: Entity['collection'], name: string) =>
      this.platform.store.has(collection, name) || staged.has(`${collection}/${name}`);
    for (const { entity } of entities) {
      this.checkReferences(entity, exists);
      this.checkExisting(entity, options);
      if (entity.projectName !== '' && !exists('Projects', entity.projectName)) {
        report.loss(
          'PROJECT_MISSING',
          label(entity),
          `Project ${entity.projectName} does not exist: filed under PTCDefaultProject`,
        );
        entity.projectName = 'PTCDefaultProject';
      }
      if (entity.collection === 'Mashups') {
        checkMashup(entity, report);
      }
    }
  }

  private checkReferences(
    entity: Entity,
    exists: (collection: Entity['collection'], name: string) => boolean,
  ): void {
    const need = (collection: Entity['collection'], name: unknown, where: string) => {
      if (typeof name === 'string' && name !== '' && !exists(collection, name)) {
        throw new ImportProblem(
          `${label(entity)}: ${where} refers to ${collection}/${name}, which does not exist`,
        );
      }
    };
    for (const definition of entity.tableDefinitions.values()) {
      need('DataShapes', definition.dataShapeName, `configuration table ${definition.name}`);
    }
    if (entity.collection === 'DataShapes') {
      for (const field of entity.fields.values()) {
        need('DataShapes', field.aspects.dataShape, `field ${field.name}`);
      }
    }
    if (!isShaped(entity)) {
      return;
    }
    for (const property of entity.definitions.properties.values()) {
      need('DataShapes', property.aspects.dataShape, `property ${property.name}`);
    }
    for (const event of entity.definitions.events.values()) {
      need('DataShapes', event.dataShape, `event ${event.name}`);
    }
    for (const service of entity.definitions.services.values()) {
      need('DataShapes', service.result.aspects.dataShape, `result of service ${service.name}`);
      for (const parameter of service.parameters.values()) {
        need(
          'DataShapes',
          parameter.aspects.dataShape,
          `service ${service.name}, parameter ${parameter.name}`,
        );
      }
    }
    if (entity.collection === 'ThingTemplates') {
      need('ThingTemplates', entity.baseThingTemplate, 'baseThingTemplate');
    }
    if (entity.collection === 'Things') {
      need('ThingTemplates', entity.thingTemplate, 'thingTemplate');
    }
    if (entity.collection !== 'ThingShapes') {
      for (const shape of entity.implementedShapes) {
        need('ThingShapes', shape, 'implemented shape');
      }
      need('Things', entity.valueStream, 'valueStream');
    }
  }

  private checkExisting(entity: Entity, options: ImportOptions): void {
    const existing: Entity | undefined = this.platform.store.get(entity.collection, entity.name);
    if (existing === undefined) {
      return;
    }
    if (existing.isSystemObject) {
      throw new ImportProblem(`${label(entity)} is a system object and cannot be imported`);
    }
    if (existing.extension !== options.extension && existing.extension !== '' && !isEditable(existing)) {
      throw new ImportProblem(
        `${label(entity)} belongs to extension ${existing.extension} and cannot be changed by an import`,
      );
    }
    if (options.extension !== '' && existing.extension === '') {
      throw new ImportProblem(`${label(entity)} exists already and does not belong to ${options.extension}`);
    }
  }

  /** Applies checked entities. */
  apply(entities: readonly ReadEntity[], report: ImportReport, options: ImportOptions): void {
    const { store, lifecycle } = this.platform;
    const sorted = [...entities].sort((a, b) => rank(a.entity) - rank(b.entity));
    const things: { read: ReadEntity; thing: ThingEntity; isNew: boolean }[] = [];
    for (const read of sorted) {
      const { entity } = read;
      const existing: Entity | undefined = store.get(entity.collection, entity.name);
      entity.extension = options.extension;
      this.merge(entity, existing, report, options);
      store.put(entity);
      this.reportHandlers(entity);
      if (entity.collection === 'Things') {
        things.push({ read, thing: entity, isNew: existing === undefined });
      }
    }
    for (const { read, thing, isNew } of things) {
      this.dropTables(thing, report);
      if (isNew || options.overwritePropertyValues) {
        readThingProperties(this.platform, thing, read.thingProperties, report);
      }
      propertyProblems(this.platform, thing, report);
    }
    for (const { entity } of sorted) {
      if (entity.collection !== 'Things') {
        this.dropTables(entity, report);
      }
    }
    for (const { thing, isNew } of things) {
      if (isNew || !lifecycle.isRunning(thing.name)) {
        lifecycle.start(thing, options.principal);
      } else {
        lifecycle.refresh(thing);
        this.platform.timers.start(thing);
      }
    }
  }

  /** Scripts that do not compile: the import succeeds, ErrorLog alone says why the service has no handler. */
  private reportHandlers(entity: Entity): void {
    if (!isShaped(entity)) {
      return;
    }
    const { implementations, subscriptions } = entity.definitions;
    const all = [
      ...implementations.values(),
      ...[...subscriptions.values()].map((one) => one.implementation),
    ];
    for (const { name, problem } of all) {
      if (problem !== undefined) {
        this.platform.logs.write('ErrorLog', {
          level: 'ERROR',
          content: `Unable to create service handler for ${name} in ${entity.name}:ThingShape : ${problem}`,
          origin: 'c.t.h.ScriptServiceHandler',
        });
      }
    }
  }

  /** What of an existing entity survives a second import. */
  private merge(
    entity: Entity,
    existing: Entity | undefined,
    report: ImportReport,
    options: ImportOptions,
  ): void {
    if (existing === undefined) {
      return;
    }
    if (entity.collection === 'Groups' && existing.collection === 'Groups') {
      if (entity.members.length === 0 && existing.members.length > 0) {
        report.loss(
          'MEMBERS_KEPT',
          label(entity),
          `An empty member list does not remove ${existing.members.length} members`,
        );
        entity.members = existing.members;
      }
    }
    if (entity.collection === 'Users' && existing.collection === 'Users' && entity.passwordHash === '') {
      entity.passwordHash = existing.passwordHash;
    }
    if (entity.collection === 'LocalizationTables') {
      mergeTokens(entity, existing, report);
    }
    for (const [name, table] of [...entity.tables]) {
      const before = existing.tables.get(name);
      if (before === undefined) {
        continue;
      }
      if (!options.overwriteConfigurationTableValues) {
        entity.tables.set(name, before);
        continue;
      }
      const added = [...table.table.fields.keys()].filter((field) => !before.table.fields.has(field));
      for (const field of added) {
        let lost = 0;
        for (const row of table.table.rows) {
          if (row[field] !== undefined) {
            delete row[field];
            lost += 1;
          }
          if (table.table.fields.get(field)?.baseType === 'BOOLEAN') {
            row[field] = false;
          }
        }
        if (lost > 0) {
          report.loss(
            'NEW_COLUMN_EMPTY',
            label(entity),
            `Table ${name}: new column ${field} stays empty until the next import`,
          );
        }
      }
    }
  }

  /** A table without a definition that names a Data Shape disappears. Only Things, templates and shapes are concerned. */
  private dropTables(entity: Entity, report: ImportReport): void {
    if (!isShaped(entity)) {
      return;
    }
    for (const name of [...entity.tables.keys()]) {
      const definition = this.platform.tables.definition(entity, name);
      const isBuiltIn =
        definition !== undefined && definition.dataShapeName === '' && !entity.tableDefinitions.has(name);
      if (definition === undefined || (definition.dataShapeName === '' && !isBuiltIn)) {
        entity.tables.delete(name);
        report.loss(
          'TABLE_DROPPED',
          label(entity),
          `Configuration table ${name} has no definition with a Data Shape`,
        );
      }
    }
  }

  /** Removes entities that an upgrade no longer contains. */
  remove(names: Iterable<string>): void {
    for (const name of names) {
      const slash = name.indexOf('/');
      const entity: Entity | undefined = this.platform.store.get(
        name.slice(0, slash) as Entity['collection'],
        name.slice(slash + 1),
      );
      if (entity !== undefined) {
        removeEntity(this.platform, entity);
      }
    }
  }
}

/** Tokens of the existing table that the import does not have stay. */
function mergeTokens(entity: Entity, existing: Entity, report: ImportReport): void {
  const given = entity.tables.get('LocalizationTokens')?.table;
  const before = existing.tables.get('LocalizationTokens')?.table;
  if (given === undefined || before === undefined) {
    return;
  }
  const names = new Set(given.rows.map((row) => row.name));
  const kept = before.rows.filter((row) => !names.has(row.name));
  if (kept.length > 0) {
    given.rows.push(...kept);
    report.loss(
      'TOKENS_MERGED',
      label(entity),
      `${kept.length} tokens that the import lacks stay in the table`,
    );
  }
}

export function label(entity: Entity): string {
  return `${entity.collection}/${entity.name}`;
}

export function isEditable(entity: Entity): boolean {
  return entity.attributes['aspect.isEditableExtensionObject'] === 'true';
}
