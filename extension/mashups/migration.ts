import {
  button,
  checkbox,
  confirmation,
  field,
  grid,
  type MashupDefinition,
  row,
  tabs,
  timer,
} from './definition.ts';
import { frame, frameFunctions, hubChoice, hubOf, hubParameter, listHubs, page } from './frame.ts';
import { taskCalls, taskPanel } from './task-panel.ts';

const rules = { ...hubOf, sourceHub: 'sourceHub.Text', thingName: 'thingName.Text' };

const plan = page(
  [
    field('sourceHub', "Hub Thing of PTC's connector", { hint: 'empty: the only one', width: 240 }),
    field('thingName', 'Names of the new Things', { hint: '{name}.AzureIoT', width: 200 }),
    button('plan', 'Plan', ['ListMigrationPlan'], 'primary'),
  ],
  grid(
    'steps',
    'ListMigrationPlan',
    'source',
    [
      { field: 'kind', title: 'Kind', width: 90 },
      { field: 'source', title: 'Old', width: 160 },
      { field: 'target', title: 'New', width: 200 },
      { field: 'outcome', title: 'Outcome', width: 110 },
      { field: 'message', title: 'Message' },
      { field: 'copied', title: 'Copied' },
      { field: 'dropped', title: 'Not copied' },
    ],
    { select: 'none' },
  ),
);

const run = page(
  [
    field('namePattern', 'Old names', { hint: 'such as pump-*; empty: all', width: 200 }),
    field('tags', 'Model tags', { hint: 'such as Plant:LineA', width: 180 }),
    field('percentage', 'Percent', { hint: '100', width: 80 }),
    checkbox('dryRun', 'Dry run', true),
    button('start', 'Migrate', ['StartMigration'], 'primary'),
    button('references', 'Find references', ['FindMigrationReferences']),
    button('undo', 'Undo', ['confirmUndo.OpenConfirmation'], 'danger'),
  ],
  taskPanel('tasks', {
    task: 'Task',
    item: 'Entity',
    itemWidth: 220,
    report: 'Report of the selected task',
  }),
);

const comparison = page(
  [
    field('minutes', 'Minutes', { hint: '60', width: 80 }),
    field('intervalSeconds', 'Seconds between rounds', { hint: '60', width: 160 }),
    field('tolerance', 'Tolerance', { hint: '0', width: 90 }),
    field('lagSeconds', 'Lag in seconds', { hint: '30', width: 110 }),
    button('compare', 'Compare', ['CompareMigration'], 'primary'),
  ],
  row(
    [
      grid('comparisons', 'ListComparisons', 'id', [
        { field: 'createdAt', title: 'Asked for', width: 170, format: 'time' },
        { field: 'state', title: 'State', width: 100 },
        { field: 'note', title: 'Last round' },
        { field: 'error', title: 'Error' },
      ]),
      grid(
        'differences',
        'GetMigrationComparison',
        'property',
        [
          { field: 'thing', title: 'Thing' },
          { field: 'property', title: 'Property', width: 120 },
          { field: 'different', title: 'Different', width: 90, format: 'number' },
          { field: 'timesDiffer', title: 'Times', width: 80, format: 'number' },
          { field: 'lastBefore', title: 'Old value', width: 110 },
          { field: 'lastNow', title: 'New value', width: 110 },
          { field: 'lastDifference', title: 'Last', width: 170, format: 'time' },
        ],
        { select: 'none', title: 'Properties that were not equal' },
      ),
    ],
    { grow: true },
  ),
);

/** For administrators; everybody else sees the tasks. */
export const migration: MashupDefinition = {
  name: 'AzureIoT.Migration_MU',
  description: "Plans, makes, compares and undoes a migration from PTC's connector.",
  parameters: [hubParameter],
  calls: {
    ListHubs: listHubs,
    ListMigrationPlan: { bind: rules },
    StartMigration: {
      bind: {
        ...rules,
        namePattern: 'namePattern.Text',
        tags: 'tags.Text',
        percentage: 'percentage.Text',
        dryRun: 'dryRun.State',
      },
      after: ['ListTasks'],
    },
    FindMigrationReferences: { bind: hubOf, after: ['ListTasks'] },
    UndoMigration: {
      bind: { ...hubOf, namePattern: 'namePattern.Text', dryRun: 'dryRun.State' },
      after: ['ListTasks'],
    },
    CompareMigration: {
      bind: {
        ...hubOf,
        minutes: 'minutes.Text',
        intervalSeconds: 'intervalSeconds.Text',
        tolerance: 'tolerance.Text',
        lagSeconds: 'lagSeconds.Text',
      },
      after: ['ListComparisons'],
    },
    ...taskCalls(),
    ListComparisons: {
      service: 'ListTasks',
      bind: hubOf,
      constants: { kind: 'CompareMigration' },
      onSelection: ['GetMigrationComparison'],
    },
    GetMigrationComparison: { bind: { ...hubOf, task: 'ListComparisons.selected.id' } },
  },
  loaded: ['ListHubs'],
  layout: frame(
    'Migration',
    [hubChoice(['ListTasks', 'ListComparisons'])],
    [tabs('pages', { Plan: plan, Migrate: run, Compare: comparison })],
  ),
  functions: [
    ...frameFunctions([
      'StartMigration.summary',
      'FindMigrationReferences.summary',
      'UndoMigration.summary',
      'CompareMigration.summary',
    ]),
    confirmation('confirmUndo', {
      title: 'Undo the migration',
      message:
        'Unless dry run is chosen, the Things and templates that migrations have made are deleted, or only the Things with these old names.',
      action: 'Undo',
      confirmed: ['UndoMigration'],
    }),
    timer('everyFiveSeconds', 5, ['ListTasks', 'ListComparisons']),
  ],
};
