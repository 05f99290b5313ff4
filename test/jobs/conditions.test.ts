import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { quoteForQuery } from '../../sidecar/azure/iot-hub/twins.ts';
import { splitCondition } from '../../sidecar/jobs/conditions.ts';

const ids = (count: number) => Array.from({ length: count }, (_, index) => `'device-${index}'`);

/** The literals of the list in each part, in order. */
const listed = (parts: readonly string[]) => parts.flatMap((part) => part.match(/'(?:\\.|[^'\\])*'/gs) ?? []);

test('a condition that IoT Hub takes stays as it is', () => {
  for (const condition of ['*', "tags.building = '43' OR deviceId IN ['a']", 'x'.repeat(8_000)])
    assert.deepEqual(splitCondition(condition), [condition]);
});

test('a long list is split, and each id is in one part', () => {
  const parts = splitCondition(`deviceId IN [${ids(1_500).join(',')}]`);
  assert.ok(parts.length > 1 && parts.length < 6, `${parts.length}`);
  for (const part of parts) {
    assert.match(part, /^deviceId IN \['device-\d+'(?:, 'device-\d+')*\]$/);
    assert.ok(Buffer.byteLength(part) <= 8_000);
  }
  assert.deepEqual(listed(parts), ids(1_500));
});

test('what is joined by AND stays in every part', () => {
  const rest = "(tags.a = 'x OR y' OR tags.and = 1) AND is_defined(tags.b)";
  for (const condition of [
    `${rest} AND deviceId in [ ${ids(900).join(' , ')} ]`,
    `deviceId IN [${ids(900).join(',')}] and ${rest}`,
  ]) {
    const parts = splitCondition(condition);
    assert.ok(parts.length > 1);
    for (const part of parts) assert.ok(part.includes("(tags.a = 'x OR y' OR tags.and = 1)"), part);
    assert.equal(listed(parts).filter((id) => id.startsWith("'device-")).length, 900);
  }
});

test('ids with quotes, brackets, commas and words of the language are texts', () => {
  const id = fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom(...'a\'\\,[]() AND OR"é') });
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 20, maxLength: 60 }), (names) => {
      const literals = names.map(quoteForQuery);
      const parts = splitCondition(`deviceId IN [${literals.join(', ')}]`, 200);
      assert.deepEqual(listed(parts), literals);
      for (const part of parts) assert.ok(Buffer.byteLength(part) <= 200);
    }),
  );
});

test('an id that is listed twice is in one part', () => {
  const parts = splitCondition(`deviceId IN [${[...ids(800), ...ids(800)].join(',')}]`);
  assert.deepEqual(listed(parts), ids(800));
});

test('what cannot be split says what can', () => {
  const list = `deviceId IN [${ids(1_500).join(',')}]`;
  for (const condition of [
    `${list} OR tags.a = 1`,
    `NOT ${list}`,
    `(${list})`,
    `tags.a = '${'x'.repeat(9_000)}'`,
    `deviceId IN ['${'x'.repeat(9_000)}']`,
    `deviceId IN [${ids(1_500).join(' ')}]`,
    `deviceId IN [${ids(1_500).join(',')}`,
    `deviceId IN ['a', 'b'] AND tags.a = '${'x'.repeat(9_000)}'`,
  ]) {
    assert.throws(() => splitCondition(condition), {
      code: 'REQUEST_INVALID',
      message:
        /^condition has \d+ bytes; IoT Hub takes 8000\. Expected a shorter condition, or a list such as/,
    });
  }
});
