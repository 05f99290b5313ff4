import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { Encoder, encode, Tag } from 'cbor-x';
import { DEFAULT_LIMITS } from '../../sidecar/translate/decode/limits.ts';
import { Undecodable } from '../../sidecar/translate/decode/undecodable.ts';
import { type BodyFormat, decodeBody } from '../../sidecar/translate/decode.ts';
import type { TranslationLimits } from '../../sidecar/translate/types.ts';
import { message } from './support.ts';

interface Options {
  contentType?: string;
  contentEncoding?: string;
  limits?: Partial<TranslationLimits>;
  format?: BodyFormat;
  exact?: boolean;
}

function decode(body: Uint8Array, options: Options = {}): unknown {
  const { limits, format, exact, ...over } = options;
  const value = decodeBody(
    message(body, over),
    { ...DEFAULT_LIMITS, ...limits },
    { format: format ?? 'auto' },
    exact,
  );
  if (!(value instanceof Undecodable)) return value;
  assert.match(value.reason, /\S.*\.$/s);
  return value.code;
}

const json = (text: string): Buffer => Buffer.from(text, 'utf8');

function utf32(text: string, littleEndian: boolean): Buffer {
  const points = [...text].map((char) => char.codePointAt(0) ?? 0);
  const bytes = Buffer.alloc(points.length * 4);
  points.forEach((point, i) => {
    if (littleEndian) bytes.writeUInt32LE(point, i * 4);
    else bytes.writeUInt32BE(point, i * 4);
  });
  return bytes;
}

const utf16be = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

describe('JSON', () => {
  const TEXT = '{"a":1,"b":"ä€😀"}';
  const VALUE = { a: 1, b: 'ä€😀' };
  const TYPE = 'application/json';

  test('UTF-8 with and without properties that say so, and with a byte order mark', () => {
    assert.deepEqual(decode(json(TEXT)), VALUE);
    assert.deepEqual(decode(json(` \n${TEXT} `)), VALUE);
    for (const contentEncoding of ['utf-8', 'UTF-8', 'utf8', 'identity', '']) {
      assert.deepEqual(decode(json(TEXT), { contentType: TYPE, contentEncoding }), VALUE);
    }
    assert.deepEqual(decode(json(TEXT), { contentType: 'application/json; charset=utf-8' }), VALUE);
    assert.deepEqual(decode(json(TEXT), { contentType: 'text/plain' }), VALUE);
    assert.deepEqual(decode(json(`\ufeff${TEXT}`)), VALUE);
    assert.deepEqual(decode(new Uint8Array(json(TEXT))), VALUE);
  });

  test('UTF-16 and UTF-32 in both byte orders, with and without a mark', () => {
    const forms: [Buffer, string][] = [
      [Buffer.from(TEXT, 'utf16le'), 'utf-16'],
      [Buffer.from(TEXT, 'utf16le'), 'utf-16le'],
      [utf16be(TEXT), 'utf-16'],
      [utf16be(TEXT), 'UTF-16BE'],
      [utf32(TEXT, true), 'utf-32'],
      [utf32(TEXT, false), 'utf-32'],
      [utf32(TEXT, false), 'utf-32be'],
    ];
    for (const [body, contentEncoding] of forms) assert.deepEqual(decode(body, { contentEncoding }), VALUE);
    const marked = `\ufeff${TEXT}`;
    for (const body of [
      Buffer.from(marked, 'utf16le'),
      utf16be(marked),
      utf32(marked, true),
      utf32(marked, false),
    ]) {
      assert.deepEqual(decode(body), VALUE);
      // the mark is right, whatever the property says
      assert.deepEqual(decode(body, { contentEncoding: 'utf-8' }), VALUE);
    }
    assert.deepEqual(
      decode(Buffer.from('{"a":"é"}', 'latin1'), { contentType: 'application/json;charset=ISO-8859-1' }),
      {
        a: 'é',
      },
    );
  });

  test('what is not text is refused', () => {
    assert.equal(decode(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 'BODY_NOT_TEXT');
    assert.equal(decode(Buffer.from([0xff, 0x01, 0x02])), 'BODY_NOT_TEXT');
    assert.equal(decode(Buffer.from([0x7b, 0, 0x22]), { contentEncoding: 'utf-16' }), 'BODY_NOT_TEXT');
    assert.equal(decode(Buffer.from([0, 0, 0]), { contentEncoding: 'utf-32' }), 'BODY_NOT_TEXT');
    assert.equal(decode(Buffer.from([0, 0x11, 0, 0]), { contentEncoding: 'utf-32be' }), 'BODY_NOT_TEXT');
    assert.equal(decode(json('{}'), { contentEncoding: 'utf-9' }), 'BODY_ENCODING_UNKNOWN');
    assert.equal(
      decode(json('{}'), { contentType: 'application/json; charset=klingon' }),
      'BODY_ENCODING_UNKNOWN',
    );
  });

  test('what is not JSON is refused', () => {
    for (const text of ['{', 'hello', '{"a":NaN}', '{"a":1,}', '[1] [2]', '{"a":01}', "{'a':1}"]) {
      assert.equal(decode(json(text)), 'BODY_NOT_JSON', text);
    }
    assert.equal(decode(Buffer.alloc(0)), 'BODY_EMPTY');
    assert.equal(decode(gzipSync(''), { contentEncoding: 'gzip' }), 'BODY_EMPTY');
  });

  test('of a key that comes twice the last counts; __proto__ is a key', () => {
    assert.deepEqual(decode(json('{"a":1,"a":2}')), { a: 2 });
    const value = decode(json('{"__proto__":{"x":1}}')) as object;
    assert.deepEqual(Object.keys(value), ['__proto__']);
    assert.equal((value as { x?: number }).x, undefined);
  });

  test('exact integers on demand', () => {
    const body = json('{"a":12345678901234567890,"b":1e300,"c":5,"d":[-9007199254740993],"e":1.5}');
    assert.deepEqual(decode(body, { exact: true }), {
      a: 12345678901234567890n,
      b: 1e300,
      c: 5,
      d: [-9007199254740993n],
      e: 1.5,
    });
  });
});

describe('compression', () => {
  const BODY = json('{"a":[1,2,3]}');
  const VALUE = { a: [1, 2, 3] };

  test('gzip, deflate with and without header, brotli, and several in a row', () => {
    const forms: [Buffer, string][] = [
      [gzipSync(BODY), 'gzip'],
      [gzipSync(BODY), 'GZIP, utf-8'],
      [deflateSync(BODY), 'deflate'],
      [deflateRawSync(BODY), 'deflate'],
      [brotliCompressSync(BODY), 'br'],
      [gzipSync(deflateSync(BODY)), 'deflate, gzip'],
    ];
    for (const [body, contentEncoding] of forms) assert.deepEqual(decode(body, { contentEncoding }), VALUE);
    assert.deepEqual(
      decode(gzipSync(Buffer.from('{"a":1}', 'utf16le')), { contentEncoding: 'utf-16 gzip' }),
      { a: 1 },
    );
  });

  test('gzip is recognised when no property says it', () => {
    assert.deepEqual(decode(gzipSync(BODY)), VALUE);
  });

  test('what is not compressed as said, or more often than sensible, is refused', () => {
    assert.equal(decode(BODY, { contentEncoding: 'gzip' }), 'BODY_NOT_COMPRESSED');
    assert.equal(decode(gzipSync(BODY).subarray(0, 20), { contentEncoding: 'gzip' }), 'BODY_NOT_COMPRESSED');
    assert.equal(decode(BODY, { contentEncoding: 'br' }), 'BODY_NOT_COMPRESSED');
    assert.equal(decode(BODY, { contentEncoding: 'gzip,gzip,gzip,gzip' }), 'BODY_ENCODING_UNKNOWN');
  });

  test('a bomb is refused at the limit, not held in memory', () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, 0x20));
    assert.ok(bomb.length < 262_144);
    const before = process.memoryUsage().arrayBuffers;
    assert.equal(decode(bomb, { contentEncoding: 'gzip' }), 'BODY_TOO_LARGE');
    assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
    assert.equal(
      decode(brotliCompressSync(Buffer.alloc(10_000_000)), { contentEncoding: 'br' }),
      'BODY_TOO_LARGE',
    );
  });
});

describe('limits', () => {
  test('size', () => {
    assert.equal(decode(json('{"a":1}'), { limits: { maxBodyBytes: 6 } }), 'BODY_TOO_LARGE');
    const large = { text: 'x'.repeat(256 * 1024 - 12) };
    assert.deepEqual(decode(json(JSON.stringify(large))), large);
  });

  test('depth', () => {
    const nested = (depth: number): Buffer => json('{"a":'.repeat(depth) + 1 + '}'.repeat(depth));
    assert.notEqual(decode(nested(100)), 'BODY_TOO_DEEP');
    assert.equal(decode(nested(101)), 'BODY_TOO_DEEP');
    assert.equal(decode(nested(1000)), 'BODY_TOO_DEEP');
    assert.equal(decode(json('['.repeat(120_000) + ']'.repeat(120_000))), 'BODY_TOO_DEEP');
    assert.notEqual(decode(json('[[1]]'), { limits: { maxDepth: 2 } }), 'BODY_TOO_DEEP');
    assert.equal(decode(json('[[[]]]'), { limits: { maxDepth: 2 } }), 'BODY_TOO_DEEP');
  });

  test('keys', () => {
    const keys = (count: number): Buffer =>
      json(JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, i]))));
    assert.equal(Object.keys(decode(keys(10_000)) as object).length, 10_000);
    assert.equal(decode(keys(20_001)), 'BODY_TOO_MANY_KEYS');
    assert.equal(decode(json('{"a":[1,2,3]}'), { limits: { maxKeys: 3 } }), 'BODY_TOO_MANY_KEYS');
    assert.deepEqual(decode(json('{"a":[1,2]}'), { limits: { maxKeys: 3 } }), { a: [1, 2] });
    assert.equal(decode(json(`[${'0,'.repeat(100_000)}0]`)), 'BODY_TOO_MANY_KEYS');
  });
});

describe('other formats', () => {
  test('text and base64 as they are', () => {
    assert.equal(decode(json('a;b'), { format: 'text' }), 'a;b');
    assert.equal(decode(Buffer.from([1, 2, 3]), { format: 'base64' }), 'AQID');
    assert.equal(decode(Buffer.from([0xff]), { format: 'text' }), 'BODY_NOT_TEXT');
  });
});

describe('CBOR', () => {
  const cbor = (bytes: Uint8Array): unknown => decode(bytes, { contentType: 'application/cbor' });
  const hex = (text: string): unknown => cbor(Buffer.from(text.replaceAll(' ', ''), 'hex'));

  test('what another implementation writes', () => {
    const value = {
      int: 5,
      negative: -7,
      big: 2 ** 40,
      float: 1.5,
      text: 'ä',
      list: [1, [2], {}],
      yes: true,
      no: false,
      nothing: null,
      nested: { a: { b: 1 } },
    };
    const encoder = new Encoder({ useRecords: false, mapsAsObjects: true });
    assert.deepEqual(cbor(encoder.encode(value)), value);
    assert.deepEqual(cbor(encode({ when: new Date(1_700_000_000_000), bytes: Buffer.from([1, 2]) })), {
      when: new Date(1_700_000_000_000),
      bytes: new Uint8Array([1, 2]),
    });
    assert.deepEqual(cbor(encode([12345678901234567890n, -12345678901234567890n])), [
      12345678901234567890n,
      -12345678901234567890n,
    ]);
    assert.deepEqual(cbor(encode({ tagged: new Tag('x', 4711) })), { tagged: 'x' });
  });

  test('the examples of RFC 8949, appendix A', () => {
    const examples: [string, unknown][] = [
      ['00', 0],
      ['1818', 24],
      ['1903e8', 1000],
      ['1b000000e8d4a51000', 1000000000000],
      ['1bffffffffffffffff', 18446744073709551615n],
      ['c249010000000000000000', 18446744073709551616n],
      ['3bffffffffffffffff', -18446744073709551616n],
      ['c349010000000000000000', -18446744073709551617n],
      ['3903e7', -1000],
      ['f90000', 0],
      ['f98000', -0],
      ['f93c00', 1],
      ['fb3ff199999999999a', 1.1],
      ['f93e00', 1.5],
      ['f97bff', 65504],
      ['fa47c35000', 100000],
      ['fb7e37e43c8800759c', 1e300],
      ['f90001', 2 ** -24],
      ['f90400', 0.00006103515625],
      ['f97c00', Number.POSITIVE_INFINITY],
      ['f97e00', Number.NaN],
      ['f9fc00', Number.NEGATIVE_INFINITY],
      ['f7', null],
      ['c074323031332d30332d32315432303a30343a30305a', '2013-03-21T20:04:00Z'],
      ['c11a514b67b0', new Date(1363896240000)],
      ['c1fb41d452d9ec200000', new Date(1363896240500)],
      ['d818456449455446', new Uint8Array([0x64, 0x49, 0x45, 0x54, 0x46])],
      ['4401020304', new Uint8Array([1, 2, 3, 4])],
      ['62c3bc', 'ü'],
      ['83010203', [1, 2, 3]],
      ['a201020304', { 1: 2, 3: 4 }],
      ['5f42010243030405ff', new Uint8Array([1, 2, 3, 4, 5])],
      ['7f657374726561646d696e67ff', 'streaming'],
      ['9f018202039f0405ffff', [1, [2, 3], [4, 5]]],
      ['bf61610161629f0203ffff', { a: 1, b: [2, 3] }],
      ['c48221196ab3', 273.15],
      ['c5822003', 1.5],
    ];
    for (const [bytes, value] of examples) assert.deepEqual(hex(bytes), value, bytes);
  });

  test('is recognised by content type and by its mark', () => {
    const body = encode({ a: 1 });
    for (const contentType of ['application/cbor', 'APPLICATION/CBOR; x=y', 'application/senml+cbor']) {
      assert.deepEqual(decode(body, { contentType }), { a: 1 });
    }
    assert.deepEqual(decode(Buffer.concat([Buffer.from([0xd9, 0xd9, 0xf7]), body])), { a: 1 });
    assert.deepEqual(decode(body, { format: 'cbor' }), { a: 1 });
    assert.deepEqual(decode(gzipSync(body), { contentType: 'application/cbor', contentEncoding: 'gzip' }), {
      a: 1,
    });
  });

  test('what is malformed is refused', () => {
    const wrong = [
      '18', // ends within an argument
      '62c3', // text ends early
      '61ff', // not UTF-8
      '830102', // array ends early
      'a101', // map without value
      'a1f601', // a key that is null
      'a1410101', // a key of bytes
      '1c', // reserved
      'ff', // break alone
      '81ff', // break in a definite array
      'bf01ff', // break instead of a value
      '5f6161ff', // chunk of another kind
      '7f7f6161ffff', // chunk within a chunk
      'f800', // simple value without meaning
      '0000', // two items
      'c1f6', // epoch time without a number
      'c201', // bignum without bytes
      'c48101', // fraction without a pair
      '9b00ffffffffffffff', // an array longer than the bytes
      'bbffffffffffffffff',
      '9a06b98000',
      '5bffffffffffffffff',
      `c2590100${'00'.repeat(256)}`, // a bignum beyond reason
    ];
    for (const bytes of wrong) assert.equal(hex(bytes), 'BODY_NOT_CBOR', bytes);
  });

  test('depth and number of members are bounded', () => {
    assert.equal(hex(`${'81'.repeat(1000)}00`), 'BODY_TOO_DEEP');
    assert.equal(hex(`${'c6'.repeat(100_000)}00`), 'BODY_TOO_DEEP');
    assert.equal(hex('9f'.repeat(1000)), 'BODY_TOO_DEEP');
    assert.equal(hex(`9a00030d40${'00'.repeat(200_000)}`), 'BODY_TOO_MANY_KEYS');
  });

  test('hostile keys are data', () => {
    const body = Buffer.concat([
      Buffer.from([0xa1, 0x69]),
      Buffer.from('__proto__'),
      Buffer.from([0xa1, 0x61, 0x78, 0x01]),
    ]);
    const value = cbor(body) as object;
    assert.deepEqual(Object.keys(value), ['__proto__']);
    assert.equal((value as { x?: number }).x, undefined);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  });
});
