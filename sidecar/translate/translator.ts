import type { CoerceContext } from './coerce/context.ts';
import { DEFAULT_LIMITS } from './decode/limits.ts';
import { Undecodable } from './decode/undecodable.ts';
import { decodeBody } from './decode.ts';
import { readDefault } from './defaults.ts';
import { PlanCache } from './plan.ts';
import { type Content, NONE, refused } from './reading.ts';
import { RowBuilder } from './rows.ts';
import type {
  HubMessage,
  Prepared,
  PropertyDefinition,
  ThingDirectory,
  TranslateOptions,
  Translation,
  TranslationLimits,
  TranslationSettings,
  Translator,
} from './types.ts';

/** Prepares what can be prepared once per change of settings. Never throws. */
export function compileTranslator(settings: TranslationSettings): Translator {
  return new CompiledTranslator(settings);
}

class Decoded implements Prepared {
  readonly message: HubMessage;
  readonly content: Content;
  readonly things: readonly string[];

  constructor(message: HubMessage, content: Content) {
    this.message = message;
    this.content = content;
    this.things = thingsOf(content);
  }
}

function thingsOf({ readings }: Content): readonly string[] {
  const [first] = readings;
  if (first === undefined) return NONE;
  if (readings.length === 1) return [first.thing];
  return [...new Set(readings.map((reading) => reading.thing))];
}

class CompiledTranslator implements Translator {
  readonly #settings: TranslationSettings;
  readonly #limits: TranslationLimits;
  readonly #plans = new PlanCache();
  #lastContext: DirectoryContext | undefined;

  constructor(settings: TranslationSettings) {
    this.#settings = settings;
    this.#limits = { ...DEFAULT_LIMITS, ...settings.limits };
  }

  prepare(message: HubMessage): Prepared {
    return new Decoded(message, this.#read(message, false));
  }

  translate(prepared: Prepared, directory: ThingDirectory, options?: TranslateOptions): Translation {
    const { message, content } = prepared as Decoded;
    const rows = this.#build(message, content, directory, false, options);
    if (!rows.inexact) return rows.finish(content);
    const exact = this.#read(message, true);
    return this.#build(message, exact, directory, true, options).finish(exact);
  }

  #read(message: HubMessage, exact: boolean): Content {
    const value = decodeBody(message, this.#limits, 'auto', exact);
    if (value instanceof Undecodable) return refused({ code: value.code, reason: value.reason });
    return readDefault(message, value);
  }

  #build(
    message: HubMessage,
    content: Content,
    directory: ThingDirectory,
    exact: boolean,
    options: TranslateOptions | undefined,
  ): RowBuilder {
    const rows = new RowBuilder(
      this.#settings,
      this.#plans,
      message,
      this.#context(directory, exact),
      options,
    );
    for (const reading of content.readings) rows.add(reading, directory.get(reading.thing));
    return rows;
  }

  /** Directories live long: the context of the last one is kept, so that the common case makes none. */
  #context(directory: ThingDirectory, exact: boolean): CoerceContext {
    if (exact) return new DirectoryContext(directory, true);
    if (this.#lastContext?.directory !== directory)
      this.#lastContext = new DirectoryContext(directory, false);
    return this.#lastContext;
  }
}

class DirectoryContext implements CoerceContext {
  readonly directory: ThingDirectory;
  readonly exact: boolean;

  constructor(directory: ThingDirectory, exact: boolean) {
    this.directory = directory;
    this.exact = exact;
  }

  dataShape(name: string): ReadonlyMap<string, PropertyDefinition> | undefined {
    return this.directory.dataShape?.(name);
  }
}
