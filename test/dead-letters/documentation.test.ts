import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { REFUSAL_CODES } from '../../sidecar/translate/types.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const read = (...parts: string[]) => readFileSync(path.join(ROOT, ...parts), 'utf8');

test('docs/dead-letters.md has every reason code, and no other', () => {
  const platform =
    /REASON_CODES[^{]*{([^}]*)}/.exec(read('sidecar', 'ingest', 'lanes', 'interpreter.ts'))?.[1] ?? '';
  const events = [...read('sidecar', 'ingest', 'lanes', 'delivery.ts').matchAll(/code: ('[A-Z_]+')/g)].map(
    ([, code]) => code,
  );
  const codes = [platform.replaceAll(/\w+:/g, ''), events.join(' ')].flatMap((text) =>
    [...text.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code as string),
  );
  const table = read('docs', 'dead-letters.md').split('## Reason codes')[1] ?? '';
  const documented = table
    .split('\n')
    .flatMap((line) =>
      [...(/^\|([^|]*)\|/.exec(line)?.[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code),
    );
  assert.deepEqual(documented.toSorted(), [...new Set([...REFUSAL_CODES, ...codes])].toSorted());
});
