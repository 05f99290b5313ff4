import {
  ADMINISTRATORS,
  type DataShape,
  type EventDefinition,
  type FieldDefinition,
  permit,
  permitAll,
  type ServiceDefinition,
  SIDECAR_GROUP,
  type ThingShape,
} from '../../sidecar/entities/model.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { script } from '../generate/scripts.ts';
import { text } from './data-shapes.ts';
import { permitFrom, permitInside } from './roles.ts';

const ptcDevice: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.PtcDevice_DS',
  description: "A device as DescribeAzureIotDevice of PTC's connector gives it.",
  fields: [
    text('deviceId', 'The id of the device.'),
    text('status', 'enabled or disabled.'),
    {
      name: 'cloudToDeviceMessageCount',
      baseType: 'INTEGER',
      description: "Messages that wait for the device. PTC's name of this field is not public.",
    },
  ],
};

const errorFields: readonly FieldDefinition[] = [
  text('id', 'A UUID.'),
  text('message', 'What is wrong, in plain words.'),
  text('ThingName', 'The Thing that it is about; the hub Thing where there is none.'),
  { name: 'context', baseType: 'JSON', description: 'The code, or the number of messages by reason.' },
];

const unwrittenProperty = {
  kind: 'DataShape',
  name: 'AzureIoT.PtcUnwrittenProperty_DS',
  description: 'A property in the event WritePropertyError.',
  fields: [
    text('name', 'The property.'),
    { name: 'timestamp', baseType: 'DATETIME', description: 'When the message became a dead letter.' },
    text('quality', 'Empty: this connector does not know it.'),
  ],
} as const satisfies DataShape;

const errorShapes: readonly DataShape[] = [
  unwrittenProperty,
  {
    kind: 'DataShape',
    name: 'AzureIoT.PtcError_DS',
    description:
      'The events InternalError and ProtocolError, with the fields of those of the connector of PTC.',
    fields: errorFields,
  },
  {
    kind: 'DataShape',
    name: 'AzureIoT.PtcWritePropertyError_DS',
    description: 'The event WritePropertyError, with the fields of that of the connector of PTC.',
    fields: [
      ...errorFields,
      {
        name: 'properties',
        baseType: 'INFOTABLE',
        dataShape: unwrittenProperty.name,
        description: 'Properties of ThingName that could not be written, one for each reason.',
      },
    ],
  },
  {
    kind: 'DataShape',
    name: 'AzureIoT.PtcLifecycle_DS',
    description: 'The event AzureThingLifecycleEvent, with the fields of that of the connector of PTC.',
    fields: [
      text('deviceId', 'The device.'),
      text('status', 'createDeviceIdentity or deleteDeviceIdentity.'),
      { name: 'twin', baseType: 'JSON', description: 'The twin of the device at that time.' },
    ],
  },
];

export const ptcDataShapes: readonly DataShape[] = [ptcDevice, ...errorShapes];

/** Reasons of dead letters for which a property could not be written; the others are about messages and values. */
const UNWRITTEN = [
  'THING_UNKNOWN',
  'THING_NAME_INVALID',
  'THING_NOT_FOUND',
  'PROPERTY_UNKNOWN',
  'PROPERTY_NAME_INVALID',
  'PROPERTY_NOT_FOUND',
  'NOT_AUTHORIZED',
  'VALUE_REFUSED',
];

/** What scripts of the hub Thing need that fire events under PTC's names. */
export const ptcEventConstants = {
  PTC_EVENTS: {
    unwritten: UNWRITTEN,
    properties: {
      dataShape: unwrittenProperty.name,
      fields: Object.fromEntries(unwrittenProperty.fields.map(({ name, baseType }) => [name, baseType])),
    },
  },
};

const CATEGORY = "PTC's names";

const ptcEvents: readonly EventDefinition[] = [
  {
    name: 'WritePropertyError',
    category: CATEGORY,
    description:
      'Properties could not be written, and their messages became dead letters. At most one for each status of a sidecar.',
    dataShape: 'AzureIoT.PtcWritePropertyError_DS',
  },
  {
    name: 'ProtocolError',
    category: CATEGORY,
    description:
      'Messages or values could not be understood and became dead letters. At most one for each status of a sidecar.',
    dataShape: 'AzureIoT.PtcError_DS',
  },
  {
    name: 'InternalError',
    category: CATEGORY,
    description: 'The hub has another error than before: lastErrorCode has changed.',
    dataShape: 'AzureIoT.PtcError_DS',
  },
  {
    name: 'AzureThingImportStatusEvent',
    category: CATEGORY,
    description: "StartImport has ended. PTC's fields are not public: these are those of ImportCompleted.",
    dataShape: 'AzureIoT.ImportStatus_DS',
  },
  {
    name: 'AzureThingLifecycleEvent',
    category: CATEGORY,
    description: 'A device was created in the IoT Hub or deleted from it.',
    dataShape: 'AzureIoT.PtcLifecycle_DS',
  },
];
const EVENT_NAMES = ptcEvents.map(({ name }) => name);

/** A service under PTC's name: the operation behind it, and the lines of its script, where `hub` is the hub Thing. */
interface Alias {
  readonly operation: string;
  readonly description: string;
  readonly parameters: readonly FieldDefinition[];
  readonly result: ServiceDefinition['result'];
  readonly lines: readonly string[];
  /** Inputs of the operation whose errors name another input of this service. */
  readonly inputs?: Readonly<Record<string, string>>;
}

const NOTHING: ServiceDefinition['result'] = { baseType: 'NOTHING', description: '' };
const thingName: FieldDefinition = {
  ...text('thingName', 'The id of the device, or its Thing.'),
  isRequired: true,
};
const jobId: FieldDefinition = { ...text('jobId', 'The id of the job.'), isRequired: true };
const OWN_INPUTS = "PTC's names of the inputs are not public: those of this service are its own.";

const schedule: readonly FieldDefinition[] = [
  {
    ...text('condition', 'Which devices: the part of a twin query after WHERE; * for all.'),
    isRequired: true,
  },
  text('jobId', 'The id of the job. Empty: an id is generated.'),
  { name: 'startTime', baseType: 'DATETIME', description: 'When it begins. Empty: now.' },
  {
    name: 'maxExecutionTimeInSeconds',
    baseType: 'INTEGER',
    description: 'The time limit of the job.',
    units: 's',
  },
];

const DEVICE_INPUT = { deviceId: thingName.name };
const SCHEDULE_INPUTS = { maxExecutionSeconds: 'maxExecutionTimeInSeconds' };
const SCHEDULE_LINES = [
  'var input = { condition: condition };',
  'if (isSet(jobId)) { input.jobId = String(jobId); }',
  'if (isSet(startTime)) { input.startTime = startTime; }',
  'if (isSet(maxExecutionTimeInSeconds)) { input.maxExecutionSeconds = maxExecutionTimeInSeconds; }',
];

const jobIdResult: ServiceDefinition['result'] = { baseType: 'STRING', description: 'The id of the job.' };
const table = (dataShape: string, description: string): ServiceDefinition['result'] => ({
  baseType: 'INFOTABLE',
  dataShape,
  description,
});

const ALIASES: Readonly<Record<string, Alias>> = {
  CreateAzureIotDevice: {
    operation: 'CreateDevice',
    description: 'Creates a device unless it exists; makes no Thing.',
    parameters: [thingName],
    result: NOTHING,
    lines: ['hub.CreateDevice({ deviceId: ptcDeviceId(thingName), createThing: false });'],
    inputs: DEVICE_INPUT,
  },
  DeleteAzureIotDevice: {
    operation: 'DeleteDevice',
    description: 'Deletes a device if it exists; its Thing stays.',
    parameters: [thingName],
    result: NOTHING,
    lines: ['hub.DeleteDevice({ deviceId: ptcDeviceId(thingName), deleteThing: false });'],
    inputs: DEVICE_INPUT,
  },
  DescribeAzureIotDevice: {
    operation: 'GetDevice',
    description: 'Describes a device of the registry.',
    parameters: [thingName],
    result: table('AzureIoT.PtcDevice_DS', 'The device, in one row.'),
    lines: [
      'var row = hub.GetDevice({ deviceId: ptcDeviceId(thingName) }).rows[0];',
      'var device = { deviceId: String(row.deviceId), status: String(row.status) };',
      'device.cloudToDeviceMessageCount = isSet(row.pendingMessages) ? Number(row.pendingMessages) : 0;',
      'return toTable([device], { dataShape: "AzureIoT.PtcDevice_DS", fields: { deviceId: "STRING", status: "STRING", cloudToDeviceMessageCount: "INTEGER" } });',
    ],
    inputs: DEVICE_INPUT,
  },
  ImportAzureIotDevices: {
    operation: 'StartImport',
    description: `Creates Things for all devices that have none, in the background. ${OWN_INPUTS}`,
    parameters: [
      {
        name: 'thingTemplateName',
        baseType: 'THINGTEMPLATENAME',
        description: 'The template of the Things. Empty: deviceTemplate of the hub Thing.',
      },
    ],
    result: {
      baseType: 'STRING',
      description: 'The id of the import, for GetImport; the event ImportCompleted of the hub Thing ends it.',
    },
    lines: [
      'return hub.StartImport({ template: isSet(thingTemplateName) ? String(thingTemplateName) : "" });',
    ],
    inputs: { template: 'thingTemplateName' },
  },
  AzureIotSendMessage: {
    operation: 'SendProperties',
    description: 'Sends the fields of the first row to a device, in one message.',
    parameters: [
      thingName,
      {
        name: 'payload',
        baseType: 'INFOTABLE',
        description: 'Its fields are the properties of the device.',
        isRequired: true,
      },
    ],
    result: NOTHING,
    lines: [
      'if (!payload || payload.rows.length === 0) {',
      '  throw new Error("REQUEST_INVALID: payload must have a row.");',
      '}',
      'hub.CallSidecar({ operation: "SendProperties", input: { deviceId: ptcDeviceId(thingName), values: messageRows(payload)[0] }, timeoutSeconds: 20 });',
    ],
    inputs: { ...DEVICE_INPUT, values: 'payload' },
  },
  AzureIotDeviceJobScheduleTwinUpdateJob: {
    operation: 'ScheduleTwinUpdate',
    description: `Creates a job that changes the twins of many devices. ${OWN_INPUTS}`,
    parameters: [
      {
        name: 'patch',
        baseType: 'JSON',
        description: 'A document with properties.desired, tags or both; properties.reported is passed over.',
        isRequired: true,
      },
      ...schedule,
    ],
    result: jobIdResult,
    lines: [
      ...SCHEDULE_LINES,
      'var document = given(patch, "patch") || {};',
      'if (document.properties && document.properties.desired) { input.desired = document.properties.desired; }',
      'if (document.tags) { input.tags = document.tags; }',
      'if (!input.desired && !input.tags) {',
      '  throw new Error("REQUEST_INVALID: patch has neither properties.desired nor tags; expected one of them or both.");',
      '}',
      'return hub.ScheduleTwinUpdate(input);',
    ],
    inputs: { ...SCHEDULE_INPUTS, desired: 'patch.properties.desired', tags: 'patch.tags' },
  },
  AzureIotDeviceJobScheduleDeviceMethodJob: {
    operation: 'ScheduleMethod',
    description: `Creates a job that calls a direct method of many devices. ${OWN_INPUTS}`,
    parameters: [
      { ...text('methodName', 'The direct method.'), isRequired: true },
      { name: 'payload', baseType: 'JSON', description: 'What the method is given.' },
      ...schedule,
    ],
    result: jobIdResult,
    lines: [
      ...SCHEDULE_LINES,
      'input.methodName = methodName;',
      'if (isSet(payload)) { input.payload = payload; }',
      'return hub.ScheduleMethod(input);',
    ],
    inputs: SCHEDULE_INPUTS,
  },
  AzureIotDeviceJobGetJob: {
    operation: 'GetJob',
    description: 'Shows one job and how many devices it has reached.',
    parameters: [jobId],
    result: table('AzureIoT.JobDetail_DS', 'The job, in one row.'),
    lines: ['return hub.GetJob({ jobId: jobId });'],
  },
  AzureIotDeviceJobFindJobs: {
    operation: 'ListJobs',
    description: `Lists jobs. ${OWN_INPUTS}`,
    parameters: [
      text('type', 'scheduleUpdateTwin or scheduleDeviceMethod. Empty: both.'),
      text('status', 'Only jobs of this status.'),
    ],
    result: table('AzureIoT.Job_DS', 'The jobs.'),
    lines: [
      'var input = { pageSize: 1000 };',
      'if (isSet(type)) { input.type = String(type); }',
      'if (isSet(status)) { input.status = String(status); }',
      'return hub.ListJobs(input);',
    ],
  },
  AzureIotDeviceJobCancelJob: {
    operation: 'CancelJob',
    description: 'Cancels a job.',
    parameters: [jobId],
    result: table('AzureIoT.JobDetail_DS', 'The job, in one row.'),
    lines: ['return hub.CancelJob({ jobId: jobId });'],
  },
  QueryJobResults: {
    operation: 'GetJobResults',
    description: 'Lists the result of a job for each device.',
    parameters: [jobId],
    result: table('AzureIoT.JobResult_DS', 'The devices, up to 1,000.'),
    lines: ['return hub.GetJobResults({ jobId: jobId, pageSize: 1000 });'],
  },
};

function aliasService([name, alias]: [string, Alias]): ServiceDefinition {
  const { description, parameters, result, lines, operation, inputs = {} } = alias;
  const required = parameters.filter(({ isRequired }) => isRequired).map((parameter) => parameter.name);
  const assignment = result.baseType === 'NOTHING' ? '' : 'result = ';
  const body = [
    `/* ${name} of PTC's connector, by the operation ${operation}. */`,
    'function run() {',
    // ThingWorx hands on a call without them.
    ...required.map(
      (one) => `  if (!isSet(${one})) { throw new Error("REQUEST_INVALID: ${one} is required."); }`,
    ),
    '  var hub = isSet(me.hubThing) ? callerOf("hubThing") : me;',
    ...lines.map((line) => `  ${line}`),
    '}',
    '',
    ...(assignment === '' ? [] : ['var result;']),
    'try {',
    `  ${assignment}run();`,
    '} catch (thrown) {',
    `  throw new Error(inNamesOf(errorText(thrown), ${JSON.stringify(inputs)}));`,
    '}',
  ];
  return {
    name,
    category: CATEGORY,
    description,
    parameters,
    result,
    script: script(body.join('\n')),
  };
}

/** For scripts that call PTC's services: they change the name of the Thing, and nothing else. */
export const ptcServicesShape: ThingShape = {
  kind: 'ThingShape',
  name: 'AzureIoT.PtcServices_TS',
  description:
    "Services of PTC's connector under their names. Add it to a hub Thing, or to another Thing and set hubThing.",
  properties: [
    {
      name: 'hubThing',
      baseType: 'THINGNAME',
      description: 'The hub Thing whose services are called. Empty: this Thing is the hub Thing.',
      category: 'Azure IoT',
      isPersistent: true,
      thingTemplate: 'AzureIoT.Hub_TT',
    },
    {
      name: 'ptcEvents',
      baseType: 'BOOLEAN',
      description: 'Whether a hub Thing with this shape fires the events of these names.',
      category: CATEGORY,
      defaultValue: 'true',
      isPersistent: true,
    },
    {
      name: 'ptcReported',
      baseType: 'JSON',
      description: 'The dead letters for which events were fired, by sidecar. Do not edit it.',
      category: CATEGORY,
    },
  ],
  services: Object.entries(ALIASES).map(aliasService),
  events: ptcEvents,
  subscriptions: [],
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    ...Object.entries(ALIASES).flatMap(([name, { operation }]) => {
      const role = OPERATIONS.find((known) => known.name === operation)?.role ?? 'administrator';
      return permitFrom(role, 'ServiceInvoke', [name]);
    }),
    ...permitFrom('viewer', 'PropertyRead', ['hubThing', 'ptcEvents']),
    ...permitFrom('engineer', 'PropertyWrite', ['ptcEvents']),
    ...permit('PropertyRead', SIDECAR_GROUP, ['ptcEvents', 'ptcReported']),
    ...permit('PropertyWrite', SIDECAR_GROUP, ['ptcReported']),
    ...permit('EventInvoke', SIDECAR_GROUP, EVENT_NAMES),
    // Connect of a user receives a status, too.
    ...permitInside('PropertyWrite', ['ptcReported']),
    ...permitInside('EventInvoke', EVENT_NAMES),
  ],
};
