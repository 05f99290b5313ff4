import { withBoundFields } from './bound-fields.ts';
import type { CoerceContext } from './coerce/context.ts';
import { DEFAULT_LIMITS } from './decode/limits.ts';
import { type BodyForm, type BodySize, decodeBody } from './decode.ts';
import { type BodyReader, type CompiledMappings, compileMappings } from './mapping/document.ts';
import { ExpressionPool } from './mapping/expression-pool.ts';
import type { MappingProblem } from './mapping/schema-check.ts';
import { PlanCache } from './plan.ts';
import { type Content, NONE, refused } from './reading.ts';
import { RowBuilder } from './row-builder.ts';
import type {
  DecodedMessage,
  PropertyDefinition,
  ReceivedMessage,
  Refusal,
  RowArranger,
  ThingDirectory,
  TranslateOptions,
  Translation,
  TranslationLimits,
  TranslationSettings,
  Translator,
  Update,
} from './types.ts';

/**
 * Prepares what can be prepared once per change of settings: paths become closures, expressions are parsed, plans are
 * kept. Never throws. When the mappings cannot be used, `problems` says why and every message is refused.
 */
export function compileTranslator(settings: TranslationSettings): CompiledTranslator {
  return new CompiledTranslator(settings);
}

class Decoded implements DecodedMessage {
  readonly message: ReceivedMessage;
  readonly content: Content;
  readonly things: readonly string[];
  readonly bytes: number;
  readonly rows: number;

  constructor(message: ReceivedMessage, content: Content, bytes: number) {
    this.message = message;
    this.content = content;
    this.things = thingsOf(content);
    this.bytes = bytes;
    this.rows = content.readings.length;
  }
}

function thingsOf({ readings }: Content): readonly string[] {
  const [first] = readings;
  if (first === undefined) return NONE;
  if (readings.length === 1) return [first.thing];
  return [...new Set(readings.map((reading) => reading.thing))];
}

export class CompiledTranslator implements Translator {
  readonly #settings: TranslationSettings;
  readonly #limits: TranslationLimits;
  readonly #mappings: CompiledMappings;
  readonly #noMappings = compileMappings(undefined);
  readonly #plans = new PlanCache();
  #lastContext: DirectoryContext | undefined;

  /** @param pool where expressions are evaluated; its threads end by themselves when they are idle */
  constructor(settings: TranslationSettings, pool = new ExpressionPool()) {
    this.#settings = settings;
    this.#limits = { ...DEFAULT_LIMITS, ...settings.limits };
    this.#mappings = compileMappings(settings.mappings, pool);
  }

  /** What is wrong with the mappings; their own tests are run by `validateMappings`, not here. */
  get problems(): readonly MappingProblem[] {
    return this.#mappings.problems;
  }

  /** The name of the mapping rule that takes a message, or undefined for the defaults. */
  ruleFor(message: ReceivedMessage): string | undefined {
    return this.#mappings.ruleFor(message, this.#bodyReader(message, false), false)?.name;
  }

  prepare(message: ReceivedMessage): DecodedMessage | Promise<DecodedMessage> {
    const size: BodySize = { bytes: message.body.length };
    let content: Content | Promise<Content>;
    try {
      content = this.#read(message, false, size);
    } catch (thrown) {
      content = refused(failure(thrown));
    }
    return content instanceof Promise
      ? content.then((resolved) => new Decoded(message, resolved, size.bytes))
      : new Decoded(message, content, size.bytes);
  }

  translate(prepared: DecodedMessage, directory: ThingDirectory, options?: TranslateOptions): Translation {
    try {
      return this.#translate(prepared as Decoded, directory, options);
    } catch (thrown) {
      return {
        updates: NONE,
        ignored: NONE,
        refusals: [failure(thrown)],
        creations: NONE,
        notifications: NONE,
      };
    }
  }

  inOrder(updates: readonly Update[], last: RowArranger): readonly Update[] {
    return this.#settings.distinctTimes === false ? updates : last.arrange(updates);
  }

  #translate(
    { message, content }: Decoded,
    directory: ThingDirectory,
    options: TranslateOptions | undefined,
  ): Translation {
    const rows = this.#build(message, content, directory, false, options);
    const exact = rows.inexact ? this.#read(message, true) : undefined;
    // an expression sees numbers as JSONata has them: there its refusal stands
    if (exact === undefined || exact instanceof Promise) return rows.finish(content);
    return this.#build(message, exact, directory, true, options).finish(exact);
  }

  #read(message: ReceivedMessage, exact: boolean, size?: BodySize): Content | Promise<Content> {
    const isUnmapped = message.deviceId === this.#settings.unmappedDevice;
    const mappings = isUnmapped ? this.#noMappings : this.#mappings;
    const content = mappings.read(message, this.#bodyReader(message, exact, size), this.#limits, exact);
    return content instanceof Promise
      ? content.then((read) => withBoundFields(read, message))
      : withBoundFields(content, message);
  }

  /** Decodes the body when it is asked for, once for each form. */
  #bodyReader(message: ReceivedMessage, exact: boolean, size?: BodySize): BodyReader {
    let last: { form: BodyForm; exact: boolean; value: unknown } | undefined;
    return (form, withExact = exact) => {
      if (last?.form === form && last.exact === withExact) return last.value;
      last = { form, exact: withExact, value: decodeBody(message, this.#limits, form, withExact, size) };
      return last.value;
    };
  }

  #build(
    message: ReceivedMessage,
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
    if (message.creationTimeMs === undefined) rows.noteCreationTime();
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

/** No input is known to come here; one that does must not stop a lane. */
function failure(thrown: unknown): Refusal {
  const text = thrown instanceof Error ? thrown.message.slice(0, 200) : 'unknown';
  return { code: 'TRANSLATION_FAILED', reason: `The translation itself failed: ${text}.` };
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
