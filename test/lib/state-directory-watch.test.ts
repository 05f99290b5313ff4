import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { StateDirectoryWatch } from '../../sidecar/lib/state-directory-watch.ts';
import { createLog } from '../../sidecar/observe/log.ts';

test('a state directory that cannot be written is a problem until it can, and is logged once', async (t) => {
  const root = await mkdtemp(path.join(tmpdir(), 'state-watch-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const directory = path.join(root, 'state');
  // A file in its place: nobody can write into that, whatever rights the user of the test has.
  await writeFile(directory, '');
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => void lines.push(line) });
  const watch = new StateDirectoryWatch({ directory, log });
  for (let attempt = 0; attempt < 5; attempt += 1) await watch.check();
  assert.equal(watch.problem?.code, 'STATE_UNWRITABLE');
  assert.match(watch.problem?.message ?? '', /cannot be written \(ENOTDIR\)/);
  assert.equal(lines.length, 1);
  await rename(await mkdtemp(path.join(root, 'fresh-')), `${directory}-new`);
  await rm(directory);
  await rename(`${directory}-new`, directory);
  await watch.check();
  assert.equal(watch.problem, undefined);
  assert.equal(lines.length, 2);
  watch.start();
  await watch.stop();
  await watch.stop();
});
