import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { holds, valueAt } from '../iothub/query/evaluate.ts';
import { parseCondition } from '../iothub/query/syntax.ts';
import { type Harness, startHarness } from './state-harness.ts';

type Row = Record<string, unknown>;

describe('twin queries', () => {
  let hub: Harness;
  before(async () => {
    hub = await startHarness();
    for (let index = 0; index < 25; index += 1) {
      const deviceId = `dev-${String(index).padStart(2, '0')}`;
      await hub.registry.create({ deviceId, status: index % 5 === 0 ? 'disabled' : 'enabled' });
      hub.state.twins.patch(deviceId, undefined, {
        tags: { site: index % 2 ? 'north' : 'south', place: { floor: index % 3 } },
        properties: { desired: { rate: index } },
      });
      if (index < 10)
        hub.state.twins.patchReported(deviceId, undefined, { status: index < 4 ? 'ok' : 'bad', n: null });
    }
    await hub.registry.addModule({ deviceId: 'dev-01', moduleId: 'camera' });
    await hub.registry.addModule({ deviceId: 'dev-02', moduleId: 'camera' });
    hub.state.twins.patch('dev-02', 'camera', { tags: { zoom: 3 } });
  });
  after(async () => {
    await hub.stop();
  });

  async function rows(query: string, pageSize?: number): Promise<Row[]> {
    const all: Row[] = [];
    const cursor = hub.registry.createQuery(query, pageSize);
    do {
      const page = await cursor.next(cursor.continuationToken);
      all.push(...(page.result as Row[]));
    } while (cursor.hasMoreResults);
    return all;
  }
  const ids = async (where: string) =>
    (await rows(`SELECT * FROM devices WHERE ${where}`)).map((row) => String(row.deviceId));

  test('pages through all twins in the page size that was asked for', async () => {
    const query = hub.registry.createQuery('SELECT * FROM devices', 10);
    const sizes: number[] = [];
    const seen = new Set<string>();
    while (query.hasMoreResults) {
      const { result } = await query.nextAsTwin();
      sizes.push(result.length);
      for (const twin of result) seen.add(twin.deviceId);
    }
    assert.deepEqual(sizes, [10, 10, 5]);
    assert.equal(seen.size, 25);
  });

  test('goes on behind the last row although earlier devices are gone', async () => {
    await hub.registry.create({ deviceId: 'aaa-extra' });
    const first = await hub.call('POST', '/devices/query', {
      body: { query: 'SELECT deviceId FROM devices' },
      headers: { 'x-ms-max-item-count': '12' },
    });
    await hub.registry.create({ deviceId: 'zzz-extra' });
    await hub.registry.delete('dev-24');
    const rest = await hub.call('POST', '/devices/query', {
      body: { query: 'SELECT deviceId FROM devices' },
      headers: { 'x-ms-continuation': String(first.headers['x-ms-continuation']) },
    });
    const all = [...first.json, ...rest.json].map((row: Row) => row.deviceId);
    assert.equal(new Set(all).size, all.length);
    assert.equal(all.length, 26);
    assert.equal(rest.headers['x-ms-item-type'], 'Raw');
    assert.equal(rest.headers['x-ms-continuation'], undefined);
    await hub.registry.delete('aaa-extra');
    await hub.registry.delete('zzz-extra');
    await hub.registry.create({ deviceId: 'dev-24' });
    const foreign = await hub.call('POST', '/devices/query', {
      body: { query: 'SELECT * FROM devices' },
      headers: { 'x-ms-continuation': String(first.headers['x-ms-continuation']) },
    });
    assert.equal(foreign.status, 400);
  });

  test('compares, combines and nests', async () => {
    assert.equal((await ids("tags.site = 'north'")).length, 12);
    assert.equal((await ids("tags.site = 'north' AND properties.desired.rate >= 20")).length, 2);
    assert.equal((await ids("tags.site != 'north'")).length, 12, 'a twin without the tag matches neither');
    assert.equal((await ids("NOT (tags.site = 'north' OR tags.place.floor = 0)")).length, 8);
    assert.equal((await ids("status = 'disabled'")).length, 5);
    assert.deepEqual(await ids("deviceId IN ['dev-03', 'dev-07', 'nobody']"), ['dev-03', 'dev-07']);
    assert.equal((await ids("tags.site NIN ['north']")).length, 12);
    assert.equal((await ids('is_defined(properties.reported.status)')).length, 10);
    assert.equal(
      (await ids('IS_DEFINED(properties.reported.status) AND IS_NULL(properties.reported.n)')).length,
      0,
    );
    assert.deepEqual(await ids("STARTSWITH(deviceId, 'dev-1') AND ENDSWITH(deviceId, '3')"), ['dev-13']);
    assert.deepEqual(await ids('properties.desired.rate * 2 + 1 = 15'), ['dev-07']);
    assert.deepEqual(await ids("devices.deviceId = 'dev-05'"), ['dev-05']);
    assert.equal((await ids('capabilities.iotEdge = true')).length, 0);
    assert.equal((await ids("tags.place.floor < '1'")).length, 0, 'two types do not compare');
    hub.state.identities.setConnectionState('dev-08', undefined, 'Connected');
    assert.deepEqual(await ids("connectionState = 'Connected'"), ['dev-08']);
  });

  test('projects, renames, counts and groups', async () => {
    assert.deepEqual(
      await rows("SELECT DeviceId, tags.place.floor AS storey FROM devices WHERE deviceId = 'dev-05'"),
      [{ deviceId: 'dev-05', storey: 2 }],
    );
    assert.deepEqual(
      await rows("SELECT deviceId, properties.reported.status FROM devices WHERE deviceId = 'dev-20'"),
      [{ deviceId: 'dev-20' }],
    );
    assert.deepEqual(await rows('SELECT COUNT() AS n FROM devices'), [{ n: 25 }]);
    assert.deepEqual(await rows("SELECT COUNT() AS n FROM devices WHERE deviceId = 'nobody'"), [{ n: 0 }]);
    const groups = await rows(
      'SELECT properties.reported.status AS status, COUNT() AS numberOfDevices FROM devices ' +
        'WHERE is_defined(properties.reported.status) GROUP BY properties.reported.status',
    );
    assert.deepEqual(groups, [
      { status: 'ok', numberOfDevices: 4 },
      { status: 'bad', numberOfDevices: 6 },
    ]);
    assert.deepEqual(
      await rows(
        'SELECT MIN(properties.desired.rate) AS lo, AVG(properties.desired.rate) AS mid FROM devices',
      ),
      [{ lo: 0, mid: 11.5 }],
    );
    assert.equal((await rows('SELECT TOP 3 * FROM devices')).length, 3);
  });

  test('queries modules', async () => {
    const all = await rows('SELECT * FROM devices.modules');
    assert.equal(all.length, 2);
    const found = await rows("SELECT * FROM devices.modules WHERE tags.zoom = 3 AND deviceId IN ['dev-02']");
    assert.deepEqual(
      found.map((row) => [row.deviceId, row.moduleId]),
      [['dev-02', 'camera']],
    );
  });

  test('refuses what the language does not have', async () => {
    const bad = [
      'SELECT',
      'SELECT * FROM things',
      'SELECT * FROM devices WHERE',
      "SELECT * FROM devices WHERE tags.a = 'open",
      'SELECT * FROM devices WHERE tags.a IN (1, 2)',
      'SELECT * FROM devices WHERE nothing(tags.a)',
      'SELECT * FROM devices ORDER BY deviceId',
      'SELECT COUNT() AS n FROM devices.jobs',
      'DELETE FROM devices',
      `SELECT * FROM devices WHERE deviceId = '${'x'.repeat(8192)}'`,
    ];
    for (const query of bad) {
      const answer = await hub.call('POST', '/devices/query', { body: { query } });
      assert.equal(answer.status, 400, query.slice(0, 60));
      assert.match(answer.json.Message, /^ErrorCode:ArgumentInvalid;/);
    }
    assert.equal((await hub.call('POST', '/devices/query', { body: {} })).status, 400);
  });
});

describe('conditions', () => {
  const document = { a: 1, b: 'Text', list: [{ x: 'y' }], 'two-words': 'yes', none: null };
  const check = (text: string) => holds(parseCondition(text), (path) => valueAt(document, path));

  test('have arithmetic, precedence and escapes', () => {
    assert.ok(check('1 + 2 * 3 = 7'));
    assert.ok(check('(1 + 2) * 3 = 9 AND 7 % 4 = 3 AND -a = 0 - 1'));
    assert.ok(check('a = 0x1'));
    assert.ok(check(`"quote'd" = 'quote\\'d'`));
    assert.ok(check("'\\u0041' = 'A'"));
    assert.ok(check("list[0].x = 'y'"));
    assert.ok(check("two-words = 'yes'"));
    assert.ok(check("a = 2 OR b = 'Text' AND a = 1"));
  });

  test('have three truth values', () => {
    assert.ok(!check('missing = 1'));
    assert.ok(!check('missing != 1'));
    assert.ok(!check('NOT missing = 1'));
    assert.ok(check('missing = 1 OR a = 1'));
    assert.ok(!check('b'), 'only true is true');
    assert.ok(check('none = null AND is_null(none)'));
    assert.ok(check('NOT is_defined(missing)'));
  });

  test('have the functions of the article', () => {
    assert.ok(check("upper(b) = 'TEXT' AND lower(b) = 'text' AND length(b) = 4"));
    assert.ok(
      check("concat('a', 'b') = 'ab' AND substring('hello', 1, 3) = 'ell' AND index_of('hello', 'l') = 2"),
    );
    assert.ok(check("as_number('12') > 3 AND NOT is_defined(as_number('x'))"));
    assert.ok(check("starts_with(b, 'Te') AND ends_with(b, 'xt') AND contains(b, 'ex')"));
    assert.ok(check('abs(-3) = 3 AND power(2, 3) = 8 AND square(3) = 9 AND sqrt(9) = 3'));
    assert.ok(check('ceiling(1.2) = 2 AND floor(1.8) = 1 AND sign(-5) = -1 AND exp(0) = 1'));
    assert.ok(
      check('is_array(list) AND is_string(b) AND is_number(a) AND is_primitive(none) AND is_object(list[0])'),
    );
  });
});
