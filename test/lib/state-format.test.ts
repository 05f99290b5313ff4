import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { migrateState, requireKnownFormat } from '../../sidecar/lib/state-format.ts';
import { VERSION } from '../../sidecar/version.ts';
import { listeningLog, scratchDirectory } from '../dead-letters/letters.ts';

describe('the format of the state directory', () => {
  const { log } = listeningLog();
  let directory: string;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ directory, remove } = await scratchDirectory());
  });
  afterEach(() => remove());

  const file = () => path.join(directory, 'format.json');
  const written = async () => JSON.parse(await readFile(file(), 'utf8')) as unknown;
  /** Migrations that write down that they ran. */
  const migrations = (ran: number[], failing?: number) =>
    [2, 3, 4].map((format) => async () => {
      if (format === failing) throw new RangeError('no space');
      ran.push(format);
    });

  test('of a new one is the newest: the migrations find no files', async () => {
    const ran: number[] = [];
    await migrateState(directory, log, migrations(ran));
    assert.deepEqual(await written(), { format: 4, version: VERSION });
    await migrateState(directory, log, migrations(ran));
    assert.deepEqual(ran, [2, 3, 4]);
  });

  test('of this version is 1', async () => {
    await migrateState(directory, log);
    assert.deepEqual(await written(), { format: 1, version: VERSION });
    assert.equal(await requireKnownFormat(directory), 1);
  });

  test('follows the migrations, each once and in their order', async () => {
    await migrateState(directory, log);
    const ran: number[] = [];
    await migrateState(directory, log, migrations(ran));
    await migrateState(directory, log, migrations(ran));
    assert.deepEqual(ran, [2, 3, 4]);
    assert.deepEqual(await written(), { format: 4, version: VERSION });
  });

  test('is written after each migration, so that the next start goes on where one failed', async () => {
    await migrateState(directory, log);
    const ran: number[] = [];
    await assert.rejects(migrateState(directory, log, migrations(ran, 3)), RangeError);
    assert.deepEqual(await written(), { format: 2, version: VERSION });
    await migrateState(directory, log, migrations(ran));
    assert.deepEqual(ran, [2, 3, 4]);
  });

  test('that a newer version wrote is refused with both versions, and nothing is changed', async () => {
    await writeFile(file(), '{"format":3,"version":"2.5.0"}');
    for (const refuse of [() => migrateState(directory, log), () => requireKnownFormat(directory)])
      await assert.rejects(refuse, ({ code, message }: ConnectorError) => {
        assert.equal(code, 'STATE_FORMAT_NEWER');
        assert.match(
          message,
          /has format 3, which version 2\.5\.0 wrote; version [\d.]+ reads formats up to 1/,
        );
        return true;
      });
    assert.deepEqual(await readdir(directory), ['format.json']);
  });

  for (const version of ['{}', '9', '"\\u001b[2J"', '""', `"${'9'.repeat(100)}"`])
    test(`that is newer is refused, whatever it gives as its version (${version.slice(0, 12)})`, async () => {
      await writeFile(file(), `{"format":3,"version":${version}}`);
      await assert.rejects(migrateState(directory, log), /has format 3, which a newer version wrote;/);
    });

  test('that cannot be read may be newer, so it is refused and left in its place', async () => {
    await symlink(file(), file());
    for (const refuse of [() => migrateState(directory, log), () => requireKnownFormat(directory)])
      await assert.rejects(refuse, ({ code, message }: ConnectorError) => {
        assert.equal(code, 'SETTING_INVALID');
        assert.match(message, /format\.json cannot be read \(ELOOP\); expected a file/);
        return true;
      });
    assert.deepEqual(await readdir(directory), ['format.json']);
  });

  test('with a directory in the place of its file counts as the first one, and the directory is kept', async () => {
    await mkdir(file());
    await migrateState(directory, log);
    assert.deepEqual(await written(), { format: 1, version: VERSION });
    assert.ok((await readdir(directory)).some((name) => name.startsWith('format.json.damaged-')));
  });

  for (const text of ['', '{"format":', 'null', '[]', '{"format":"2"}', '{"format":0}', '{"format":1.5}'])
    test(`that is damaged (${text || 'empty'}) counts as the first one, and the file is kept`, async () => {
      await writeFile(file(), text);
      const ran: number[] = [];
      await migrateState(directory, log, migrations(ran));
      assert.deepEqual(ran, [2, 3, 4]);
      assert.deepEqual(await written(), { format: 4, version: VERSION });
      assert.ok((await readdir(directory)).some((name) => name.startsWith('format.json.damaged-')));
    });
});
