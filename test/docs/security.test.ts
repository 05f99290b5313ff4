import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..');

test('each promise of docs/security.md names a test that exists', () => {
  const page = readFileSync(join(ROOT, 'docs', 'security.md'), 'utf8');
  const promises = page.slice(page.indexOf('| Promise | Test |')).split('\n').slice(2);
  const rows = promises.slice(0, promises.indexOf('')).map((row) => {
    const found = /^\| .+ \| `(test\/[\w./-]+\.test\.ts)`: "([^"]+)" \|$/.exec(row);
    assert.ok(found, row);
    return { file: found[1] ?? '', title: found[2] ?? '' };
  });
  assert.ok(rows.length > 30);
  for (const { file, title } of rows) {
    assert.ok(existsSync(join(ROOT, file)), file);
    const titles = [
      ...readFileSync(join(ROOT, file), 'utf8').matchAll(/\btest\(\s*(['"`])((?:(?!\1)[\s\S])*)\1/g),
    ];
    assert.ok(
      titles.some(([, , text]) => text?.includes(title)),
      `${file} has no test "${title}"`,
    );
  }
});
