import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, Table } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import type { ComparedProperty } from '../../migration/comparison.ts';
import {
  COMPARE_MIGRATION,
  type ComparisonInput,
  comparedProperties,
} from '../../migration/comparison-task.ts';
import { type MigrationInput, START_MIGRATION } from '../../migration/migration-task.ts';
import { FIND_MIGRATION_REFERENCES } from '../../migration/references-task.ts';
import { DEFAULT_NAME_RULE, tagList } from '../../migration/rules.ts';
import { UNDO_MIGRATION, type UndoInput } from '../../migration/undo-task.ts';
import { hub } from '../device-members.ts';
import { TASK_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';
import { TaskId, tasksOf } from '../tasks/tasks.ts';

const rule = (what: string) =>
  Type.Optional(
    Type.String({
      maxLength: 256,
      default: DEFAULT_NAME_RULE,
      description: `The names of the new ${what}; {name} is the name of the old one.`,
    }),
  );

const namePattern = Type.Optional(
  Type.String({
    maxLength: 256,
    description: 'Only Things whose old name fits, such as pump-*; * stands for any text. Empty: all.',
  }),
);

const names = Type.Optional(
  Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
    maxItems: 50_000,
    description: 'Only the Things with these old names: an array, boxed as {"array": [...]}. Empty: all.',
  }),
);

const dryRun = Type.Optional(
  Type.Boolean({
    default: false,
    description: 'Whether nothing is changed: the report says what would be.',
  }),
);

const startedTask = Type.Object({
  task: Type.String({
    description: 'The id of the task; GetTask shows its progress, GetTaskReport each entity.',
  }),
});

const STARTING_ERRORS = [...TASK_ERRORS, 'TASK_QUEUE_FULL'] as const;

const startMigration = defineOperation({
  name: 'StartMigration',
  entity: 'AzureIoT.Hub_TT',
  category: 'Migration',
  role: 'administrator',
  summary:
    "Makes Things of this connector for those of PTC's in the background: hub, storage and container Things, and one wave of device Things with their templates. May be called again for the next wave.",
  method: 'POST',
  path: '/hubs/{hub}/migrations',
  input: Type.Object({
    hub,
    sourceHub: Type.Optional(
      forThingWorx(
        Type.String({
          maxLength: 256,
          description: "The hub Thing of PTC's connector. Empty: the only one.",
        }),
        { baseType: 'THINGNAME' },
      ),
    ),
    namePattern,
    tags: Type.Optional(
      Type.String({
        maxLength: 1_000,
        description:
          'Only Things with all of these model tags, as Vocabulary:Term;Vocabulary:Term. Empty: all.',
      }),
    ),
    names,
    percentage: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 100,
        default: 100,
        description:
          'About how many of the Things, in percent. Which ones follows from their names alone, so that a larger wave has the Things of each smaller one.',
      }),
    ),
    thingName: rule('Things'),
    templateName: rule('Thing Templates'),
    template: Type.Optional(
      forThingWorx(
        Type.String({
          maxLength: 256,
          description: 'What the new templates derive from. Empty: AzureIoT.Device_TT.',
        }),
        { baseType: 'THINGTEMPLATENAME' },
      ),
    ),
    dryRun,
  }),
  output: startedTask,
  result: 'task',
  errors: STARTING_ERRORS,
  async run({ hubs }, { hub, sourceHub, thingName, templateName, template, dryRun, ...wave }) {
    const input: MigrationInput = {
      options: {
        sourceHub: sourceHub ?? '',
        thingName: thingName || DEFAULT_NAME_RULE,
        templateName: templateName || DEFAULT_NAME_RULE,
        template: template ?? '',
        dryRun: dryRun ?? false,
      },
      wave: {
        ...(wave.namePattern ? { namePattern: wave.namePattern } : {}),
        ...(wave.tags ? { tags: tagList(wave.tags) } : {}),
        ...listed(wave.names),
        ...(wave.percentage === undefined ? {} : { percentage: wave.percentage }),
      },
    };
    for (const rule of ['thingName', 'templateName'] as const) checkRule(rule, input.options[rule]);
    const title = input.options.dryRun
      ? "Show a migration from PTC's connector"
      : "Migrate from PTC's connector";
    const { id } = await hubs.require(hub).tasks.submit(START_MIGRATION, title, input);
    return { task: id };
  },
});

/** Without a text beside the place, new entities would have the names of the old. */
function checkRule(member: string, rule: string): void {
  if (rule.includes('{name}') && rule !== '{name}') return;
  throw new ConnectorError(
    'REQUEST_INVALID',
    `${member} must have {name} and something beside it, such as ${DEFAULT_NAME_RULE}.`,
  );
}

/** An empty list must not mean all. */
function listed(names: readonly string[] | undefined): { readonly names?: readonly string[] } {
  if (names === undefined) return {};
  if (names.length === 0)
    throw new ConnectorError('REQUEST_INVALID', 'names is an empty list; leave it out for all.');
  return { names };
}

const compareMigration = defineOperation({
  name: 'CompareMigration',
  entity: 'AzureIoT.Hub_TT',
  category: 'Migration',
  role: 'administrator',
  summary:
    "Compares current values and times of migrated Things with those of the Things before them for a while, in the background. PTC's connector and this one run meanwhile, each with its own consumer group.",
  method: 'POST',
  path: '/hubs/{hub}/migration-comparisons',
  input: Type.Object({
    hub,
    minutes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100_000,
        default: 60,
        description: 'How long. 0: once.',
      }),
    ),
    intervalSeconds: Type.Optional(
      forThingWorx(
        Type.Integer({
          minimum: 1,
          maximum: 86_400,
          default: 60,
          description: 'The time between two rounds.',
        }),
        { units: 's' },
      ),
    ),
    tolerance: Type.Optional(
      Type.Number({ minimum: 0, default: 0, description: 'How far two numbers may be apart.' }),
    ),
    lagSeconds: Type.Optional(
      forThingWorx(
        Type.Integer({
          minimum: 0,
          maximum: 86_400,
          default: 30,
          description:
            'How far two times may be apart, and how long one connector may be ahead of the other. A difference that is younger is not judged.',
        }),
        { units: 's' },
      ),
    ),
  }),
  output: startedTask,
  result: 'task',
  errors: STARTING_ERRORS,
  async run({ hubs }, { hub, minutes = 60, intervalSeconds = 60, tolerance = 0, lagSeconds = 30 }) {
    const input: ComparisonInput = {
      rounds: Math.floor((minutes * 60) / intervalSeconds) + 1,
      intervalSeconds,
      tolerance,
      lagSeconds,
    };
    const title = "Compare migrated Things with those of PTC's connector";
    const { id } = await hubs.require(hub).tasks.submit(COMPARE_MIGRATION, title, input);
    return { task: id };
  },
});

const times = (description: string) => Type.Integer({ minimum: 0, description });

const ComparisonRow = Type.Object(
  {
    thing: Type.String({ description: 'The migrated Thing.' }),
    source: Type.String({ description: 'The Thing before it.' }),
    property: Type.String({ description: 'The property.' }),
    equal: times('How often value and time were equal, since the first time that they were not.'),
    different: times('How often the values differed, the newer being older than the lag.'),
    timesDiffer: times('How often equal values had times that were further apart than the lag.'),
    onlyBefore: times('How often only the Thing before it had a value.'),
    onlyNow: times('How often only the migrated Thing had a value.'),
    unsettled: times('How often the values differed, and one was too young to judge.'),
    lagSeconds: Type.Number({ description: 'The largest distance of the two times.' }),
    lastBefore: Type.String({
      description: 'The value of the Thing before it at the last difference, as text.',
    }),
    lastNow: Type.String({ description: 'The value of the migrated Thing at the last difference, as text.' }),
    lastDifference: Type.Optional(DateTime({ description: 'When the last difference was seen.' })),
  },
  { description: 'A property that was not equal at least once in a comparison of a migration.' },
);

const getMigrationComparison = defineOperation({
  name: 'GetMigrationComparison',
  entity: 'AzureIoT.Hub_TT',
  category: 'Migration',
  role: 'viewer',
  summary:
    'Shows the properties that were not equal at least once in a comparison, also while it runs; its task has the counts of all.',
  method: 'GET',
  path: '/hubs/{hub}/migration-comparisons/{task}',
  input: Type.Object({ hub, task: TaskId }),
  output: Type.Object({
    properties: Table(ComparisonRow, 'AzureIoT.MigrationComparison_DS', {
      description: 'The properties, up to 5,000. None: all were equal.',
    }),
  }),
  result: 'properties',
  errors: [...TASK_ERRORS, 'TASK_NOT_FOUND'],
  async run({ hubs }, { hub, task }) {
    const record = (await tasksOf(hubs, hub)).get(task);
    if (record.kind !== COMPARE_MIGRATION)
      throw new ConnectorError('TASK_NOT_FOUND', `The task ${task} is not a comparison of a migration.`);
    return { properties: comparedProperties(record).map(comparisonRow) };
  },
});

function comparisonRow(one: ComparedProperty): Static<typeof ComparisonRow> {
  const { lagMs, lastDifferenceMs, ...rest } = one;
  return {
    ...rest,
    lagSeconds: lagMs / 1000,
    ...(lastDifferenceMs === 0 ? {} : { lastDifference: new Date(lastDifferenceMs).toISOString() }),
  };
}

const findMigrationReferences = defineOperation({
  name: 'FindMigrationReferences',
  entity: 'AzureIoT.Hub_TT',
  category: 'Migration',
  role: 'administrator',
  summary:
    "Lists mashups, scripts, subscriptions and bindings that name Things or services of PTC's connector, in the background: they must be changed before it is stopped.",
  method: 'POST',
  path: '/hubs/{hub}/migration-references',
  input: Type.Object({ hub }),
  output: startedTask,
  result: 'task',
  errors: STARTING_ERRORS,
  async run({ hubs }, { hub }) {
    const title = "Find what names Things or services of PTC's connector";
    const { id } = await hubs.require(hub).tasks.submit(FIND_MIGRATION_REFERENCES, title, {});
    return { task: id };
  },
});

const undoMigration = defineOperation({
  name: 'UndoMigration',
  entity: 'AzureIoT.Hub_TT',
  category: 'Migration',
  role: 'administrator',
  summary:
    "Removes in the background what migrations to this hub Thing have made, and nothing else: PTC's Things are never changed. With namePattern or names only those device Things.",
  method: 'POST',
  path: '/hubs/{hub}/migrations/undo',
  input: Type.Object({ hub, namePattern, names, dryRun }),
  output: startedTask,
  result: 'task',
  errors: STARTING_ERRORS,
  async run({ hubs }, { hub, namePattern, names, dryRun = false }) {
    const input: UndoInput = {
      wave: { ...(namePattern ? { namePattern } : {}), ...listed(names) },
      dryRun,
    };
    const title = dryRun ? 'Show what an undone migration removes' : 'Undo the migration';
    const { id } = await hubs.require(hub).tasks.submit(UNDO_MIGRATION, title, input);
    return { task: id };
  },
});

/** The way from PTC's connector to this one, and back. */
export const MIGRATION = [
  startMigration,
  compareMigration,
  getMigrationComparison,
  findMigrationReferences,
  undoMigration,
] as const;
