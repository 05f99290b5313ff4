import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { MappingRule } from '../../../sidecar/translate/mapping/schema.ts';
import type { ReceivedMessage } from '../../../sidecar/translate/types.ts';
import { apply } from '../mapping/support.ts';
import { message } from '../support.ts';

const TEXT = '{"t":21.5}';
const VALUES = [['dev-1', { t: 21.5 }]];
const read = { properties: { t: 't' } } satisfies MappingRule;

interface Case {
  readonly body: Buffer | string;
  readonly contentEncoding?: string;
  readonly contentType?: string;
}

function inputOf({ body, ...over }: Case): ReceivedMessage {
  return message(Buffer.from(body as string), over);
}

/** Properties that cannot be right for their bodies, by what is wrong. */
const WRONG: Readonly<Record<string, Case>> = {
  'UTF-16 over UTF-8, even': { body: TEXT, contentEncoding: 'utf-16' },
  'UTF-16 over UTF-8, odd': { body: `${TEXT} `, contentType: 'application/json;charset=utf-16' },
  'UTF-32 over UTF-8': { body: TEXT, contentEncoding: 'utf-32' },
  'a word that is no encoding': { body: TEXT, contentEncoding: 'application/json', contentType: 'utf-8' },
  'a charset that nobody knows': { body: TEXT, contentType: 'application/json; charset=klingon' },
  'base64 over JSON': { body: TEXT, contentEncoding: 'base64' },
  'gzip over plain text': { body: TEXT, contentEncoding: 'gzip' },
  'deflate over plain text': { body: TEXT, contentEncoding: 'deflate' },
  'br over plain text': { body: TEXT, contentEncoding: 'br' },
};

describe('a wrong content encoding', () => {
  for (const [name, input] of Object.entries(WRONG)) {
    test(`${name}: refused without a rule, with what is declared and the cure`, async () => {
      const { translation } = await apply([], inputOf(input));
      const { reason = '' } = translation.refusals[0] ?? {};
      assert.match(reason, /"encoding": "/);
      const declared = /charset=(.*)$/.exec(input.contentType ?? '')?.[1] ?? input.contentEncoding ?? '';
      assert.ok(reason.toLowerCase().includes(declared), `${declared} is not in: ${reason}`);
    });

    test(`${name}: overruled by the "body" of a rule, and by its "encoding"`, async () => {
      for (const rule of [
        { body: 'json' },
        { encoding: 'utf-8' },
        { encoding: 'none', body: 'lenient' },
      ] as const)
        assert.deepEqual(
          (await apply([{ ...rule, ...read }], inputOf(input))).rows,
          VALUES,
          JSON.stringify(rule),
        );
      const text = await apply([{ body: 'text', properties: { all: '$' } }], inputOf(input));
      assert.deepEqual(text.rows, [['dev-1', { all: String(input.body) }]]);
    });
  }

  test('words that say that nothing was done do nothing', async () => {
    for (const contentEncoding of ['none', 'binary', 'identity', '8bit', 'utf-8, none'])
      assert.deepEqual((await apply([], inputOf({ body: TEXT, contentEncoding }))).rows, VALUES);
  });

  test('a rule may state base64, compressions and charsets in the order in which they were applied', async () => {
    const bodies: [string, Buffer][] = [
      ['base64', Buffer.from(Buffer.from(TEXT).toString('base64'))],
      ['utf-16, base64', Buffer.from(Buffer.from(TEXT, 'utf16le').toString('base64'))],
      ['gzip, base64', Buffer.from(gzipSync(TEXT).toString('base64url'))],
      ['base64, gzip', gzipSync(Buffer.from(TEXT).toString('base64'))],
      ['windows-1252', Buffer.from('{"t":21.5,"u":"°C"}', 'latin1')],
    ];
    for (const [encoding, body] of bodies)
      assert.deepEqual((await apply([{ encoding, ...read }], message(body))).rows, VALUES, encoding);
    const wrong = await apply([{ encoding: 'base64', ...read }], message(Buffer.from('{"t":1}')));
    assert.match(wrong.translation.refusals[0]?.reason ?? '', /not valid base64 data/);
  });

  test('what a message declares rightly counts beside "body", too', async () => {
    const utf16 = Buffer.from(TEXT, 'utf16le');
    assert.deepEqual(
      (await apply([{ body: 'json', ...read }], message(utf16, { contentEncoding: 'utf-16' }))).rows,
      VALUES,
    );
    const latin = Buffer.from('{"t":"°"}', 'latin1');
    const over = { contentType: 'application/json; charset=iso-8859-1' };
    assert.deepEqual((await apply([{ body: 'json', ...read }], message(latin, over))).rows, [
      ['dev-1', { t: '°' }],
    ]);
    const gzip = message(gzipSync(TEXT), { contentEncoding: 'gzip' });
    assert.deepEqual((await apply([{ body: 'lenient', ...read }], gzip)).rows, VALUES);
  });

  test('JSON in UTF-16 and UTF-32 that says nothing is recognised by its zero bytes', async () => {
    const utf32 = Buffer.from([...TEXT].flatMap((char) => [0, 0, 0, char.charCodeAt(0)]));
    for (const body of [Buffer.from(TEXT, 'utf16le'), Buffer.from(TEXT, 'utf16le').swap16(), utf32])
      assert.deepEqual((await apply([], message(body))).rows, VALUES);
  });
});

describe('an empty body', () => {
  const empty = message(Buffer.alloc(0), { applicationProperties: { state: 'alive' } });

  test('has nothing at any path, so that a rule can take or leave it', async () => {
    const ignored = await apply([{ when: { body: { $: { exists: false } } }, ignore: true }], empty);
    assert.deepEqual(ignored.translation.refusals, []);
    const rules: MappingRule[] = [
      { when: { body: { $: null } }, properties: { alive: '$message.properties.state' } },
      { properties: { t: 't' } },
    ];
    assert.deepEqual((await apply(rules, empty)).rows, [['dev-1', { alive: 'alive' }]]);
    assert.deepEqual((await apply(rules, message({ t: 4 }))).rows, [['dev-1', { t: 4 }]]);
  });

  test('serves rules that read properties of the message alone, in every form of the body', async () => {
    for (const body of ['auto', 'json', 'lenient', 'lines', 'cbor', 'text', 'base64'] as const) {
      const { rows } = await apply([{ body, properties: { alive: '$message.properties.state' } }], empty);
      assert.deepEqual(rows, [['dev-1', { alive: 'alive' }]], body);
    }
  });

  test('is refused where the keys of the body would be the properties', async () => {
    for (const rules of [[], [{ thing: 'x' }]])
      assert.equal((await apply(rules, empty)).translation.refusals[0]?.code, 'BODY_EMPTY');
  });
});
