import type { DataShape, Entity, ThingShape, ThingTemplate } from '../../sidecar/entities/model.ts';
import { type ModelChoices, ModelEntities } from '../../sidecar/models/model-entities.ts';
import { Models } from '../../sidecar/models/models.ts';

/** The entities that are made of models, to be looked up by name. */
export class Built {
  readonly all: readonly Entity[];
  readonly notes: readonly string[];

  constructor(documents: readonly unknown[], choices: Partial<ModelChoices> = {}) {
    const models = new Models([{ name: 'model', content: documents }]);
    const entities = new ModelEntities(models, {
      project: 'TestModels',
      sendAs: 'desired',
      exceptions: {},
      isLogged: false,
      ...choices,
    });
    for (const id of models.roots()) entities.add(id);
    models.problems.throwIfAny();
    this.all = entities.entities();
    this.notes = models.problems.notes;
  }

  shape(name: string): ThingShape {
    return this.#find(name, 'ThingShape') as ThingShape;
  }

  template(name: string): ThingTemplate {
    return this.#find(name, 'ThingTemplate') as ThingTemplate;
  }

  dataShape(name: string): DataShape {
    return this.#find(name, 'DataShape') as DataShape;
  }

  /** Every script, as compilers take them. */
  scripts(): { name: string; source: string }[] {
    return this.all.flatMap((entity) =>
      entity.kind === 'ThingShape'
        ? [...entity.services, ...entity.subscriptions].map(({ name, script }) => ({
            name: `${entity.name}.${name}`,
            source: script,
          }))
        : [],
    );
  }

  #find(name: string, kind: Entity['kind']): Entity {
    const found = this.all.find((entity) => entity.kind === kind && entity.name === name);
    if (!found)
      throw new Error(`There is no ${kind} ${name}: ${this.all.map((entity) => entity.name).join(', ')}`);
    return found;
  }
}
