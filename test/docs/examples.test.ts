import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { HUB_THING, LocalSystem, NOTIFICATION_SOURCES } from '../../scripts/local/system.ts';

const run = promisify(execFile);
const FOLDER = path.join(import.meta.dirname, '..', '..', 'docs', 'examples');
const expected = JSON.parse(readFileSync(path.join(FOLDER, 'expected.json'), 'utf8')) as Record<
  string,
  string[]
>;

describe('the examples of the documentation', () => {
  const system = new LocalSystem({
    devices: 0,
    builtInSources: NOTIFICATION_SOURCES,
    fileRepository: true,
  });
  let environmentFile: string;

  before(async () => {
    await system.start();
    await system.platform.invoke(HUB_THING, 'GrantPermissions');
    environmentFile = path.join(path.dirname(system.cloud.caFile), 'examples.env');
    await system.writeEnvironmentFile(environmentFile);
  });
  after(() => system.stop());

  test('are all listed with their output', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.mjs') && name !== 'connection.mjs');
    assert.deepEqual(
      files.map((name) => name.replace('.mjs', '')).toSorted(),
      Object.keys(expected).toSorted(),
    );
    const page = readFileSync(path.join(FOLDER, 'README.md'), 'utf8');
    for (const name of files) assert.ok(page.includes(`(${name})`), `${name} is missing from README.md`);
  });

  for (const [name, lines] of Object.entries(expected)) {
    test(`${name} prints what is expected`, async () => {
      const { stdout, stderr } = await run(
        process.execPath,
        [`--env-file=${environmentFile}`, path.join(FOLDER, `${name}.mjs`)],
        { timeout: 120_000 },
      );
      assert.deepEqual(stdout.trim().split('\n'), lines, stderr);
    });
  }
});
