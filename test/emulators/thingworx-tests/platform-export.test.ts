import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  entities,
  field,
  property,
  shape,
  shapeBlocks,
  subscription,
  thing,
  withPlatform,
} from './platform-support.ts';

describe('plain import and export', () => {
  test('only with Basic login', async () => {
    await withPlatform({}, async (client, emulator) => {
      const form = new FormData();
      form.append('file', new Blob([entities(thing('T', 'GenericThing'))]), 'x.xml');
      const response = await fetch(`${emulator.url}/Thingworx/Importer?purpose=import`, {
        method: 'POST',
        headers: { appKey: emulator.appKey, 'x-xsrf-token': 'x' },
        body: form,
      });
      assert.equal(response.status, 401);
      assert.equal((await client.importXml(entities(thing('T', 'Missing_TT')))).status, 406);
      assert.equal((await client.importXml(entities(thing('T', 'GenericThing')))).text, 'success');
    });
  });

  test('what is exported can be imported again', async () => {
    await withPlatform({}, async (client) => {
      const source = entities(
        shape(
          'Round_TS',
          shapeBlocks({
            properties: property('p', 'STRING', { isPersistent: true, defaultValue: 'd' }),
            services: [
              {
                name: 'S',
                result: 'STRING',
                code: 'var text = "]]]]><![CDATA[>"; result = text;',
                parameters: field('x', 'NUMBER', 'aspect.isRequired="true"'),
              },
            ],
            subscriptions: subscription('DataChange', 'me.q = 1;', 'p'),
          }),
          '<InstanceRunTimePermissions><Permissions resourceName="*"><PropertyRead><Principal isPermitted="true" name="Users" type="Group"/></PropertyRead></Permissions></InstanceRunTimePermissions>',
        ) +
          thing(
            'Round',
            'GenericThing',
            shapeBlocks({
              properties:
                property('q', 'NUMBER', { isPersistent: true }) +
                property('j', 'JSON', { isPersistent: true }),
            }),
            '<ImplementedShapes><ImplementedShape name="Round_TS" type="ThingShape"/></ImplementedShapes><ThingProperties><q><Value>4</Value><Timestamp>2024-01-02T03:04:05.000Z</Timestamp><Quality>GOOD</Quality></q></ThingProperties>',
          ),
      );
      assert.equal((await client.importXml(source)).status, 200);
      assert.equal(await client.read('Round', 'q'), 4);
      await client.write('Round', { j: { deep: [1, { two: 2 }] } });
      const shapeXml = (
        await client.get('/Exporter/ThingShapes/Round_TS', { headers: { accept: 'text/xml' } })
      ).text;
      const thingXml = (await client.get('/Exporter/Things/Round', { headers: { accept: 'text/xml' } })).text;
      const before = (await client.get('/Things/Round')).json;
      await client.call('DELETE', '/Things/Round');
      const removed = await client.call(
        'DELETE',
        '/ThingShapes/Round_TS?Accept=application%2Fjson&Content-Type=application%2Fjson',
        undefined,
        {
          anonymous: true,
          headers: { ...client.basic(), 'x-xsrf-token': 'x' },
        },
      );
      assert.equal(removed.status, 200, removed.text);
      assert.equal((await client.importXml(shapeXml)).status, 200);
      assert.equal(
        (await client.importXml(thingXml, 'purpose=import&overwritePropertyValues=true')).status,
        200,
      );
      const after = (await client.get('/Things/Round')).json;
      assert.deepEqual(after.effectiveShape, before.effectiveShape);
      assert.equal(await client.read('Round', 'q'), 4);
      assert.deepEqual(await client.read('Round', 'j'), { deep: [1, { two: 2 }] });
      assert.equal(await client.result('Things/Round', 'S', { x: 1 }), ']]>');
    });
  });

  test('the export of a missing entity is empty', async () => {
    await withPlatform({}, async (client) => {
      const answer = await client.get('/Exporter/Things/Nobody', { headers: { accept: 'text/xml' } });
      assert.equal(answer.status, 200);
      assert.match(answer.text, /<Entities [^>]*\/>|<Entities [^>]*>\s*<\/Entities>/);
    });
  });
});
