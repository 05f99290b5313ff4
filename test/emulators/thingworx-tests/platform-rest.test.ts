import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entities, field, shapeBlocks, thing, until, withPlatform } from './platform-support.ts';

/** A Thing with one service per result type. */
const talker = entities(
  thing(
    'Talker',
    'GenericThing',
    shapeBlocks({
      services: [
        { name: 'Nothing', code: 'var x = 1;' },
        { name: 'Text', result: 'STRING', code: 'result = "hi";' },
        { name: 'Number', result: 'NUMBER', code: 'result = 1.5;' },
        { name: 'Flag', result: 'BOOLEAN', code: 'result = true;' },
        { name: 'Date', result: 'DATETIME', code: 'result = new Date(1704164645678);' },
        { name: 'Json', result: 'JSON', code: 'result = {a: [1, {b: 2}]};' },
        { name: 'List', result: 'JSON', code: 'result = [1, 2];' },
        { name: 'NotANumber', result: 'NUMBER', code: 'result = 0 / 0;' },
        {
          name: 'Table',
          result: 'INFOTABLE',
          code: 'result = Resources["InfoTableFunctions"].CreateInfoTableFromDataShape({infoTableName: "t", dataShapeName: "EntityList"}); result.AddRow({name: "n"});',
        },
        {
          name: 'Echo',
          result: 'STRING',
          parameters: field('text', 'STRING') + field('when', 'DATETIME'),
          code: 'result = text + " " + when.getTime();',
        },
        {
          name: 'Typed',
          result: 'NUMBER',
          parameters: field('rows', 'INFOTABLE', 'aspect.dataShape="EntityList"'),
          code: 'result = rows.rows.length;',
        },
        { name: 'Hidden', result: 'STRING', code: 'result = "x";', attributes: '' },
        { name: 'Background', code: 'me.done = true;' },
      ],
      properties:
        '<PropertyDefinition aspect.dataChangeType="VALUE" baseType="BOOLEAN" name="done"/><PropertyDefinition baseType="PASSWORD" aspect.isPersistent="true" name="secret"/>',
    })
      .replace('isPrivate="false" name="Hidden"', 'isPrivate="true" name="Hidden"')
      .replace(
        'aspect.isAsync="false" category="" description="" isAllowOverride="false" isLocalOnly="false" isOpen="false" isPrivate="false" name="Background"',
        'aspect.isAsync="true" category="" description="" isAllowOverride="false" isLocalOnly="false" isOpen="false" isPrivate="false" name="Background"',
      ),
  ),
);

describe('result encodings', () => {
  test('each base type', async () => {
    await withPlatform({}, async (client) => {
      assert.equal((await client.importXml(talker)).status, 200);
      const call = (service: string, input: unknown = {}) => client.service('Things/Talker', service, input);
      const nothing = await call('Nothing');
      assert.deepEqual([nothing.status, nothing.text], [200, '']);
      const text = await call('Text');
      assert.deepEqual(text.json, {
        dataShape: {
          fieldDefinitions: {
            result: { name: 'result', description: 'result', baseType: 'STRING', ordinal: 0, aspects: {} },
          },
        },
        rows: [{ result: 'hi' }],
      });
      assert.deepEqual((await call('Number')).json.rows, [{ result: 1.5 }]);
      assert.deepEqual((await call('Flag')).json.rows, [{ result: true }]);
      assert.deepEqual((await call('Date')).json.rows, [{ result: 1704164645678 }]);
      assert.deepEqual((await call('Json')).json, { a: [1, { b: 2 }] });
      assert.deepEqual((await call('List')).json, { array: [1, 2] });
      const table = await call('Table');
      assert.deepEqual(table.json.rows, [{ name: 'n' }]);
      assert.equal(table.json.dataShape.fieldDefinitions.name.baseType, 'STRING');
      const nan = await call('NotANumber');
      assert.equal(nan.status, 500);
      assert.match(nan.text, /JSON does not allow non-finite numbers/);
    });
  });

  test('parameters are converted by their declared types', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(talker);
      const call = (service: string, input: unknown) => client.service('Things/Talker', service, input);
      assert.equal(
        await client.result('Things/Talker', 'Echo', {
          text: 7,
          when: '2024-01-02T03:04:05.6789012Z',
          other: 1,
        }),
        '7 1704164645678',
      );
      const refused = await call('Echo', { text: 'a', when: '2024-01-02 03:04:05' });
      assert.equal(refused.status, 500);
      assert.match(refused.text, /Unable To Convert From java\.lang\.String to DATETIME/);
      const withoutShape = await call('Typed', { rows: { rows: [{ name: 'a' }] } });
      assert.equal(withoutShape.status, 500);
      assert.match(withoutShape.text, /JSONObject\["dataShape"\] not found\./);
      await client.control('PUT', '/switches', { infoTableWithoutDataShape: 'declared' });
      assert.equal(await client.result('Things/Talker', 'Typed', { rows: { rows: [{ name: 'a' }] } }), 1);
    });
  });

  test('private services are hidden, asynchronous ones run in the background', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(talker);
      assert.equal((await client.service('Things/Talker', 'Hidden')).status, 403);
      const started = await client.service('Things/Talker', 'Background');
      assert.deepEqual([started.status, started.text], [200, '']);
      await until('the background service', async () => (await client.read('Talker', 'done')) === true);
    });
  });

  test('other formats: HTML is the default, XML and CSV on request', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(talker);
      const as = (accept: string) => client.get('/Things/Talker/Properties/name', { headers: { accept } });
      assert.match((await as('*/*')).headers.get('content-type') ?? '', /^text\/html/);
      assert.match((await as('text/csv')).text, /^name\nTalker\n/);
      assert.match((await as('text/xml')).text, /<Row><name><!\[CDATA\[Talker\]\]><\/name><\/Row>/);
      assert.equal((await as('image/png')).status, 406);
      assert.equal(
        (await as('application/json-compressed')).headers.get('content-type'),
        'application/json; charset=UTF-8',
      );
    });
  });
});

describe('properties', () => {
  test('read and write', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T', 'GenericThing', [
        { name: 'a', type: 'NUMBER' },
        { name: 'b', type: 'STRING' },
        { name: 'fixed', type: 'STRING', readOnly: true },
      ]);
      const written = await client.call('PUT', '/Things/T/Properties/a', { a: '12' });
      assert.deepEqual([written.status, written.text], [200, '']);
      assert.equal((await client.write('T', { a: 3, b: 'x' })).status, 200);
      const one = await client.get('/Things/T/Properties/b');
      assert.deepEqual(one.json.rows, [{ b: 'x' }]);
      const all = await client.get('/Things/T/Properties/');
      assert.deepEqual([all.json.rows[0].a, all.json.rows[0].b, all.json.rows[0].name], [3, 'x', 'T']);
      assert.equal((await client.call('PUT', '/Things/T/Properties/a', { a: '' })).status, 500);
      assert.equal((await client.write('T', { fixed: 'y' })).status, 500);
      assert.equal((await client.write('T', { nope: 1 })).status, 404);
      assert.equal((await client.get('/Things/T/Properties/nope')).status, 404);
    });
  });

  test('a password never comes back', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(talker);
      assert.equal((await client.write('Talker', { secret: 'hunter2' })).status, 200);
      assert.equal(await client.read('Talker', 'secret'), '********');
      const exported = await client.get('/Exporter/Things/Talker', { headers: { accept: 'text/xml' } });
      assert.ok(!exported.text.includes('hunter2'));
    });
  });

  test('a Thing that was never started cannot be used', async () => {
    await withPlatform({}, async (client) => {
      await client.result('Resources/EntityServices', 'CreateThing', {
        name: 'T',
        thingTemplateName: 'GenericThing',
      });
      await client.result('Things/T', 'AddPropertyDefinition', { name: 'a', type: 'NUMBER' });
      const refused = await client.write('T', { a: 1 });
      assert.deepEqual([refused.status, refused.text], [500, 'Thing [T] is not running']);
      await client.control('PUT', '/switches', { disabledThings: 'accept' });
      assert.equal((await client.write('T', { a: 1 })).status, 200);
    });
  });

  test('bound properties cannot be written', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('Source', 'GenericThing', [{ name: 'v', type: 'NUMBER' }]);
      await client.thing('Target', 'GenericThing', [
        { name: 'w', type: 'NUMBER' },
        { name: 'r', type: 'NUMBER', remote: true, remotePropertyName: 'r' },
      ]);
      await client.result('Things/Target', 'SetLocalPropertyBinding', {
        propertyName: 'w',
        sourceThingName: 'Source',
        sourcePropertyName: 'v',
      });
      await client.write('Source', { v: 5 });
      assert.equal(await client.read('Target', 'w'), 5);
      assert.equal((await client.write('Target', { w: 6 })).status, 500);
      assert.equal((await client.write('Target', { r: 6 })).status, 500);
    });
  });
});

describe('login', () => {
  test('application key, Basic, session, and what is refused', async () => {
    await withPlatform({}, async (client) => {
      const anonymous = await client.get('/Things', { anonymous: true });
      assert.equal(anonymous.status, 401);
      assert.match(anonymous.headers.get('www-authenticate') ?? '', /^Basic realm="?ThingWorx"?$/);
      assert.equal((await client.get('/Things', { key: 'unknown' })).status, 401);
      const inUrl = `/Things?appKey=${client.emulator.appKey}`;
      assert.equal((await client.get(inUrl, { anonymous: true })).status, 401);
      assert.equal((await client.get(inUrl)).status, 200, 'beside a login it does no harm');
      await client.control('PUT', '/switches', { appKeyInUrl: 'accept' });
      assert.equal((await client.get(inUrl, { anonymous: true })).status, 200);
      const basic = await client.get('/Things', { anonymous: true, headers: client.basic() });
      assert.equal(basic.status, 200);
      assert.equal(
        (await client.get('/Things', { anonymous: true, headers: client.basic('Administrator', 'wrong') }))
          .status,
        401,
      );
      const cookie = basic.headers.get('set-cookie')?.split(';')[0] ?? '';
      assert.match(cookie, /^JSESSIONID=/);
      assert.equal((await client.get('/Things', { anonymous: true, headers: { cookie } })).status, 200);
      const stateless = await client.get('/Things', { headers: { 'x-thingworx-session': 'false' } });
      assert.equal(stateless.headers.get('set-cookie'), null);
      assert.ok((await client.log('SecurityLog')).some((line) => /wrong user name or password/.test(line)));
    });
  });

  test('changes with Basic or a session need the XSRF token, any value', async () => {
    await withPlatform({}, async (client) => {
      const create = (headers: Record<string, string>) =>
        client.service(
          'Resources/EntityServices',
          'CreateThing',
          { name: 'T', thingTemplateName: 'GenericThing' },
          { anonymous: true, headers },
        );
      assert.equal((await create(client.basic())).status, 403);
      assert.equal((await create({ ...client.basic(), 'x-xsrf-token': 'TWX-XSRF-TOKEN-VALUE' })).status, 200);
    });
  });

  test('application keys expire, after a day unless told otherwise, and can be bound to addresses', async () => {
    await withPlatform({}, async (client) => {
      const create = async (name: string, more: Record<string, unknown>) => {
        await client.result('Resources/EntityServices', 'CreateApplicationKey', {
          name,
          user: 'Administrator',
          ...more,
        });
        return String(await client.result(`ApplicationKeys/${name}`, 'GetKeyID'));
      };
      const day = await create('Day', {});
      const expires = Number(await client.result('ApplicationKeys/Day', 'GetExpirationDate'));
      assert.ok(Math.abs(expires - Date.now() - 86_400_000) < 60_000);
      assert.equal((await client.get('/Things', { key: day })).status, 200);
      const old = await create('Old', { expirationDate: '2020-01-01T00:00:00Z' });
      assert.equal((await client.get('/Things', { key: old })).status, 401);
      await client.control('PUT', '/switches', { expiredKeyStatus: 403 });
      assert.equal((await client.get('/Things', { key: old })).status, 403);
      const elsewhere = await create('Elsewhere', { whitelist: '10.1.*' });
      assert.equal((await client.get('/Things', { key: elsewhere })).status, 401);
      await client.result('ApplicationKeys/Elsewhere', 'SetIPWhitelist', { list: '127.0.0.1' });
      assert.equal((await client.get('/Things', { key: elsewhere })).status, 200);
    });
  });
});

describe('errors and odds', () => {
  test('status codes and texts', async () => {
    await withPlatform({}, async (client) => {
      const missing = await client.get('/Things/Nobody');
      assert.deepEqual([missing.status, missing.text], [404, 'Entity Not Found : [Nobody]']);
      assert.match(missing.headers.get('content-type') ?? '', /^text\/plain/);
      const page = await client.get('/Things/Nobody', { headers: { accept: 'text/html' } });
      assert.match(page.text, /<html>/);
      await client.thing('T');
      assert.equal((await client.get('/Things/T/Services/EnableThing')).status, 405);
      const untyped = await client.call('POST', '/Things/T/Services/EnableThing');
      assert.equal(untyped.status, 403);
      const malformed = await fetch(`${client.emulator.url}/Thingworx/Things/T/Services/EnableThing`, {
        method: 'POST',
        headers: {
          appKey: client.emulator.appKey,
          accept: 'application/json',
          'content-type': 'application/json',
        },
        body: '{',
      });
      assert.equal(malformed.status, 400);
      const bare = await client.service('Groups/Administrators', 'AddMember', { name: 'x', type: 'User' });
      assert.deepEqual(
        [bare.status, bare.text],
        [500, 'Unable to Invoke Service AddMember on Administrators'],
      );
    });
  });

  test('a body above the limit is refused', async () => {
    await withPlatform({ bodyLimitBytes: 1_000 }, async (client) => {
      await client.thing('T', 'GenericThing', [{ name: 'a', type: 'STRING' }]);
      assert.equal((await client.write('T', { a: 'x'.repeat(2_000) })).status, 413);
    });
  });

  test('names are percent-encoded, hostile names are data', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('Pump-1.a_b', 'GenericThing', [{ name: 'a', type: 'JSON' }]);
      assert.equal(
        (await client.write('Pump%2D1.a_b', { a: JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}') }))
          .status,
        200,
      );
      const answer = await client.get('/Things/Pump-1.a_b/Properties/a');
      assert.match(answer.text, /"a":\{"__proto__":\{"x":1\},"constructor":2\}/);
      for (const name of ['__proto__', 'constructor', 'toString', '..%2F..']) {
        assert.equal((await client.get(`/Things/${name}`)).status, 404, name);
        assert.equal((await client.get(`/Things/Pump-1.a_b/Properties/${name}`)).status, 404, name);
        assert.equal((await client.service('Things/Pump-1.a_b', name)).status, 404, name);
      }
    });
  });

  test('health and metrics, lists, metadata', async () => {
    await withPlatform({}, async (client) => {
      assert.equal((await client.get('/health', { anonymous: true })).status, 200);
      assert.match((await client.get('/Metrics')).text, /thingworx_things 1$/m);
      await client.thing('T', 'GenericThing', [{ name: 'a', type: 'NUMBER', category: 'c' }]);
      const list = await client.get('/Things');
      assert.deepEqual(
        list.json.rows.map((row: { name: string }) => row.name),
        ['SystemRepository', 'T'],
      );
      const definitions = await client.get('/Things/T/PropertyDefinitions');
      const own = definitions.json.rows.find((row: { name: string }) => row.name === 'a');
      assert.deepEqual([own.baseType, own.category, own.isPersistent], ['NUMBER', 'c', false]);
      const metadata = await client.get('/Things/T/Metadata');
      assert.equal(metadata.json.propertyDefinitions.a.sourceType, 'Thing');
      assert.ok(metadata.json.serviceDefinitions.UpdatePropertyValues);
      const own2 = await client.result('Resources/EntityServices', 'ReadEntityDefinitionAsJSON', {
        type: 'Things',
        name: 'T',
      });
      assert.deepEqual(Object.keys(own2.thingShape.propertyDefinitions), ['a']);
      assert.ok(Object.keys(own2.effectiveShape.propertyDefinitions).length > 1);
      const put = await client.call('PUT', '/Things', {
        entityType: 'Things',
        name: 'ByPut',
        thingTemplate: 'GenericThing',
      });
      assert.equal(put.status, 200);
      assert.equal((await client.call('DELETE', '/Things/ByPut')).status, 200);
      assert.equal((await client.get('/Things/ByPut')).status, 404);
    });
  });

  test('a script that takes too long is ended', async () => {
    await withPlatform({ scriptTimeoutMs: 300 }, async (client) => {
      await client.importXml(
        entities(
          thing(
            'Slow',
            'GenericThing',
            shapeBlocks({ services: [{ name: 'Spin', result: 'STRING', code: 'while (true) {}' }] }),
          ),
        ),
      );
      const answer = await client.service('Things/Slow', 'Spin');
      assert.equal(answer.status, 500);
      assert.match(answer.text, /Timeout configured for 0\.3 seconds/);
    });
  });
});
