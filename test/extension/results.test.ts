import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Type, { type TSchema } from 'typebox';
import { ENTITIES } from '../../extension/entities/index.ts';
import { parametersOf } from '../../extension/generate/services.ts';
import type { BaseType } from '../../sidecar/contract/schema.ts';
import { annotationOf, baseTypeOf, factsOf, isOneRow } from '../../sidecar/contract/schema.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { type OfferingEntity, type Operation, resultSchema } from '../../sidecar/operations/operation.ts';
import type { Switches } from '../emulators/thingworx/switches.ts';
import { TOKEN } from '../http/fixture.ts';
import { PLATFORM_DATA_SHAPES } from './fixture.ts';
import { createHub, type ExtensionPlatform, HUB, startPlatform } from './platform.ts';

type Json = Record<string, unknown>;
interface Table {
  readonly dataShape: {
    readonly fieldDefinitions: Readonly<Record<string, { readonly baseType: BaseType }>>;
  };
  readonly rows: readonly Json[];
}

/** Services whose result has no fixed form, or is a tree of several lists. */
const FREE = ['GetFileTags', 'LoadJSON', 'TestMapping'];

const SERVICES = OPERATIONS.filter(({ entity, noResult }) => entity !== undefined && !noResult);
/** The script of CheckConnection has rows of its own; test/operations/check-connection.test.ts looks at them. */
const TABLES = SERVICES.filter(
  (operation) => baseTypeOf(resultSchema(operation)) === 'INFOTABLE' && operation.name !== 'CheckConnection',
);

const STORAGE = 'Results.Storage';
const CONTAINER = 'Results.Container';
const DEVICE = 'results-device';
const THINGS: Readonly<Record<OfferingEntity, string>> = {
  'AzureIoT.Sidecar_TS': HUB,
  'AzureIoT.Hub_TT': HUB,
  'AzureIoT.Device_TS': DEVICE,
  'AzureIoT.EdgeDevice_TS': DEVICE,
  'AzureIoT.OpcPublisher_TS': DEVICE,
  'AzureIoT.StorageAccount_TT': STORAGE,
  'AzureIoT.BlobContainer_TT': CONTAINER,
};

/** A value that fits a schema: with everything that may be there, or with what must be there alone. */
function sample(schema: TSchema, whole: boolean): unknown {
  const { type, format, properties, required = [], items, enum: words, minimum = 0 } = factsOf(schema);
  if (words) return words[0];
  if (properties) {
    const names = Object.keys(properties).filter((name) => whole || required.includes(name));
    return Object.fromEntries(names.map((name) => [name, sample(properties[name] as TSchema, whole)]));
  }
  switch (type) {
    case 'array':
      return [sample(items as TSchema, whole), sample(items as TSchema, whole)];
    case 'object':
      return { list: [1, { deep: null }] };
    case 'string':
      return format === 'date-time' ? '2026-01-31T12:00:00.1239999Z' : 'a text';
    case 'integer':
      return baseTypeOf(schema) === 'LONG' ? 2 ** 40 : minimum + 7;
    case 'number':
      return minimum + 1.5;
    case 'boolean':
      return true;
    default:
      // Any JSON value: an array, and one that no JSON cell can hold.
      return whole ? [1, 2] : 'a scalar';
  }
}

/** The operations as they are, but for their work: each takes what it is given and answers a sample. */
function sampled(isWhole: () => boolean): readonly Operation[] {
  return OPERATIONS.map((operation) => {
    const required = factsOf(operation.input).required ?? [];
    const inPath = (name: string) => operation.path.includes(`{${name}}`);
    const members = Object.keys(operation.input.properties).map((name) => [
      name,
      required.includes(name) && inPath(name) ? Type.Unknown() : Type.Optional(Type.Unknown()),
    ]);
    const input = Type.Object(Object.fromEntries(members));
    return {
      ...operation,
      input,
      run: async () => sample(operation.output, isWhole()),
    } as unknown as Operation;
  });
}

async function createThings(platform: ExtensionPlatform): Promise<void> {
  const { client, app } = platform;
  await createHub(platform);
  await client.thing(STORAGE, 'AzureIoT.StorageAccount_TT');
  await client.write(STORAGE, { sidecarUrl: `http://127.0.0.1:${app.port}`, sidecarToken: TOKEN });
  await client.thing(CONTAINER, 'AzureIoT.BlobContainer_TT');
  await client.write(CONTAINER, { storageThing: STORAGE, containerName: 'files' });
  await client.thing(DEVICE, 'AzureIoT.EdgeDevice_TT');
  await client.result('Resources/EntityServices', 'AddShapeToThing', {
    name: DEVICE,
    thingShapeName: 'AzureIoT.OpcPublisher_TS',
  });
  await client.result(`Things/${DEVICE}`, 'RestartThing');
  await client.write(DEVICE, { hubThing: HUB, publisherModuleId: 'publisher' });
}

/** What a service needs to be called at all. */
function parametersFor(operation: Operation): Json {
  const values: Partial<Record<BaseType, unknown>> = {
    BOOLEAN: true,
    INTEGER: 1,
    JSON: { a: 1 },
    INFOTABLE: { dataShape: { fieldDefinitions: {} }, rows: [] },
    THINGNAME: CONTAINER,
  };
  const required = parametersOf(operation).filter(({ isRequired }) => isRequired);
  return Object.fromEntries(required.map(({ name, baseType }) => [name, values[baseType] ?? 'a text']));
}

/** The fields of a Data Shape of the extension or of the platform: the base type of each, and the Data Shape of tables. */
function fieldsOf(
  dataShape: string | undefined,
): Readonly<Record<string, { baseType: string; dataShape?: string }>> {
  const entity = ENTITIES.find(({ kind, name }) => kind === 'DataShape' && name === dataShape);
  if (entity?.kind === 'DataShape')
    return Object.fromEntries(entity.fields.map(({ name, ...field }) => [name, field]));
  const fields = PLATFORM_DATA_SHAPES[dataShape ?? ''] ?? assert.fail(`${dataShape} is no Data Shape`);
  return Object.fromEntries(Object.entries(fields).map(([name, baseType]) => [name, { baseType }]));
}

/** The cell of a field as REST gives it, for a value of the sidecar; undefined for a cell that is not set. */
function cellOf(value: unknown, { baseType, dataShape }: { baseType: string; dataShape?: string }): unknown {
  switch (baseType) {
    case 'DATETIME':
      return Date.parse('2026-01-31T12:00:00.123Z');
    case 'JSON':
      if (Array.isArray(value)) return { array: value };
      return typeof value === 'object' ? value : undefined;
    case 'INFOTABLE':
      return (value as Json[]).map((row) => rowOf(row, dataShape));
    default:
      return value;
  }
}

function rowOf(value: Json, dataShape: string | undefined): Json {
  const cells = Object.entries(fieldsOf(dataShape))
    .filter(([name]) => value[name] !== undefined)
    .map(([name, field]): [string, unknown] => [name, cellOf(value[name], field)]);
  return Object.fromEntries(cells.filter(([, cell]) => cell !== undefined));
}

/** The row of a hub's status: its counters, its canary and its last error are columns, too. */
function statusRow(status: Json): Json {
  const { state: canaryState = 'off', reason, paths = [] } = (status['canary'] ?? {}) as Json;
  const row = {
    ...status,
    ...(status['counters'] as Json),
    canaryState,
    canaryReason: reason ?? '',
    canaryPaths: paths,
  };
  const error = status['lastError'] as Json | undefined;
  if (!error) return row;
  // A code that is in no catalogue has no remedy.
  const { code, message, time } = error;
  return { ...row, lastErrorCode: code, lastErrorMessage: message, lastErrorTime: time };
}

/** The rows of a table, with the rows of the tables in them. */
function rowsIn(table: Table): Json[] {
  return table.rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, cell]) => [
        name,
        table.dataShape.fieldDefinitions[name]?.baseType === 'INFOTABLE' ? rowsIn(cell as Table) : cell,
      ]),
    ),
  );
}

test('every service whose result has a fixed form returns an INFOTABLE', () => {
  const json = SERVICES.filter((operation) => baseTypeOf(resultSchema(operation)) === 'JSON');
  assert.deepEqual(json.map(({ name }) => name).sort(), FREE);
});

const PLATFORMS: Readonly<Record<string, Partial<Switches>>> = {
  'as supposed': {},
  otherwise: { jsonInScripts: 'native', rowViews: 'shared', parameterDefaults: 'apply' },
};

describe('the rows of every service are those of its Data Shape', () => {
  for (const [name, switches] of Object.entries(PLATFORMS))
    test(`on a platform ${name}`, async (t) => {
      let whole = true;
      const platform = await startPlatform(t, switches, { operations: sampled(() => whole) });
      await createThings(platform);
      for (whole of [true, false]) for (const operation of TABLES) await check(operation, whole, platform);
    });
});

async function check(operation: Operation, whole: boolean, { client }: ExtensionPlatform): Promise<void> {
  const { entity, result, output, serviceResult } = operation;
  const schema = resultSchema(operation);
  const { dataShape } = annotationOf(schema);
  const thing = THINGS[entity as OfferingEntity];
  const table: Table = await client.result(`Things/${thing}`, operation.name, parametersFor(operation));
  const baseTypes = (fields: Readonly<Record<string, { readonly baseType: string }>>) =>
    Object.fromEntries(Object.entries(fields).map(([field, { baseType }]) => [field, baseType]));
  assert.deepEqual(
    baseTypes(table.dataShape.fieldDefinitions),
    baseTypes(fieldsOf(dataShape)),
    operation.name,
  );
  const answered = sample(output, whole) as Json;
  const member = result === undefined ? answered : (answered[result] as Json);
  const value = serviceResult ? statusRow((answered['status'] ?? answered) as Json) : member;
  const rows = (isOneRow(schema) ? [value] : value) as Json[];
  assert.deepEqual(
    // The hub Thing alone knows its sidecars.
    rowsIn(table).map(({ sidecars: _, ...row }) => row),
    rows.map((row) => rowOf(row, dataShape)),
    operation.name,
  );
}
