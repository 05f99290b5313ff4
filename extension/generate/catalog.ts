import type { TSchema } from 'typebox';
import { annotationOf, factsOf } from '../../sidecar/contract/schema.ts';
import type { FieldDefinition, ServiceDefinition } from '../../sidecar/entities/model.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import type { ExtensionEntity } from '../entities/index.ts';
import type { Mashup } from '../mashups/definition.ts';
import { fieldOf } from './services.ts';

/** What mashups may refer to. */
export interface Catalog {
  service(thing: string, name: string): ServiceDefinition | undefined;
  /** The fields of a Data Shape, of the platform's own among them where an operation gives rows of it. */
  fields(dataShape: string): readonly FieldDefinition[] | undefined;
  mashup(name: string): Mashup | undefined;
}

export function catalogOf(entities: readonly ExtensionEntity[]): Catalog {
  const platformShapes = new Map(
    OPERATIONS.flatMap(({ output }) => Object.values(output.properties)).flatMap((schema) => {
      const { dataShape } = annotationOf(schema);
      const { items } = factsOf(schema);
      return dataShape && items ? [[dataShape, rowFields(items)] as const] : [];
    }),
  );
  const find = <K extends ExtensionEntity['kind']>(kind: K, name: string) =>
    entities.find(
      (entity): entity is Extract<ExtensionEntity, { kind: K }> =>
        entity.kind === kind && entity.name === name,
    );
  return {
    service: (thing, name) => find('Thing', thing)?.services.find((service) => service.name === name),
    fields: (dataShape) => find('DataShape', dataShape)?.fields ?? platformShapes.get(dataShape),
    mashup: (name) => find('Mashup', name),
  };
}

function rowFields(items: TSchema): FieldDefinition[] {
  return Object.entries(factsOf(items).properties ?? {}).map(([name, schema]) => fieldOf(name, schema));
}
