import type { DataShape, FieldDefinition } from '../../sidecar/entities/model.ts';
import { CampaignNotice } from '../../sidecar/packages/campaigns/types.ts';
import { fromSchema, text, time } from './data-shapes.ts';

/** Data Shapes of devices: events of device Things, and of the hub Thing about devices. */

const device = text('deviceId', 'The device.');
const module = text('moduleId', 'The module; empty for the device itself.');
const json = (name: string, description: string): FieldDefinition => ({
  name,
  baseType: 'JSON',
  description,
});

function event(name: string, description: string, fields: readonly FieldDefinition[]): DataShape {
  return { kind: 'DataShape', name, description, fields };
}

export const deviceDataShapes: readonly DataShape[] = [
  fromSchema('AzureIoT.CampaignNotice_DS', CampaignNotice),
  event('AzureIoT.DeviceConnection_DS', 'The event DeviceConnectionChanged of a device.', [
    device,
    module,
    text('state', 'Connected or Disconnected.'),
    time('When it happened, as IoT Hub says.'),
  ]),
  event(
    'AzureIoT.TwinChanged_DS',
    'The event TwinChanged of a device: what has changed, not the whole twin.',
    [
      device,
      module,
      text('operation', 'update: the changed keys, null for removed ones. replace: whole sections.'),
      {
        name: 'version',
        baseType: 'LONG',
        description: 'The version of the twin; 0 when the event did not say.',
      },
      json('desired', 'The desired properties that changed; not set when none did.'),
      json('reported', 'The reported properties that changed; not set when none did.'),
      json('tags', 'The tags that changed; not set when none did.'),
      time('When it changed.'),
    ],
  ),
  event('AzureIoT.MessagesSkipped_DS', 'The event MessagesSkipped of a hub: messages that are not read.', [
    text('partition', 'The partition.'),
    { name: 'messages', baseType: 'LONG', description: 'The number of messages that are not read.' },
    { name: 'firstSequenceNumber', baseType: 'LONG', description: 'The sequence number of the first one.' },
    { name: 'until', baseType: 'DATETIME', description: 'The end of the time window for ReplayEvents.' },
    text('message', 'The cause, and how to ingest the messages.'),
    time('When the partition was opened.'),
  ]),
  event(
    'AzureIoT.OtherNotification_DS',
    'The event OtherNotification: a notification of IoT Hub of a kind without an event of its own.',
    [
      device,
      module,
      text('source', 'The message source, such as deviceLifecycleEvents.'),
      text('operation', 'What happened, as IoT Hub names it (opType); may be empty.'),
      json('content', 'The content of the notification; an array is boxed as {"array": [...]}.'),
      time('When it happened, as IoT Hub says.'),
    ],
  ),
  event('AzureIoT.TwinUpdateRefused_DS', 'The event TwinUpdateRefused of a device.', [
    device,
    text('property', 'twinDesired or twinTags.'),
    text('code', 'The code of the error.'),
    text('message', 'Why the IoT Hub refused the value, in plain words.'),
    json('attempted', 'The value that was set. The Thing has the value of the IoT Hub again.'),
    time('When it was refused.'),
  ]),
  event(
    'AzureIoT.PropertyWriteFailed_DS',
    'The event PropertyWriteFailed of a device: a property that is sent by a direct method did not reach it.',
    [
      device,
      text('method', 'The direct method.'),
      text('code', 'The code of the error.'),
      text('message', 'Why, in plain words.'),
      json('attempted', 'The value that was to be sent, as the member value.'),
      time('When it failed.'),
    ],
  ),
  event('AzureIoT.DigitalTwinChanged_DS', 'The event DigitalTwinChanged of an IoT Plug and Play device.', [
    device,
    module,
    json('patch', 'A JSON Patch (RFC 6902), boxed as {"array": [...]}.'),
    time('When it changed.'),
  ]),
  event('AzureIoT.FileUploaded_DS', 'The event FileUploaded: a device has finished the upload of a file.', [
    device,
    text('blobName', 'The name that the device gave the blob, which begins with the id of the device.'),
    text('blobUri', 'The address of the blob as it was uploaded, without any right to read it.'),
    { name: 'size', baseType: 'LONG', description: 'The size of the file.', units: 'bytes' },
    text('container', 'The container in which the file is now; not set without uploadStorageThing.'),
    text('path', 'Its path there, as the services of a container Thing take it.'),
    { name: 'moved', baseType: 'BOOLEAN', description: 'Whether it was moved from where it was uploaded.' },
    {
      name: 'link',
      baseType: 'HYPERLINK',
      description:
        'An address from which anyone can download the file until linkExpires; not set if there is none.',
    },
    { name: 'linkExpires', baseType: 'DATETIME', description: 'When the link expires.' },
    text('code', 'The code of the error that prevented a link or a move; empty if there was none.'),
    text('message', 'The message of this error.'),
    time('When the upload was finished.'),
  ]),
  event('AzureIoT.DeviceLifecycle_DS', 'The event DeviceLifecycle of a hub.', [
    device,
    module,
    text('operation', 'created or deleted.'),
    {
      name: 'thing',
      baseType: 'THINGNAME',
      description: 'The Thing of the device; empty when there is none.',
    },
    json('twin', 'The twin of the device at that time.'),
    time('When it happened.'),
  ]),
  event('AzureIoT.JobChanged_DS', 'The event JobChanged of a hub.', [
    text('jobId', 'The job.'),
    text('status', 'The state of the job, as IoT Hub names it.'),
    device,
    json('detail', 'What IoT Hub says about it.'),
    time('When it happened.'),
  ]),
];

/** The fields of these events that are times; the sidecar sends them as milliseconds. */
export const EVENT_TIMES: readonly string[] = [
  ...new Set(
    deviceDataShapes.flatMap(({ fields }) =>
      fields.flatMap(({ name, baseType }) => (baseType === 'DATETIME' ? [name] : [])),
    ),
  ),
];
