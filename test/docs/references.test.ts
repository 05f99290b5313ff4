import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const ROOT = path.join(import.meta.dirname, '..', '..');

test('texts of the product name pages of the documentation that exist', () => {
  const files = globSync(
    ['sidecar/**/*.{ts,tsx}', 'extension/**/*.{ts,js,md,txt}', 'scripts/deploy/**/*.{yml,ts}'],
    { cwd: ROOT },
  );
  const named = files.flatMap((file) =>
    [...readFileSync(path.join(ROOT, file), 'utf8').matchAll(/\bdocs\/[\w/-]+(?:\.(?:md|json))?/g)].map(
      ([page]) => [file, page] as const,
    ),
  );
  assert.ok(named.length > 20);
  assert.deepEqual(
    named.filter(
      ([, page]) =>
        ![page, `${page}.md`, `${page}-*.md`].some((name) => globSync(name, { cwd: ROOT }).length > 0),
    ),
    [],
  );
});
