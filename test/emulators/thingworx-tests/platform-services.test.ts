import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  entities,
  field,
  property,
  shape,
  shapeBlocks,
  template,
  thing,
  withPlatform,
} from './platform-support.ts';

const entityServices = 'Resources/EntityServices';

describe('EntityServices', () => {
  test('create, clone, shape and delete', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(
        entities(shape('Extra_TS', shapeBlocks({ properties: property('extra', 'NUMBER') }))),
      );
      await client.thing('T', 'GenericThing', [{ name: 'own', type: 'STRING', persistent: true }]);
      await client.result(entityServices, 'AddShapeToThing', { name: 'T', thingShapeName: 'Extra_TS' });
      assert.equal(await client.read('T', 'extra'), 0);
      assert.equal(
        (await client.service(entityServices, 'AddShapeToThing', { name: 'T', thingShapeName: 'Extra_TS' }))
          .status,
        500,
      );
      assert.equal(await client.result('Things/T', 'ImplementsShape', { thingShapeName: 'Extra_TS' }), true);
      await client.result(entityServices, 'CloneThing', { sourceThingName: 'T', name: 'Copy' });
      await client.result('Things/Copy', 'EnableThing');
      await client.result('Things/Copy', 'RestartThing');
      await client.write('Copy', { own: 'c' });
      assert.equal(await client.read('T', 'own'), '');
      const taken = await client.service(entityServices, 'CreateThing', {
        name: 'T',
        thingTemplateName: 'GenericThing',
      });
      assert.equal(taken.status, 500);
      assert.match(taken.text, /already exists/);
      assert.equal(
        (await client.service(entityServices, 'CreateThing', { name: 'U', thingTemplateName: 'Nope' }))
          .status,
        404,
      );
      for (const name of ['a b', 'a/b', '']) {
        assert.equal(
          (await client.service(entityServices, 'CreateThing', { name, thingTemplateName: 'GenericThing' }))
            .status,
          500,
          name,
        );
      }
      const bare = await client.service(entityServices, 'DeleteThing', { name: 'Nobody' });
      assert.equal(bare.status, 404);
      const used = await client.service(entityServices, 'DeleteThingShape', { name: 'Extra_TS' });
      assert.equal(used.status, 500);
      assert.match(used.text, /in use by \[T, Copy\]/);
      await client.result(entityServices, 'RemoveShapeFromThing', { name: 'T', thingShapeName: 'Extra_TS' });
      assert.equal((await client.get('/Things/T/Properties/extra')).status, 404);
      await client.result(entityServices, 'DeleteThing', { name: 'Copy' });
      await client.result(entityServices, 'DeleteThingShape', { name: 'Extra_TS' });
      assert.equal(
        (await client.service(entityServices, 'DeleteThingTemplate', { name: 'GenericThing' })).status,
        500,
      );
    });
  });

  test('lists by mask, type and tags', async () => {
    await withPlatform({}, async (client) => {
      for (const name of ['pump-1', 'pump-2', 'fan-1']) {
        await client.result(entityServices, 'CreateThing', {
          name,
          thingTemplateName: 'GenericThing',
          ...(name === 'pump-2' ? { tags: 'Kind:Old' } : {}),
        });
      }
      const names = async (service: string, input: Record<string, unknown>) =>
        (await client.result(entityServices, service, { type: 'Thing', ...input })).rows.map(
          (row: { name: string }) => row.name,
        );
      assert.deepEqual(await names('GetEntityList', { nameMask: 'pump*' }), ['pump-1', 'pump-2']);
      assert.deepEqual(await names('GetEntityList', { tags: 'Kind:Old' }), ['pump-2']);
      assert.deepEqual(await names('GetEntityListByRegEx', { nameMask: '-1$' }), ['pump-1', 'fan-1']);
      assert.deepEqual(await names('GetEntityList', { maxItems: 2 }), ['SystemRepository', 'pump-1']);
    });
  });
});

describe('templates and shapes find their Things', () => {
  test('with and without data, filtered and limited', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(
        entities(
          shape('Device_TS', shapeBlocks({ properties: property('temperature', 'NUMBER') })) +
            template(
              'Device_TT',
              shapeBlocks({ properties: property('serial', 'STRING') }),
              '<ImplementedShapes><ImplementedShape name="Device_TS" type="ThingShape"/></ImplementedShapes>',
            ) +
            template('Better_TT', shapeBlocks({}), '', 'x=""').replace('GenericThing', 'Device_TT'),
        ),
      );
      await client.thing('d1', 'Device_TT');
      await client.thing('d2', 'Better_TT');
      await client.thing('other');
      await client.write('d1', { temperature: 10, serial: 's1' });
      await client.write('d2', { temperature: 30, serial: 's2' });
      const rows = async (entity: string, service: string, input: Record<string, unknown> = {}) =>
        (await client.result(entity, service, input)).rows;
      const names = (list: { name: string }[]) => list.map((row) => row.name);
      assert.deepEqual(names(await rows('ThingTemplates/Device_TT', 'GetImplementingThings')), ['d1', 'd2']);
      assert.deepEqual(
        names(await rows('ThingTemplates/Better_TT', 'QueryImplementingThings', { maxItems: 10 })),
        ['d2'],
      );
      assert.deepEqual(
        names(await rows('ThingShapes/Device_TS', 'QueryImplementingThings', { nameMask: 'd1' })),
        ['d1'],
      );
      const hot = await rows('ThingTemplates/Device_TT', 'QueryImplementingThingsWithData', {
        query: { filters: { type: 'GT', fieldName: 'temperature', value: 20 } },
      });
      assert.deepEqual(
        [hot.length, hot[0].name, hot[0].serial, hot[0].thingTemplate],
        [1, 'd2', 's2', 'Better_TT'],
      );
      const sorted = await rows('ThingShapes/Device_TS', 'QueryImplementingThingsWithData', {
        maxItems: 1,
        query: { sorts: [{ fieldName: 'temperature', isAscending: false }] },
      });
      assert.deepEqual(names(sorted), ['d2']);
    });
  });
});

describe('configuration tables', () => {
  test('rows are replaced whole, by key; without persistent a restart takes them back', async () => {
    await withPlatform({}, async (client) => {
      await client.importXml(
        entities(
          `<DataShapes><DataShape name="Row_DS" projectName=""><FieldDefinitions>${field('key', 'STRING', 'aspect.isPrimaryKey="true"')}${field('a', 'NUMBER')}${field('b', 'STRING')}</FieldDefinitions></DataShape></DataShapes>`,
        ),
      );
      await client.thing('T');
      await client.result('Things/T', 'AddConfigurationTableDefinition', {
        name: 'Rows',
        dataShapeName: 'Row_DS',
        isMultiRow: true,
      });
      const dataShape = {
        fieldDefinitions: {
          key: { name: 'key', baseType: 'STRING' },
          a: { name: 'a', baseType: 'NUMBER' },
          b: { name: 'b', baseType: 'STRING' },
        },
      };
      const set = (rows: unknown[], persistent: boolean) =>
        client.result('Things/T', 'SetConfigurationTableRows', {
          tableName: 'Rows',
          persistent,
          values: { dataShape, rows },
        });
      const read = async () =>
        (await client.result('Things/T', 'GetConfigurationTable', { tableName: 'Rows' })).rows;
      await set(
        [
          { key: 'x', a: 1, b: 'one' },
          { key: 'y', a: 2, b: 'two' },
        ],
        true,
      );
      await set([{ key: 'x', a: 5 }], false);
      assert.deepEqual(await read(), [
        { key: 'x', a: 5 },
        { key: 'y', a: 2, b: 'two' },
      ]);
      await client.result('Things/T', 'DeleteConfigurationTableRows', {
        tableName: 'Rows',
        persistent: false,
        values: { dataShape, rows: [{ key: 'y' }] },
      });
      assert.deepEqual(await read(), [{ key: 'x', a: 5 }]);
      await client.control('POST', '/restart');
      assert.deepEqual(await read(), [
        { key: 'x', a: 1, b: 'one' },
        { key: 'y', a: 2, b: 'two' },
      ]);
      const row = await client.result('Things/T', 'GetConfigurationTableRow', {
        tableName: 'Rows',
        key: 'y',
      });
      assert.equal(row.rows[0].b, 'two');
      assert.equal(
        (await client.service('Things/T', 'GetConfigurationTable', { tableName: 'Nope' })).status,
        500,
      );
    });
  });
});

test('a password in a configuration table is given encrypted, and comes back masked', async () => {
  await withPlatform({ switches: { passwordInScripts: 'clear' } }, async (client) => {
    const columns = field('user', 'STRING') + field('secret', 'PASSWORD');
    const read = 'result = me.GetConfigurationTable({ tableName: "Login" }).rows[0].secret;';
    const code = (secret: string) => `
      var table = Resources["InfoTableFunctions"].CreateInfoTableFromDataShape({ infoTableName: "t", dataShapeName: "Login_DS" });
      table.AddRow({ user: "u", secret: ${secret} });
      me.SetConfigurationTable({ tableName: "Login", configurationTable: table, persistent: true });
      ${read}`;
    const blocks = shapeBlocks({
      services: [
        {
          name: 'Set',
          result: 'STRING',
          code: code('Resources["EncryptionServices"].EncryptPropertyValue({ data: "hunter2" })'),
        },
        { name: 'Get', result: 'STRING', code: read },
      ],
    });
    const definition =
      '<ConfigurationTableDefinitions><ConfigurationTableDefinition category="" dataShapeName="Login_DS" description="" isHidden="false" isMultiRow="false" name="Login" ordinal="0" source="IMPORT"/></ConfigurationTableDefinitions>';
    await client.importXml(
      entities(
        `<DataShapes><DataShape name="Login_DS" projectName=""><FieldDefinitions>${columns}</FieldDefinitions></DataShape></DataShapes>` +
          thing('T', 'GenericThing', blocks, definition),
      ),
    );
    assert.equal(await client.result('Things/T', 'Set'), 'hunter2');
    const table = await client.result('Things/T', 'GetConfigurationTable', { tableName: 'Login' });
    assert.deepEqual(table.rows, [{ user: 'u', secret: '********' }]);
    // The same over REST.
    const encrypted = await client.result('Resources/EncryptionServices', 'EncryptPropertyValue', {
      data: 'hunter3',
    });
    const dataShape = {
      fieldDefinitions: {
        user: { name: 'user', baseType: 'STRING' },
        secret: { name: 'secret', baseType: 'PASSWORD' },
      },
    };
    await client.result('Things/T', 'SetConfigurationTable', {
      tableName: 'Login',
      configurationTable: { dataShape, rows: [{ user: 'v', secret: encrypted }] },
      persistent: true,
    });
    assert.equal(await client.result('Things/T', 'Get'), 'hunter3');
  });
});

describe('users, groups, keys', () => {
  test('a user logs in, changes the password, is disabled', async () => {
    await withPlatform({}, async (client) => {
      await client.result(entityServices, 'CreateUser', { name: 'anna', password: 'first-1' });
      const as = (password: string) =>
        client.get('/Things', { anonymous: true, headers: client.basic('anna', password) });
      assert.equal((await as('first-1')).status, 200);
      await client.result('Users/anna', 'AssignNewPassword', {
        newPassword: 'second-2',
        newPasswordConfirm: 'second-2',
      });
      assert.equal((await as('first-1')).status, 401);
      assert.equal((await as('second-2')).status, 200);
      await client.result('Users/anna', 'DisableUser');
      assert.equal((await as('second-2')).status, 401);
    });
  });

  test('groups in groups; deleting a user deletes the keys', async () => {
    await withPlatform({}, async (client) => {
      await client.result(entityServices, 'CreateUser', { name: 'bob', password: 'x' });
      await client.result(entityServices, 'CreateGroup', { name: 'Inner' });
      await client.result('Groups/Inner', 'AddMember', { member: 'bob', type: 'User' });
      await client.result('Groups/Administrators', 'AddMember', { member: 'Inner', type: 'Group' });
      await client.result(entityServices, 'CreateApplicationKey', { name: 'BobKey', user: 'bob' });
      const key = String(await client.result('ApplicationKeys/BobKey', 'GetKeyID'));
      await client.thing('T');
      assert.equal((await client.get('/Things/T', { key })).status, 200);
      assert.equal(await client.result('Resources/CurrentSessionInfo', 'GetCurrentUser', {}, { key }), 'bob');
      await client.result('Groups/Administrators', 'DeleteMember', { member: 'Inner', type: 'Group' });
      assert.equal((await client.get('/Things/T', { key })).status, 404);
      await client.result(entityServices, 'DeleteUser', { name: 'bob' });
      assert.equal((await client.get('/Things', { key })).status, 401);
    });
  });
});

describe('data shapes and common services', () => {
  test('a data shape gives empty tables and can be changed', async () => {
    await withPlatform({}, async (client) => {
      await client.result(entityServices, 'CreateDataShape', {
        name: 'New_DS',
        fields: { dataShape: { fieldDefinitions: { a: { name: 'a', baseType: 'NUMBER' } } }, rows: [] },
      });
      await client.result('DataShapes/New_DS', 'AddFieldDefinition', {
        name: 'b',
        type: 'STRING',
        primaryKey: true,
      });
      const empty = await client.result('DataShapes/New_DS', 'CreateValues');
      assert.deepEqual([empty.rows, Object.keys(empty.dataShape.fieldDefinitions)], [[], ['a', 'b']]);
      assert.equal(empty.dataShape.fieldDefinitions.b.aspects.isPrimaryKey, true);
      const filled = await client.result('DataShapes/New_DS', 'CreateValuesWithData', {
        values: { a: '2', b: 'x', c: 1 },
      });
      assert.deepEqual(filled.rows, [{ a: 2, b: 'x' }]);
    });
  });

  test('tags, description, project', async () => {
    await withPlatform({}, async (client) => {
      await client.thing('T');
      await client.result(entityServices, 'CreateProject', { name: 'P' });
      await client.result('Things/T', 'SetProjectName', { projectName: 'P' });
      assert.equal(await client.result('Things/T', 'GetProjectName'), 'P');
      assert.equal((await client.service('Things/T', 'SetProjectName', { projectName: 'Q' })).status, 500);
      await client.result('Things/T', 'AddTags', { tags: 'V:a;V:b' });
      await client.result('Things/T', 'RemoveTags', { tags: 'V:a' });
      assert.deepEqual(await client.result('Things/T', 'GetTags'), [
        { vocabulary: 'V', vocabularyTerm: 'b' },
      ]);
      await client.write('T', { description: 'new' });
      assert.equal(await client.result('Things/T', 'GetDescription'), 'new');
      const summary = await client.result('Things/T', 'GetSummaryInformation');
      assert.equal(summary.rows[0].name, 'T');
    });
  });

  test('logs can be searched by level, time and text', async () => {
    await withPlatform({}, async (client) => {
      const write = (level: string, message: string) =>
        client.result('Logs/ApplicationLog', 'Write', { level, origin: 'test', message });
      await write('INFO', 'one apple');
      await write('WARN', 'two pears');
      await write('ERROR', 'three apples');
      const find = async (input: Record<string, unknown>) =>
        (
          await client.result('Logs/ApplicationLog', 'QueryLogEntries', { origin: 'test', ...input })
        ).rows.map((row: { content: string }) => row.content);
      assert.deepEqual(await find({}), ['three apples', 'two pears', 'one apple']);
      assert.deepEqual(await find({ fromLogLevel: 'WARN', oldestFirst: true }), [
        'two pears',
        'three apples',
      ]);
      assert.deepEqual(await find({ searchExpression: 'apple' }), ['three apples', 'one apple']);
      assert.deepEqual(await find({ searchExpression: '^t.*s$', isRegex: true, maxItems: 1 }), [
        'three apples',
      ]);
      assert.deepEqual(await find({ endDate: 1_000 }), []);
    });
  });
});
