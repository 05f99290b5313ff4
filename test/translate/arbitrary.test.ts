import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { encode } from 'cbor-x';
import fc from 'fast-check';
import { testMapping } from '../../sidecar/translate/mapping/test-mapping.ts';
import { validateMappings } from '../../sidecar/translate/mapping/validate.ts';
import { compileTranslator } from '../../sidecar/translate/translator.ts';
import type {
  BaseType,
  ReceivedMessage,
  Translation,
  TranslationSettings,
} from '../../sidecar/translate/types.ts';
import { FIELD_BASE_TYPES } from '../../sidecar/translate/types.ts';
import { directory, message, type NamedDefinition, thing } from './support.ts';

const RUNS = { numRuns: 300 };

/** Keys that have made trouble for others, beside arbitrary ones. */
const key = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    '',
    'a b',
    'a.b',
    'a_b',
    '0',
    '::',
    'Value',
    'NodeId',
  ),
  fc.string({ maxLength: 10, unit: 'binary' }),
  fc.constant('x'.repeat(5000)),
);
const scalar = fc.oneof(
  fc.string({ maxLength: 20, unit: 'binary' }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom('1e400', '2024-01-02T03:04:05Z', '9007199254740993', 'true', '<a/>', '[1]', '{}', '1,2'),
);
const jsonValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;
const objectBody = fc
  .array(fc.tuple(key, jsonValue), { maxLength: 8 })
  .map((entries) => Object.fromEntries(entries));

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  objectBody.map((value) => Buffer.from(JSON.stringify(value))),
  jsonValue.map((value) => Buffer.from(JSON.stringify(value))),
  objectBody.map((value) => encode(value)),
  // damaged JSON and CBOR
  fc
    .tuple(jsonValue, fc.nat(), fc.nat(255))
    .map(([value, at, byte]) => damage(Buffer.from(JSON.stringify(value)), at, byte)),
  fc.tuple(jsonValue, fc.nat(), fc.nat(255)).map(([value, at, byte]) => damage(encode(value), at, byte)),
  objectBody.map((value) => gzipSync(JSON.stringify(value))),
  objectBody.map((value) => deflateSync(JSON.stringify(value))),
  objectBody.map((value) => brotliCompressSync(JSON.stringify(value))),
  objectBody.map((value) => Buffer.from(`\ufeff${JSON.stringify(value)}`, 'utf16le')),
);

function damage(body: Uint8Array, at: number, byte: number): Uint8Array {
  const copy = new Uint8Array(body);
  if (copy.length > 0) copy[at % copy.length] = byte;
  return copy;
}

const hubMessage: fc.Arbitrary<ReceivedMessage> = fc
  .record({
    body: bytes,
    contentType: fc.option(
      fc.oneof(
        fc.constantFrom(
          'application/json',
          'application/cbor',
          'text/plain',
          'application/json; charset=utf-16',
        ),
        fc.string(),
      ),
      { nil: undefined },
    ),
    contentEncoding: fc.option(
      fc.oneof(
        fc.constantFrom('utf-8', 'utf-16', 'utf-32', 'gzip', 'deflate', 'br', 'gzip, utf-8'),
        fc.string(),
      ),
      { nil: undefined },
    ),
    deviceId: fc.oneof(fc.constantFrom('dev-1', 'dev-2'), fc.string()),
    moduleId: fc.option(fc.string({ maxLength: 5 }), { nil: undefined }),
    componentName: fc.option(fc.string({ maxLength: 5 }), { nil: undefined }),
    source: fc.oneof(
      { weight: 8, arbitrary: fc.constant('Telemetry') },
      fc.constantFrom(
        'twinChangeEvents',
        'deviceConnectionStateEvents',
        'deviceLifecycleEvents',
        'deviceJobLifecycleEvents',
        'digitalTwinChangeEvents',
        '__proto__',
        '',
      ),
    ),
    creationTimeMs: fc.option(fc.double(), { nil: undefined }),
    applicationProperties: fc.dictionary(
      fc.oneof(fc.constantFrom('opType', 'deviceId', 'operationTimestamp'), key),
      fc.oneof(fc.constantFrom('updateTwin', 'deviceConnected'), scalar),
    ),
  })
  .map(({ body, ...over }) => message(body, over));

const definition: fc.Arbitrary<NamedDefinition> = fc
  .dictionary(key, fc.constantFrom<BaseType>(...FIELD_BASE_TYPES), { maxKeys: 12 })
  .map((properties) => thing('dev-1', properties));

const policies: fc.Arbitrary<TranslationSettings> = fc.record({
  unknownThing: fc.constantFrom('deadLetter', 'create', 'ignore'),
  unknownProperty: fc.constantFrom('deadLetter', 'create', 'ignore'),
  deviceTemplate: fc.constantFrom(undefined, 'T'),
});

/** Every translation: whole, sendable, accounted for, and the language's own objects untouched. */
function check(translation: Translation): void {
  const { updates, ignored, refusals, creations, notifications } = translation;
  const outcomes =
    updates.length + ignored.length + refusals.length + creations.length + notifications.length;
  assert.ok(outcomes > 0, 'every message has an outcome');
  for (const update of updates) {
    assert.equal(update.properties.length, update.baseTypes.length);
    assert.equal(update.properties.length, update.values.length);
    assert.equal(new Set(update.properties).size, update.properties.length);
    assert.ok(update.values.some((value) => value !== null));
    assert.ok(Number.isFinite(update.timeMs));
    // what is sent is what was meant: JSON has no NaN, no dates, no bytes
    assert.deepEqual(JSON.parse(JSON.stringify(update.values)), withoutNegativeZero(update.values));
  }
  for (const { reason } of [...ignored, ...refusals]) {
    assert.match(reason, /\S/);
    assert.doesNotMatch(reason, /^The translation itself failed/);
    assert.ok(reason.length < 2000);
  }
  assert.deepEqual(Object.keys(Object.prototype), []);
}

/** JSON writes -0 as 0. */
function withoutNegativeZero(value: unknown): unknown {
  if (typeof value === 'number') return value + 0;
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, withoutNegativeZero(inner)]),
    );
  }
  return value;
}

describe('arbitrary messages', () => {
  test('by default', () => {
    fc.assert(
      fc.property(hubMessage, definition, policies, (input, known, settings) => {
        const translator = compileTranslator(settings);
        const prepared = translator.prepare(input);
        assert.ok(!(prepared instanceof Promise));
        check(translator.translate(prepared, directory(known)));
        check(translator.translate(prepared, directory(known), { tried: () => true }));
      }),
      RUNS,
    );
  });

  test('every value of a plain message is in exactly one list', () => {
    fc.assert(
      fc.property(objectBody, definition, policies, (body, known, settings) => {
        const names = Object.keys(body);
        fc.pre(names.length > 0 && !names.some((name) => ['NodeId', 'Value'].includes(name)));
        const translator = compileTranslator(settings);
        const prepared = translator.prepare(message(body));
        assert.ok(!(prepared instanceof Promise));
        const { updates, ignored, refusals, creations } = translator.translate(prepared, directory(known), {
          tried: () => true,
        });
        if (prepared.things.length === 0 || refusals.some(({ property }) => property === undefined)) return;
        const delivered = updates.flatMap(({ values }) => values).filter((value) => value !== null).length;
        assert.equal(delivered + ignored.length + refusals.length + creations.length, names.length);
      }),
      RUNS,
    );
  });

  test('through a mapping', async () => {
    const mappings = {
      version: 1,
      rules: [
        { when: { body: { a: { exists: true } } }, expression: '*.{"thing": $string(a), "properties": $}' },
        {
          when: { device: 'dev-2' },
          each: '$.*',
          thing: 'x-{$key}',
          time: 'a',
          quality: '0',
          properties: { '{a}': '*' },
        },
        {
          each: 'a[*]',
          thing: '{$message.deviceId|safe}',
          properties: { p: { path: '__proto__', scale: 2 } },
          others: 'map',
        },
      ],
    };
    mappings.rules[1] = {
      ...mappings.rules[1],
      properties: { '{a}': '["0"]' },
    } as (typeof mappings.rules)[1];
    assert.deepEqual(await validateMappings(mappings), []);
    await fc.assert(
      fc.asyncProperty(hubMessage, definition, policies, async (input, known, settings) => {
        const translator = compileTranslator({ ...settings, mappings });
        check(translator.translate(await translator.prepare(input), directory(known)));
      }),
      RUNS,
    );
  });

  test('as mappings and samples', async () => {
    await fc.assert(
      fc.asyncProperty(jsonValue, jsonValue, async (document, sample) => {
        const translator = compileTranslator({ mappings: document });
        check(translator.translate(await translator.prepare(message({ a: 1 })), directory()));
        assert.ok(Array.isArray(await validateMappings(document)));
        assert.ok(Array.isArray((await testMapping({ mappings: document }, sample)).problems));
      }),
      RUNS,
    );
  });

  test('arbitrary texts as paths, templates, conditions and expressions', async () => {
    const text = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc
        .array(
          fc.constantFrom(
            'a',
            '.',
            '[',
            ']',
            '*',
            '$',
            '@',
            '^',
            '"',
            '{',
            '}',
            '0',
            '-',
            '(',
            ')',
            '~>',
            '|',
            '/',
            ' ',
          ),
          { maxLength: 12 },
        )
        .map((parts) => parts.join('')),
    );
    await fc.assert(
      fc.asyncProperty(text, text, text, objectBody, async (path, template, expression, body) => {
        const rules = [
          { when: { device: path, body: { [path]: template } }, ignore: true },
          {
            each: path,
            thing: template,
            time: path,
            quality: path,
            properties: { [template]: path, b: { path, map: { a: 1 } } },
          },
          { expression },
        ];
        for (const rule of rules) {
          const translator = compileTranslator({
            mappings: { version: 1, rules: [rule] },
            limits: { maxExpressionMs: 50 },
          });
          check(translator.translate(await translator.prepare(message(body)), directory()));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('large messages', () => {
  const settings: TranslationSettings[] = (['ignore', 'create', 'deadLetter'] as const).map(
    (unknownProperty) => ({ unknownProperty }),
  );
  const known = directory(thing('dev-1', { text: 'STRING', json: 'JSON', k1: 'NUMBER' }));
  const translateAll = (body: Uint8Array): Translation[] =>
    settings.map((setting) => {
      const translator = compileTranslator(setting);
      const prepared = translator.prepare(message(body));
      assert.ok(!(prepared instanceof Promise));
      const translation = translator.translate(prepared, known);
      check(translation);
      return translation;
    });

  test('256 KB of text', () => {
    const [first] = translateAll(Buffer.from(JSON.stringify({ text: 'x'.repeat(256 * 1024 - 13) })));
    assert.equal(first?.updates.length, 1);
  });

  test('10,000 keys', () => {
    const body = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i]));
    const [ignoring] = translateAll(Buffer.from(JSON.stringify(body)));
    assert.deepEqual([ignoring?.updates[0]?.values, ignoring?.ignored.length], [[1], 9999]);
    const nested = translateAll(Buffer.from(JSON.stringify({ json: body })))[0];
    assert.equal(nested?.updates.length, 1);
  });

  test('1,000-deep nesting', () => {
    const [first] = translateAll(Buffer.from(`${'{"json":'.repeat(1000)}1${'}'.repeat(1000)}`));
    assert.equal(first?.refusals[0]?.code, 'BODY_TOO_DEEP');
    const text = translateAll(
      Buffer.from(JSON.stringify({ json: `${'['.repeat(1000)}${']'.repeat(1000)}` })),
    )[0];
    assert.equal(text?.refusals[0]?.code, 'VALUE_WRONG_TYPE');
  });

  test('a gzip bomb', () => {
    const [first] = translateAll(gzipSync(Buffer.alloc(100_000_000, 0x20)));
    assert.equal(first?.refusals[0]?.code, 'BODY_TOO_LARGE');
  });
});
