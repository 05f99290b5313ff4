import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { REASON_CODES } from '../../sidecar/ingest/lanes/refusals.ts';
import { REFUSAL_CODES } from '../../sidecar/translate/types.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const read = (...parts: string[]) => readFileSync(path.join(ROOT, ...parts), 'utf8');

test('docs/dead-letters.md has every reason code, and no other', () => {
  const notifications = [
    ...read('sidecar', 'ingest', 'lanes', 'delivery.ts').matchAll(/code: '([A-Z_]+)'/g),
  ].map(([, code]) => code as string);
  const codes = [...REFUSAL_CODES, ...Object.values(REASON_CODES), ...notifications];
  const table = read('docs', 'dead-letters.md').split('## Reason codes')[1] ?? '';
  const documented = table
    .split('\n')
    .flatMap((line) =>
      [...(/^\|([^|]*)\|/.exec(line)?.[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code),
    );
  assert.deepEqual(documented.toSorted(), [...new Set(codes)].toSorted());
});
