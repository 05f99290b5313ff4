import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bundleSidecar } from '../../scripts/bundle.ts';

const POOL = path.join(import.meta.dirname, '../../sidecar/translate/mapping/expression-pool.ts');

describe('a bundle with expressions', () => {
  test('holds the program of the threads that evaluate them, and names its packages', async (t) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-bundle-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const entry = path.join(directory, 'entry.ts');
    await writeFile(entry, `export { ExpressionPool } from ${JSON.stringify(POOL)};`);
    const { code, metafile } = await bundleSidecar(entry);
    for (const name of ['jsonata', 're2js'])
      assert.ok(
        Object.keys(metafile.inputs).some((input) => input.includes(`node_modules/${name}/`)),
        name,
      );
    // alone in its folder, as it is where it is installed
    const file = path.join(directory, 'sidecar.mjs');
    await writeFile(file, code);
    const { ExpressionPool } = (await import(
      pathToFileURL(file).href
    )) as typeof import('../../sidecar/translate/mapping/expression-pool.ts');
    const pool = new ExpressionPool();
    const outcome = await pool.evaluate({
      source: '$match(text, /x+/).match & $sum(v)',
      body: { text: 'yxx', v: [1, 2] },
      message: undefined,
      nowMs: 0,
      limits: { maxMs: 5000, maxLength: 100, maxCharacters: 100 },
    });
    await pool.stop();
    assert.deepEqual(outcome, { result: 'xx3' });
  });
});
