import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Client,
  entities,
  field,
  implementation,
  metadata,
  property,
  shapeBlocks,
  template,
  thing,
  withPlatform,
  zip,
} from './platform-support.ts';

async function lossCodes(client: Client): Promise<string[]> {
  const { losses } = await client.control('GET', '/losses');
  return losses.map((loss: { code: string }) => loss.code);
}

describe('silent losses are silent, and listed', () => {
  test('project, base data shape, table, subscription, script, backslash, stream', async () => {
    await withPlatform({}, async (client) => {
      const lossy = entities(
        '<DataShapes><DataShape name="Base_DS" projectName=""><FieldDefinitions>' +
          field('a', 'STRING') +
          '</FieldDefinitions></DataShape><DataShape baseDataShape="Base_DS" name="Derived_DS" projectName="Nowhere"><FieldDefinitions>' +
          field('b', 'STRING') +
          '</FieldDefinitions></DataShape></DataShapes>' +
          template(
            'Lossy_TT',
            shapeBlocks({
              properties: property('value', 'NUMBER', { isLogged: true }),
              services: [
                { name: 'Returns', result: 'STRING', code: 'if (true) { return 1; }\nresult = "x";' },
                { name: 'Misread', result: 'STRING', code: 'var a = 1; result = `a is \u0024{a}`;' },
              ],
            }),
            '<ConfigurationTables><ConfigurationTable name="Settings" isMultiRow="false"><DataShape><FieldDefinitions>' +
              field('x', 'STRING') +
              '</FieldDefinitions></DataShape><Rows><Row><x>1</x></Row></Rows></ConfigurationTable></ConfigurationTables>' +
              `<Subscriptions><Subscription eventName="ThingStart" name="Lost">${implementation('Lost', 'me.value = 1;')}</Subscription></Subscriptions>`,
          ) +
          thing('Lossy', 'Lossy_TT') +
          thing('Clock', 'Timer'),
      );
      const archive = await zip({
        'metadata.xml': metadata('Lossy', '1.0.0'),
        'Entities/all.xml': lossy,
        'Entities#Things#Ignored.xml': entities(thing('Ignored', 'GenericThing')),
      });
      // The archiver writes slashes only, so the separators are put in afterwards.
      const backslashes = Buffer.from(
        archive.toString('latin1').replaceAll('Entities#Things#', 'Entities\\Things\\'),
        'latin1',
      );
      const answer = await client.upload(backslashes);
      assert.equal(answer.status, 200, answer.text);
      const codes = await lossCodes(client);
      for (const code of [
        'PROJECT_MISSING',
        'BASE_DATA_SHAPE_DROPPED',
        'TABLE_DROPPED',
        'SUBSCRIPTION_DROPPED',
        'SCRIPT_NOT_COMPILED',
        'SCRIPT_MISREAD',
        'ENTRY_IGNORED',
        'LOGGED_WITHOUT_STREAM',
        'TIMER_WITHOUT_USER',
      ]) {
        assert.ok(codes.includes(code), `${code} in ${codes.join(' ')}`);
      }
      const derived = await client.get('/DataShapes/Derived_DS');
      assert.equal(derived.json.projectName, 'PTCDefaultProject');
      assert.deepEqual(Object.keys(derived.json.fieldDefinitions), ['b']);
      assert.equal((await client.get('/Things/Ignored')).status, 404);
      const table = await client.service('ThingTemplates/Lossy_TT', 'GetConfigurationTable', {
        tableName: 'Settings',
      });
      assert.equal(table.status, 500);
      const dead = await client.service('Things/Lossy', 'Returns');
      assert.equal(dead.status, 500);
      assert.equal(
        dead.text,
        'Unable to Invoke Service Returns on Lossy : No service handler defined for service Returns on thing [Lossy]',
      );
      assert.ok(
        (await client.log('ErrorLog')).some((line) =>
          line.startsWith('Unable to create service handler for Returns in Lossy_TT:ThingShape : '),
        ),
      );
      assert.equal(await client.result('Things/Lossy', 'Misread'), 'a is \u0024{a}');
    });
  });

  test('configuration tables: JSON without wrapper, password cells, a new column with rows', async () => {
    await withPlatform({}, async (client) => {
      const build = (columns: string, cells: string) =>
        entities(
          `<DataShapes><DataShape name="Row_DS"><FieldDefinitions>${columns}</FieldDefinitions></DataShape></DataShapes>` +
            thing(
              'Tables',
              'GenericThing',
              shapeBlocks({}),
              '<ConfigurationTableDefinitions><ConfigurationTableDefinition category="" dataShapeName="Row_DS" description="" isHidden="false" isMultiRow="true" name="T" ordinal="0" source="IMPORT"/></ConfigurationTableDefinitions>' +
                `<ConfigurationTables><ConfigurationTable dataShapeName="Row_DS" description="" isMultiRow="true" name="T" ordinal="0"><DataShape><FieldDefinitions>${columns}</FieldDefinitions></DataShape><Rows><Row>${cells}</Row></Rows></ConfigurationTable></ConfigurationTables>`,
            ),
        );
      const first =
        field('key', 'STRING', 'aspect.isPrimaryKey="true"') +
        field('j', 'JSON') +
        field('good', 'JSON') +
        field('secret', 'PASSWORD');
      const cells = '<key> k </key><j>{"a":1}</j><good><json><![CDATA[ {"a":1} ]]></json></good><secret/>';
      assert.equal((await client.importXml(build(first, cells))).text, 'success');
      assert.deepEqual((await lossCodes(client)).sort(), ['JSON_CELL_EMPTY', 'PASSWORD_WIPED']);
      const row = async () =>
        (await client.result('Things/Tables', 'GetConfigurationTable', { tableName: 'T' })).rows[0];
      assert.deepEqual(await row(), { key: 'k', j: {}, good: { a: 1 }, secret: '********' });
      const second = first + field('flag', 'BOOLEAN');
      const more = `${cells}<flag>true</flag>`;
      await client.importXml(build(second, more));
      assert.ok((await lossCodes(client)).includes('NEW_COLUMN_EMPTY'));
      assert.equal((await row()).flag, false);
      await client.importXml(build(second, more));
      assert.equal((await row()).flag, true);
    });
  });

  test('an empty member list keeps the members of a group', async () => {
    await withPlatform({}, async (client) => {
      const group = (members: string) =>
        entities(
          `<Groups><Group name="Team" projectName=""><Members><Members>${members}</Members></Members></Group></Groups>`,
        );
      await client.importXml(group('<Member name="Administrator" type="User"/>'));
      await client.importXml(group(''));
      const members = await client.result('Groups/Team', 'GetGroupMembers');
      assert.equal(members.rows[0].name, 'Administrator');
      assert.deepEqual(await lossCodes(client), ['MEMBERS_KEPT']);
    });
  });

  test('data rows of a Thing, values of no property, an upload under another name', async () => {
    await withPlatform({}, async (client, emulator) => {
      const more =
        '<ThingProperties><nothing><Value>1</Value></nothing></ThingProperties><Rows><Row><a>1</a></Row></Rows>';
      const xml = entities(thing('T', 'GenericThing', shapeBlocks({}), more));
      assert.equal((await client.importXml(xml)).text, 'success');
      assert.deepEqual((await lossCodes(client)).sort(), ['ROWS_IGNORED', 'VALUE_REFUSED']);
      const form = new FormData();
      form.append('files', new Blob([entities(thing('Unseen', 'GenericThing'))]), 'Entities.xml');
      const answer = await fetch(`${emulator.url}/Thingworx/Importer?purpose=import`, {
        method: 'POST',
        headers: { ...client.basic(), 'x-xsrf-token': 'x' },
        body: form,
      });
      assert.deepEqual([answer.status, await answer.text()], [200, 'success']);
      assert.equal((await client.get('/Things/Unseen')).status, 404);
      assert.ok((await lossCodes(client)).includes('PART_IGNORED'));
    });
  });

  test('what the platform’s own templates have in tables is no loss', async () => {
    await withPlatform({}, async (client) => {
      const table = (name: string, fields: string, row: string) =>
        `<ConfigurationTable dataShapeName="" description="" isMultiRow="false" name="${name}" ordinal="0"><DataShape><FieldDefinitions>${fields}</FieldDefinitions></DataShape><Rows><Row>${row}</Row></Rows></ConfigurationTable>`;
      const provider = table(
        'DataThingSettings',
        field('persistenceProvider', 'STRING'),
        '<persistenceProvider>OtherProvider</persistenceProvider>',
      );
      const custom = table(
        'PersistenceProviderCustomSettings',
        field('customConfigTable', 'INFOTABLE'),
        '<customConfigTable><infoTable><DataShape><FieldDefinitions/></DataShape><Rows/></infoTable></customConfigTable>',
      );
      const clock = table(
        'Settings',
        field('enabled', 'BOOLEAN') + field('runAsUser', 'USERNAME') + field('updateRate', 'NUMBER'),
        '<enabled>false</enabled><runAsUser>Administrator</runAsUser><updateRate>5000</updateRate>',
      );
      const tables = (inner: string) => `<ConfigurationTables>${inner}</ConfigurationTables>`;
      const xml =
        thing('Values', 'ValueStream', shapeBlocks({}), tables(provider + custom)) +
        thing('Clock', 'Timer', shapeBlocks({}), tables(clock));
      assert.equal((await client.importXml(entities(xml))).text, 'success');
      assert.deepEqual(await lossCodes(client), []);
      const read = async (name: string, tableName: string) =>
        (await client.result(`Things/${name}`, 'GetConfigurationTable', { tableName })).rows[0];
      assert.equal((await read('Values', 'DataThingSettings')).persistenceProvider, 'OtherProvider');
      assert.equal((await read('Clock', 'Settings')).updateRate, 5000);
    });
  });

  test('tokens of a localization table are merged', async () => {
    await withPlatform({}, async (client) => {
      const columns = ['name', 'value', 'usage', 'context'].map((name) => field(name, 'STRING')).join('');
      const table = (tokens: Record<string, string>) => {
        const rows = Object.entries(tokens).map(
          ([name, value]) => `<Row><name>${name}</name><value>${value}</value></Row>`,
        );
        return entities(
          `<LocalizationTables><LocalizationTable name="de" languageCommon="German"><ConfigurationTables><ConfigurationTable isMultiRow="true" name="LocalizationTokens"><DataShape><FieldDefinitions>${columns}</FieldDefinitions></DataShape><Rows>${rows.join('')}</Rows></ConfigurationTable></ConfigurationTables></LocalizationTable></LocalizationTables>`,
        );
      };
      await client.importXml(table({ on: 'an', off: 'aus' }));
      assert.deepEqual(await lossCodes(client), []);
      await client.importXml(table({ on: 'ein' }));
      assert.deepEqual(await lossCodes(client), ['TOKENS_MERGED']);
      const exported = await client.get('/Exporter/LocalizationTables/de', {
        headers: { accept: 'text/xml' },
      });
      const values = [...exported.text.matchAll(/<value>\s*(?:<!\[CDATA\[)?\s*(\w+)/g)].map(
        ([, value]) => value,
      );
      assert.deepEqual(values.sort(), ['aus', 'ein']);
    });
  });

  test('a mashup that names what is not in it', async () => {
    await withPlatform({}, async (client) => {
      const content = {
        UI: { Properties: { Id: 'mashup-root' }, Widgets: [{ Properties: { Id: 'grid-1' }, Widgets: [] }] },
        Data: { Things_X: { DataName: 'Things_X', Services: [{ Name: 'S', Target: 'S' }] } },
        DataBindings: [
          {
            Id: 'b1',
            SourceArea: 'Data',
            SourceId: 'S',
            SourceSection: 'Things_X',
            TargetArea: 'UI',
            TargetId: 'grid-9',
            PropertyMaps: [{}],
          },
        ],
        Events: [
          {
            Id: 'e1',
            EventTriggerArea: 'Mashup',
            EventTriggerId: 'mashup-root',
            EventHandlerArea: 'Data',
            EventHandlerId: 'S',
            EventHandlerService: 'Things_X',
          },
        ],
      };
      const mashup = `<Mashups><Mashup name="M" projectName=""><mashupContent><![CDATA[${JSON.stringify(content)}]]></mashupContent></Mashup></Mashups>`;
      assert.equal((await client.importXml(entities(mashup))).status, 200);
      const { losses } = await client.control('GET', '/losses');
      assert.deepEqual(await lossCodes(client), ['MASHUP_REFERENCE', 'MASHUP_REFERENCE']);
      assert.deepEqual(
        losses.map((loss: { detail: string }) => loss.detail),
        ['Binding b1: there is no widget grid-9', 'Event e1: there is no data source S'],
      );
    });
  });
});
