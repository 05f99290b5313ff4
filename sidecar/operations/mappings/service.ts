import type { HubSettings } from '../../contract/hub-settings.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { translationSettings } from '../../hub/settings-parts.ts';
import type { ThingDefinitions } from '../../thingworx/definitions.ts';
import type { MappingTestMessage } from '../../translate/mapping/schema.ts';
import { testMapping } from '../../translate/mapping/test-mapping.ts';
import { messageOf } from '../../translate/mapping/test-message.ts';
import { validateMappings } from '../../translate/mapping/validate.ts';
import { compileTranslator } from '../../translate/translator.ts';
import type { TranslationSettings } from '../../translate/types.ts';
import type { MappingDesk } from '../ingestion/ingestion.ts';

/** Problems that a message names; a document with more is wrong as a whole. */
const MAX_NAMED = 5;

/** The mappings of one hub in the words of its operations. */
export class HubMappings implements MappingDesk {
  readonly #settings: () => HubSettings;
  readonly #definitions: ThingDefinitions;

  constructor(settings: () => HubSettings, definitions: ThingDefinitions) {
    this.#settings = settings;
    this.#definitions = definitions;
  }

  async test(
    sample: unknown,
    { mappings, useThings }: { mappings?: unknown; useThings: boolean },
    signal: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const today = translationSettings(this.#settings());
    const settings = mappings === undefined ? today : { ...today, mappings };
    const nowMs = Date.now();
    const form = await testMapping(settings, sample, undefined, nowMs);
    if (!useThings || form.problems.length > 0) return answer(form);
    await this.#load(settings, sample as MappingTestMessage, signal);
    return answer(await testMapping(settings, sample, this.#definitions, nowMs));
  }

  async validate(mappings: unknown): Promise<{ pointer: string; message: string }[]> {
    return (await validateMappings(mappings)).map((problem) => ({ ...problem }));
  }

  async #load(settings: TranslationSettings, sample: MappingTestMessage, signal: AbortSignal): Promise<void> {
    const { things } = await compileTranslator(settings).prepare(messageOf(sample));
    await this.#definitions.load(things, signal);
  }
}

function answer(trial: Awaited<ReturnType<typeof testMapping>>): Record<string, unknown> {
  return {
    ...trial,
    values: trial.values.map(({ timeMs, ...value }) => ({ ...value, time: new Date(timeMs).toISOString() })),
  };
}

/** Throws MAPPINGS_INVALID when the mappings cannot be used or their own tests fail. */
export async function checkMappings(mappings: unknown): Promise<void> {
  const problems = await validateMappings(mappings);
  if (problems.length === 0) return;
  const named = problems
    .slice(0, MAX_NAMED)
    .map(({ pointer, message }) => `${pointer || '(whole)'}: ${message}`);
  const more = problems.length > MAX_NAMED ? ` And ${problems.length - MAX_NAMED} more.` : '';
  throw new ConnectorError('MAPPINGS_INVALID', `${named.join(' ')}${more}`, {
    details: { problems: problems.slice(0, 100) },
  });
}
