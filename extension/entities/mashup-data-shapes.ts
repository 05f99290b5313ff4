import type { DataShape, FieldDefinition } from '../../sidecar/entities/model.ts';
import { text } from './data-shapes.ts';

const table = (name: string, dataShape: string, description: string): FieldDefinition => ({
  name,
  baseType: 'INFOTABLE',
  dataShape,
  description,
});

export const outcome: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.Outcome_DS',
  description: 'What became of an action that a mashup started.',
  fields: [
    { name: 'ok', baseType: 'BOOLEAN', description: 'Whether it was done.' },
    text('code', 'The code of the error; empty when there was none.'),
    text('message', 'What was done, or CODE: what is wrong.'),
    text('remedy', 'What to do about the error.'),
    text('summary', 'The message and the remedy in one text.'),
    text('result', 'What the service gave, as text.'),
  ],
};

export const thingChoice: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.ThingChoice_DS',
  description: 'A Thing to choose in a mashup.',
  fields: [text('name', 'The name of the Thing.'), text('description', 'Its description.')],
};

export const hubOverview: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.HubOverview_DS',
  description: 'The status of a hub Thing as texts for labels, and its tables.',
  fields: [
    text('state', 'What the connection does.'),
    text('error', 'What is wrong at present and what to do; empty when nothing is.'),
    text('since', 'Since when the hub is connected; the counts begin there.'),
    text('statusTime', 'When the status was written.'),
    text('rate', 'Messages delivered each second, over the last minute.'),
    text('lag', 'Messages in all partitions that are not yet finished.'),
    text('received', 'Messages received from Azure.'),
    text('delivered', 'Messages whose values are on their Things.'),
    text('ignored', 'Messages left out as the settings say.'),
    text('deadLettered', 'Messages put aside because they could not be delivered.'),
    text('version', 'The version of the sidecar.'),
    text('canary', 'The state of the canary, and why it is failed or suspended.'),
    text('quota', 'Metered messages of the IoT Hub today, of its daily quota.'),
    text('quotaForecast', 'Metered messages at midnight UTC if it goes on as in the last hour.'),
    table('quotaSources', 'AzureIoT.QuotaSource_DS', 'The use of the quota by source.'),
    table('quotaDevices', 'AzureIoT.QuotaDevice_DS', 'The devices that use most of the quota.'),
    table('canaryPaths', 'AzureIoT.CanaryPath_DS', 'The paths of the canary.'),
    table('partitions', 'AzureIoT.Partition_DS', 'The partitions of the hub.'),
    table('errors', 'AzureIoT.RecentError_DS', 'The last errors.'),
  ],
};

export const deviceOverview: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.DeviceOverview_DS',
  description: 'What a device Thing says of its device, as texts for labels.',
  fields: [
    text('thing', 'The device Thing.'),
    text('deviceId', 'The id of the device.'),
    text('hub', 'The hub Thing.'),
    text('connectionState', 'Whether the device is connected.'),
    text('lastActivity', 'When the device was last heard of.'),
    text('modelId', 'The IoT Plug and Play model.'),
    table('packages', 'AzureIoT.Package_DS', 'The software packages of the device.'),
  ],
};

export const deviceValue: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.DeviceValue_DS',
  description: 'The value of one property of a device Thing.',
  fields: [
    { ...text('property', 'The name of the property.'), isPrimaryKey: true },
    text('value', 'Its value as text.'),
    { name: 'time', baseType: 'DATETIME', description: 'The time of the value; not set before the first.' },
    text('quality', 'Its quality.'),
    text('baseType', 'The base type of the property.'),
  ],
};

export const chartPoint: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.ChartPoint_DS',
  description: 'One point of a line chart.',
  fields: [
    { ...text('label', 'The text below the point; no other point has it.'), isPrimaryKey: true },
    { name: 'value', baseType: 'NUMBER', description: 'The value.' },
  ],
};

export const mappingTrial: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.MappingTrial_DS',
  description: 'One thing that a sample message would do.',
  fields: [
    { ...text('id', 'The number of the row.'), isPrimaryKey: true },
    text(
      'outcome',
      'written, created, ignored, refused, or wrong: the mappings or the sample cannot be used.',
    ),
    text('thing', 'The Thing.'),
    text('property', 'The property.'),
    text('value', 'The value as text.'),
    text('detail', 'The base type of a value, or why.'),
  ],
};

export const filePreview: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.FilePreview_DS',
  description: 'A file for people to look at.',
  fields: [
    text('kind', 'text, image or none.'),
    text('text', 'The text of the file, or why there is none.'),
    { name: 'image', baseType: 'IMAGELINK', description: 'A link to the picture.' },
    text('link', 'A link to load the file; it works for 60 minutes.'),
    text('linkText', 'The text of the link.'),
  ],
};

export const mashupDataShapes: readonly DataShape[] = [
  outcome,
  thingChoice,
  hubOverview,
  deviceOverview,
  deviceValue,
  chartPoint,
  mappingTrial,
  filePreview,
];
