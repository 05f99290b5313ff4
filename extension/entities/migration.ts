import {
  ADMINISTRATORS,
  type DataShape,
  type FieldDefinition,
  INNER_CATEGORY,
  ORGANIZATION,
  type PropertyDefinition,
  permitAll,
  type ServiceDefinition,
  type ThingShape,
} from '../../sidecar/entities/model.ts';
import { DEFAULT_NAME_RULE } from '../../sidecar/migration/rules.ts';
import { handWritten } from '../generate/scripts.ts';
import { text, time } from './data-shapes.ts';
import { deviceShape } from './device.ts';
import { PTC } from './ptc-names.ts';
import { permitFrom } from './roles.ts';

const MIGRATION = 'Migration';
const MIGRATED_SHAPE = 'AzureIoT.MigratedThing_TS';

const number = (name: string, description: string): FieldDefinition => ({
  name,
  baseType: 'INTEGER',
  description,
});
const types = (fields: readonly FieldDefinition[]) =>
  Object.fromEntries(fields.map(({ name, baseType }) => [name, baseType]));

export const migrationStep: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.MigrationStep_DS',
  description: "What a migration does with one entity of PTC's connector.",
  fields: [
    text('kind', 'hub, storage, container, template or device.'),
    text('source', "The entity of PTC's connector."),
    text('target', 'The entity of this connector.'),
    text('outcome', 'wouldCreate, wouldChange (this hub Thing takes settings), existed or failed.'),
    text('copied', 'What it gets.'),
    text('dropped', 'What it does not get, and why.'),
    text('message', 'Why it cannot be made, or what must be done first; empty when nothing.'),
  ],
};

const plan: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.MigrationPlan_DS',
  description: "What a migration from PTC's connector would do.",
  fields: [
    text('summary', 'The plan in two sentences.'),
    number('devices', 'Device Things of the hub; if the list is cut, also those of other hubs.'),
    number('listed', 'Those that are among the steps.'),
    number('problems', 'Steps with a message.'),
    {
      name: 'steps',
      baseType: 'INFOTABLE',
      dataShape: migrationStep.name,
      description: 'The entities, one by one.',
    },
  ],
};

const recordFields = [
  text('collection', 'Things, ThingTemplates, or Settings for a setting of this hub Thing.'),
  text('entity', 'The entity, or the setting.'),
  text('source', "The entity of PTC's connector."),
  time('When it was made.'),
];

const record: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.MigrationRecord_DS',
  description: 'What migrations have made beside device Things: UndoMigration removes it.',
  fields: recordFields,
};

const historyFields = [
  time('The time of the value.'),
  text('thing', 'The Thing that has the entry.'),
  { name: 'number', baseType: 'NUMBER', description: 'The value, if it is a number.' },
  text('text', 'The value as text.'),
] as const satisfies readonly FieldDefinition[];

const history: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.MigratedValue_DS',
  description: 'A value in the history of a migrated Thing or of the Thing before it.',
  fields: historyFields,
};

export const migrationDataShapes: readonly DataShape[] = [migrationStep, plan, record, history];

/** The record is on the hub Thing, so that it outlives the sidecar and its tasks. */
export const migrationProperty: PropertyDefinition = {
  name: 'migrationRecord',
  baseType: 'INFOTABLE',
  dataShape: record.name,
  description: 'What migrations have made beside device Things; UndoMigration removes it. Not to be edited.',
  category: INNER_CATEGORY,
  isPersistent: true,
  dataChangeType: 'NEVER',
};

const constants = {
  PTC,
  DEFAULT_RULE: DEFAULT_NAME_RULE,
  MIGRATED_SHAPE,
  ORGANIZATION,
  DEVICE_PROPERTIES: deviceShape.properties.map(({ name }) => name),
  RECORD_TYPE: { dataShape: record.name, fields: types(recordFields) },
};

export const planMigration: ServiceDefinition = {
  name: 'PlanMigration',
  category: MIGRATION,
  description:
    "Shows what a migration from PTC's connector would make, copy and drop, and what it cannot do. Changes nothing, and reads with the rights of the caller. Long lists are cut after 18 seconds; StartMigration with dryRun reports all.",
  parameters: [
    {
      name: 'sourceHub',
      baseType: 'THINGNAME',
      description: "The hub Thing of PTC's connector. Empty: the only one.",
    },
    {
      name: 'thingName',
      baseType: 'STRING',
      description: 'The names of the new Things; {name} is the name of the old one.',
      defaultValue: DEFAULT_NAME_RULE,
    },
    {
      name: 'templateName',
      baseType: 'STRING',
      description: 'The names of the new Thing Templates; {name} is the name of the old one.',
      defaultValue: DEFAULT_NAME_RULE,
    },
    {
      name: 'template',
      baseType: 'THINGTEMPLATENAME',
      description: 'What the new templates derive from. Empty: AzureIoT.Device_TT.',
    },
  ],
  result: { baseType: 'INFOTABLE', dataShape: plan.name, description: 'The plan, in one row.' },
  script: handWritten('PlanMigration', {
    ...constants,
    PLAN_TYPE: {
      dataShape: plan.name,
      fields: {
        ...types(plan.fields),
        steps: { dataShape: migrationStep.name, fields: types(migrationStep.fields) },
      },
    },
  }),
};

function inbound(name: string, description: string, request: string, result: string): ServiceDefinition {
  return {
    name,
    category: 'Inbound',
    description: `Called by the sidecar: ${description}`,
    parameters: [{ name: 'request', baseType: 'JSON', description: request, isRequired: true }],
    result: { baseType: 'JSON', description: result },
    script: handWritten(name, { ...constants, BUILT_IN: ['name', 'description', 'tags', 'thingTemplate'] }),
  };
}

/**
 * What the tasks of a migration call. The group of the sidecar has no right on them: they read entities of others, and make templates. The
 * user of the application key is an administrator of ThingWorx while a migration runs.
 */
export const migrationInboundServices: readonly ServiceDefinition[] = [
  inbound(
    'ListMigrationSources',
    "lists Things of PTC's connector.",
    'kind, options, after.',
    'things of thing and tags; after, when there is more.',
  ),
  inbound(
    'MigrateEntities',
    'makes one batch of a migration.',
    'kind, names, options.',
    'steps of kind, source, target, outcome, copied, dropped and message.',
  ),
  inbound(
    'ListMigrated',
    'lists the device Things that migrations have made, and the record of the rest.',
    'after.',
    'things of thing and source, record; after, when there is more.',
  ),
  inbound(
    'UndoMigrated',
    'removes what migrations have made.',
    'things, by name, or record, entries of it.',
    'outcomes of entity, outcome and message.',
  ),
  inbound(
    'CompareThings',
    'reads values of migrated Things beside those of their sources.',
    'things, by name.',
    'things with properties of name, isSame, before and now; failed; time.',
  ),
  inbound(
    'ScanReferences',
    "finds entities that name Things or services of PTC's connector.",
    'collection, after.',
    'entities of entity, place and names; failed, looked; after, when there is more.',
  ),
];

/** What a migrated device Thing has beside its template. */
export const migratedThingShape: ThingShape = {
  kind: 'ThingShape',
  name: MIGRATED_SHAPE,
  description: "Marks a device Thing that a migration from PTC's connector has made.",
  properties: [
    {
      name: 'migratedFrom',
      baseType: 'THINGNAME',
      description: 'The Thing that this one was migrated from. UndoMigration needs it; not to be edited.',
      category: MIGRATION,
      isPersistent: true,
    },
  ],
  services: [
    {
      name: 'QueryMigratedHistory',
      category: MIGRATION,
      description:
        'Gives the history of a property of this Thing and of the Thing that it was migrated from, as one list.',
      parameters: [
        { ...text('property', 'The property.'), isRequired: true },
        {
          name: 'startDate',
          baseType: 'DATETIME',
          description: 'The first time. Empty: from the beginning.',
        },
        { name: 'endDate', baseType: 'DATETIME', description: 'The last time. Empty: until now.' },
        {
          name: 'maxItems',
          baseType: 'INTEGER',
          description: 'The maximum number of values.',
          defaultValue: '500',
        },
        {
          name: 'oldestFirst',
          baseType: 'BOOLEAN',
          description: 'Whether the oldest value comes first.',
          defaultValue: 'false',
        },
      ],
      result: { baseType: 'INFOTABLE', dataShape: history.name, description: 'The values.' },
      script: handWritten('QueryMigratedHistory', {
        HISTORY_TYPE: {
          dataShape: history.name,
          fields: { ...types(historyFields) },
        },
      }),
    },
  ],
  events: [],
  subscriptions: [],
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    ...permitFrom('viewer', 'ServiceInvoke', ['QueryMigratedHistory', 'QueryNamedPropertyHistory']),
    ...permitFrom('viewer', 'PropertyRead', ['migratedFrom']),
  ],
};
