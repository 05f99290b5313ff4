import type { HubNotification } from '../sources/notifications.ts';
import { CompiledTranslator } from '../translator.ts';
import type {
  BaseType,
  Creation,
  Ignored,
  Quality,
  Refusal,
  ThingDirectory,
  TranslationSettings,
} from '../types.ts';
import { ExpressionPool } from './expression-pool.ts';
import type { MappingTestMessage } from './schema.ts';
import { checkSample, type MappingProblem } from './schema-check.ts';
import { messageOf } from './test-message.ts';
import { CREATE_ALL, TrialDirectory, tryMessage } from './trial.ts';

/** What a sample message would do, value by value. Plain JSON. */
interface MappingTrial {
  /** Not empty: the mappings or the sample cannot be used, and nothing was tried. Pointers begin with which of them. */
  readonly problems: readonly MappingProblem[];
  /** The rule that takes the message; absent: the defaults. */
  readonly rule?: string;
  readonly values: readonly TrialValue[];
  readonly ignored: readonly Ignored[];
  readonly refused: readonly Refusal[];
  /** What would be created first. */
  readonly created: readonly Creation[];
  readonly events: readonly HubNotification[];
}

interface TrialValue {
  readonly thing: string;
  readonly property: string;
  readonly baseType: BaseType;
  readonly value: unknown;
  readonly timeMs: number;
  readonly quality: Quality;
}

/**
 * Tries a sample message (the form of a test's `message`) on settings. Without a directory every Thing and property is
 * taken to exist, with the mapping's base type or the one that the value suggests. Never rejects.
 *
 * @param nowMs the enqueued time of a sample that does not say one
 */
export async function testMapping(
  settings: TranslationSettings,
  sample: unknown,
  directory?: ThingDirectory,
  nowMs?: number,
): Promise<MappingTrial> {
  const pool = new ExpressionPool();
  const translator = new CompiledTranslator(
    directory === undefined ? { ...settings, ...CREATE_ALL } : settings,
    pool,
  );
  const problems = [...under('/mappings', translator.problems), ...under('/message', checkSample(sample))];
  if (problems.length > 0) {
    return { problems, values: [], ignored: [], refused: [], created: [], events: [] };
  }
  const message = messageOf(sample as MappingTestMessage, nowMs);
  const rule = translator.ruleFor(message);
  const { translation, created } = await tryMessage(translator, message, new TrialDirectory({}, directory));
  await pool.stop();
  return {
    problems: [],
    ...(rule === undefined ? {} : { rule }),
    values: translation.updates.flatMap(({ thing, timeMs, quality, properties, baseTypes, values }) =>
      properties.flatMap((property, i): TrialValue[] =>
        values[i] === null
          ? []
          : [{ thing, property, baseType: baseTypes[i] as BaseType, value: values[i], timeMs, quality }],
      ),
    ),
    ignored: translation.ignored,
    refused: translation.refusals,
    created: directory === undefined ? [] : created,
    events: translation.notifications,
  };
}

function under(part: string, problems: readonly MappingProblem[]): readonly MappingProblem[] {
  return problems.map(({ pointer, message }) => ({ pointer: part + pointer, message }));
}
