import {
  ADMINISTRATORS,
  type DataShape,
  type FieldDefinition,
  type Permission,
  permitAll,
  type ServiceDefinition,
  type Thing,
  type ThingShape,
  type ThingTemplate,
} from '../../sidecar/entities/model.ts';
import { DeadLetterDetail } from '../../sidecar/operations/dead-letters/dead-letter-members.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { BoundNode, UnboundNode } from '../../sidecar/operations/opc-publisher/binding-members.ts';
import { ROLES, type Role } from '../../sidecar/operations/operation.ts';
import { type MashupCall, mashupService } from '../generate/mashup-service.ts';
import { rowTypes } from '../generate/operation-script.ts';
import { handWritten } from '../generate/scripts.ts';
import { checkConstants } from './check-constants.ts';
import { text } from './data-shapes.ts';
import { deviceShape } from './device.ts';
import { hubTemplate } from './hub-template.ts';
import {
  chartPoint,
  deviceOverview,
  deviceValue,
  filePreview,
  hubOverview,
  mappingTrial,
  outcome,
  thingChoice,
} from './mashup-data-shapes.ts';
import { migrationStep, planMigration } from './migration.ts';
import { opcPublisherShape } from './opc-publisher.ts';
import { permitFrom } from './roles.ts';
import { blobContainerTemplate } from './storage-container.ts';

/** The services of one entity that mashups call, by name. */
function callsOf(
  { services, name }: ThingShape | ThingTemplate,
  what: string,
  calls: Readonly<Record<string, Omit<MashupCall, 'service' | 'what'>>>,
): MashupCall[] {
  return Object.entries(calls).map(([wanted, options]) => {
    const service = services.find((offered) => offered.name === wanted);
    if (!service) throw new Error(`${name} has no service ${wanted}`);
    return { service, what, ...options };
  });
}

const CALLS: readonly MashupCall[] = [
  ...callsOf(hubTemplate, 'hub', {
    Connect: { done: 'The settings are with the sidecar.' },
    Disconnect: { done: 'The hub is disconnected.' },
    CheckConnection: {},
    RemoveCanary: { done: 'The device and the Thing of the canary are deleted.' },
    ListDeadLetters: {},
    GetDeadLetter: { done: '', needs: 'id' },
    ReplayDeadLetters: {
      done: 'The replay has begun; Tasks shows its progress.',
      rows: { ids: 'id' },
      without: ['deviceId', 'code', 'from', 'to', 'deleteIgnored'],
    },
    DeleteDeadLetters: {
      done: 'The dead letters are deleted.',
      rows: { ids: 'id' },
      without: ['deviceId', 'code', 'from', 'to', 'all'],
    },
    ListTasks: {},
    GetTaskReport: { needs: 'task' },
    CancelTask: { done: 'The task is cancelled.' },
    ListDevices: {},
    CreateDevice: {
      done: 'The device is created.',
      without: [
        'authentication',
        'primaryThumbprint',
        'secondaryThumbprint',
        'parentDeviceId',
        'createIdentity',
      ],
    },
    EnableDevice: { done: 'The device is enabled.' },
    DisableDevice: { done: 'The device is disabled.' },
    DeleteDevice: { done: 'The device is deleted.', without: ['etag'] },
    ListDeviceModules: { needs: 'deviceId' },
    StartImport: {
      done: 'The import has begun; Tasks shows its progress.',
      without: ['deviceIds', 'rules', 'tags', 'identifier', 'project'],
    },
    StartMigration: {
      done: 'The migration has begun; Tasks shows its progress.',
      without: ['names', 'templateName', 'template'],
    },
    FindMigrationReferences: { done: 'The search has begun; Tasks shows what it finds.' },
    CompareMigration: { done: 'The comparison has begun; Tasks shows its progress.' },
    GetMigrationComparison: { needs: 'task' },
    UndoMigration: { done: 'The way back has begun; Tasks shows its progress.', without: ['names'] },
    ListImports: {},
    CompareRegistry: {
      done: 'The comparison has begun; Tasks shows its progress.',
      without: ['rules'],
    },
    RefreshTwins: {
      done: 'The refresh of the twins has begun; Tasks shows its progress.',
      without: ['deviceIds'],
    },
    BuildModelPackage: {
      done: 'The package is in the file repository. Import it in Composer, and call GrantPermissions with each of its templates.',
      without: ['templates', 'sendAs', 'exceptions'],
    },
    StartCampaign: {
      done: 'The campaign has begun; the list of campaigns shows its progress.',
      without: ['deviceIds', 'parallel', 'methodName', 'information'],
    },
    ListCampaigns: {},
    GetCampaign: { needs: 'campaign' },
    ListCampaignDevices: { needs: 'campaign', without: ['from', 'limit'] },
    PauseCampaign: { done: 'The campaign is paused.' },
    ResumeCampaign: { done: 'The campaign goes on.' },
    CancelCampaign: { done: 'The campaign is cancelled.' },
    RollBackCampaign: { done: 'The campaign is rolled back; the list of devices shows its progress.' },
  }),
  ...callsOf(deviceShape, 'device', {
    GetTwin: { done: 'The twin is loaded.' },
    UpdateTwin: { done: 'The twin is changed.', without: ['etag'] },
    InvokeMethod: { done: 'The device has answered.', without: ['payload', 'connectTimeoutSeconds'] },
    SendMessage: {
      done: 'The message waits in the IoT Hub for the device.',
      without: ['bodyJson', 'bodyBase64', 'emptyBody', 'contentEncoding', 'correlationId', 'messageId'],
    },
    ListMessageFeedback: {},
    DeployPackage: {
      done: 'The deployment has begun; the list of packages shows its progress.',
      without: ['delivery', 'methodName', 'information', 'deleteFile'],
    },
    CancelPackage: { done: 'The deployment is cancelled.' },
    SendFileToDevice: {
      done: 'The device has the link.',
      without: ['information', 'minutes', 'responseTimeoutSeconds'],
    },
  }),
  ...callsOf(opcPublisherShape, 'OPC Publisher', {
    GetConfiguredEndpoints: {},
    GetConfiguredNodes: { needs: 'endpointUrl', without: ['options'] },
    GetDiagnosticInfo: {},
    Browse: {},
    ReadValue: { done: 'The value is read.' },
    WriteValue: { done: 'The value is written.' },
    FindNodes: {},
    // Its own input of the name thing would take the publisher for the bound Thing.
    ListBindings: { without: ['thing'] },
  }),
  ...callsOf(blobContainerTemplate, 'container', {
    BrowseDirectory: {},
    CreateFolder: { done: 'The folder is created.' },
    DeleteFile: { done: 'The file is deleted.', without: ['etag'] },
    DeleteFolder: { done: 'The folder is deleted.' },
    SaveText: { done: 'The file is written.', without: ['etag'] },
  }),
];

const thing = (what: string): FieldDefinition => ({
  name: 'thing',
  baseType: 'THINGNAME',
  description: `The Thing of the ${what}.`,
});
const types = ({ fields }: DataShape) =>
  Object.fromEntries(
    fields.filter(({ baseType }) => baseType !== 'INFOTABLE').map(({ name, baseType }) => [name, baseType]),
  );

function service(
  name: string,
  description: string,
  parameters: readonly FieldDefinition[],
  result: DataShape,
  constants: Readonly<Record<string, unknown>> = {},
  script = name,
): ServiceDefinition {
  return {
    name,
    category: 'Mashups',
    description,
    parameters,
    result: { baseType: 'INFOTABLE', dataShape: result.name, description: result.description },
    script: handWritten(script, {
      ...(result === outcome ? {} : { RESULT_TYPE: { dataShape: result.name, fields: types(result) } }),
      ...constants,
    }),
  };
}

const flag = (name: string, description: string): FieldDefinition => ({
  name,
  baseType: 'BOOLEAN',
  description,
  defaultValue: 'false',
});
const mappings = text('mappings', 'The mapping document as JSON text.');
const nodes = [
  thing('OPC Publisher'),
  text('endpointUrl', 'The address of the OPC UA server.'),
  text('writerGroup', 'DataSetWriterGroup; empty for the default.'),
  {
    name: 'nodes',
    baseType: 'INFOTABLE',
    description: 'Rows of Browse or GetConfiguredNodes.',
  } satisfies FieldDefinition,
];

const OWN_SERVICES: readonly ServiceDefinition[] = [
  service(
    'ListThings',
    'Lists the Things of one kind that the user may choose.',
    [text('kind', 'hub, device, publisher or container.')],
    thingChoice,
    {
      KINDS: {
        hub: { name: 'AzureIoT.Hub_TT' },
        device: { name: 'AzureIoT.Device_TS', isShape: true },
        publisher: { name: 'AzureIoT.OpcPublisher_TS', isShape: true },
        container: { name: 'AzureIoT.BlobContainer_TT' },
      },
    },
  ),
  {
    name: 'ExplainError',
    category: 'Mashups',
    description: 'Says what to do about an error.',
    parameters: [text('code', 'The code of the error.')],
    result: { baseType: 'STRING', description: 'What to do; empty for a code that is not known.' },
    script: handWritten('ExplainError', { REMEDIES: checkConstants.REMEDIES }),
  },
  service('GetHubOverview', 'Reads the status properties of a hub Thing.', [thing('hub')], hubOverview),
  service(
    'GetRateHistory',
    'Reads the rate of the last hour for a chart.',
    [thing('hub')],
    chartPoint,
    { FIGURE: 'ratePerSecond' },
    'GetRateHistory',
  ),
  service(
    'GetLagHistory',
    'Reads the lag of the last hour for a chart.',
    [thing('hub')],
    chartPoint,
    { FIGURE: 'lag' },
    'GetRateHistory',
  ),
  service(
    'FindDeviceThing',
    'Finds the Thing of a device.',
    [thing('hub'), text('deviceId', 'The device.')],
    thingChoice,
  ),
  service(
    'GetDeviceOverview',
    'Reads what a device Thing says of its device.',
    [thing('device')],
    deviceOverview,
  ),
  service('ListValues', 'Lists the values that a device has sent.', [thing('device')], deviceValue, {
    OWN_PROPERTIES: deviceShape.properties.map(({ name }) => name),
  }),
  service(
    'GetValueHistory',
    'Reads the last numbers of a property for a chart.',
    [
      thing('device'),
      text('property', 'The property.'),
      { name: 'maxItems', baseType: 'INTEGER', description: 'How many values.', defaultValue: '100' },
    ],
    chartPoint,
  ),
  service('LoadMappings', 'Reads the mappings of a hub as text.', [thing('hub')], outcome),
  service(
    'SaveMappings',
    'Applies mappings that were edited, unless somebody else has changed them since they were loaded.',
    [thing('hub'), mappings, text('loaded', 'The text as it was loaded.')],
    outcome,
  ),
  service(
    'CheckMappings',
    'Says what is wrong in mappings that are edited.',
    [thing('hub'), mappings],
    outcome,
  ),
  service(
    'TryMappings',
    'Shows what a sample message would do with mappings that are edited.',
    [thing('hub'), mappings, text('message', 'The sample message as JSON text.')],
    mappingTrial,
  ),
  service(
    'LoadSample',
    'Reads a dead letter as a sample message.',
    [thing('hub'), text('id', 'The dead letter.')],
    outcome,
    { LETTER_FIELDS: rowTypes(DeadLetterDetail) },
  ),
  service(
    'PublishSelected',
    'Publishes the selected nodes.',
    nodes,
    outcome,
    { SERVICE: 'PublishNodes', DONE: 'The nodes are published.' },
    'PublishSelected',
  ),
  service(
    'UnpublishSelected',
    'Unpublishes the selected nodes.',
    nodes,
    outcome,
    { SERVICE: 'UnpublishNodes', DONE: 'The nodes are unpublished.' },
    'PublishSelected',
  ),
  service(
    'BindSelected',
    'Binds the selected nodes to properties of a Thing, which is created if it does not exist.',
    [
      ...nodes,
      text('boundThing', 'The Thing that gets the properties.'),
      text(
        'thingTemplate',
        'The Thing Template of a Thing that is created; empty for AzureIoT.BoundNodes_TT.',
      ),
      text('project', 'The project of a Thing that is created; empty for the default.'),
      text(
        'publishingIntervalMs',
        'How often the server sends changed values, in milliseconds; empty for the default.',
      ),
      flag('isWritable', 'Whether properties are written to their nodes.'),
      flag('logged', 'Whether the values get a history.'),
    ],
    outcome,
    { ROW_FIELDS: rowTypes(BoundNode) },
  ),
  service(
    'UnbindSelected',
    'Removes the selected bindings.',
    [
      thing('OPC Publisher'),
      { name: 'bindings', baseType: 'INFOTABLE', description: 'Rows of ListBindings.' },
      flag('removeProperties', 'Whether properties that the bindings have added are removed.'),
    ],
    outcome,
    { ROW_FIELDS: rowTypes(UnboundNode) },
  ),
  service(
    'ListMigrationPlan',
    "Lists what a migration from PTC's connector would do; the first row is the summary.",
    [
      thing('hub'),
      ...planMigration.parameters.filter(({ name }) => name === 'sourceHub' || name === 'thingName'),
    ],
    migrationStep,
  ),
  service(
    'PreviewFile',
    'Shows a file: its text or picture, and a link to load it.',
    [
      thing('container'),
      text('path', 'The path of the file.'),
      text('fileType', 'F for a file, D for a folder.'),
    ],
    filePreview,
  ),
  service(
    'PrepareUpload',
    'Makes a link to upload one file, in a command for a terminal.',
    [
      thing('container'),
      text('path', 'The path of the file to write.'),
      flag('overwrite', 'Whether it may exist.'),
    ],
    outcome,
  ),
];

/** The least role that may call an operation. */
function roleOf(operation: string): Role {
  return OPERATIONS.find(({ name }) => name === operation)?.role ?? 'administrator';
}

/** The roles of the services of our own that do more than read. */
const OWN_ROLES: Readonly<Record<string, Role>> = {
  SaveMappings: 'engineer',
  PublishSelected: roleOf('PublishNodes'),
  UnpublishSelected: roleOf('UnpublishNodes'),
  BindSelected: roleOf('BindNodes'),
  UnbindSelected: roleOf('UnbindNodes'),
  PrepareUpload: roleOf('CreateUploadLink'),
  ListMigrationPlan: 'administrator',
};

/** The least role that may call each service: what it may call on the chosen Thing, where the right is looked at again. */
export const SERVICE_ROLES: ReadonlyMap<string, Role> = new Map([
  ...OWN_SERVICES.map(({ name }) => [name, OWN_ROLES[name] ?? 'viewer'] as const),
  ...CALLS.map(({ service: { name } }) => [name, roleOf(name)] as const),
]);

function servicesFor(role: Role): string[] {
  return [...SERVICE_ROLES].filter(([, least]) => least === role).map(([name]) => name);
}

/** The services that not everybody may call, by role. */
const RESTRICTED = ROLES.slice(1).map((name) => ({ name, services: servicesFor(name) }));

export const refusals: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.Refusals_DS',
  description: 'The services of AzureIoT.MashupServices that the user may not call.',
  fields: [
    text('note', 'Which roles may call them; empty when the user may call all.'),
    ...RESTRICTED.flatMap(({ name, services }) =>
      services.map(
        (service): FieldDefinition => ({
          name: service,
          baseType: 'BOOLEAN',
          description: `Whether the user may not call it. It needs the role ${name}.`,
        }),
      ),
    ),
  ],
};

const getRefusals = service(
  'GetRefusals',
  'Says which of these services the user may not call.',
  [],
  refusals,
  { ROLES: RESTRICTED.filter(({ services }) => services.length > 0) },
);

/** What each role may call, and the question what it may call. */
function rolePermissions(): Permission[] {
  return [
    ...ROLES.flatMap((role) => permitFrom(role, 'ServiceInvoke', servicesFor(role))),
    ...permitFrom('viewer', 'ServiceInvoke', [getRefusals.name, 'CheckPermission']),
  ];
}

/** The Thing whose services the mashups call: they name a Thing when they are made, and hubs and devices are the customer's. */
export function mashupServices(shapes: readonly DataShape[]): Thing {
  const fields = (name: string) => shapes.find((shape) => shape.name === name)?.fields ?? [];
  return {
    kind: 'Thing',
    name: 'AzureIoT.MashupServices',
    description:
      'The services behind the mashups of the connector: they call the Things that the user has chosen, with the rights of the user.',
    thingTemplate: 'GenericThing',
    properties: [],
    services: [...OWN_SERVICES, getRefusals, ...CALLS.map((call) => mashupService(call, fields))],
    events: [],
    subscriptions: [],
    permissions: [...permitAll(ADMINISTRATORS), ...rolePermissions()],
    configurationTables: [],
  };
}
