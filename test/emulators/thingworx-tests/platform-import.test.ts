import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { counterPackage, counterShape, implementsCounter, lossCodes, refusal } from './platform-counting.ts';
import {
  entities,
  metadata,
  property,
  shapeBlocks,
  template,
  thing,
  until,
  withPlatform,
  zip,
} from './platform-support.ts';

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

  test('an upgrade takes the values of the package, where a version does so', async () => {
    await withPlatform({ switches: { upgradeOverwritesValues: true } }, async (client) => {
      const value =
        '<ThingProperties><count><Value>1</Value><Timestamp>2024-01-02T03:04:05.000Z</Timestamp><Quality>GOOD</Quality></count></ThingProperties>';
      const extra = {
        'Entities/Things/Extra.xml': entities(thing('Extra', 'Counter_TT', shapeBlocks({}), value)),
      };
      await client.upload(await counterPackage('1.0.0', extra));
      assert.equal(await client.read('Extra', 'count'), 1);
      await client.write('Extra', { count: 7 });
      await client.upload(await counterPackage('1.0.1', extra));
      assert.equal(await client.read('Extra', 'count'), 1);
      await client.write('Extra', { count: 8 });
      await client.control('PUT', '/switches', { upgradeOverwritesValues: false });
      await client.upload(await counterPackage('1.0.2', extra));
      assert.equal(await client.read('Extra', 'count'), 8);
    });
  });

  test('removal is refused while Things use the templates', async () => {
    await withPlatform({}, async (client) => {
      await client.upload(await counterPackage('1.0.0'));
      await client.thing('C1', 'Counter_TT');
      const details = await client.result('Subsystems/PlatformSubsystem', 'GetExtensionPackageDetails', {
        packageName: 'Counting',
      });
      assert.deepEqual(
        details.rows
          .map((row: { name: string; parentName: string }) => `${row.parentName} ${row.name}`)
          .sort(),
        ['ThingShapes Counter_TS', 'ThingTemplates Counter_TT'],
      );
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
