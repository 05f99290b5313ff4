import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { SETTING_NAMES } from '../../sidecar/contract/hub-settings.ts';
import { SETTING_KEYS } from '../../sidecar/settings.ts';

const docs = path.join(import.meta.dirname, '..', '..', 'docs');
const page = readFileSync(path.join(docs, 'configure.md'), 'utf8');

test('docs/configure.md says what every setting of a hub Thing is for', () => {
  assert.deepEqual(
    SETTING_NAMES.filter((name) => !page.includes(`\`${name}\``)),
    [],
  );
});

test('docs/install.md describes every setting of the process once', () => {
  const rows = readFileSync(path.join(docs, 'install.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(' | ')[0] ?? '');
  for (const key of SETTING_KEYS)
    assert.equal(rows.filter((names) => names.includes(`\`${key}\``)).length, 1, key);
});
