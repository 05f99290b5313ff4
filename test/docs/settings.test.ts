import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { SETTING_NAMES } from '../../sidecar/contract/hub-settings.ts';

const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'configure.md'), 'utf8');

test('docs/configure.md says what every setting of a hub Thing is for', () => {
  assert.deepEqual(
    SETTING_NAMES.filter((name) => !page.includes(`\`${name}\``)),
    [],
  );
});
