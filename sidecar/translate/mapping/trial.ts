import { creationKey } from '../outcome.ts';
import type {
  BaseType,
  Creation,
  PropertyDefinition,
  ReceivedMessage,
  ThingDefinition,
  ThingDirectory,
  Translation,
  TranslationSettings,
  Translator,
} from '../types.ts';

/** Things of a trial: those that are given, or any, with the properties that come to be wanted. */
export class TrialDirectory implements ThingDirectory {
  readonly #things = new Map<string, ThingDefinition>();
  readonly #under: ThingDirectory | undefined;

  /** @param under Things that exist beside the given ones */
  constructor(
    things: Readonly<Record<string, Readonly<Record<string, BaseType>>>> = {},
    under?: ThingDirectory,
  ) {
    this.#under = under;
    for (const [name, properties] of Object.entries(things)) {
      const definitions = Object.entries(properties).map(([key, baseType]) => [key, { baseType }] as const);
      this.#things.set(name, { template: '', properties: new Map(definitions) });
    }
  }

  get(name: string): ThingDefinition | undefined {
    return this.#things.get(name) ?? this.#under?.get(name);
  }

  dataShape(name: string): ReadonlyMap<string, PropertyDefinition> | undefined {
    return this.#under?.dataShape?.(name);
  }

  /** As the platform would after creating: a definition is replaced, never changed. */
  apply(creation: Creation): void {
    const { thing: name } = creation;
    if (creation.kind === 'thing') {
      this.#things.set(name, { template: creation.template, properties: new Map() });
      return;
    }
    const before = this.get(name);
    const properties = new Map<string, PropertyDefinition>(before?.properties);
    properties.set(creation.property, { baseType: creation.baseType });
    this.#things.set(name, { template: before?.template ?? '', properties });
  }
}

/** Settings with which every Thing and every property comes to exist. */
export const CREATE_ALL = {
  unknownThing: 'create',
  unknownProperty: 'create',
  deviceTemplate: 'GenericThing',
} as const satisfies TranslationSettings;

/** Translates a message as a lane would, with creations that always succeed. Never rejects. */
export async function tryMessage(
  translator: Translator,
  message: ReceivedMessage,
  directory: TrialDirectory,
): Promise<{ readonly translation: Translation; readonly created: readonly Creation[] }> {
  const prepared = await translator.prepare(message);
  const created: Creation[] = [];
  const keys = new Set<string>();
  const tried = (creation: Creation): boolean => keys.has(creationKey(creation));
  for (;;) {
    const translation = translator.translate(prepared, directory, { tried });
    if (translation.creations.length === 0) return { translation, created };
    for (const creation of translation.creations) {
      created.push(creation);
      keys.add(creationKey(creation));
      directory.apply(creation);
    }
  }
}
