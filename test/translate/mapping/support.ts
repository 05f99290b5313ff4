import assert from 'node:assert/strict';
import type { MappingRule } from '../../../sidecar/translate/mapping/schema.ts';
import { CREATE_ALL, TrialDirectory, tryMessage } from '../../../sidecar/translate/mapping/trial.ts';
import { compileTranslator } from '../../../sidecar/translate/translator.ts';
import type { ReceivedMessage, Translation, TranslationSettings } from '../../../sidecar/translate/types.ts';
import { row } from '../support.ts';

export interface Trial {
  readonly rows: readonly unknown[];
  readonly translation: Translation;
}

/** What rules make of a message when every Thing and property exists. */
export async function apply(
  rules: readonly MappingRule[],
  input: ReceivedMessage,
  over: { otherwise?: string; settings?: TranslationSettings } = {},
): Promise<Trial> {
  const mappings = {
    version: 1,
    rules,
    ...(over.otherwise === undefined ? {} : { otherwise: over.otherwise }),
  };
  const translator = compileTranslator({ ...CREATE_ALL, ...over.settings, mappings });
  assert.deepEqual(translator.problems, []);
  const { translation } = await tryMessage(translator, input, new TrialDirectory());
  return { rows: translation.updates.map((update) => [update.thing, row(update)]), translation };
}
