import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  changeOf,
  equalJson,
  mirrored,
  missingFrom,
  writable,
} from '../../../sidecar/translate/sources/twin-view.ts';

/** RFC 7396, as IoT Hub applies a patch. */
function apply(content: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof content === 'object' && content !== null && !Array.isArray(content);
  const result: Record<string, unknown> = isObject ? { ...content } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = apply(result[name], value);
  }
  return result;
}

const section = fc.letrec((tie) => ({
  section: fc.dictionary(fc.stringMatching(/^[a-c]$/), tie('value'), { maxKeys: 3 }),
  value: fc.oneof(
    { depthSize: 'small' },
    fc.integer({ min: 0, max: 3 }),
    fc.boolean(),
    fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 2 }),
    tie('section'),
  ),
})).section as fc.Arbitrary<Record<string, unknown>>;

describe('what changes a section of a twin', () => {
  test('a change leads from one value to the other', () => {
    fc.assert(
      fc.property(section, section, (before, after) => {
        assert.ok(equalJson(apply(before, changeOf(before, after)), after));
      }),
    );
  });

  test('what is missing has the same effect, and nothing is missing afterwards', () => {
    fc.assert(
      fc.property(section, section, section, (content, before, after) => {
        const patch = changeOf(before, after);
        const missing = missingFrom(content, patch);
        const changed = apply(content, missing) as Record<string, unknown>;
        assert.ok(equalJson(changed, apply(content, patch)));
        assert.deepEqual(missingFrom(changed, patch), {});
      }),
    );
  });

  test('keys that others changed are left alone', () => {
    const patch = changeOf({ mine: 1, theirs: 1 }, { mine: 2, theirs: 1 });
    assert.deepEqual(patch, { mine: 2 });
  });

  test('what only the hub may write is never sent', () => {
    assert.deepEqual(changeOf({ $version: 1, a: 1 }, { $version: 2, $metadata: {}, a: 1 }), {});
    assert.deepEqual(writable({ $version: 1, $metadata: {}, $mirrored: 5, a: 1 }), { a: 1 });
    assert.deepEqual(writable({ $mine: 1 }), { $mine: 1 }, 'what the hub refuses is not lost without a word');
  });

  test('a Thing has versions and no metadata', () => {
    const twin = {
      version: 7,
      tags: { a: 1 },
      properties: { desired: { $version: 3, $metadata: {}, b: 1 }, reported: { $version: 4, $metadata: {} } },
    };
    assert.deepEqual(mirrored(twin), {
      desired: { $version: 3, b: 1 },
      reported: { $version: 4 },
      tags: { a: 1, $version: 7 },
    });
  });
});
