import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { field, InfoTable } from '../thingworx/infotable.ts';
import { queryTable } from '../thingworx/infotable-query.ts';
import { PasswordCipher } from '../thingworx/password-cipher.ts';
import { localResources } from '../thingworx/resources/local.ts';
import { serviceArguments } from '../thingworx/service-arguments.ts';
import type { JsonObject, PlatformValue } from '../thingworx/values.ts';

const resources = localResources(new PasswordCipher());
const shapes = new Map([['Row_DS', [field('name', 'STRING'), field('n', 'NUMBER')]]]);

/** Calls a service with arguments as REST would give them. */
function call(
  service: string,
  given: Record<string, unknown>,
  resource = 'InfoTableFunctions',
): PlatformValue {
  const found = resources.get(resource)?.services[service];
  assert.ok(found, service);
  const args = serviceArguments(found.definition, given, { defaults: 'ignore' });
  return found.invoke(args, { dataShapeFields: (name) => shapes.get(name) }) as PlatformValue;
}

function table(): InfoTable {
  const result = new InfoTable([
    field('name', 'STRING'),
    field('group', 'STRING', { ordinal: 1 }),
    field('n', 'NUMBER', { ordinal: 2 }),
    field('at', 'DATETIME', { ordinal: 3 }),
    field('place', 'LOCATION', { ordinal: 4 }),
    field('tags', 'TAGS', { ordinal: 5 }),
  ]);
  result.addRow({ name: 'Alpha', group: 'x', n: 1, at: 1000, place: '0,0', tags: 'V:a' });
  result.addRow({ name: 'beta', group: 'y', n: 3, at: 2000, place: '10,10', tags: 'V:a;V:b' });
  result.addRow({ name: 'Gamma', group: 'x', n: 2, at: 3000 });
  result.addRow({ name: 'delta', group: 'x' });
  return result;
}

const names = (value: PlatformValue) => (value as InfoTable).rows.map((row) => row.name).join();

describe('queries', () => {
  const cases: [JsonObject, string][] = [
    [{}, 'Alpha,beta,Gamma,delta'],
    [{ filters: { type: 'EQ', fieldName: 'name', value: 'alpha' } }, 'Alpha'],
    [{ filters: { type: 'EQ', fieldName: 'name', value: 'alpha', isCaseSensitive: true } }, ''],
    [{ filters: { type: 'NE', fieldName: 'group', value: 'x' } }, 'beta'],
    [{ filters: { type: 'GT', fieldName: 'n', value: 1 } }, 'beta,Gamma'],
    [{ filters: { type: 'GE', fieldName: 'n', value: '2' } }, 'beta,Gamma'],
    [{ filters: { type: 'LT', fieldName: 'n', value: 3 } }, 'Alpha,Gamma'],
    [{ filters: { type: 'LE', fieldName: 'at', value: 2000 } }, 'Alpha,beta'],
    [{ filters: { type: 'Between', fieldName: 'n', from: 2, to: 3 } }, 'beta,Gamma'],
    [{ filters: { type: 'NotBetween', fieldName: 'n', from: 2, to: 3 } }, 'Alpha,delta'],
    [{ filters: { type: 'LIKE', fieldName: 'name', value: '*ta' } }, 'beta,delta'],
    [{ filters: { type: 'NOTLIKE', fieldName: 'name', value: '%ta' } }, 'Alpha,Gamma'],
    [{ filters: { type: 'Matches', fieldName: 'name', expression: '[a-g].*' } }, 'Alpha,beta,Gamma,delta'],
    [{ filters: { type: 'IN', fieldName: 'n', values: [1, 2] } }, 'Alpha,Gamma'],
    [{ filters: { type: 'NOTIN', fieldName: 'n', values: { array: [1, 2] } } }, 'beta,delta'],
    [{ filters: { type: 'MissingValue', fieldName: 'n' } }, 'delta'],
    [{ filters: { type: 'NotMissingValue', fieldName: 'n' } }, 'Alpha,beta,Gamma'],
    [{ filters: { type: 'TAGGED', fieldName: 'tags', tags: 'V:b' } }, 'beta'],
    [{ filters: { type: 'Near', fieldName: 'place', location: '0,1', distance: 200, units: 'K' } }, 'Alpha'],
    [
      {
        filters: {
          type: 'OR',
          filters: [
            { type: 'EQ', fieldName: 'name', value: 'beta' },
            {
              type: 'AND',
              filters: [
                { type: 'EQ', fieldName: 'group', value: 'x' },
                { type: 'GT', fieldName: 'n', value: 1 },
              ],
            },
          ],
        },
      },
      'beta,Gamma',
    ],
    [{ sorts: [{ fieldName: 'n', isAscending: false }] }, 'beta,Gamma,Alpha,delta'],
    [
      {
        sorts: [
          { fieldName: 'group', isAscending: true },
          { fieldName: 'name', isAscending: true },
        ],
      },
      'Alpha,delta,Gamma,beta',
    ],
  ];
  for (const [query, expected] of cases) {
    test(JSON.stringify(query), () => {
      assert.equal(names(queryTable(table(), query)), expected);
    });
  }

  test('what cannot be asked', () => {
    assert.throws(
      () => queryTable(table(), { filters: { type: 'EQ', fieldName: 'no', value: 1 } }),
      /no field \[no\]/,
    );
    assert.throws(
      () => queryTable(table(), { filters: { type: 'LOOKS', fieldName: 'n' } }),
      /unknown filter type/,
    );
  });

  test('the table that is asked stays as it is', () => {
    const asked = table();
    const answer = queryTable(asked, {});
    (answer.rows[0] as Record<string, PlatformValue>).name = 'changed';
    assert.equal(names(asked), 'Alpha,beta,Gamma,delta');
  });
});

describe('InfoTableFunctions', () => {
  test('creating tables', () => {
    const created = call('CreateInfoTableFromDataShape', {
      infoTableName: 'i',
      dataShapeName: 'Row_DS',
    }) as InfoTable;
    assert.deepEqual([...created.fields.keys()], ['name', 'n']);
    assert.throws(() => call('CreateInfoTableFromDataShape', { dataShapeName: 'No_DS' }), /No_DS/);
    assert.equal((call('CreateInfoTable', {}) as InfoTable).fields.size, 0);
    const json = table().toJSON();
    assert.deepEqual((call('FromJSON', { json }) as InfoTable).toJSON(), json);
    assert.deepEqual(call('ToJSON', { table: table() }), json);
    assert.equal(names(call('Clone', { t1: table() })), 'Alpha,beta,Gamma,delta');
  });

  test('choosing rows', () => {
    assert.equal(
      names(call('EQFilter', { t: table(), fieldName: 'group', value: 'x' })),
      'Alpha,Gamma,delta',
    );
    assert.equal(names(call('GTFilter', { t: table(), fieldName: 'n', value: '1' })), 'beta,Gamma');
    assert.equal(
      names(call('LikeFilter', { t: table(), fieldName: 'name', pattern: '*a', inclusive: false })),
      '',
    );
    assert.equal(
      names(call('SetFilter', { t: table(), fieldName: 'name', matchValues: 'beta, delta' })),
      'beta,delta',
    );
    assert.equal(
      names(call('BetweenFilter', { t: table(), fieldName: 'n', minValue: '1', maxValue: '2' })),
      'Alpha,Gamma',
    );
    assert.equal(names(call('MissingValueFilter', { t: table(), fieldName: 'n', inclusive: true })), 'delta');
    assert.equal(names(call('TopN', { t: table(), maxItems: 2 })), 'Alpha,beta');
    const query = { filters: { type: 'EQ', fieldName: 'group', value: 'x' } };
    assert.equal(names(call('Query', { t: table(), query })), 'Alpha,Gamma,delta');
    assert.equal(names(call('DeleteQuery', { t: table(), query })), 'beta');
    const values = new InfoTable([field('n', 'NUMBER')], [{ n: 9 }]);
    const updated = call('UpdateQuery', { t: table(), query, values }) as InfoTable;
    assert.deepEqual(
      updated.rows.map((row) => row.n),
      [9, 3, 9, 9],
    );
  });

  test('order and columns', () => {
    assert.equal(
      names(call('Sort', { t: table(), sortColumn: 'n', ascending: false })),
      'beta,Gamma,Alpha,delta',
    );
    const distinct = call('Distinct', { t: table(), columns: 'group' }) as InfoTable;
    assert.deepEqual(distinct.toJSONLite().rows, [{ group: 'x' }, { group: 'y' }]);
    const renamed = call('RenameField', { t: table(), from: 'n', to: 'count' }) as InfoTable;
    assert.equal(renamed.fields.has('n'), false);
    assert.equal(renamed.rows[1]?.count, 3);
    const shifted = call('TimeShift', { t: table(), shift: 500, timestampField: 'at' }) as InfoTable;
    assert.deepEqual(shifted.rows[0]?.at, new Date(1500));
  });

  test('combining tables', () => {
    const other = new InfoTable(
      [field('name', 'STRING'), field('more', 'INTEGER')],
      [{ name: 'eps', more: 1 }],
    );
    const united = call('Union', { t1: table(), t2: other }) as InfoTable;
    assert.equal(names(united), 'Alpha,beta,Gamma,delta,eps');
    assert.equal(united.rows[4]?.more, 1);
    const right = new InfoTable([field('key', 'STRING'), field('label', 'STRING')]);
    right.addRow({ key: 'x', label: 'group x' });
    right.addRow({ key: 'z', label: 'group z' });
    const join = (joinType: string) =>
      call('Intersect', {
        t1: table(),
        t2: right,
        columns1: 'name',
        columns2: 'label',
        joinColumns1: 'group',
        joinColumns2: 'key',
        joinType,
      }) as InfoTable;
    assert.deepEqual(
      join('INNER').rows.map(({ name, label }) => `${name}-${label}`),
      ['Alpha-group x', 'Gamma-group x', 'delta-group x'],
    );
    assert.equal(join('LEFT').rows.length, 4);
    assert.equal(join('FULL').rows.length, 5);
  });

  test('Aggregate and Pivot', () => {
    const grouped = call('Aggregate', {
      t: table(),
      columns: 'n,n,n,name',
      aggregates: 'SUM,AVERAGE,COUNT,MAX',
      groupByColumns: 'group',
    }) as InfoTable;
    assert.deepEqual(grouped.toJSONLite().rows, [
      { group: 'x', SUM_n: 3, AVERAGE_n: 1.5, COUNT_n: 2, MAX_name: 'delta' },
      { group: 'y', SUM_n: 3, AVERAGE_n: 3, COUNT_n: 1, MAX_name: 'beta' },
    ]);
    assert.throws(() => call('Aggregate', { t: table(), columns: 'n', aggregates: 'MODE' }), /MODE/);
    const history = new InfoTable([
      field('timestamp', 'DATETIME'),
      field('name', 'STRING'),
      field('value', 'NUMBER'),
    ]);
    history.addRow({ timestamp: 1, name: 'a', value: 1 });
    history.addRow({ timestamp: 1, name: 'b', value: 2 });
    history.addRow({ timestamp: 2, name: 'a', value: 3 });
    assert.deepEqual((call('Pivot', { t: history }) as InfoTable).toJSONLite().rows, [
      { timestamp: 1, a: 1, b: 2 },
      { timestamp: 2, a: 3 },
    ]);
  });

  test('a column that is not there', () => {
    assert.throws(() => call('Sort', { t: table(), sortColumn: 'no' }), /no/);
    assert.throws(() => call('Sort', { sortColumn: 'n' }), /\[t\]/);
  });
});

test('EncryptionServices', () => {
  const run = (service: string, args: Record<string, unknown>) =>
    call(service, args, 'EncryptionServices') as string;
  const key = 'ab'.repeat(28);
  assert.equal(run('DecryptWithKey', { key, data: run('EncryptWithKey', { key, data: 'text' }) }), 'text');
  assert.throws(() =>
    run('DecryptWithKey', { key: 'other', data: run('EncryptWithKey', { key, data: 'text' }) }),
  );
  assert.equal(run('EncryptPropertyValue', { data: 'secret' }).includes('secret'), false);
  assert.match(run('GenerateKey', { size: 128 }), /^[0-9a-f]{32}$/);
});
