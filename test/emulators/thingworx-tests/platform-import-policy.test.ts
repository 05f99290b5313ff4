import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { counterPackage, lossCodes, refusal } from './platform-counting.ts';
import { entities, shapeBlocks, thing, withPlatform } from './platform-support.ts';

describe('what an import may bring, and how it is uploaded', () => {
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

  test('files outside the known folders, where a version refuses them', async () => {
    await withPlatform({}, async (client) => {
      const archive = await counterPackage('1.0.0', { 'Localization/en.json': '{}' });
      await client.control('PUT', '/switches', { extraFiles: 'refuse' });
      assert.match(await refusal(client, archive), /a file of no known kind: Localization\/en\.json/);
      await client.control('PUT', '/switches', { extraFiles: 'accept' });
      assert.equal((await client.upload(archive)).status, 200);
      assert.deepEqual(await lossCodes(client), []);
    });
  });

  test('an upload needs the XSRF token, whatever the login', async () => {
    await withPlatform({}, async (client, emulator) => {
      for (const headers of [{ appKey: emulator.appKey }, client.basic()]) {
        const form = new FormData();
        form.append('file', new Blob([new Uint8Array(await counterPackage('1.0.0'))]), 'x.zip');
        const address = `${emulator.url}/Thingworx/ExtensionPackageUploader?purpose=import`;
        const response = await fetch(address, { method: 'POST', headers, body: form });
        assert.equal(response.status, 403);
      }
      assert.equal((await client.get('/ThingTemplates/Counter_TT')).status, 404);
    });
  });

  test('the language that the platform compiles is a switch', async () => {
    await withPlatform({ switches: { languageLevel: '1.8', returnAtTheEnd: 'accept' } }, async (client) => {
      const blocks = shapeBlocks({
        services: [
          {
            name: 'Old',
            result: 'NUMBER',
            code: 'var s = 0; for each (var x in [1, 2]) { s += x; } return s;',
          },
          { name: 'New', result: 'NUMBER', code: 'var s = 0; for (var x of [1, 2]) { s += x; } result = s;' },
        ],
      });
      await client.importXml(entities(thing('T', 'GenericThing', blocks)));
      assert.equal(await client.result('Things/T', 'Old'), 3);
      assert.match((await client.service('Things/T', 'New')).text, /No service handler defined/);
      assert.deepEqual(await lossCodes(client), ['SCRIPT_NOT_COMPILED']);
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
});
