import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCron } from '../thingworx/runtime/cron.ts';
import {
  entities,
  field,
  implementation,
  metadata,
  property,
  shapeBlocks,
  subscription,
  thing,
  until,
  updates,
  withPlatform,
  zip,
} from './platform-support.ts';

const eventShape = `<DataShapes><DataShape name="Alarm_DS" projectName=""><FieldDefinitions>${field('level', 'NUMBER')}${field('text', 'STRING')}</FieldDefinitions></DataShape></DataShapes>`;

function settings(fields: string, row: string): string {
  return `<ConfigurationTables><ConfigurationTable dataShapeName="" description="" isHidden="true" isMultiRow="false" name="Settings" ordinal="0"><DataShape><FieldDefinitions>${fields}</FieldDefinitions></DataShape><Rows><Row>${row}</Row></Rows></ConfigurationTable></ConfigurationTables>`;
}

describe('subscriptions', () => {
  test('DataChange carries old and new value with time and quality, in order', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(
        entities(
          thing(
            'T',
            'GenericThing',
            shapeBlocks({
              properties: property('a', 'NUMBER', { dataChangeType: 'ALWAYS' }) + property('log', 'STRING'),
              subscriptions: subscription(
                'DataChange',
                'me.log = me.log + [eventData.oldValue.value, eventData.newValue.value, eventData.newValue.time.getTime(), eventData.newValue.quality, source, sourceProperty, eventName].join("|") + ";";',
                'a',
              ),
            }),
          ),
        ),
      );
      await client.result(
        'Things/T',
        'UpdatePropertyValues',
        updates([
          { name: 'a', time: 1_700_000_000_000, value: 1, quality: 'BAD' },
          { name: 'a', time: 1_700_000_000_001, value: 1 },
          { name: 'a', time: 1_700_000_000_002, value: 2 },
        ]),
      );
      const log = await until('three events', async () => {
        const text = String(await client.read('T', 'log'));
        return text.split(';').length === 4 && text;
      });
      assert.equal(
        log,
        '0|1|1700000000000|BAD|T|a|DataChange;1|1|1700000000001|GOOD|T|a|DataChange;1|2|1700000000002|GOOD|T|a|DataChange;',
      );
    });
  });

  test('events of the Thing, of other Things, in the old form and the new one', async () => {
    await withPlatform({}, async (client) => {
      const listener = (name: string, subscriptions: string) =>
        thing(name, 'GenericThing', shapeBlocks({ properties: property('heard', 'STRING'), subscriptions }));
      await client.importXml(
        entities(
          eventShape +
            thing(
              'Source',
              'GenericThing',
              shapeBlocks({
                properties: property('v', 'NUMBER') + property('heard', 'STRING'),
                events: '<EventDefinition category="" dataShape="Alarm_DS" description="" name="Alarm"/>',
                services: [{ name: 'Raise', code: 'me.Alarm({level: 3, text: "hot"});' }],
                subscriptions: subscription('Alarm', 'me.heard = eventData.text + eventData.level;'),
              }),
            ) +
            listener(
              'Old',
              `<Subscription enabled="true" eventName="Alarm" name="o" source="Source" sourceProperty="" sourceType="Thing">${implementation('o', 'me.heard = source + " " + eventData.level;')}</Subscription>`,
            ) +
            listener(
              'New',
              `<Subscription description="" enabled="true" name="n" version="2">${implementation('n', 'me.heard = me.heard + eventName + alias + ";";')}<Events><Event alias="change" eventName="DataChange" source="Source" sourceProperty="v" sourceType="Thing"/><Event alias="alarm" eventName="Alarm" source="Source" sourceProperty="" sourceType="Thing"/></Events></Subscription>`,
            ) +
            listener(
              'Off',
              `<Subscription enabled="false" eventName="Alarm" name="o" source="Source" sourceProperty="" sourceType="Thing">${implementation('o', 'me.heard = "never";')}</Subscription>`,
            ),
        ),
      );
      await client.result('Things/Source', 'Raise');
      await client.write('Source', { v: 1 });
      await until(
        'all listeners',
        async () =>
          (await client.read('Source', 'heard')) === 'hot3' &&
          (await client.read('Old', 'heard')) === 'Source 3' &&
          ['Alarmalarm;DataChangechange;', 'DataChangechange;Alarmalarm;'].includes(
            await client.read('New', 'heard'),
          ),
      );
      await until('quiet', async () => (await client.control('GET', '/idle')).idle);
      assert.equal(await client.read('Off', 'heard'), '');
      await client.result('Things/Off', 'EnableSubscription', { subscriptionName: 'o' });
      await client.result('Things/Source', 'Raise');
      await until('the enabled one', async () => (await client.read('Off', 'heard')) === 'never');
    });
  });

  test('a locally bound property fires for the Thing that is bound', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(
        entities(
          thing('Source', 'GenericThing', shapeBlocks({ properties: property('v', 'NUMBER') })) +
            thing(
              'Target',
              'GenericThing',
              shapeBlocks({
                properties: property('w', 'NUMBER') + property('seen', 'NUMBER'),
                subscriptions: subscription('DataChange', 'me.seen = eventData.newValue.value;', 'w'),
              }),
              '<PropertyBindings><PropertyBinding name="w" sourceName="v" sourceThingName="Source"/></PropertyBindings>',
            ),
        ),
      );
      await client.write('Source', { v: 9 });
      await until('the bound change', async () => (await client.read('Target', 'seen')) === 9);
      assert.equal(await client.read('Target', 'w'), 9);
    });
  });

  test('ThingStart fires after the import, after RestartThing and after a restart of the server', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(
        entities(
          thing(
            'T',
            'GenericThing',
            shapeBlocks({
              properties: property('starts', 'NUMBER', { isPersistent: true }),
              subscriptions: subscription('ThingStart', 'me.starts = me.starts + 1;'),
            }),
          ),
        ),
      );
      const count = (wanted: number) =>
        until(`start ${wanted}`, async () => (await client.read('T', 'starts')) === wanted);
      await count(1);
      await client.result('Things/T', 'RestartThing');
      await count(2);
      await client.control('POST', '/restart');
      await count(3);
    });
  });

  test('a failing subscription is in the logs and stops nothing', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(
        entities(
          thing(
            'T',
            'GenericThing',
            shapeBlocks({
              properties: property('a', 'NUMBER') + property('b', 'NUMBER'),
              subscriptions: subscription(
                'DataChange',
                'if (eventData.newValue.value === 1) { throw new Error("no one"); }\nme.b = eventData.newValue.value;',
                'a',
              ),
            }),
          ),
        ),
      );
      await client.write('T', { a: 1 });
      await client.write('T', { a: 2 });
      await until('the second', async () => (await client.read('T', 'b')) === 2);
      assert.ok((await client.log('ScriptLog')).some((line) => line.includes('no one')));
      assert.ok((await client.log('ApplicationLog')).some((line) => line.includes('no one')));
    });
  });
});

describe('timers and schedulers', () => {
  const timer = (name: string, user: string) =>
    thing(
      name,
      'Timer',
      shapeBlocks({
        properties: property('ticks', 'NUMBER'),
        subscriptions: subscription('Timer', 'me.ticks = me.ticks + 1;'),
      }),
      settings(
        field('enabled', 'BOOLEAN') + field('runAsUser', 'USERNAME') + field('updateRate', 'NUMBER'),
        `<enabled>true</enabled><runAsUser>${user}</runAsUser><updateRate>20.0</updateRate>`,
      ),
    );

  test('a timer ticks, can be switched off, and without a user never runs', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(entities(timer('Clock', 'Administrator') + timer('Nobody', '')));
      await until('ticks', async () => (await client.read('Clock', 'ticks')) >= 3);
      assert.equal(await client.read('Nobody', 'ticks'), 0);
      assert.equal(await client.read('Clock', 'Enabled'), true);
      await client.result('Things/Clock', 'DisableTimer');
      assert.equal(await client.read('Clock', 'Enabled'), false);
      await until('quiet', async () => (await client.control('GET', '/idle')).idle);
      const stopped = await client.read('Clock', 'ticks');
      await client.result('Things/Nobody', 'SetConfigurationTable', {
        tableName: 'Settings',
        persistent: true,
        configurationTable: {
          dataShape: {
            fieldDefinitions: {
              enabled: { name: 'enabled', baseType: 'BOOLEAN' },
              runAsUser: { name: 'runAsUser', baseType: 'STRING' },
              updateRate: { name: 'updateRate', baseType: 'NUMBER' },
            },
          },
          rows: [{ enabled: true, runAsUser: 'Administrator', updateRate: 20 }],
        },
      });
      await until('ticks of the other', async () => (await client.read('Nobody', 'ticks')) >= 2);
      assert.equal(await client.read('Clock', 'ticks'), stopped);
    });
  });

  test('a timer of an extension fires as its settings say, over a restart, and as they are changed', async () => {
    await withPlatform({}, async (client) => {
      const watch = thing(
        'Watch',
        'Timer',
        shapeBlocks({
          properties: property('ticks', 'NUMBER', { isPersistent: true }) + property('last', 'DATETIME'),
          subscriptions: subscription(
            'Timer',
            'me.ticks = me.ticks + 1; me.last = eventData.timestamp;',
            '',
            'name="watch"',
          ),
        }),
        // As PTC's exports write it; Composer shows the three as settings of the Timer.
        settings(
          '<FieldDefinition aspect.defaultValue="true" baseType="BOOLEAN" description="Automatically enable timer on startup" name="enabled" ordinal="0"/><FieldDefinition baseType="USERNAME" description="User context in which to run event handlers" name="runAsUser" ordinal="0"/><FieldDefinition aspect.defaultValue="60000.0" baseType="NUMBER" description="Update rate" name="updateRate" ordinal="0"/>',
          '<enabled>true</enabled><runAsUser>Administrator</runAsUser><updateRate>30.0</updateRate>',
        ),
        'effectiveThingPackage="TimerThing"',
      );
      const uploaded = await client.upload(
        await zip({
          'metadata.xml': metadata('Watching', '1.0.0'),
          'Entities/Things/Watch.xml': entities(watch),
        }),
      );
      assert.equal(uploaded.status, 200, uploaded.text);
      const ticks = () => client.read('Watch', 'ticks');
      const more = async (what: string) => {
        const before = await ticks();
        await until(what, async () => (await ticks()) >= before + 2);
      };
      await more('ticks after the import');
      assert.ok(Date.now() - (await client.read('Watch', 'last')) < 60_000);
      const read = () => client.result('Things/Watch', 'GetConfigurationTable', { tableName: 'Settings' });
      const table = await read();
      assert.deepEqual(table.rows, [{ enabled: true, runAsUser: 'Administrator', updateRate: 30 }]);
      await client.control('POST', '/restart');
      await more('ticks after a restart of the server');
      await client.result('Things/Watch', 'RestartThing');
      await more('ticks after a restart of the Thing');
      const change = async (row: object) => {
        const configurationTable = { dataShape: table.dataShape, rows: [{ ...table.rows[0], ...row }] };
        await client.result('Things/Watch', 'SetConfigurationTable', {
          tableName: 'Settings',
          persistent: true,
          configurationTable,
        });
      };
      await change({ enabled: false });
      await client.result('Things/Watch', 'RestartThing');
      await until('quiet', async () => (await client.control('GET', '/idle')).idle);
      const stopped = await ticks();
      assert.equal(await client.read('Watch', 'Enabled'), false);
      await new Promise((resolve) => setTimeout(resolve, 150));
      assert.equal(await ticks(), stopped, 'not enabled at the start');
      await client.result('Things/Watch', 'EnableTimer');
      await more('ticks after EnableTimer');
    });
  });

  test('a scheduler runs by its schedule', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(
        entities(
          thing(
            'Plan',
            'Scheduler',
            shapeBlocks({
              properties: property('runs', 'NUMBER'),
              subscriptions: subscription('ScheduledEvent', 'me.runs = me.runs + 1;'),
            }),
            settings(
              field('enabled', 'BOOLEAN') + field('runAsUser', 'USERNAME') + field('schedule', 'SCHEDULE'),
              '<enabled>true</enabled><runAsUser>Administrator</runAsUser><schedule>* * * * * ?</schedule>',
            ),
          ),
        ),
      );
      await until('a run', async () => (await client.read('Plan', 'runs')) >= 1);
    });
  });

  test('cron expressions', () => {
    const next = (expression: string, after: string) =>
      parseCron(expression).next(new Date(after))?.toString();
    const local = (text: string) => new Date(text).toString();
    assert.equal(next('0 0/15 * * * ?', '2024-01-02T03:04:05'), local('2024-01-02T03:15:00'));
    assert.equal(next('0 30 8 ? * MON-FRI', '2024-01-06T12:00:00'), local('2024-01-08T08:30:00'));
    assert.equal(next('0 0 0 L * ?', '2024-02-10T00:00:00'), local('2024-02-29T00:00:00'));
    assert.equal(next('10,20 0 0 1 JAN ? 2030', '2024-01-01T00:00:00'), undefined);
    assert.equal(next('10,20 0 0 1 JAN ? 2026', '2024-01-01T00:00:00'), local('2026-01-01T00:00:10'));
    assert.throws(() => parseCron('* * *'), RangeError);
    assert.throws(() => parseCron('0 0 25 * * ?'), RangeError);
  });
});
