import type { TObject, TSchema } from 'typebox';
import { annotationOf, factsOf, rowOf } from '../../sidecar/contract/schema.ts';
import { PartitionStatus, RecentError } from '../../sidecar/contract/status.ts';
import type { DataShape, FieldDefinition } from '../../sidecar/entities/model.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { fieldOf } from '../generate/services.ts';

/** A Data Shape with the fields of a schema; `keys` are its primary keys. */
export function fromSchema(name: string, schema: TObject, keys: readonly string[] = []): DataShape {
  const fields = Object.entries(schema.properties).map(
    ([field, type]): FieldDefinition => ({
      ...fieldOf(field, type),
      ...(keys.includes(field) ? { isPrimaryKey: true as const } : {}),
    }),
  );
  return { kind: 'DataShape', name, description: factsOf(schema).description ?? '', fields };
}

export const text = (name: string, description: string): FieldDefinition => ({
  name,
  baseType: 'STRING',
  description,
});
export const time = (description: string): FieldDefinition => ({
  name: 'time',
  baseType: 'DATETIME',
  description,
});

export const partition = fromSchema('AzureIoT.Partition_DS', PartitionStatus, ['partition']);

export const connectionState: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.ConnectionState_DS',
  description: 'The event ConnectionStateChanged of a hub.',
  fields: [
    text('state', 'The state now: stopped, connecting, running, waiting, failed or unreachable.'),
    text('previousState', 'The state before.'),
    text('reason', 'Why, in plain words; may be empty.'),
    text('code', 'The code of the error behind it; may be empty.'),
    time('When the state changed.'),
  ],
};

export const recentError = fromSchema('AzureIoT.RecentError_DS', RecentError);

export const ingestionStall: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.IngestionStall_DS',
  description: 'The events IngestionStalled and IngestionResumed of a hub.',
  fields: [
    { name: 'since', baseType: 'DATETIME', description: 'Since when no message has been settled.' },
    text('code', 'The code of the error that blocks them.'),
    text('reason', 'What blocks them, in plain words.'),
    { name: 'seconds', baseType: 'NUMBER', description: 'How long no message has been settled, in seconds.' },
    time('When the stall was detected, or when messages were settled again.'),
  ],
};

export const telemetryRefused: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.TelemetryRefused_DS',
  description: 'The event TelemetryRefused of a hub: the first refusal of a call and how many there were.',
  fields: [
    { name: 'thing', baseType: 'THINGNAME', description: 'The Thing that was addressed.' },
    text('property', 'The property; empty when the whole Thing was refused.'),
    text('partition', 'The partition of the message; empty for replays and storage.'),
    { name: 'sequenceNumber', baseType: 'LONG', description: 'The sequence number of the message.' },
    text('reason', 'THING_NOT_FOUND, PROPERTY_NOT_FOUND, VALUE_REFUSED or NOT_AUTHORIZED.'),
    text('message', 'The message of ThingWorx.'),
    { name: 'count', baseType: 'INTEGER', description: 'How many values or rows the same call refused.' },
    time('When it happened.'),
  ],
};

export const thingCreated: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.ThingCreated_DS',
  description: 'The event ThingCreated of a hub.',
  fields: [
    { name: 'thing', baseType: 'THINGNAME', description: 'The new Thing.' },
    text('template', 'The Thing Template from which it was created.'),
    text('deviceId', 'The device it is for.'),
    time('When it was created.'),
  ],
};

export const propertyCreated: DataShape = {
  kind: 'DataShape',
  name: 'AzureIoT.PropertyCreated_DS',
  description: 'The event PropertyCreated of a hub.',
  fields: [
    { name: 'thing', baseType: 'THINGNAME', description: 'The Thing.' },
    text('property', 'The new property.'),
    text('baseType', 'Its base type, inferred from the first value.'),
    time('When it was added.'),
  ],
};

/**
 * The Data Shapes of the tables that operations take and give: each table names its Data Shape, and the schema of its rows has the
 * fields. So an operation with a table is still one file. Those in `known` are defined by hand; those of the platform exist already.
 */
export function operationDataShapes(known: readonly DataShape[]): DataShape[] {
  const shapes = new Map<string, DataShape>();
  const isOurs = (name: string) =>
    name.startsWith('AzureIoT.') && !known.some((shape) => shape.name === name);
  const add = (schema: TSchema) => {
    const { dataShape } = annotationOf(schema);
    const row = rowOf(schema) as TObject;
    if (dataShape && row.properties) {
      for (const field of Object.values(row.properties)) add(field);
      if (isOurs(dataShape) && !shapes.has(dataShape)) shapes.set(dataShape, fromSchema(dataShape, row));
    }
  };
  for (const { input, output, serviceResult = output } of OPERATIONS)
    for (const schema of [
      ...Object.values(input.properties),
      serviceResult,
      ...Object.values(output.properties),
    ])
      add(schema);
  return [...shapes.values()];
}
