import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bothForms, parseExact } from '../../sidecar/lib/exact-json.ts';

describe('JSON with all digits', () => {
  for (const text of ['9007199254740993', '{"serial":12345678901234567890}', '[1e400,1.10]', '"1"', 'null'])
    test(`${text} is written as it was read`, () => {
      assert.equal(JSON.stringify(parseExact(text)), text);
      assert.deepEqual(bothForms(parseExact(text)), { value: JSON.parse(text), text });
    });
});
