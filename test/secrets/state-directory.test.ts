import assert from 'node:assert/strict';
import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { openStateDirectory } from '../../sidecar/secrets/state-directory.ts';

const NOBODY = 65_534;

describe('the state directory', () => {
  let parent = '';
  before(async () => {
    parent = await mkdtemp(path.join(tmpdir(), 'state-directory-'));
  });
  after(() => rm(parent, { recursive: true }));

  const refused = (directory: string, words: RegExp) =>
    assert.rejects(openStateDirectory(directory), (error) => {
      assert.ok(error instanceof ConnectorError);
      assert.equal(error.code, 'SETTING_INVALID');
      assert.match(error.message, /^SIDECAR_STATE_DIR: /);
      assert.match(error.message, words);
      return true;
    });

  test('is made for its owner alone', async () => {
    const directory = path.join(parent, 'a', 'b');
    await openStateDirectory(directory);
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    await openStateDirectory(directory);
  });

  test('loses the rights of others to read', async () => {
    const directory = path.join(parent, 'readable');
    await mkdir(directory, { mode: 0o755 });
    await openStateDirectory(directory);
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
  });

  for (const mode of [0o777, 0o775, 0o722]) {
    test(`is refused when others could write into it (${mode.toString(8)})`, async () => {
      const directory = path.join(parent, `mode-${mode.toString(8)}`);
      await mkdir(directory);
      await chmod(directory, mode);
      await writeFile(path.join(directory, 'sidecar-token'), 'planted', { mode: 0o600 });
      await refused(directory, /Other users can write .* chmod 700/);
      assert.equal((await stat(directory)).mode & 0o777, mode);
    });
  }

  test('is refused when it belongs to somebody else', async () => {
    if (process.getuid?.() !== 0) return await refused('/usr', /belongs to the user 0/);
    const directory = path.join(parent, 'foreign');
    await mkdir(directory, { mode: 0o700 });
    await chown(directory, NOBODY, NOBODY);
    await refused(directory, /belongs to the user 65534, the sidecar runs as the user 0/);
  });

  test('is refused when it is a symbolic link or a file', async () => {
    const target = path.join(parent, 'target');
    await mkdir(target, { mode: 0o700 });
    await symlink(target, path.join(parent, 'link'));
    await refused(path.join(parent, 'link'), /is a symbolic link/);
    await writeFile(path.join(parent, 'file'), '');
    await refused(path.join(parent, 'file'), /cannot be created|is not a directory/);
  });

  test('is refused below a folder in which everybody can rename it', async () => {
    const shared = path.join(parent, 'shared');
    await mkdir(shared);
    await chmod(shared, 0o777);
    await refused(path.join(shared, 'state'), /Every user can write to .*shared/);
    await chmod(shared, 0o1777);
    await openStateDirectory(path.join(shared, 'state'));
  });
});
