import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { resolveToken } from '../../sidecar/secrets/sidecar-token.ts';
import { openStateDirectory } from '../../sidecar/secrets/state-directory.ts';

describe('the sidecar token', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'sidecar-token-'));
  });
  after(() => rm(directory, { recursive: true }));

  async function opened(name: string): Promise<string> {
    const state = path.join(directory, name);
    await openStateDirectory(state);
    return state;
  }

  test('is made once, readable by its owner alone, and kept', async () => {
    const state = await opened('state');
    const token = await resolveToken(undefined, state);
    assert.match(token, /^[\w-]{43}$/);
    assert.equal(await resolveToken(undefined, state), token);
    assert.equal((await stat(path.join(state, 'sidecar-token'))).mode & 0o777, 0o600);
  });

  test('is the given one when there is one', async () => {
    assert.equal(await resolveToken('given', path.join(directory, 'unused')), 'given');
  });

  test('is refused when the kept file was emptied', async () => {
    const state = await opened('emptied');
    await resolveToken(undefined, state);
    await writeFile(path.join(state, 'sidecar-token'), '');
    await assert.rejects(resolveToken(undefined, state), /contains no valid token/);
  });

  test('is refused when other users can read the file', async () => {
    const state = await opened('readable');
    await resolveToken(undefined, state);
    await chmod(path.join(state, 'sidecar-token'), 0o644);
    await assert.rejects(resolveToken(undefined, state), /Other users can read or write .*mode 0644/);
  });

  test('is refused when the file is a link to another one', async () => {
    const state = await opened('linked');
    const other = path.join(directory, 'token-of-somebody');
    await writeFile(other, 'a-token-that-somebody-else-knows', { mode: 0o600 });
    await symlink(other, path.join(state, 'sidecar-token'));
    await assert.rejects(resolveToken(undefined, state), /is not a regular file/);
  });
});
