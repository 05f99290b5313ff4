import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Client,
  entities,
  field,
  implementation,
  metadata,
  property,
  shape,
  shapeBlocks,
  subscription,
  template,
  thing,
  until,
  withPlatform,
  zip,
} from './platform-support.ts';

const counterShape = shape(
  'Counter_TS',
  shapeBlocks({
    properties: property('count', 'NUMBER', { isPersistent: true, dataChangeType: 'VALUE' }),
    services: [
      {
        name: 'Add',
        result: 'NUMBER',
        parameters: field('by', 'NUMBER'),
        code: 'me.count = me.count + by;\nresult = me.count;',
      },
      { name: 'Fail', result: 'STRING', code: 'throw new Error("out of order");' },
    ],
    subscriptions: subscription('DataChange', 'me.seen = eventData.newValue.value;', 'count'),
  }),
);

const implementsCounter =
  '<ImplementedShapes><ImplementedShape name="Counter_TS" type="ThingShape"/></ImplementedShapes>';

const counterTemplate = template(
  'Counter_TT',
  shapeBlocks({ properties: property('seen', 'NUMBER') }),
  implementsCounter,
);

function counterPackage(
  version: string,
  files: Record<string, string> = {},
  attributes = '',
): Promise<Buffer> {
  return zip({
    'metadata.xml': metadata('Counting', version, attributes),
    'Entities/ThingTemplates/Counter_TT.xml': entities(counterTemplate),
    'Entities/ThingShapes/Counter_TS.xml': entities(counterShape),
    ...files,
  });
}

async function lossCodes(client: Client): Promise<string[]> {
  const { losses } = await client.control('GET', '/losses');
  return losses.map((loss: { code: string }) => loss.code);
}

async function refusal(client: Client, archive: Buffer): Promise<string> {
  const answer = await client.upload(archive);
  assert.equal(answer.status, 406, answer.text);
  assert.equal(answer.text, 'Not Acceptable');
  const [newest] = await client.log('ApplicationLog');
  return newest ?? '';
}

describe('extension import', () => {
  test('an extension brings templates whose services and subscriptions run, and files that are served', async () => {
    await withPlatform({}, async (client) => {
      const answer = await client.upload(
        await counterPackage('1.0.0', { 'ui/Counting/readme.txt': 'hello' }),
      );
      assert.equal(answer.status, 200, answer.text);
      const [validated, installed] = answer.json.rows;
      assert.equal(validated.validate.rows[0].extensionReportStatus, 0);
      const [report] = installed.install.rows;
      assert.equal(report.extensionReportStatus, 0);
      assert.deepEqual(
        [report.extensionPackage.rows[0].name, report.extensionPackage.rows[0].packageVersion],
        ['Counting', '1.0.0'],
      );
      await client.thing('C1', 'Counter_TT');
      assert.equal(await client.result('Things/C1', 'Add', { by: 2 }), 2);
      assert.equal(await client.result('Things/C1', 'Add', { by: 3 }), 5);
      await until('the subscription', async () => (await client.read('C1', 'seen')) === 5);
      const failed = await client.service('Things/C1', 'Fail');
      assert.equal(failed.status, 500);
      assert.match(failed.text, /^Unable to Invoke Service Fail on C1 : .*out of order/);
      const served = await client.get('/Common/extensions/Counting/ui/Counting/readme.txt');
      assert.equal(served.text, 'hello');
      const anonymous = await client.get('/Common/extensions/Counting/ui/Counting/readme.txt', {
        anonymous: true,
      });
      assert.equal(anonymous.status, 401);
    });
  });

  test('validate=true checks and installs nothing', async () => {
    await withPlatform({}, async (client) => {
      const answer = await client.upload(await counterPackage('1.0.0'), 'purpose=import&validate=true');
      assert.equal(answer.status, 200);
      assert.equal(answer.json.rows.length, 1);
      assert.equal((await client.get('/ThingTemplates/Counter_TT')).status, 404);
    });
  });

  test('unreadable packages are refused with 406; the reason is in ApplicationLog alone', async () => {
    await withPlatform({}, async (client) => {
      assert.match(await refusal(client, Buffer.from('no zip')), /Unable to read the archive/);
      assert.match(await refusal(client, await zip({ 'readme.txt': 'x' })), /no metadata\.xml/);
      assert.match(
        await refusal(client, await zip({ 'metadata.xml': metadata('X', '1.0') })),
        /invalid packageVersion \[1\.0\]/,
      );
      assert.match(
        await refusal(
          client,
          await zip({ 'metadata.xml': metadata('X', '1.0.0'), 'Entities/a.xml': '<Entities><a></Entities>' }),
        ),
        /Unable to parse Entities\/a\.xml/,
      );
      const nested = template('X_TT', shapeBlocks({})).replace(
        '<ServiceDefinitions></ServiceDefinitions>',
        `<ServiceDefinitions><ServiceDefinition name="S"><ResultType><FieldDefinition baseType="STRING" name="result"/></ResultType></ServiceDefinition></ServiceDefinitions>`,
      );
      assert.match(
        await refusal(
          client,
          await zip({ 'metadata.xml': metadata('X', '1.0.0'), 'Entities/a.xml': entities(nested) }),
        ),
        /Invalid Base Type for field \[\]/,
      );
      const wrongType = template('X_TT', shapeBlocks({ properties: property('p', 'DOUBLE') }));
      assert.match(
        await refusal(
          client,
          await zip({ 'metadata.xml': metadata('X', '1.0.0'), 'Entities/a.xml': entities(wrongType) }),
        ),
        /Invalid Base Type for field p \[DOUBLE\]/,
      );
      const dangling = template('X_TT', shapeBlocks({}), implementsCounter);
      assert.match(
        await refusal(
          client,
          await zip({ 'metadata.xml': metadata('X', '1.0.0'), 'Entities/a.xml': entities(dangling) }),
        ),
        /Counter_TS, which does not exist/,
      );
      assert.deepEqual(await lossCodes(client), []);
    });
  });

  test('the version rules: newer, same, minor, major, dependants', async () => {
    await withPlatform({}, async (client) => {
      const version = async () => {
        const list = await client.result('Subsystems/PlatformSubsystem', 'GetExtensionPackageList');
        return list.rows.map((row: { packageVersion: string }) => row.packageVersion);
      };
      await client.upload(await counterPackage('1.1.0'));
      assert.match(
        await refusal(client, await counterPackage('1.0.9')),
        /A newer version of Counting is already installed/,
      );
      assert.match(await refusal(client, await counterPackage('1.1.0')), /same version/);
      await client.control('PUT', '/switches', { sameVersion: 'warn' });
      const again = await client.upload(await counterPackage('1.1.0'));
      assert.equal(again.json.rows[1].install.rows[0].extensionReportStatus, 2);
      const patch = await client.upload(await counterPackage('1.1.1'));
      assert.equal(patch.json.rows[1].install.rows[0].extensionReportStatus, 0);
      assert.deepEqual(await version(), ['1.1.1']);
      const major = await client.upload(await counterPackage('2.0.0'));
      assert.equal(major.status, 200);
      assert.equal(major.json.rows[1].install.rows[0].extensionReportStatus, 3);
      assert.match(
        major.json.rows[1].install.rows[0].reportMessage,
        /queued for installation on the next server restart/,
      );
      assert.deepEqual(await version(), ['1.1.1']);
      const dependant = await zip({
        'metadata.xml': metadata('More', '1.0.0').replace('dependsOn=""', 'dependsOn="Counting:1.0.0"'),
        'Entities/a.xml': entities(template('More_TT', shapeBlocks({}), '', '')),
      });
      const waiting = await client.upload(dependant);
      assert.equal(waiting.json.rows[1].install.rows[0].extensionReportStatus, 3);
      await client.control('POST', '/restart');
      assert.deepEqual((await version()).sort(), ['1.0.0', '2.0.0']);
    });
  });

  test('requirements: platform version and dependencies; a zip of zips is ordered by dependency', async () => {
    await withPlatform({ version: '9.2.0' }, async (client) => {
      const needs = metadata('Counting', '1.0.0').replace('9.0.0', '9.3.0');
      assert.match(await refusal(client, await zip({ 'metadata.xml': needs })), /requires ThingWorx 9\.3\.0/);
      const more = metadata('More', '1.0.0').replace('dependsOn=""', 'dependsOn="Counting:1.0.0"');
      const dependant = await zip({
        'metadata.xml': more,
        'Entities/a.xml': entities(template('More_TT', shapeBlocks({}), implementsCounter)),
      });
      assert.match(await refusal(client, dependant), /depends on \[Counting:1\.0\.0\]/);
      const both = await zip({ 'a-more.zip': dependant, 'b-counting.zip': await counterPackage('1.0.0') });
      // Stored references are resolved against the model, so the order is visible in the report.
      const answer = await client.upload(both);
      assert.equal(answer.status, 200, answer.text);
      const names = answer.json.rows[1].install.rows.map(
        (row: { extensionPackage: { rows: { name: string }[] } }) => row.extensionPackage.rows[0]?.name,
      );
      assert.deepEqual(names, ['Counting', 'More']);
    });
  });

  test('an upgrade removes what is gone, keeps values, and never changes a template', async () => {
    await withPlatform({}, async (client) => {
      const extra = { 'Entities/Things/Extra.xml': entities(thing('Extra', 'Counter_TT')) };
      await client.upload(await counterPackage('1.0.0', extra));
      await client.write('Extra', { count: 7 });
      await client.thing('Mine', 'Counter_TT');
      await client.write('Mine', { count: 8 });
      await client.upload(await counterPackage('1.0.1', extra));
      assert.equal(await client.read('Extra', 'count'), 7);
      const retemplated = { 'Entities/Things/Extra.xml': entities(thing('Extra', 'GenericThing')) };
      assert.match(
        await refusal(client, await counterPackage('1.0.2', retemplated)),
        /trying to change the template of the following Entities:\[Extra\]/,
      );
      await client.upload(await counterPackage('1.0.3'));
      assert.equal((await client.get('/Things/Extra')).status, 404);
      assert.equal(await client.read('Mine', 'count'), 8);
      const withoutTemplate = await zip({
        'metadata.xml': metadata('Counting', '1.0.4'),
        'Entities/ThingShapes/Counter_TS.xml': entities(counterShape),
      });
      assert.match(await refusal(client, withoutTemplate), /in use by \[Mine\]/);
    });
  });

  test('removal is refused while Things use the templates', async () => {
    await withPlatform({}, async (client) => {
      await client.upload(await counterPackage('1.0.0'));
      await client.thing('C1', 'Counter_TT');
      const used = await client.result('Subsystems/PlatformSubsystem', 'GetExtensionsInUse', {
        packageName: 'Counting',
      });
      assert.deepEqual(
        used.rows.map((row: { from: string; to: string }) => [row.from, row.to]),
        [['C1', 'Counter_TT']],
      );
      const refused = await client.service('Subsystems/PlatformSubsystem', 'DeleteExtensionPackage', {
        packageName: 'Counting',
      });
      assert.equal(refused.status, 500);
      assert.match(refused.text, /in use by \[C1\]/);
      await client.call('DELETE', '/Things/C1');
      await client.result('Subsystems/PlatformSubsystem', 'DeleteExtensionPackage', {
        packageName: 'Counting',
      });
      assert.equal((await client.get('/ThingTemplates/Counter_TT')).status, 404);
    });
  });

  test('the import policy', async () => {
    await withPlatform({ importPolicy: { importEnabled: false } }, async (client) => {
      assert.match(
        await refusal(client, await counterPackage('1.0.0')),
        /disabled by the extension package import policy/,
      );
    });
    await withPlatform({ importPolicy: { allowEntities: false } }, async (client) => {
      assert.match(await refusal(client, await counterPackage('1.0.0')), /allowEntities/);
    });
    await withPlatform({}, async (client) => {
      assert.match(
        await refusal(client, await counterPackage('1.0.0', { 'lib/common/x.jar': 'x' })),
        /allowJarResources/,
      );
      await client.control('PUT', '/switches', { policyCoversUndeclaredFiles: true });
      assert.match(
        await refusal(client, await counterPackage('1.0.0', { 'ui/x/x.js': 'x' })),
        /allowJavascriptResources/,
      );
    });
  });

  test('the part of the upload may be called file, upload or File; others are refused', async () => {
    await withPlatform({}, async (client, emulator) => {
      const archive = await counterPackage('1.0.0');
      for (const [part, status] of [
        ['files', 406],
        ['upload', 200],
      ] as const) {
        const form = new FormData();
        form.append(part, new Blob([new Uint8Array(archive)]), 'x.zip');
        const response = await fetch(`${emulator.url}/Thingworx/ExtensionPackageUploader?purpose=import`, {
          method: 'POST',
          headers: { ...client.basic(), 'x-xsrf-token': 'x' },
          body: form,
        });
        assert.equal(response.status, status);
      }
    });
  });

  test('entities of an extension cannot be changed, unless they are editable; their permissions can', async () => {
    await withPlatform({}, async (client) => {
      await client.upload(
        await counterPackage('1.0.0', {
          'Entities/b.xml': entities(thing('Fixed', 'Counter_TT')),
          'Entities/c.xml': entities(
            thing('Open', 'Counter_TT', shapeBlocks({}), '', 'aspect.isEditableExtensionObject="true"'),
          ),
        }),
      );
      const definition = { name: 'more', type: 'NUMBER' };
      const refused = await client.service('Things/Fixed', 'AddPropertyDefinition', definition);
      assert.equal(refused.status, 500);
      assert.match(refused.text, /part of extension \[Counting\]/);
      await client.result('Things/Open', 'AddPropertyDefinition', definition);
      await client.result('Things/Fixed', 'AddRunTimePermission', {
        principal: 'Users',
        principalType: 'Group',
        type: 'PropertyRead',
        resource: '*',
        allow: true,
      });
      assert.equal((await client.write('Fixed', { count: 3 })).status, 200);
      assert.equal((await client.call('DELETE', '/Things/Fixed')).status, 500);
    });
  });
});

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
      assert.equal((await row()).flag, undefined);
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
      assert.deepEqual(
        losses.map((loss: { detail: string }) => loss.detail),
        ['Binding b1: there is no widget grid-9', 'Event e1: there is no data source S'],
      );
    });
  });
});

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
