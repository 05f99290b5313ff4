import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Client, updates, withPlatform } from './platform-support.ts';

const t0 = 1_700_000_000_000;

async function logged(client: Client, definitions: Record<string, unknown>[]): Promise<void> {
  await client.thing('Stream', 'ValueStream');
  await client.thing('T', 'GenericThing', definitions);
  await client.result('Things/T', 'SetValueStream', { name: 'Stream' });
}

function update(client: Client, rows: unknown[]) {
  return client.service('Things/T', 'UpdatePropertyValues', updates(rows));
}

async function historyOf(client: Client, property: string, input: Record<string, unknown> = {}) {
  const table = await client.result('Things/T', 'QueryNumberPropertyHistory', {
    propertyName: property,
    ...input,
  });
  return table.rows.map((row: { timestamp: number; value: number }) => [row.timestamp - t0, row.value]);
}

describe('UpdatePropertyValues', () => {
  test('sets value, time and quality of many properties', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T', 'GenericThing', [
        { name: 'n', type: 'NUMBER' },
        { name: 'i', type: 'INTEGER' },
        { name: 's', type: 'STRING' },
        { name: 'd', type: 'DATETIME' },
        { name: 'l', type: 'LOCATION' },
        { name: 'j', type: 'JSON' },
        { name: 'x', type: 'INFOTABLE', dataShape: 'EntityList' },
      ]);
      const answer = await update(client, [
        { name: 'n', time: t0, value: { value: 1.5, baseType: 'NUMBER' }, quality: 'BAD' },
        { name: 'i', time: '2023-11-14T22:13:20.000Z', value: 2.9 },
        { name: 's', value: { value: 'text', baseType: 'STRING' } },
        { name: 'd', time: t0, value: { value: t0, baseType: 'DATETIME' } },
        {
          name: 'l',
          time: t0,
          value: { value: { latitude: 1, longitude: 2, elevation: 3 }, baseType: 'LOCATION' },
        },
        { name: 'j', time: t0, value: { value: { array: [1] }, baseType: 'JSON' } },
        {
          name: 'x',
          time: t0,
          value: {
            value: {
              dataShape: { fieldDefinitions: { name: { name: 'name', baseType: 'STRING' } } },
              rows: [{ name: 'r' }],
            },
            baseType: 'INFOTABLE',
          },
        },
      ]);
      assert.deepEqual([answer.status, answer.text], [200, '']);
      const [row] = (await client.get('/Things/T/Properties/')).json.rows;
      assert.deepEqual([row.n, row.i, row.s, row.d, row.j], [1.5, 2, 'text', t0, { array: [1] }]);
      assert.deepEqual(row.l, { latitude: 1, longitude: 2, elevation: 3 });
      assert.deepEqual(row.x.rows, [{ name: 'r' }]);
      assert.equal(await client.result('Things/T', 'GetPropertyTime', { propertyName: 'i' }), t0);
      assert.equal(await client.result('Things/T', 'GetPropertyQuality', { propertyName: 'n' }), 'BAD');
    });
  });

  test('a value that is not newer goes to the history and leaves the current value', async () => {
    await withPlatform({}, async (client) => {
      await logged(client, [{ name: 'n', type: 'NUMBER', logged: true, dataChangeType: 'ALWAYS' }]);
      await update(client, [{ name: 'n', time: t0 + 10, value: 10 }]);
      await update(client, [{ name: 'n', time: t0 + 5, value: 5 }]);
      await update(client, [{ name: 'n', time: t0 + 10, value: 11 }]);
      assert.equal(await client.read('T', 'n'), 10);
      assert.deepEqual(await historyOf(client, 'n'), [
        [10, 11],
        [10, 10],
        [5, 5],
      ]);
    });
  });

  test('an unknown property: the whole call, or the row', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T', 'GenericThing', [{ name: 'n', type: 'NUMBER' }]);
      const rows = [
        { name: 'n', time: t0, value: 1 },
        { name: 'nope', time: t0, value: 1 },
      ];
      const refused = await update(client, rows);
      assert.equal(refused.status, 500);
      assert.match(refused.text, /nope/);
      assert.equal(await client.read('T', 'n'), 0);
      await client.control('PUT', '/switches', { unknownPropertyInUpdate: 'row' });
      assert.equal((await update(client, rows)).status, 200);
      assert.equal(await client.read('T', 'n'), 1);
    });
  });

  test('a value that does not convert refuses the call and changes nothing', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T', 'GenericThing', [
        { name: 'n', type: 'NUMBER' },
        { name: 'm', type: 'NUMBER' },
      ]);
      const refused = await update(client, [
        { name: 'n', time: t0, value: 1 },
        { name: 'm', time: t0, value: 'abc' },
      ]);
      assert.equal(refused.status, 500);
      assert.match(refused.text, /Unable To Convert From java\.lang\.String to NUMBER/);
      assert.equal(await client.read('T', 'n'), 0);
    });
  });

  test('remote Things take updates from their device', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T', 'RemoteThing', [{ name: 'n', type: 'NUMBER', remote: true }]);
      assert.equal((await client.write('T', { n: 1 })).status, 500);
      await client.result('Things/T', 'UpdateSubscribedPropertyValues', updates([{ name: 'n', value: 2 }]));
      assert.equal(await client.read('T', 'n'), 2);
      await client.thing('Local');
      assert.equal((await client.service('Things/Local', 'UpdateSubscribedPropertyValues', {})).status, 404);
    });
  });

  test('wrong parameter names and a missing dataShape', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T');
      const bare = await client.service('Things/T', 'UpdatePropertyValues', { rows: [] });
      assert.deepEqual([bare.status, bare.text], [500, 'Unable to Invoke Service UpdatePropertyValues on T']);
      const shapeless = await client.service('Things/T', 'UpdatePropertyValues', { values: { rows: [] } });
      assert.match(shapeless.text, /JSONObject\["dataShape"\] not found/);
    });
  });
});

describe('data change types decide what is logged', () => {
  const cases: { type: string; threshold?: number; values: number[]; kept: number[] }[] = [
    { type: 'ALWAYS', values: [1, 1, 2], kept: [1, 1, 2] },
    { type: 'VALUE', values: [1, 1, 2, 2, 1], kept: [1, 2, 1] },
    { type: 'NEVER', values: [1, 2], kept: [] },
    { type: 'VALUE', threshold: 2, values: [3, 5, 8, 9], kept: [3, 8] },
    { type: 'ON', values: [1, 1, 0, 3], kept: [1, 0, 3] },
    { type: 'OFF', values: [1, 0, 0, 2, 0], kept: [0, 0] },
    { type: 'DEADBAND', threshold: 5, values: [1, 3, 5, 7, 12, 13], kept: [1, 7, 13] },
  ];
  for (const { type, threshold, values, kept } of cases) {
    test(threshold === undefined ? type : `${type} with threshold ${threshold}`, async () => {
      await withPlatform({}, async (client) => {
        await logged(client, [
          {
            name: 'n',
            type: 'NUMBER',
            logged: true,
            dataChangeType: type,
            dataChangeThreshold: threshold ?? 0,
          },
        ]);
        await update(
          client,
          values.map((value, index) => ({ name: 'n', time: t0 + index, value })),
        );
        const found = await historyOf(client, 'n');
        assert.deepEqual(found.map(([, value]: [number, number]) => value).reverse(), kept);
      });
    });
  }
});

describe('history', () => {
  test('one row per time, ranges, order, limits, queries', async () => {
    await withPlatform({}, async (client) => {
      await logged(client, [
        { name: 'a', type: 'NUMBER', logged: true },
        { name: 'b', type: 'STRING', logged: true },
        { name: 'c', type: 'NUMBER' },
      ]);
      const rows = [];
      for (let index = 0; index < 10; index += 1) {
        rows.push({ name: 'a', time: t0 + index, value: index + 1 });
        rows.push({ name: 'b', time: t0 + index, value: `v${index}` });
        rows.push({ name: 'c', time: t0 + index, value: index + 1 });
      }
      await update(client, rows);
      const query = async (input: Record<string, unknown>) =>
        (await client.result('Things/T', 'QueryPropertyHistory', input)).rows;
      const newest = await query({ maxItems: 2 });
      assert.deepEqual(newest, [
        { timestamp: t0 + 9, a: 10, b: 'v9' },
        { timestamp: t0 + 8, a: 9, b: 'v8' },
      ]);
      const ranged = await query({ startDate: t0 + 2, endDate: t0 + 4, oldestFirst: true });
      assert.deepEqual(
        ranged.map((row: { a: number }) => row.a),
        [3, 4, 5],
      );
      const filtered = await query({
        query: { filters: { type: 'GT', fieldName: 'a', value: 8 } },
        oldestFirst: true,
      });
      assert.deepEqual(
        filtered.map((row: { b: string }) => row.b),
        ['v8', 'v9'],
      );
      // oldestFirst is ignored by the typed queries.
      const typed = await historyOf(client, 'a', { maxItems: 2, oldestFirst: true });
      assert.deepEqual(typed, [
        [9, 10],
        [8, 9],
      ]);
      await client.result('Things/T', 'AddNumberValueStreamEntry', {
        propertyName: 'c',
        value: 42,
        timestamp: t0 + 100,
      });
      assert.deepEqual(await historyOf(client, 'c'), [[100, 42]]);
      await client.result('Things/T', 'PurgePropertyHistory', { propertyName: 'a', endDate: t0 + 7 });
      assert.deepEqual(await historyOf(client, 'a'), [
        [9, 10],
        [8, 9],
      ]);
    });
  });

  test('without a value stream nothing is stored', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T', 'GenericThing', [{ name: 'n', type: 'NUMBER', logged: true }]);
      await update(client, [{ name: 'n', time: t0, value: 1 }]);
      assert.deepEqual(await historyOf(client, 'n'), []);
      const refused = await client.service('Things/T', 'AddNumberValueStreamEntry', {
        propertyName: 'n',
        value: 1,
      });
      assert.equal(refused.status, 500);
    });
  });

  test('is bounded per property; the oldest entries go', async () => {
    await withPlatform({ historyLimits: { perProperty: 100 } }, async (client) => {
      await logged(client, [{ name: 'n', type: 'NUMBER', logged: true }]);
      await update(
        client,
        Array.from({ length: 250 }, (_, index) => ({ name: 'n', time: t0 + index, value: index + 1 })),
      );
      const kept = await historyOf(client, 'n', { maxItems: 1_000 });
      assert.ok(kept.length <= 100 && kept.length >= 90, String(kept.length));
      assert.deepEqual(kept[0], [249, 250]);
    });
  });
});

describe('persistence of values in memory', () => {
  test('a restart of the Thing forgets what is not persistent', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T', 'GenericThing', [
        { name: 'kept', type: 'NUMBER', persistent: true },
        { name: 'lost', type: 'NUMBER', defaultValue: '7' },
      ]);
      await client.write('T', { kept: 1, lost: 2 });
      await client.result('Things/T', 'RestartThing');
      assert.deepEqual([await client.read('T', 'kept'), await client.read('T', 'lost')], [1, 7]);
      await client.control('PUT', '/switches', { restartLosesValues: false });
      await client.write('T', { lost: 3 });
      await client.result('Things/T', 'RestartThing');
      assert.equal(await client.read('T', 'lost'), 3);
    });
  });

  test('adding and removing definitions keeps the values of the others', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T', 'GenericThing', [{ name: 'a', type: 'NUMBER' }]);
      await client.write('T', { a: 4 });
      await client.result('Things/T', 'AddPropertyDefinition', {
        name: 'b',
        type: 'STRING',
        defaultValue: 'x',
      });
      assert.deepEqual([await client.read('T', 'a'), await client.read('T', 'b')], [4, 'x']);
      const twice = await client.service('Things/T', 'AddPropertyDefinition', { name: 'b', type: 'STRING' });
      assert.equal(twice.status, 403);
      assert.equal(
        (await client.service('Things/T', 'AddPropertyDefinition', { name: 'c', type: 'DOUBLE' })).status,
        500,
      );
      await client.result('Things/T', 'RemovePropertyDefinition', { name: 'b' });
      assert.equal((await client.get('/Things/T/Properties/b')).status, 404);
      const bulk = await client.result('Things/T', 'AddPropertyDefinitions', {
        ignoreInvalidDefinitions: true,
        values: {
          dataShape: {
            fieldDefinitions: {
              name: { name: 'name', baseType: 'STRING' },
              baseType: { name: 'baseType', baseType: 'STRING' },
            },
          },
          rows: [
            { name: 'd', baseType: 'NUMBER' },
            { name: 'e', baseType: 'WRONG' },
          ],
        },
      });
      assert.deepEqual(
        bulk.rows.map((row: { status: string }) => row.status),
        ['SUCCESS', 'ERROR'],
      );
    });
  });
});
