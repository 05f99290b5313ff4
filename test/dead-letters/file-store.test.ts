import assert from 'node:assert/strict';
import { appendFile, mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FileDeadLetterStore } from '../../sidecar/dead-letters/file-store.ts';
import { SegmentIndex } from '../../sidecar/dead-letters/segment-index.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { letter, listeningLog, scratchDirectory } from './letters.ts';
import { storeRules } from './store-contract.ts';

const scratches: (() => Promise<void>)[] = [];

async function scratch(): Promise<string> {
  const { directory, remove } = await scratchDirectory();
  scratches.push(remove);
  return directory;
}

afterEach(async () => {
  for (const remove of scratches.splice(0)) await remove();
});

storeRules(
  'files',
  async () =>
    new FileDeadLetterStore({ directory: await scratch(), log: listeningLog().log, segmentBytes: 2_000 }),
);

describe('dead letters in files', () => {
  let directory: string;
  let stores: FileDeadLetterStore[] = [];

  const open = (options: { segmentBytes?: number } = {}) => {
    const { log, lines } = listeningLog();
    const store = new FileDeadLetterStore({ directory, log, ...options });
    stores.push(store);
    return { store, lines };
  };
  const reopen = async (options: { segmentBytes?: number } = {}) => {
    for (const store of stores) await store.close();
    return open(options);
  };
  const files = async (ending: string) =>
    (await readdir(directory)).filter((name) => name.endsWith(ending)).sort();
  const count = async (store: FileDeadLetterStore) => (await store.stats()).count;

  beforeEach(async () => {
    directory = await scratch();
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    stores = [];
  });

  test('looks into no file when the ids are new, however many files there are', async ({ mock }) => {
    const { store } = open({ segmentBytes: 2_000 });
    for (let number = 0; number < 200; number += 1) await store.append([letter(number)]);
    const { store: next } = await reopen({ segmentBytes: 2_000 });
    assert.equal(await count(next), 200);
    const find = mock.method(SegmentIndex.prototype, 'find');
    await next.append([letter(200), letter(201)]);
    assert.equal(find.mock.callCount(), 0);
    for (const number of [0, 100, 201]) await next.append([letter(number)]);
    assert.equal(await count(next), 202, 'those that were there are replaced');
    await next.delete([letter(0).id, letter(100).id]);
    await next.append([letter(100)]);
    assert.equal(await count(next), 201);
  });

  test('keeps letters and deletions over a restart', async () => {
    const { store } = open();
    const all = [letter(1), letter(2), letter(3)];
    await store.append(all);
    await store.delete([all[1]?.id ?? '']);
    const { store: next } = await reopen();
    const { letters } = await next.list({}, { limit: 10 });
    assert.deepEqual(
      letters.map(({ id }) => id),
      [all[2]?.id, all[0]?.id],
    );
    assert.deepEqual((await next.get(all[0]?.id ?? ''))?.message, all[0]?.message);
  });

  for (const cutBytes of [1, 2, 50, 400]) {
    test(`survives a last line that lacks its last ${cutBytes} bytes`, async () => {
      const { store } = open();
      await store.append([letter(1)]);
      await store.append([letter(2)]);
      await store.close();
      const file = path.join(directory, '00000001.ndjson');
      const { length } = await readFile(file);
      await truncate(file, length - cutBytes);

      const { store: next, lines } = await reopen();
      assert.equal(await count(next), 1);
      assert.equal(lines.filter(({ tornBytes }) => Number(tornBytes) > 0).length, 1, 'it is reported');
      await next.append([letter(2), letter(3)]);
      const { store: last, lines: quiet } = await reopen();
      assert.equal(await count(last), 3);
      assert.deepEqual(quiet, []);
    });
  }

  test('passes over lines that are no letters, and keeps the numbers of deleted lines', async () => {
    const { store } = open();
    const all = [letter(1), letter(2)];
    await store.append([all[0] as never]);
    await appendFile(path.join(directory, '00000001.ndjson'), 'garbage\n{"id":5}\n');
    const { store: next, lines } = await reopen();
    await next.append([all[1] as never]);
    await next.delete([all[1]?.id ?? '']);
    assert.equal(lines.find(({ unreadableLines }) => unreadableLines)?.unreadableLines, 2);
    const { store: last } = await reopen();
    assert.deepEqual(
      (await last.list({}, { limit: 10 })).letters.map(({ id }) => id),
      [all[0]?.id],
    );
  });

  test('ignores a deletion whose line is unfinished, and writes the next ones all the same', async () => {
    const { store } = open();
    const all = [letter(1), letter(2), letter(3)];
    await store.append(all);
    await writeFile(path.join(directory, '00000001.deleted'), '\n[0,1');
    const { store: next } = await reopen();
    assert.equal(await count(next), 3);
    await next.delete([all[2]?.id ?? '']);
    const { store: last } = await reopen();
    assert.equal(await count(last), 2);
  });

  test('removes files whose letters are all deleted', async () => {
    const { store } = open({ segmentBytes: 1 });
    const all = [letter(1), letter(2), letter(3)];
    for (const one of all) await store.append([one]);
    assert.equal((await files('.ndjson')).length, 3);
    await store.delete([all[0]?.id ?? '', all[1]?.id ?? '']);
    assert.deepEqual(await files('.ndjson'), ['00000003.ndjson']);
    assert.deepEqual(await files('.deleted'), []);
    await store.append([letter(4)]);
    const { store: next } = await reopen();
    assert.equal(await count(next), 2);
  });

  test('deletes the last letters of a file without room for anything', async () => {
    const { store } = open();
    const all = [letter(1), letter(2)];
    await store.append(all);
    // Nothing can be written there, as on a full disk.
    await symlink(`${directory}/nowhere/x`, `${directory}/00000001.deleted`);
    await assert.rejects(store.delete([all[0]?.id ?? '']), { code: 'DEAD_LETTERS_UNAVAILABLE' });
    assert.equal(await store.delete(all.map(({ id }) => id)), 2);
    assert.deepEqual(await files('.ndjson'), []);
    const { store: next } = await reopen();
    assert.equal(await count(next), 0);
  });

  test('counts the later of two letters that a crash left with one id', async () => {
    const { store } = open({ segmentBytes: 1 });
    await store.append([letter(1, {}, ['BODY_EMPTY'])]);
    await store.append([letter(2)]);
    await store.close();
    // What a crash leaves behind that came before the old letter was deleted.
    const old = path.join(directory, '00000001.ndjson');
    const content = await readFile(old, 'utf8');
    await writeFile(
      path.join(directory, '00000003.ndjson'),
      content.replaceAll('BODY_EMPTY', 'BODY_NOT_JSON'),
    );
    const { store: next } = await reopen();
    const { letters } = await next.list({}, { limit: 10 });
    assert.deepEqual(
      letters.map(({ codes }) => codes),
      [['THING_UNKNOWN'], ['BODY_NOT_JSON']],
    );
  });

  test('gives the room of deleted letters back', async () => {
    const { store } = open({ segmentBytes: 6_000_000 });
    const body = Buffer.alloc(200_000, 'x');
    const all = Array.from({ length: 100 }, (_, i) => letter(i, { body }));
    for (let i = 0; i < all.length; i += 10) await store.append(all.slice(i, i + 10));
    await store.delete(all.filter((_, i) => i % 10 !== 0).map(({ id }) => id));
    await store.trim({ storedBeforeMs: 0, maxBytes: Number.MAX_SAFE_INTEGER });
    const sizes = await Promise.all(
      (await files('.ndjson')).map(async (name) => (await readFile(path.join(directory, name))).length),
    );
    assert.ok(sizes.reduce((a, b) => a + b, 0) < 12_000_000, `${sizes}`);
    const { store: next } = await reopen();
    assert.equal(await count(next), 10);
    for (let i = 0; i < all.length; i += 10)
      assert.equal((await next.get(all[i]?.id ?? ''))?.message.body.byteLength, body.length);
  });

  test('takes many letters in a bounded index', async () => {
    const { store } = open();
    const total = 20_000;
    for (let start = 0; start < total; start += 1_000) {
      await store.append(Array.from({ length: 1_000 }, (_, i) => letter(start + i)));
    }
    const { store: next } = await reopen();
    assert.equal(await count(next), total);
    const { letters, more } = await next.list({}, { limit: 500 });
    assert.equal(letters[0]?.sequenceNumber, total - 1);
    assert.equal(letters.length, 500);
    assert.ok(more);
  });

  test('says in plain words when it cannot write, and goes on when it can', async () => {
    const inTheWay = path.join(directory, 'letters');
    await writeFile(inTheWay, '');
    const { log } = listeningLog();
    const store = new FileDeadLetterStore({ directory: inTheWay, log });
    stores.push(store);
    const refused = await store.append([letter(1)]).catch((error) => error);
    assert.ok(refused instanceof ConnectorError);
    assert.equal(refused.code, 'DEAD_LETTERS_UNAVAILABLE');
    assert.match(refused.message, /cannot be opened/);
    await import('node:fs/promises').then(({ rm }) => rm(inTheWay));
    await mkdir(inTheWay);
    await store.append([letter(1)]);
    assert.equal(await count(store), 1);
  });

  test('refuses a directory that another sidecar uses', async () => {
    const { store } = open();
    await store.append([letter(1)]);
    const { store: second } = open();
    await assert.rejects(second.append([letter(2)]), { code: 'DEAD_LETTERS_UNAVAILABLE' });
  });
});
