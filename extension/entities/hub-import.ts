import type {
  DataShape,
  EventDefinition,
  FieldDefinition,
  ServiceDefinition,
} from '../../sidecar/entities/model.ts';
import { ROLE_GROUPS, ROLES } from '../../sidecar/operations/operation.ts';
import { handWritten } from '../generate/scripts.ts';
import { text, time } from './data-shapes.ts';
import { GRANTS, KEY_GRANTS, TEMPLATE_GRANTS } from './grants.ts';

const number = (name: string, description: string): FieldDefinition => ({
  name,
  baseType: 'LONG',
  description,
});

const grantFields = [
  text('entity', 'The entity, or the collection Things.'),
  text('right', 'The service; Create, Update or Delete; or Visibility.'),
  text('principal', 'The group or organization.'),
  text('outcome', 'granted or failed.'),
  text('message', 'What it is for; why not, when it failed.'),
];

export const importDataShapes: readonly DataShape[] = [
  {
    kind: 'DataShape',
    name: 'AzureIoT.ImportStatus_DS',
    description: 'The events ImportProgress and ImportCompleted of a hub.',
    fields: [
      text('task', 'The id of the import; GetTaskReport has the report per device.'),
      text('kind', 'StartImport, ExportThings, CompareRegistry or RefreshTwins.'),
      text('state', 'running, completed, failed or cancelled.'),
      number('done', 'Devices or Things that are done.'),
      number('total', 'The total number of devices; not set while it is not known.'),
      number('created', 'Things or devices that were created; in a dry run, that would be created.'),
      number('existed', 'Those that existed already.'),
      number('failed', 'Those that could not be created.'),
      number('missing', 'The number of Things and devices that CompareRegistry found missing.'),
      number(
        'different',
        'The number of Things that CompareRegistry found with another template, model or tags.',
      ),
      {
        name: 'perSecond',
        baseType: 'NUMBER',
        description: 'Items per second; not set while it is not known.',
      },
      {
        name: 'expectedEnd',
        baseType: 'DATETIME',
        description: 'When it ends at this pace; not set while it is not known.',
      },
      text('code', 'The code of the error that ended it; may be empty.'),
      text('message', 'Why it ended early; may be empty.'),
      time('The time of this status.'),
    ],
  },
  {
    kind: 'DataShape',
    name: 'AzureIoT.Grant_DS',
    description: 'A right that GrantPermissions has given.',
    fields: grantFields,
  },
];

/** What the sidecar calls about imports. */
export const importInboundServices: readonly ServiceDefinition[] = [
  {
    name: 'ListDeviceThings',
    category: 'Inbound',
    description: 'Called by the sidecar: returns one page of the Things of devices of this hub.',
    parameters: [
      {
        name: 'request',
        baseType: 'JSON',
        description:
          'template, after, limit, and details for template, model and tags; or templates, to see which there are. All may be absent.',
        isRequired: true,
      },
    ],
    result: {
      baseType: 'JSON',
      description:
        'things of thing, deviceId and linked, with details also template, modelId and tags; after, when there is more. Or templates.',
    },
    script: handWritten('ListDeviceThings'),
  },
  {
    name: 'ReceiveTwins',
    category: 'Inbound',
    description: 'Called by the sidecar: writes twins into the Things of their devices.',
    parameters: [
      {
        name: 'request',
        baseType: 'JSON',
        description: 'twins of thing and twin.',
        isRequired: true,
      },
    ],
    result: {
      baseType: 'JSON',
      description: 'refreshed: the Things that have changed; failed of thing and message.',
    },
    script: handWritten('ReceiveTwins'),
  },
  {
    name: 'ReceiveImportStatus',
    category: 'Inbound',
    description: 'Called by the sidecar: fires ImportProgress or ImportCompleted.',
    parameters: [
      {
        name: 'status',
        baseType: 'JSON',
        description: 'task, kind, state, done, total, counts, forecast, errorCode and error.',
        isRequired: true,
      },
    ],
    result: { baseType: 'NOTHING', description: '' },
    script: handWritten('ReceiveImportStatus'),
  },
];

export const grantService: ServiceDefinition = {
  name: 'GrantPermissions',
  category: 'Connection',
  description:
    'Gives the groups of the connector the rights on platform entities that docs/permissions.md lists, and a role to a group of your own. Call it once, as an administrator.',
  parameters: [
    {
      name: 'template',
      baseType: 'THINGTEMPLATENAME',
      description: 'Another template whose Things represent devices: the rights on it are given, too.',
    },
    {
      name: 'applicationKey',
      baseType: 'STRING',
      description:
        'The name of the application key of the sidecar: the sidecar may then read when it expires, and shows that as a metric.',
    },
    {
      name: 'role',
      baseType: 'STRING',
      description: `A role for group: ${ROLES.join(', ')}.`,
    },
    {
      name: 'group',
      baseType: 'STRING',
      description: 'A group of your own that gets the role: it becomes a member of the group of the role.',
    },
  ],
  result: { baseType: 'INFOTABLE', dataShape: 'AzureIoT.Grant_DS', description: 'The rights, one by one.' },
  script: handWritten('GrantPermissions', {
    GRANTS,
    TEMPLATE_GRANTS,
    KEY_GRANTS,
    ROLE_GROUPS,
    GRANT_FIELDS: Object.fromEntries(grantFields.map(({ name, baseType }) => [name, baseType])),
  }),
};

export const importEvents: readonly EventDefinition[] = [
  {
    name: 'ImportProgress',
    category: 'Import',
    description:
      'The progress of an import, export, comparison or refresh of twins; fired every few seconds.',
    dataShape: 'AzureIoT.ImportStatus_DS',
  },
  {
    name: 'ImportCompleted',
    category: 'Import',
    description: 'An import, export, comparison or refresh of twins has ended: state says how.',
    dataShape: 'AzureIoT.ImportStatus_DS',
  },
];
