import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allow, operator, show } from './platform-operator.ts';
import {
  entities,
  property,
  shape,
  shapeBlocks,
  template,
  thing,
  updates,
  withPlatform,
} from './platform-support.ts';

describe('visibility', () => {
  test('what cannot be seen does not exist', async () => {
    await withPlatform({}, async (client) => {
      const key = await operator(client);
      await client.thing('T', 'GenericThing', [{ name: 'a', type: 'NUMBER' }]);
      assert.equal((await client.get('/Things/T/Properties/a', { key })).status, 404);
      await show(client, 'Things/T');
      const forbidden = await client.get('/Things/T/Properties/a', { key });
      assert.deepEqual(
        [forbidden.status, forbidden.text],
        [403, 'Not authorized for PropertyRead on a in T'],
      );
      assert.deepEqual(
        (await client.get('/Things', { key })).json.rows.map((row: { name: string }) => row.name),
        ['T'],
      );
      const group = await client.service('Things/T', 'AddVisibilityPermission', {
        principal: 'Operators',
        principalType: 'Group',
      });
      assert.equal(group.status, 500);
    });
  });

  test('through a template, and through a unit of an organization', async () => {
    await withPlatform({}, async (client) => {
      const key = await operator(client);
      await client.result('Organizations/Plant', 'AddOrganizationalUnit', {
        parentName: 'Root',
        name: 'Line',
      });
      await client.importXml(
        entities(template('Seen_TT', shapeBlocks({ properties: property('a', 'NUMBER') }))),
      );
      await client.thing('T', 'Seen_TT');
      await client.result('ThingTemplates/Seen_TT', 'AddInstanceVisibilityPermission', {
        principal: 'Plant:Line',
        principalType: 'OrganizationalUnit',
      });
      assert.equal((await client.get('/Things/T/Properties/a', { key })).status, 404);
      await client.result('Organizations/Plant', 'AddMember', { name: 'Line', member: 'olga', type: 'User' });
      assert.equal((await client.get('/Things/T/Properties/a', { key })).status, 403);
    });
  });
});

test('only organizations and their units can have visibility', async () => {
  await withPlatform({}, async (client) => {
    await operator(client);
    await client.thing('T');
    const group = { name: 'Operators', type: 'Group', isPermitted: true };
    const added = await client.service('Things/T', 'AddVisibilityPermission', {
      principal: 'Operators',
      principalType: 'Group',
    });
    assert.equal(added.status, 500);
    const set = (visibility: unknown[]) =>
      client.service('Things/T', 'SetVisibilityPermissionsAsJSON', {
        permissions: { Visibility: visibility },
      });
    assert.equal((await set([group])).status, 500);
    const plant = { name: 'Plant', type: 'Organization', isPermitted: true };
    assert.equal((await set([plant])).status, 200);
    const { Visibility: now } = await client.result('Things/T', 'GetVisibilityPermissionsAsJSON');
    assert.deepEqual(now, [plant]);
    const visibility =
      '<VisibilityPermissions><Visibility><Principal isPermitted="true" name="Operators" type="Group"/></Visibility></VisibilityPermissions>';
    const imported = await client.importXml(
      entities(thing('X', 'GenericThing', shapeBlocks({}), visibility)),
    );
    assert.equal(imported.status, 406);
    assert.match((await client.log('ApplicationLog'))[0] ?? '', /of type Group cannot have visibility/);
  });
});

describe('run-time rights', () => {
  test('each right for itself; an entry for one resource comes before *, denial before permission', async () => {
    await withPlatform({}, async (client) => {
      const key = await operator(client);
      await client.thing('T', 'GenericThing', [
        { name: 'a', type: 'NUMBER' },
        { name: 'b', type: 'NUMBER' },
      ]);
      await show(client, 'Things/T');
      await allow(client, 'Things/T', 'PropertyRead');
      assert.equal(await client.read('T', 'a', { key }), 0);
      assert.equal((await client.write('T', { a: 1 }, { key })).status, 403);
      await allow(client, 'Things/T', 'PropertyWrite', 'a');
      assert.equal((await client.write('T', { a: 1 }, { key })).status, 200);
      assert.equal((await client.write('T', { b: 1 }, { key })).status, 403);
      await allow(client, 'Things/T', 'PropertyRead', 'b', { allow: false });
      assert.equal((await client.get('/Things/T/Properties/b', { key })).status, 403);
      const all = await client.get('/Things/T/Properties/', { key });
      assert.deepEqual([all.json.rows[0].a, 'b' in all.json.rows[0]], [1, false]);
      const service = await client.service('Things/T', 'GetPropertyValues', {}, { key });
      assert.deepEqual(
        [service.status, service.text],
        [403, 'Not authorized for ServiceInvoke on GetPropertyValues in T'],
      );
      await client.result('Things/T', 'AddRunTimePermission', {
        principal: 'olga',
        principalType: 'User',
        type: 'ServiceInvoke',
        resource: '*',
        allow: false,
      });
      await allow(client, 'Things/T', 'ServiceInvoke');
      assert.equal((await client.service('Things/T', 'GetPropertyValues', {}, { key })).status, 403);
      await client.result('Things/T', 'DeleteRunTimePermission', {
        principal: 'olga',
        principalType: 'User',
        type: 'ServiceInvoke',
        resource: '*',
      });
      assert.equal((await client.service('Things/T', 'GetPropertyValues', {}, { key })).status, 200);
      await client.control('PUT', '/switches', { forbiddenStatus: 401 });
      assert.equal((await client.get('/Things/T/Properties/b', { key })).status, 401);
    });
  });

  test('entity before template before shape before collection', async () => {
    await withPlatform({}, async (client) => {
      const key = await operator(client);
      const rights = (permitted: boolean) =>
        `<InstanceRunTimePermissions><Permissions resourceName="*"><PropertyRead><Principal isPermitted="${permitted}" name="Operators" type="Group"/></PropertyRead></Permissions></InstanceRunTimePermissions>`;
      await client.importXml(
        entities(
          shape('R_TS', shapeBlocks({ properties: property('a', 'NUMBER') }), rights(true)) +
            template(
              'R_TT',
              shapeBlocks({}),
              '<ImplementedShapes><ImplementedShape name="R_TS" type="ThingShape"/></ImplementedShapes>',
            ),
        ),
      );
      await client.thing('T', 'R_TT');
      await show(client, 'Things/T');
      assert.equal(await client.read('T', 'a', { key }), 0);
      await client.result('ThingTemplates/R_TT', 'AddInstanceRunTimePermission', {
        principal: 'Operators',
        principalType: 'Group',
        type: 'PropertyRead',
        resource: '*',
        allow: false,
      });
      assert.equal((await client.get('/Things/T/Properties/a', { key })).status, 403);
      await allow(client, 'Things/T', 'PropertyRead', 'a');
      assert.equal(await client.read('T', 'a', { key }), 0);
      assert.equal((await client.write('T', { a: 2 }, { key })).status, 403);
      await client.result('Resources/CollectionFunctions', 'AddCollectionRunTimePermission', {
        collectionName: 'Things',
        principal: 'Operators',
        principalType: 'Group',
        type: 'PropertyWrite',
        resource: '*',
        allow: true,
      });
      assert.equal((await client.write('T', { a: 2 }, { key })).status, 200);
    });
  });

  test('permissions as JSON: what Get answers, Set takes, as text too', async () => {
    await withPlatform({}, async (client) => {
      await operator(client);
      await client.thing('A');
      await client.thing('B');
      await allow(client, 'Things/A', 'ServiceInvoke', 'GetPropertyValues');
      await show(client, 'Things/A');
      await client.result('Things/A', 'AddDesignTimePermission', {
        principal: 'Operators',
        principalType: 'Group',
        type: 'Read',
        allow: true,
      });
      for (const kind of ['RunTime', 'DesignTime', 'Visibility']) {
        const given = await client.result('Things/A', `Get${kind}PermissionsAsJSON`);
        await client.result('Things/B', `Set${kind}PermissionsAsJSON`, {
          permissions: JSON.stringify(given),
        });
        assert.deepEqual(await client.result('Things/B', `Get${kind}PermissionsAsJSON`), given, kind);
      }
      const runTime = await client.result('Things/B', 'GetRunTimePermissionsAsJSON');
      assert.deepEqual(runTime.permissions[0].ServiceInvoke, [
        { name: 'Operators', type: 'Group', isPermitted: true },
      ]);
    });
  });

  test('UpdatePropertyValues needs the right on the service and on each property', async () => {
    await withPlatform({}, async (client) => {
      const key = await operator(client);
      await client.thing('T', 'GenericThing', [{ name: 'a', type: 'NUMBER' }]);
      await show(client, 'Things/T');
      const update = () =>
        client.service('Things/T', 'UpdatePropertyValues', updates([{ name: 'a', value: 1 }]), { key });
      assert.equal((await update()).status, 403);
      await allow(client, 'Things/T', 'ServiceInvoke', 'UpdatePropertyValues');
      assert.equal((await update()).status, 403);
      await client.control('PUT', '/switches', { updateNeedsPropertyWrite: false });
      assert.equal((await update()).status, 200);
      await client.control('PUT', '/switches', { updateNeedsPropertyWrite: true });
      await allow(client, 'Things/T', 'PropertyWrite');
      assert.equal((await update()).status, 200);
    });
  });

  test('only administrators import, and others need design-time rights to change the model', async () => {
    await withPlatform({}, async (client) => {
      const key = await operator(client);
      await client.thing('T');
      await show(client, 'Things/T');
      await allow(client, 'Things/T', 'ServiceInvoke');
      assert.equal((await client.upload(Buffer.from('x'), 'purpose=import', { appKey: key })).status, 403);
      assert.equal((await client.get('/Things/T', { key })).status, 403);
      assert.equal(
        (await client.service('Things/T', 'SetDescription', { description: 'x' }, { key })).status,
        403,
      );
      await client.result('Things/T', 'AddDesignTimePermission', {
        principal: 'Operators',
        principalType: 'Group',
        type: 'Update',
        allow: true,
      });
      assert.equal(
        (await client.service('Things/T', 'SetDescription', { description: 'x' }, { key })).status,
        200,
      );
      assert.equal((await client.call('DELETE', '/Things/T', undefined, { key })).status, 403);
      await allow(client, 'Resources/EntityServices', 'ServiceInvoke');
      const create = () =>
        client.service(
          'Resources/EntityServices',
          'CreateThing',
          { name: 'New', thingTemplateName: 'GenericThing' },
          { key },
        );
      assert.equal((await create()).status, 403);
      await client.result('Resources/CollectionFunctions', 'AddCollectionDesignTimePermission', {
        collectionName: 'Things',
        principal: 'Operators',
        principalType: 'Group',
        type: 'Create',
        allow: true,
      });
      assert.equal((await create()).status, 200);
      // The creator owns the Thing and may do everything with it.
      assert.equal((await client.service('Things/New', 'EnableThing', {}, { key })).status, 200);
      assert.equal((await client.service('Things/New', 'GetOwner', {}, { key })).status, 403);
      assert.equal(await client.result('Things/New', 'GetOwner'), 'olga');
      await client.result('Things/New', 'SetOwner', { name: 'Administrator' });
      assert.equal((await client.get('/Things/New', { key })).status, 404);
    });
  });
});
