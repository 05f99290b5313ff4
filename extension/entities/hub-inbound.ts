import type { EventDefinition, ServiceDefinition } from '../../sidecar/entities/model.ts';
import { getModulesStatus } from '../../sidecar/operations/edge/modules.ts';
import { listPackages } from '../../sidecar/operations/packages/packages.ts';
import { rowTypes } from '../generate/operation-script.ts';
import { handWritten } from '../generate/scripts.ts';
import { EVENT_TIMES } from './device-data-shapes.ts';

const INBOUND = 'Inbound';

export const PACKAGE_SHAPE = 'AzureIoT.Package_DS';
const PACKAGE_FIELDS = rowTypes(listPackages.output.properties.packages);

/** Tables of device Things in which events are kept as rows, or which are written whole. */
const TABLES = {
  softwarePackages: { dataShape: PACKAGE_SHAPE, keys: ['name', 'moduleId'], fields: PACKAGE_FIELDS },
  modulesStatus: {
    dataShape: 'AzureIoT.ModuleStatus_DS',
    keys: [],
    fields: rowTypes(getModulesStatus.output.properties.modules),
    time: 'modulesStatusTime',
  },
};
const PACKAGE_TIMES = Object.keys(PACKAGE_FIELDS).filter((name) => PACKAGE_FIELDS[name] === 'DATETIME');

function inbound(
  name: string,
  description: string,
  parameter: { readonly name: string; readonly description: string },
  result: string,
  constants: Readonly<Record<string, unknown>> = {},
): ServiceDefinition {
  return {
    name,
    category: INBOUND,
    description: `Called by the sidecar: ${description}`,
    parameters: [{ ...parameter, baseType: 'JSON', isRequired: true }],
    result: { baseType: 'JSON', description: result },
    script: handWritten(name, constants),
  };
}

/** What the sidecar calls about devices and their events. */
export const deviceInboundServices: readonly ServiceDefinition[] = [
  inbound(
    'ReceiveEvents',
    'writes notifications about devices to their Things and fires the events, in order and without repeats.',
    { name: 'batch', description: 'stream, partition, through, and events, each with its Thing.' },
    'accepted, repeated, and refused with sequenceNumber, index, message, and fired: whether the event was fired before it failed.',
    { EVENT_TIMES: [...new Set([...EVENT_TIMES, ...PACKAGE_TIMES, 'since'])], TABLES },
  ),
  inbound(
    'ReadTwins',
    'reads the twin properties of Things.',
    { name: 'request', description: 'twins: an array of thing and prefix.' },
    'twins: an array of thing, prefix, desired, reported and tags.',
  ),
  inbound(
    'FindDeviceThings',
    'finds the Things of devices of this hub.',
    { name: 'request', description: 'deviceIds: an array of ids.' },
    'things: an array of deviceId and thing.',
  ),
  inbound(
    'DeleteThings',
    'deletes Things of devices of this hub.',
    { name: 'request', description: 'things: an array of names.' },
    'deleted, and failed with thing and message.',
  ),
];

/** Events of the hub Thing about its devices. */
export const hubDeviceEvents: readonly EventDefinition[] = [
  {
    name: 'DeviceLifecycle',
    category: INBOUND,
    description: 'A device or module was created in the IoT Hub or deleted from it.',
    dataShape: 'AzureIoT.DeviceLifecycle_DS',
  },
  {
    name: 'JobChanged',
    category: INBOUND,
    description: 'The state of a job has changed, or a job has ended for a device.',
    dataShape: 'AzureIoT.JobChanged_DS',
  },
  {
    name: 'OtherNotification',
    category: INBOUND,
    description:
      'IoT Hub sent a notification of a kind without an event of its own, about a device without a Thing.',
    dataShape: 'AzureIoT.OtherNotification_DS',
  },
  {
    name: 'MessagesSkipped',
    category: INBOUND,
    description:
      'A partition is read without a checkpoint, and the messages before the start position are not read.',
    dataShape: 'AzureIoT.MessagesSkipped_DS',
  },
  {
    name: 'MessageFeedback',
    category: INBOUND,
    description: 'The outcome of a cloud-to-device message is known, for a device without a Thing.',
    dataShape: 'AzureIoT.MessageFeedback_DS',
  },
  {
    name: 'FileUploaded',
    category: INBOUND,
    description: 'A device without a Thing has uploaded a file.',
    dataShape: 'AzureIoT.FileUploaded_DS',
  },
  {
    name: 'PackageChanged',
    category: INBOUND,
    description: 'The state of a deployment of a software package to a device without a Thing has changed.',
    dataShape: PACKAGE_SHAPE,
  },
  {
    name: 'CampaignChanged',
    category: INBOUND,
    description:
      'A campaign of a software package has started, was paused, resumed or rolled back, or has ended; or a wave of it has ended.',
    dataShape: 'AzureIoT.CampaignNotice_DS',
  },
];

/** Events of device Things. */
export const deviceEvents: readonly EventDefinition[] = [
  {
    name: 'DeviceConnectionChanged',
    category: 'Azure IoT',
    description: 'The device or a module of it has connected to the IoT Hub or disconnected.',
    dataShape: 'AzureIoT.DeviceConnection_DS',
  },
  {
    name: 'TwinChanged',
    category: 'Azure IoT',
    description: 'The twin of the device or of a module of it has changed in the IoT Hub.',
    dataShape: 'AzureIoT.TwinChanged_DS',
  },
  {
    name: 'TwinUpdateRefused',
    category: 'Azure IoT',
    description: 'The IoT Hub refused a value that was set for twinDesired or twinTags.',
    dataShape: 'AzureIoT.TwinUpdateRefused_DS',
  },
  {
    name: 'OtherNotification',
    category: 'Azure IoT',
    description: 'IoT Hub sent a notification about the device of a kind without an event of its own.',
    dataShape: 'AzureIoT.OtherNotification_DS',
  },
  {
    name: 'DigitalTwinChanged',
    category: 'Azure IoT',
    description: 'The digital twin of an IoT Plug and Play device has changed.',
    dataShape: 'AzureIoT.DigitalTwinChanged_DS',
  },
  {
    name: 'MessageFeedback',
    category: 'Azure IoT',
    description: 'The outcome of a cloud-to-device message is known.',
    dataShape: 'AzureIoT.MessageFeedback_DS',
  },
  {
    name: 'FileUploaded',
    category: 'Azure IoT',
    description: 'The device has uploaded a file.',
    dataShape: 'AzureIoT.FileUploaded_DS',
  },
  {
    name: 'PackageChanged',
    category: 'Azure IoT',
    description: 'The state of a deployment of a software package to the device has changed.',
    dataShape: PACKAGE_SHAPE,
  },
];
