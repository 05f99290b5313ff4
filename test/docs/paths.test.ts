import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const ROOT = path.join(import.meta.dirname, '..', '..');

/** Paths of this repository in code spans: `sidecar/main.ts`, `test/e2e/`. */
const PATH = /`((?:sidecar|extension|scripts|test|docs|\.ci|\.github)\/[\w./-]*)`/g;

for (const page of ['docs/architecture.md', 'CONTRIBUTING.md', 'README.md']) {
  test(`${page} names files and folders that exist`, () => {
    const text = readFileSync(path.join(ROOT, page), 'utf8');
    const named = [...text.matchAll(PATH)].map(([, name = '']) => name);
    assert.ok(named.length > 0, 'The page names no file.');
    assert.deepEqual(
      named.filter((name) => !existsSync(path.join(ROOT, name))),
      [],
    );
  });
}
