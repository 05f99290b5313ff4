import assert from 'node:assert/strict';
import { ExpressionPool } from '../../../sidecar/translate/mapping/expression-pool.ts';
import type { MappingRule } from '../../../sidecar/translate/mapping/schema.ts';
import { CREATE_ALL, TrialDirectory, tryMessage } from '../../../sidecar/translate/mapping/trial.ts';
import { CompiledTranslator } from '../../../sidecar/translate/translator.ts';
import type { ReceivedMessage, Translation, TranslationSettings } from '../../../sidecar/translate/types.ts';
import { row } from '../support.ts';

export interface Trial {
  readonly rows: readonly unknown[];
  readonly translation: Translation;
}

/** Times in these tests may be small numbers. */
const ANY_TIME: TranslationSettings = { earliestTimeMs: -8.64e15, maxAheadMs: 8.64e15 };

/** One for all trials of a file; its threads do not keep the process. */
const POOL = new ExpressionPool();

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
  const translator = new CompiledTranslator({ ...CREATE_ALL, ...ANY_TIME, ...over.settings, mappings }, POOL);
  assert.deepEqual(translator.problems, []);
  const { translation } = await tryMessage(translator, input, new TrialDirectory());
  return { rows: translation.updates.map((update) => [update.thing, row(update)]), translation };
}
