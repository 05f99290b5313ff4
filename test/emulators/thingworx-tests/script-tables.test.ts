import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { field, InfoTable } from '../thingworx/infotable.ts';
import { scriptResources } from '../thingworx/script-resources.ts';
import { defaultScriptSwitches } from '../thingworx/script-switches.ts';
import type { PlatformValue } from '../thingworx/values.ts';
import { ScriptFixture } from './script-fixture.ts';

const create = `
  var t = Resources["InfoTableFunctions"].CreateInfoTableFromDataShape({infoTableName: "InfoTable", dataShapeName: "Row_DS"});
  t.AddRow({name: "a", n: 3, at: new Date(1000), data: {k: [1, 2]}});
  t.AddRow({name: "b", n: "1.5", at: 2000});
  t.AddRow({name: "c", n: 2, flag: "maybe", unknown: 1, data: null, at: undefined});
`;

describe('InfoTables in scripts', () => {
  let fixture: ScriptFixture;
  before(() => {
    fixture = new ScriptFixture({}, { table: 'INFOTABLE' });
    const { platform } = fixture;
    platform.shapes.set('Row_DS', [
      field('name', 'STRING', { aspects: { isPrimaryKey: true } }),
      field('n', 'NUMBER', { ordinal: 1 }),
      field('at', 'DATETIME', { ordinal: 2 }),
      field('flag', 'BOOLEAN', { ordinal: 3 }),
      field('data', 'JSON', { ordinal: 4 }),
    ]);
    platform.shapes.set('NamedVTQ', [
      field('name', 'STRING'),
      field('time', 'DATETIME', { ordinal: 1 }),
      field('value', 'VARIANT', { ordinal: 2 }),
      field('quality', 'STRING', { ordinal: 3 }),
    ]);
    for (const resource of scriptResources(fixture.engine.cipher, defaultScriptSwitches)) {
      platform.addResource(resource);
    }
  });
  after(() => fixture.stop());

  const json = (body: string, variables = {}): Promise<PlatformValue> =>
    fixture.run(create + body, { variables });

  test('rows are converted as they are added', async () => {
    const result = await fixture.run(`${create} result = t;`, { result: 'INFOTABLE' });
    assert.ok(result instanceof InfoTable);
    assert.deepEqual(result.toJSONLite().rows, [
      { name: 'a', n: 3, at: 1000, data: { k: [1, 2] } },
      { name: 'b', n: 1.5, at: 2000 },
      { name: 'c', n: 2, flag: false },
    ]);
  });

  test('a wrong cell throws and adds nothing', async () => {
    const source =
      'try { t.AddRow({n: "abc"}); } catch (e) { result = {m: e.message, rows: t.rows.length}; }';
    assert.deepEqual(await json(source), {
      m: 'java.lang.Exception: Unable To Convert To Value Collection: Unable To Convert From java.lang.String to NUMBER',
      rows: 3,
    });
  });

  test('reading rows', async () => {
    const source = `
      result = { length: t.rows.length, count: t.getRowCount() + t.RowCount() + t.length, first: t.rows[0].name, index: t[1].n,
        none: t.rows[9] === undefined, row: t.getRow(2).name, noRow: t.getRow(9) === null, own: t.name,
        time: t.rows[0].at.getTime(), date: t.rows[0].at instanceof Date, unset: t.rows[2].data === undefined,
        keys: Object.keys(t.rows[0]).join(), array: t.rows.toArray().map(function (r) { return r.name; }).join(),
        isArray: Array.isArray(t.rows.toArray()), last: t.getLastRow().name };`;
    assert.deepEqual(await json(source), {
      length: 3,
      count: 9,
      first: 'a',
      index: 1.5,
      none: true,
      row: 'c',
      noRow: true,
      own: 'a',
      time: 1000,
      date: true,
      unset: true,
      keys: 'name,n,at,flag,data',
      array: 'a,b,c',
      isArray: true,
      last: 'c',
    });
  });

  test('loops over rows', async () => {
    const source = `
      var names = [];
      for (var i = 0; i < t.rows.length; i++) { names.push(t.rows[i].name); }
      for (var row of t.rows) { names.push(row.n); }
      for (var key in t.rows) { names.push(key); }
      result = {names: names.join()};`;
    assert.deepEqual(await json(source), { names: 'a,b,c,3,1.5,2,0,1,2' });
  });

  test('rows are live views', async () => {
    const source = `
      var row = t.rows[0];
      row.n = "7"; t.rows[0].name = "z"; t.n = t.n + 1;
      var copy = t.clone(); copy.rows[0].n = 0;
      var shown = {name: row.name, n: row.n, again: row === t.rows[0]};
      try { row.n = "abc"; } catch (e) { shown.error = e.name; }
      row.n = null;
      shown.unset = t.rows[0].n === undefined;
      result = shown;`;
    assert.deepEqual(await json(source), {
      name: 'z',
      n: 8,
      again: true,
      error: 'JavaException',
      unset: true,
    });
  });

  test('Find, Filter, Delete, Sort, topN, CopyValues', async () => {
    const source = `
      var found = t.Find({name: "b"}), missing = t.Find({name: "x"});
      t.Sort({name: "n", ascending: false});
      var order = t.rows.toArray().map(function (r) { return r.name; }).join();
      t.Sort({name: "n", ascending: true});
      var copy = t.CopyValues(0), top = t.topNToNewTable(2), other = t.clone();
      var deleted = t.Delete({name: "c"});
      other.Filter({name: "c"});
      result = {found: found.n, missing: missing === null, order: order, copy: copy.rows.length + copy.name, top: top.rows.length,
        deleted: deleted, left: t.rows.length, filtered: other.rows.length + other.name};
      t.RemoveRow(0); result.removed = t.rows.length; t.RemoveAllRows(); result.empty = t.rows.length;`;
    assert.deepEqual(await json(source), {
      found: 1.5,
      missing: true,
      order: 'a,c,b',
      copy: '1b',
      top: 2,
      deleted: 1,
      left: 2,
      filtered: '1c',
      removed: 1,
      empty: 0,
    });
  });

  test('fields', async () => {
    const source = `
      var shape = t.dataShape.fields;
      t.AddField({name: "extra", baseType: String(shape.n.baseType), ordinal: 9});
      t.rows[0].extra = "4";
      var error;
      try { t.AddField({name: "bad", baseType: undefined}); } catch (e) { error = e.message; }
      t.RemoveField("data");
      result = {error: error, extra: t.rows[0].extra, key: shape.name.aspects.isPrimaryKey, has: t.hasField("data"),
        names: Object.keys(t.dataShape.fields).join()};`;
    assert.deepEqual(await json(source), {
      error: 'java.lang.Exception: Invalid Base Type for field bad [null]',
      extra: 4,
      key: true,
      has: false,
      names: 'name,n,at,flag,extra',
    });
  });

  test('JSON of a table and of a row', async () => {
    const source = `
      var whole = t.ToJSON();
      result = {rows: whole.rows.length, native: Array.isArray(whole.rows), at: whole.rows[0].at,
        type: whole.dataShape.fieldDefinitions.n.baseType, row: t.rows[1].toJSON()};`;
    assert.deepEqual(await json(source), {
      rows: 3,
      native: true,
      at: 1000,
      type: 'NUMBER',
      row: { name: 'b', n: 1.5, at: 2000 },
    });
  });

  test('a table property is a copy', async () => {
    fixture.platform.set('T', 'table', new InfoTable([field('x', 'NUMBER')], [{ x: 1 }]));
    const source =
      'me.table.AddRow({x: 2}); var c = me.table; c.AddRow({x: 3}); me.table = c; result = {n: me.table.rows.length};';
    assert.deepEqual(await fixture.run(source), { n: 2 });
  });

  test('variants keep the type that they are given', async () => {
    const source = `
      var t = Resources.InfoTableFunctions.CreateInfoTableFromDataShape({infoTableName: "i", dataShapeName: "NamedVTQ"});
      t.AddRow({name: "p", value: 1.5, time: "2024-01-02T03:04:05.678Z"});
      t.AddRow({name: "q", value: {value: 5, baseType: "INTEGER"}, quality: "GOOD"});
      t.AddRow({name: "d", value: new Date(5)});
      t.AddRow({name: "j", value: {k: 1}});
      t.AddRow({name: "copy", value: t.rows[0].value});
      result = t;`;
    const result = await fixture.run(source, { result: 'INFOTABLE' });
    assert.deepEqual((result as InfoTable).toJSONLite().rows, [
      { name: 'p', time: 1704164645678, value: { value: 1.5, baseType: 'NUMBER' } },
      { name: 'q', value: { value: 5, baseType: 'INTEGER' }, quality: 'GOOD' },
      { name: 'd', value: { value: 5, baseType: 'DATETIME' } },
      { name: 'j', value: { value: { k: 1 }, baseType: 'JSON' } },
      { name: 'copy', value: { value: 1.5, baseType: 'NUMBER' } },
    ]);
  });

  test('a row given to another table', async () => {
    const source = `
      var u = Resources.InfoTableFunctions.CreateInfoTableFromDataShape({infoTableName: "i", dataShapeName: "Row_DS"});
      t.rows.toArray().forEach(function (row) { u.AddRow(row); });
      t.RemoveAllRows();
      result = u;`;
    const result = await fixture.run(create + source, { result: 'INFOTABLE' });
    assert.deepEqual((result as InfoTable).rows.length, 3);
    assert.deepEqual((result as InfoTable).toJSONLite().rows, [
      { name: 'a', n: 3, at: 1000, data: { k: [1, 2] } },
      { name: 'b', n: 1.5, at: 2000 },
      { name: 'c', n: 2, flag: false },
    ]);
  });
});

test('one view for all rows, where that is switched on', async () => {
  const fixture = new ScriptFixture({ switches: { ...defaultScriptSwitches, rowViews: 'shared' } });
  const table = new InfoTable([field('x', 'NUMBER')], [{ x: 1 }, { x: 2 }]);
  try {
    const source = `
      var a = t.rows[0], b = t.rows[1];
      result = {a: a.x, b: b.x, list: t.rows.toArray().map(function (r) { return r.x; }).join()};`;
    assert.deepEqual(await fixture.run(source, { variables: { t: table } }), { a: 2, b: 2, list: '1,2' });
  } finally {
    await fixture.stop();
  }
});
