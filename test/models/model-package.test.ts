import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { packageFiles } from '../../extension/generate/package.ts';
import { compileInRhino } from '../../scripts/rhino-check.ts';
import { repositoryPath } from '../../sidecar/lib/dtmi.ts';
import type { ModelDocument } from '../../sidecar/models/model.ts';
import { buildModelPackage, type PackageRequest } from '../../sidecar/models/model-package.ts';
import { missingInterfaces } from '../../sidecar/models/models.ts';
import { PACKAGE_NAME, VERSION } from '../../sidecar/version.ts';
import { withPlatform, zip } from '../emulators/thingworx-tests/platform-support.ts';
import { Built } from './built.ts';
import { PLANT, PUMP, SKID_ID, VALVE_ID } from './plant-models.ts';

const build = (documents: readonly unknown[], more: Partial<PackageRequest> = {}) =>
  buildModelPackage({ documents: [{ name: 'model', content: documents }], ...more });

/** Imports packages after the extension, as an administrator does. */
async function importAll(packages: readonly Buffer[]): Promise<void> {
  await withPlatform({}, async (client) => {
    const extension = await zip(Object.fromEntries(packageFiles()));
    for (const content of [extension, ...packages]) {
      const answer = await client.upload(content);
      assert.equal(
        answer.status,
        200,
        `${answer.text} ${(await client.log('ApplicationLog')).slice(0, 3).join(' ')}`,
      );
    }
  });
}

describe('a package of models', () => {
  test('imports into ThingWorx after the extension, and makes the same bytes each time', async () => {
    const plant = await build(PLANT);
    assert.deepEqual(plant.templates, [{ modelId: SKID_ID, template: 'example.plant.Skid.2_TT' }]);
    assert.deepEqual((await build(PLANT)).content, plant.content);
    const pump = await build([PUMP], { name: 'FactoryPumps', version: '2.1.0', logged: true });
    await importAll([plant.content, pump.content]);
  });

  test('needs the extension', async () => {
    const { content } = await build(PLANT);
    await withPlatform({}, async (client) => {
      const answer = await client.upload(content);
      assert.notEqual(answer.status, 200);
      assert.match(
        (await client.log('ApplicationLog')).join(' '),
        new RegExp(`${PACKAGE_NAME}.*${VERSION}|${PACKAGE_NAME}`),
      );
    });
  });

  test('has templates for the chosen models', async () => {
    const { templates } = await build(PLANT, { templates: [VALVE_ID, SKID_ID] });
    assert.deepEqual(
      templates.map(({ template }) => template),
      ['example.plant.Valve.1_TT', 'example.plant.Skid.2_TT'],
    );
  });

  test('an empty choice of templates is none; a package without templates is refused', async () => {
    assert.deepEqual((await build([PUMP], { templates: [] })).templates, (await build([PUMP])).templates);
    const ring = [
      { model: 'A', components: { b: 'B' } },
      { model: 'B', components: { a: 'A' } },
    ];
    await assert.rejects(build(ring), /part of another one, so none gets a Thing Template/);
    assert.equal((await build(ring, { templates: ['A', 'A'] })).templates.length, 1);
  });

  test('what cannot be chosen is refused', async () => {
    const cases: readonly (readonly [Partial<PackageRequest>, RegExp])[] = [
      [{ name: 'a b' }, /The name of the package \(packageName\) is "a b"; expected up to 64 letters/],
      [{ version: '1.0' }, /The version of the package \(packageVersion\) is "1.0"; expected three numbers/],
      [
        { templates: ['dtmi:example:Other;1'] },
        /One of templates is "dtmi:example:Other;1"; expected the id of an interface/,
      ],
      [
        { exceptions: { mode: 'mail' } },
        /The channel of mode in exceptions is "mail"; expected one of desired, message, method/,
      ],
    ];
    for (const [more, expected] of cases) await assert.rejects(build(PLANT, more), expected);
  });

  // Only on demand: `MODELS_FOLDER=<a copy of Azure/iot-plugandplay-models> npm test -- models/model-package`.
  const root = process.env['MODELS_FOLDER'];
  if (root !== undefined)
    test('can be made of every model of a repository', async () => {
      const read = (file: string): ModelDocument => ({
        name: file,
        content: JSON.parse(readFileSync(path.join(root, file), 'utf8').replace(/^\uFEFF/, '')) as unknown,
      });
      const files = readdirSync(path.join(root, 'dtmi'), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.json') && !file.endsWith('.expanded.json'))
        .map((file) => path.join('dtmi', file));
      assert.ok(files.length > 0);
      for (const file of files) {
        const documents = [read(file)];
        for (
          let missing = missingInterfaces(documents);
          missing.length > 0;
          missing = missingInterfaces(documents)
        )
          for (const id of missing) documents.push(read(String(repositoryPath(id))));
        await buildModelPackage({ documents });
      }
      // All of them at once, since an entity belongs to one extension. One family of generated models would fill a package by itself.
      const generated = path.join('dtmi', 'cloudrail', path.sep);
      const documents = files.filter((file) => !file.startsWith(generated)).map(read);
      const result = await compileInRhino(new Built(documents.map(({ content }) => content)).scripts());
      if (result.available) assert.deepEqual(result.errors, []);
      const { content } = await buildModelPackage({ documents });
      await importAll([content]);
    });
});
