import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import Type from 'typebox';
import { operationService } from '../../extension/generate/services.ts';
import {
  DateTime,
  forThingWorx,
  JsonObject,
  JsonValue,
  OneOf,
  Table,
} from '../../sidecar/contract/schema.ts';
import { PartitionStatus } from '../../sidecar/contract/status.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { defineOperation, type Operation } from '../../sidecar/operations/operation.ts';
import { InfoTable } from '../emulators/thingworx/infotable.ts';
import { startApp, TOKEN } from '../http/fixture.ts';
import { ScriptHub } from './script-hub.ts';

const NAME = 'My Hub/1';

describe('generated scripts', () => {
  const input = Type.Object({
    hub: Type.String(),
    text: Type.String(),
    count: Type.Optional(Type.Integer({ default: 3 })),
    ratio: Type.Optional(Type.Number()),
    flag: Type.Optional(Type.Boolean()),
    when: Type.Optional(DateTime({ description: 'A time.' })),
    word: Type.Optional(OneOf(['a', 'b'], { description: 'A word.' })),
    object: Type.Optional(JsonObject({ description: 'An object.' })),
    list: Type.Optional(Type.Array(Type.Integer())),
    rows: Type.Optional(Table(PartitionStatus, 'AzureIoT.Partition_DS', { description: 'Rows.' })),
  });
  const output = Type.Object({
    given: JsonObject({ description: 'What was given.' }),
    value: JsonValue({ description: 'A value.' }),
  });
  const seen: Record<string, unknown>[] = [];
  const make = (part: Partial<Operation>): Operation =>
    defineOperation({
      name: 'Probe',
      entity: 'AzureIoT.Hub_TT',
      category: 'Test',
      summary: 'For a test.',
      method: 'POST',
      path: '/hubs/{hub}/probe',
      input,
      output,
      errors: [],
      run: async (_: unknown, given: Record<string, unknown>) => {
        seen.push(given);
        return { given, value: 1 };
      },
      ...part,
    } as unknown as Operation);

  async function startProbe(t: TestContext, part: Partial<Operation>) {
    const probe = make(part);
    const app = await startApp(t, { operations: [...OPERATIONS, probe] });
    const hub = new ScriptHub(t, NAME, {}, [operationService(probe)]);
    hub.set('sidecarUrl', `http://127.0.0.1:${app.port}`);
    hub.set('introducedAddress', `http://127.0.0.1:${app.port}`);
    hub.setPassword('sidecarToken', TOKEN);
    seen.length = 0;
    return hub;
  }

  const ARGUMENTS = `{
    text: "a b/ä&", count: 4.0, ratio: 1.5, flag: false, when: new Date(1769860800123), word: "b",
    object: {deep: {list: [1, 2]}}, list: {array: [1, 2, 3]}
  }`;
  const EXPECTED = {
    hub: NAME,
    text: 'a b/ä&',
    count: 4,
    ratio: 1.5,
    flag: false,
    when: '2026-01-31T12:00:00.123Z',
    word: 'b',
    object: { deep: { list: [1, 2] } },
    list: [1, 2, 3],
  };

  test('send every kind of parameter in a body', async (t) => {
    const hub = await startProbe(t, {});
    await hub.call('Probe', ARGUMENTS);
    assert.deepEqual(seen[0], EXPECTED);
  });

  test('send every kind of parameter of an operation that has them in its query string', async (t) => {
    const hub = await startProbe(t, { method: 'GET' });
    await hub.call('Probe', ARGUMENTS);
    assert.deepEqual(seen[0], EXPECTED);
  });

  test('send rows of an INFOTABLE, without cells that are not set', async (t) => {
    const hub = await startProbe(t, { method: 'PATCH' });
    const table = `(function () {
      var rows = Resources["InfoTableFunctions"].CreateInfoTableFromDataShape({infoTableName: "InfoTable", dataShapeName: "AzureIoT.Partition_DS"});
      rows.AddRow({partition: "1", owner: "x", offset: "2", sequenceNumber: 3, lag: 4, inFlight: 5, lastEnqueuedTime: new Date(1769860800123)});
      rows.AddRow({partition: "2", owner: "", offset: "", sequenceNumber: 3, lag: 4, inFlight: 5});
      return rows;
    })()`;
    await assert.rejects(
      hub.call('Probe', `{text: "x", rows: ${table}}`),
      /REQUEST_INVALID: rows\[1\]\.owner is missing/,
    );
    await hub.call('Probe', `{text: "x", rows: ${table.replaceAll('""', '"-"')}}`);
    assert.deepEqual(seen[0]?.rows, [
      {
        partition: '1',
        owner: 'x',
        offset: '2',
        sequenceNumber: 3,
        lag: 4,
        inFlight: 5,
        lastEnqueuedTime: '2026-01-31T12:00:00.123Z',
      },
      { partition: '2', owner: '-', offset: '-', sequenceNumber: 3, lag: 4, inFlight: 5 },
    ]);
    assert.equal(seen[0]?.count, 3, 'the default');
  });

  test('name a required parameter that is missing', async (t) => {
    const hub = await startProbe(t, {});
    await assert.rejects(hub.call('Probe', '{count: 1}'), /REQUEST_INVALID: text is required/);
    await assert.rejects(hub.call('Probe', '{text: ""}'), /REQUEST_INVALID: text is required/);
  });

  test('give the declared member as its base type', async (t) => {
    const members = Type.Object({
      text: Type.String(),
      when: DateTime({ description: 'A time.' }),
      rows: Table(PartitionStatus, 'AzureIoT.Partition_DS', { description: 'Rows.' }),
      list: Type.Array(Type.Integer()),
      big: forThingWorx(Type.Integer(), { baseType: 'LONG' }),
    });
    const rows = [{ partition: '0', owner: 'a', offset: '1', sequenceNumber: 2 ** 40, lag: 2, inFlight: 0 }];
    const run = async () => ({
      text: 'x',
      when: '2026-01-31T12:00:00.1239999Z',
      rows,
      list: [1, 2],
      big: 2 ** 50,
    });
    const results: Record<string, unknown> = {};
    for (const result of ['text', 'when', 'rows', 'list', 'big'] as const) {
      const hub = await startProbe(t, { output: members, run: run as never, result: result as never });
      const type = {
        text: 'STRING',
        when: 'DATETIME',
        rows: 'INFOTABLE',
        list: 'JSON',
        big: 'LONG',
      } as const;
      results[result] = await hub.call('Probe', '{text: "x"}', type[result]);
    }
    assert.equal(results.text, 'x');
    assert.deepEqual(results.when, new Date('2026-01-31T12:00:00.123Z'));
    assert.ok(results.rows instanceof InfoTable);
    assert.equal(results.rows.rows[0]?.sequenceNumber, 2 ** 40);
    assert.deepEqual(results.list, { array: [1, 2] });
    assert.equal(results.big, 2 ** 50);
  });
});
