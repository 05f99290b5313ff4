import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type DeadLetterStore, deadLetterId, deleteMatching } from '../../sidecar/dead-letters/store.ts';
import { BEGIN_MS, letter, message } from './letters.ts';

/** What every store of dead letters must do. */
export function storeRules(name: string, open: () => Promise<DeadLetterStore>): void {
  describe(`${name}: a store of dead letters`, () => {
    let store: DeadLetterStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    test('is empty at first', async () => {
      assert.deepEqual(await store.list({}, { limit: 10 }), { letters: [], more: false });
      assert.deepEqual(await store.stats(), { count: 0, bytes: 0 });
      assert.equal(await store.get(deadLetterId('cafe0123', message(1))), undefined);
      assert.equal(await store.delete([deadLetterId('cafe0123', message(1))]), 0);
    });

    test('gives back a letter whole', async () => {
      const body = Buffer.from([0, 1, 0xff, 0x0a, 0x7b, 0x22]);
      const one = letter(7, {
        body,
        deviceId: 'dév "7"\n\u2028/..%2f',
        moduleId: 'mod',
        messageId: 'm-7',
        applicationProperties: { text: 'a\nb', number: 5, flag: true, nothing: null, __proto__x: 1 },
        systemProperties: { 'iothub-connection-device-id': 'x', '": ,"letter":': 1 },
      });
      await store.append([one]);
      const found = await store.get(one.id);
      assert.ok(found);
      assert.deepEqual(Buffer.from(found.message.body), body);
      assert.deepEqual({ ...found, message: { ...found.message, body } }, one);
      const [summary] = (await store.list({}, { limit: 1 })).letters;
      assert.equal(summary?.deviceId, one.message.deviceId);
      assert.deepEqual(summary?.reasons, one.reasons);
    });

    test('takes names of any length and any characters, and lists them', async () => {
      const names = [
        '\ud800',
        'a\udc00b',
        '漢'.repeat(300),
        '😀'.repeat(200),
        `${'x'.repeat(299)}😀`,
        '\u0000\r\n',
      ];
      const letters = names.map((name, i) => ({
        ...letter(i, { deviceId: name, moduleId: name, source: name }),
        reasons: names.map((reason) => ({ code: 'THING_UNKNOWN', reason, thing: reason, property: reason })),
      }));
      await store.append(letters);
      const page = await store.list({}, { limit: 10 });
      assert.deepEqual(
        page.letters.map(({ id }) => id),
        letters.map(({ id }) => id).reverse(),
      );
      assert.equal((await store.get(letters[2]?.id ?? ''))?.message.deviceId, names[2]);
      assert.equal(await deleteMatching(store, {}), names.length);
    });

    test('lists the newest first, in pages that neither miss nor repeat', async () => {
      const all = Array.from({ length: 25 }, (_, i) => letter(i * 7_000));
      await store.append(all.toSorted(() => Math.random() - 0.5));
      const seen: string[] = [];
      let after: string | undefined;
      for (let pages = 1; ; pages += 1) {
        const page = await store.list({}, { limit: 10, after });
        seen.push(...page.letters.map(({ id }) => id));
        after = seen.at(-1);
        if (page.more) continue;
        assert.equal(pages, 3);
        break;
      }
      assert.deepEqual(seen, all.map(({ id }) => id).reverse());
    });

    test('gives pages of letters with one time', async () => {
      const all = Array.from({ length: 6 }, (_, i) => letter(i, { enqueuedTimeMs: BEGIN_MS }));
      await store.append(all);
      const first = await store.list({}, { limit: 4 });
      const rest = await store.list({}, { limit: 4, after: first.letters.at(-1)?.id });
      assert.deepEqual(
        [...first.letters, ...rest.letters].map(({ id }) => id).sort(),
        all.map(({ id }) => id).sort(),
      );
      assert.equal(rest.more, false);
    });

    test('knows the oldest and the count while letters come in any order', async () => {
      await store.stats();
      await store.append([letter(5), letter(9)]);
      await store.append([letter(2), letter(7)]);
      const { count, oldestMs } = await store.stats();
      assert.deepEqual([count, oldestMs], [4, BEGIN_MS + 2_000]);
    });

    test('filters by device, reason and time', async () => {
      await store.append([
        letter(1, { deviceId: 'a' }, ['THING_UNKNOWN']),
        letter(2, { deviceId: 'b' }, ['BODY_NOT_JSON']),
        letter(3, { deviceId: 'a' }, ['VALUE_WRONG_TYPE', 'PROPERTY_UNKNOWN']),
      ]);
      const numbers = async (filter: Parameters<DeadLetterStore['list']>[0]) =>
        (await store.list(filter, { limit: 10 })).letters.map(({ sequenceNumber }) => sequenceNumber);
      assert.deepEqual(await numbers({ deviceId: 'a' }), [3, 1]);
      assert.deepEqual(await numbers({ code: 'PROPERTY_UNKNOWN' }), [3]);
      assert.deepEqual(await numbers({ deviceId: 'b', code: 'THING_UNKNOWN' }), []);
      assert.deepEqual(await numbers({ fromMs: BEGIN_MS + 2_000 }), [3, 2]);
      assert.deepEqual(await numbers({ fromMs: BEGIN_MS + 2_000, toMs: BEGIN_MS + 2_000 }), [2]);
      assert.deepEqual(await numbers({ code: 'NEVER_HEARD_OF' }), []);
    });

    test('keeps one letter of an id, the last', async () => {
      await store.append([letter(1), letter(2)]);
      await store.append([letter(1, {}, ['BODY_NOT_JSON'])]);
      assert.equal((await store.stats()).count, 2);
      const { letters } = await store.list({}, { limit: 10 });
      assert.deepEqual(
        letters.map(({ codes }) => codes),
        [['THING_UNKNOWN'], ['BODY_NOT_JSON']],
      );
      await store.append([letter(3), letter(3, {}, ['BODY_EMPTY'])]);
      assert.equal((await store.stats()).count, 3);
    });

    test('deletes by id and by filter', async () => {
      const all = Array.from({ length: 12 }, (_, i) => letter(i, { deviceId: i % 3 === 0 ? 'a' : 'b' }));
      await store.append(all);
      assert.equal(await store.delete([all[1]?.id ?? '', all[2]?.id ?? '', 'nonsense']), 2);
      assert.equal(await store.delete([all[1]?.id ?? '']), 0);
      assert.equal(await deleteMatching(store, { deviceId: 'a' }), 4);
      const { letters } = await store.list({}, { limit: 20 });
      assert.deepEqual(
        letters.map(({ sequenceNumber }) => sequenceNumber),
        [11, 10, 8, 7, 5, 4],
      );
      const { count, oldestMs } = await store.stats();
      assert.deepEqual({ count, oldestMs }, { count: 6, oldestMs: BEGIN_MS + 4_000 });
    });

    test('removes what was stored too long ago, and the oldest when there is no room', async () => {
      const now = Date.now();
      const recent = { enqueuedTimeMs: now - 1_000 };
      await store.append([{ ...letter(1), storedAtMs: now - 10_000 }, letter(2), letter(3, recent)]);
      const everything = { storedBeforeMs: 0, maxBytes: Number.MAX_SAFE_INTEGER };
      assert.deepEqual(await store.trim(everything), { expired: 0, overflowed: 0 });
      assert.deepEqual(await store.trim({ ...everything, storedBeforeMs: now - 5_000 }), {
        expired: 1,
        overflowed: 0,
      });
      const { bytes } = await store.stats();
      assert.deepEqual(await store.trim({ ...everything, maxBytes: bytes - 1 }), {
        expired: 0,
        overflowed: 1,
      });
      const { letters } = await store.list({}, { limit: 10 });
      assert.deepEqual(
        letters.map(({ sequenceNumber }) => sequenceNumber),
        [3],
      );
    });
  });
}
