import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { RECOVERY_SECONDS } from '../../scripts/chaos/row.ts';
import { ROWS } from '../../scripts/chaos/rows.ts';

const PAGE = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'reliability.md'), 'utf8');
/** Of the table of guarantees: the second cell of each line. */
const GUARANTEES = [
  ...(PAGE.split('## How long')[0] ?? '').matchAll(/^\| (?!Guarantee|-)(.+?) \| (.+) \|$/gm),
];
const NAMES = new Set(ROWS.map(({ name }) => name));

describe('docs/reliability.md', () => {
  test('names rows that exist, or says that every row shows it', () => {
    assert.ok(GUARANTEES.length > 10);
    for (const [, guarantee, shown = ''] of GUARANTEES) {
      if (shown.startsWith('every row')) continue;
      const named = [...shown.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
      assert.ok(named.length > 0, guarantee);
      assert.deepEqual(
        named.filter((name) => !NAMES.has(name)),
        [],
        guarantee,
      );
    }
  });

  test('says of each row that may take longer why it does', () => {
    for (const { name, recoverySeconds = RECOVERY_SECONDS } of ROWS) {
      if (recoverySeconds <= RECOVERY_SECONDS || name.startsWith('a burst')) continue;
      const kind =
        /half-open|slow|TLS broken|in turn|out of memory|backup|devices at once|Retry-After/.exec(
          name,
        )?.[0] ?? name;
      assert.match(PAGE, new RegExp(`\\| [^|]*${kind}[^|]* \\| [^|]*\\d+ seconds`), name);
    }
  });

  test('every name of a row is its own', () => {
    assert.equal(NAMES.size, ROWS.length);
  });
});
