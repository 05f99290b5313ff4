import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allow, operator, show } from './platform-operator.ts';
import { entities, property, shapeBlocks, thing, until, withPlatform } from './platform-support.ts';

describe('rights inside scripts', () => {
  const door = entities(
    thing(
      'Safe',
      'GenericThing',
      shapeBlocks({ properties: property('gold', 'NUMBER', { defaultValue: '5' }) }),
    ) +
      thing(
        'Door',
        'GenericThing',
        shapeBlocks({
          services: [
            { name: 'Look', result: 'NUMBER', code: 'result = Things["Safe"].gold;' },
            { name: 'Ask', result: 'INFOTABLE', code: 'result = Things["Safe"].GetPropertyValues();' },
          ],
        }),
      ),
  );

  test('the caller, or the System user, or nobody is asked', async () => {
    await withPlatform({}, async (client) => {
      const key = await operator(client);
      await client.importXml(door);
      await show(client, 'Things/Door');
      await show(client, 'Things/Safe');
      await allow(client, 'Things/Door', 'ServiceInvoke');
      const look = (service = 'Look') => client.service('Things/Door', service, {}, { key });
      const refused = await look();
      assert.equal(refused.status, 500);
      assert.match(refused.text, /Not authorized for PropertyRead on gold in Safe/);
      const system = { principal: 'System', principalType: 'User', resource: '*', allow: true };
      await client.result('Things/Safe', 'AddRunTimePermission', { ...system, type: 'PropertyRead' });
      assert.deepEqual((await look()).json.rows, [{ result: 5 }]);
      await client.control('PUT', '/switches', { nestedRights: 'caller' });
      assert.equal((await look()).status, 500);
      await allow(client, 'Things/Safe', 'PropertyRead');
      assert.deepEqual((await look()).json.rows, [{ result: 5 }]);
      assert.match((await look('Ask')).text, /Not authorized for ServiceInvoke on GetPropertyValues in Safe/);
      await client.control('PUT', '/switches', { nestedRights: 'unchecked' });
      assert.equal((await look('Ask')).status, 200);
    });
  });

  test('writing a property, firing an event and reading it need a right each', async () => {
    await withPlatform({}, async (client) => {
      const key = await operator(client);
      const event = '<EventDefinition category="" dataShape="TimerEvent" description="" name="Rang"/>';
      const onRang =
        '<Subscription enabled="true" eventName="Rang" name="r" source="" sourceProperty="" sourceType="Thing"><ServiceImplementation handlerName="Script" name="r"><ConfigurationTables><ConfigurationTable name="Script"><Rows><Row><code><![CDATA[me.heard = true;]]></code></Row></Rows></ConfigurationTable></ConfigurationTables></ServiceImplementation></Subscription>';
      const blocks = shapeBlocks({
        properties: property('level', 'NUMBER') + property('heard', 'BOOLEAN'),
        services: [
          { name: 'Raise', code: 'me.level = 3;' },
          { name: 'Ring', code: 'me.Rang({ timestamp: new Date() });' },
        ],
        events: event,
        subscriptions: onRang,
      });
      await client.importXml(entities(thing('Bell', 'GenericThing', blocks)));
      await show(client, 'Things/Bell');
      await allow(client, 'Things/Bell', 'ServiceInvoke');
      const call = (service: string) => client.service('Things/Bell', service, {}, { key });
      assert.match((await call('Raise')).text, /Not authorized for PropertyWrite on level in Bell/);
      await allow(client, 'Things/Bell', 'PropertyWrite', 'level');
      assert.equal((await call('Raise')).status, 200);
      assert.match((await call('Ring')).text, /Not authorized for EventInvoke on Rang in Bell/);
      assert.equal(await client.read('Bell', 'heard'), false);
      await allow(client, 'Things/Bell', 'EventInvoke', 'Rang');
      await allow(client, 'Things/Bell', 'PropertyWrite', 'heard');
      assert.equal((await call('Ring')).status, 200);
      await until('the subscription', async () => (await client.read('Bell', 'heard')) === true);
    });
  });

  test('function libraries are there for everybody, unless the switch says no', async () => {
    await withPlatform({}, async (client) => {
      const key = await operator(client);
      const make = () =>
        client.service(
          'Resources/InfoTableFunctions',
          'CreateInfoTableFromDataShape',
          { infoTableName: 't', dataShapeName: 'EntityList' },
          { key },
        );
      assert.equal((await make()).status, 200);
      await client.control('PUT', '/switches', { functionLibrariesForUsers: false });
      assert.equal((await make()).status, 403);
    });
  });

  test('subscriptions run in the name of the user whose change fired them', async () => {
    await withPlatform({}, async (client) => {
      const key = await operator(client);
      await client.importXml(
        entities(
          thing(
            'T',
            'GenericThing',
            shapeBlocks({
              properties: property('a', 'NUMBER') + property('who', 'STRING'),
              subscriptions:
                '<Subscription enabled="true" eventName="DataChange" name="s" source="" sourceProperty="a" sourceType="Thing"><ServiceImplementation handlerName="Script" name="s"><ConfigurationTables><ConfigurationTable name="Script"><Rows><Row><code><![CDATA[me.who = Resources["CurrentSessionInfo"].GetCurrentUser();]]></code></Row></Rows></ConfigurationTable></ConfigurationTables></ServiceImplementation></Subscription>',
            }),
          ),
        ),
      );
      await show(client, 'Things/T');
      await allow(client, 'Things/T', 'PropertyWrite');
      await client.write('T', { a: 3 }, { key });
      await until('the subscription', async () => (await client.read('T', 'who')) === 'olga');
    });
  });
});
