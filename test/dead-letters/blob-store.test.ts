import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { BlobDeadLetterStore } from '../../sidecar/dead-letters/blob-store.ts';
import { decodeDeadLetter, encodeDeadLetter } from '../../sidecar/dead-letters/codec.ts';
import type { DeadLetter, DeadLetterStore } from '../../sidecar/dead-letters/store.ts';
import { eventually } from '../e2e/observe.ts';
import { type Azurite, startAzurite } from '../emulators/azurite.ts';
import { BEGIN_MS, letter, scratchDirectory } from './letters.ts';
import { StorageProxy } from './storage-proxy.ts';
import { storeRules } from './store-contract.ts';

let azurite: Azurite;
let containers = 0;

interface Opening {
  readonly container?: string;
  readonly hubThing?: string;
  readonly connection?: string;
  readonly segmentBytes?: number;
}

function newContainer(): string {
  containers += 1;
  return `letters-${containers}`;
}

function open({
  container = newContainer(),
  hubThing = 'Plant Hub/1',
  connection = azurite.connectionString,
  ...rest
}: Opening = {}): BlobDeadLetterStore {
  return new BlobDeadLetterStore({ connection, container, hubThing, ...rest });
}

function clientOf(container: string): ContainerClient {
  return BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(container);
}

async function names(container: string, ending = ''): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of clientOf(container).listBlobsFlat())
    if (name.endsWith(ending)) found.push(name);
  return found;
}

/** All numbers, newest first. */
async function numbers(store: DeadLetterStore): Promise<number[]> {
  const { letters, more } = await store.list({}, { limit: 1_000 });
  assert.equal(more, false);
  return letters.map(({ sequenceNumber }) => sequenceNumber);
}

describe('dead letters in blobs', () => {
  before(async () => {
    azurite = await startAzurite();
  });
  after(() => azurite.stop());

  storeRules('blobs', async () => open());
  storeRules('many small blobs', async () => open({ segmentBytes: 1_000 }));

  test('puts the letters of many calls into one blob, a line each, that other tools can read', async () => {
    const container = newContainer();
    const store = open({ container });
    const letters = Array.from({ length: 30 }, (_, number) => letter(number));
    await Promise.all(letters.map((one) => store.append([one])));
    const [name = '', ...others] = await names(container);
    assert.deepEqual(others, []);
    assert.match(name, /^Plant%20Hub%2F1\/segments-2\/\d{13}-[0-9a-f]{8}\.ndjson$/);
    const content = await clientOf(container).getBlobClient(name).downloadToBuffer();
    const lines = content.toString('utf8').split('\n').slice(0, -1);
    assert.deepEqual(
      lines.map((line) => decodeDeadLetter(line, name).id).sort(),
      letters.map(({ id }) => id).sort(),
    );
  });

  test('keeps the letters of hubs apart', async () => {
    const container = newContainer();
    const store = open({ container, hubThing: 'one' });
    const other = open({ container, hubThing: 'two' });
    await store.append([letter(1)]);
    await other.append([letter(2)]);
    assert.equal((await store.stats()).count, 1);
    assert.equal(await other.get(letter(1).id), undefined);
  });

  test('takes a letter that is larger than one call may be', async () => {
    const container = newContainer();
    const store = open({ container });
    const body = Buffer.alloc(5 * 1_048_576, 'x');
    await store.append([letter(1), letter(2, { body }), letter(3)]);
    for (const reader of [store, open({ container })]) {
      assert.deepEqual(await numbers(reader), [3, 2, 1]);
      assert.ok(body.equals(Buffer.from((await reader.get(letter(2).id))?.message.body ?? '')));
    }
  });

  test('says in plain words that the account cannot be reached, and goes on when it can', async () => {
    const { directory, remove } = await scratchDirectory();
    const first = await startAzurite({ directory });
    const store = open({ connection: first.connectionString });
    await store.append([letter(1)]);
    await first.stop();
    const refused = await store.append([letter(2)]).catch((error) => error);
    assert.equal(refused.code, 'DEAD_LETTERS_UNAVAILABLE');
    assert.doesNotMatch(refused.message, /AccountKey/);
    const { accountKey, port } = first;
    const second = await startAzurite({ directory, accountKey, port });
    try {
      await store.append([letter(2)]);
      assert.equal((await store.stats()).count, 2);
    } finally {
      await second.stop();
      await remove();
    }
  });

  test('goes on in a new container when somebody has deleted it', async () => {
    const container = newContainer();
    const store = open({ container });
    await store.append([letter(1)]);
    await clientOf(container).delete();
    await eventually(() => store.append([letter(2)]));
    assert.deepEqual(await numbers(store), [2]);
  });
});

describe('several sidecars with one container of dead letters', () => {
  before(async () => {
    azurite = await startAzurite();
  });
  after(() => azurite.stop());

  test('see what the others store and delete', async () => {
    const container = newContainer();
    const [one, two] = [open({ container }), open({ container })];
    await Promise.all([one.append([letter(1), letter(4)]), two.append([letter(2), letter(3)])]);
    assert.deepEqual(await numbers(one), [4, 3, 2, 1]);
    assert.deepEqual(await numbers(two), [4, 3, 2, 1]);
    const first = await one.list({}, { limit: 2 });
    const rest = await two.list({}, { limit: 2, after: first.letters.at(-1)?.id });
    assert.deepEqual(
      rest.letters.map(({ sequenceNumber }) => sequenceNumber),
      [2, 1],
    );
    assert.equal(await two.delete([letter(1).id, letter(2).id, letter(9).id]), 2);
    assert.deepEqual(await numbers(one), [4, 3]);
    await eventually(async () => assert.equal(await one.get(letter(1).id), undefined));
    assert.equal(await one.delete([letter(1).id]), 0);
    await eventually(async () => assert.equal((await two.stats()).count, 2));
    assert.deepEqual(await numbers(open({ container })), [4, 3]);
  });

  test('count a letter that two of them have stored once, and delete it once and for all', async () => {
    const container = newContainer();
    const [one, two, three] = [open({ container }), open({ container }), open({ container })] as const;
    const stores = [one, two, three];
    await one.append([letter(1), letter(2)]);
    await two.append([letter(2), letter(3)]);
    await three.append([letter(2)]);
    for (const all of await Promise.all(stores.map(numbers))) assert.deepEqual(all, [3, 2, 1]);
    for (const store of stores) assert.equal((await store.stats()).count, 3);
    assert.equal(await one.delete([letter(2).id]), 1);
    for (const store of [...stores, open({ container })]) assert.deepEqual(await numbers(store), [3, 1]);
  });

  test('show the reasons of the last one that stored a letter again', async () => {
    const container = newContainer();
    const [one, two] = [open({ container }), open({ container })];
    await one.append([letter(1)]);
    await two.append([letter(2)]);
    assert.deepEqual(await numbers(one), [2, 1]);
    await one.append([letter(2, {}, ['BODY_EMPTY'])]);
    await numbers(two);
    await two.append([letter(1, {}, ['BODY_NOT_JSON'])]);
    for (const store of [one, two, open({ container })]) {
      const { letters } = await store.list({}, { limit: 10 });
      assert.deepEqual(
        letters.map(({ codes }) => codes),
        [['BODY_EMPTY'], ['BODY_NOT_JSON']],
      );
      assert.equal((await store.get(letter(1).id))?.reasons[0]?.code, 'BODY_NOT_JSON');
    }
  });

  test('lose and double nothing while they store, list and delete at the same time', async () => {
    const container = newContainer();
    const writers = [0, 1].map(() => open({ container, segmentBytes: 3_000 }));
    const deleters = [0, 1].map(() => open({ container }));
    const deleted = new Set<string>();
    let isWriting = true;
    const writing = Promise.all(
      writers.map(async (store, part) => {
        for (let number = part; number < 120; number += 2)
          await store.append([letter(number), letter(1_000 + number)]);
      }),
    ).finally(() => {
      isWriting = false;
    });
    const deleting = deleters.map(async (store) => {
      while (isWriting) {
        const gone = new Set(deleted);
        const page = await store.list({}, { limit: 40 });
        const ids = page.letters.map(({ id }) => id);
        assert.equal(new Set(ids).size, ids.length);
        for (const id of ids) assert.ok(!gone.has(id), `${id} has come back`);
        await store.delete(ids);
        for (const id of ids) deleted.add(id);
      }
    });
    await Promise.all([writing, ...deleting]);
    const left = [...writers, ...deleters, open({ container })];
    const all = Array.from({ length: 120 }, (_, number) => [letter(number).id, letter(1_000 + number).id]);
    const expected = all.flat().filter((id) => !deleted.has(id));
    for (const store of left) {
      const { letters } = await store.list({}, { limit: 1_000 });
      assert.deepEqual(letters.map(({ id }) => id).sort(), expected.toSorted());
    }
  });

  test('leave no blob when all letters are deleted', async () => {
    const container = newContainer();
    const [one, two] = [open({ container, segmentBytes: 2_000 }), open({ container })];
    for (let number = 0; number < 20; number += 1) await one.append([letter(number)]);
    assert.ok((await names(container)).length > 3);
    await two.delete([letter(0).id, letter(5).id]);
    await two.trim({ storedBeforeMs: Date.now() + 60_000, maxBytes: 1e9 });
    assert.deepEqual(await names(container), []);
    await one.append([letter(30)]);
    assert.deepEqual(await numbers(two), [30]);
  });
});

describe('a container of dead letters after something has gone wrong', () => {
  let proxy: StorageProxy;

  before(async () => {
    azurite = await startAzurite();
    proxy = new StorageProxy(azurite);
    await proxy.start();
  });
  after(async () => {
    await proxy.stop();
    await azurite.stop();
  });

  test('a letter whose answer was lost is there once', async () => {
    const container = newContainer();
    const store = open({ container, connection: proxy.connectionString });
    await store.append([letter(1)]);
    proxy.loseAnswer((method, url) => method === 'PUT' && url.includes('comp=appendblock'));
    await store.append([letter(2)]);
    await store.append([letter(3)]);
    const [name = '', ...others] = await names(container);
    assert.deepEqual(others, []);
    const lines = (await clientOf(container).getBlobClient(name).downloadToBuffer()).toString('utf8');
    assert.equal(lines.split('\n').length, 4, 'three lines, each with its end');
    assert.deepEqual(await numbers(open({ container })), [3, 2, 1]);
  });

  test('what was deleted stays deleted when that answer was lost', async () => {
    const container = newContainer();
    const store = open({ container, connection: proxy.connectionString });
    await store.append([letter(1), letter(2)]);
    proxy.loseAnswer((method, url) => method === 'PUT' && url.includes('.deleted'));
    assert.equal(await store.delete([letter(1).id]), 1);
    assert.deepEqual(await numbers(open({ container })), [2]);
  });

  test('an unfinished last line and a damaged one are passed over', async () => {
    const container = newContainer();
    const store = open({ container });
    await store.append([letter(1)]);
    const blob = clientOf(container).getAppendBlobClient(
      'Plant%20Hub%2F1/segments-2/0000000000001-0000abcd.ndjson',
    );
    await blob.create();
    const lines = [`{"no letter"`, encodeDeadLetter(letter(2)), encodeDeadLetter(letter(3)).slice(0, -20)];
    const content = lines.join('\n');
    await blob.appendBlock(content, Buffer.byteLength(content));
    for (const reader of [store, open({ container })]) assert.deepEqual(await numbers(reader), [2, 1]);
    assert.equal(await store.delete([letter(2).id]), 1);
    assert.deepEqual(await numbers(open({ container })), [1]);
  });

  test('what is left of a removed segment is removed', async () => {
    const container = newContainer();
    const store = open({ container });
    await store.append([letter(1)]);
    const remains = 'Plant%20Hub%2F1/segments-2/0000000000001-0000abcd.deleted';
    await clientOf(container).getAppendBlobClient(remains).create();
    assert.deepEqual(await numbers(store), [1]);
    assert.ok(!(await names(container)).includes(remains));
  });

  describe('with an index beside the letters', () => {
    const BODY = Buffer.alloc(250_000, 'x');
    const LETTERS = 60;
    let container: string;

    before(async () => {
      container = newContainer();
      const store = open({ container });
      for (let number = 0; number < LETTERS; number += 1)
        await store.append([
          letter(number, { body: BODY, deviceId: `dev-${number % 3}` }, [`CODE_${number % 40}`]),
        ]);
      await store.delete([letter(0).id]);
    });

    test('a new sidecar counts, filters and pages without reading the letters', async () => {
      const read = proxy.bytesRead.get('ndjson') ?? 0;
      const store = open({ container, connection: proxy.connectionString });
      const { count, oldestMs } = await store.stats();
      assert.deepEqual([count, oldestMs], [LETTERS - 1, BEGIN_MS + 1_000]);
      const page = await store.list({ deviceId: 'dev-1' }, { limit: 3 });
      assert.deepEqual(
        page.letters.map(({ sequenceNumber }) => sequenceNumber),
        [58, 55, 52],
      );
      for (const code of ['CODE_7', 'CODE_39']) {
        const { letters } = await store.list({ code }, { limit: 10 });
        const expected = code === 'CODE_7' ? [47, 7] : [39];
        assert.deepEqual(
          letters.map(({ sequenceNumber }) => sequenceNumber),
          expected,
        );
      }
      const all = LETTERS * BODY.length * (4 / 3);
      // The index lacks at most its step; a list reads the summaries.
      assert.ok((proxy.bytesRead.get('ndjson') ?? 0) - read < all / 3);
    });

    test('an index that cannot be read is made of the letters', async () => {
      const [name = ''] = await names(container, '.index');
      const blob = clientOf(container).getBlockBlobClient(name);
      for (const content of [
        'no index',
        '{"format":99}',
        '{"format":1,"codes":[],"rows":[[0,0,0,0,0,1e12,9]]}',
      ]) {
        await blob.upload(content, content.length);
        assert.equal((await open({ container }).stats()).count, LETTERS - 1);
      }
    });
  });
});

describe('a container with one blob per dead letter, as older sidecars wrote it', () => {
  before(async () => {
    azurite = await startAzurite();
  });
  after(() => azurite.stop());

  function oldName({ id, message }: DeadLetter): string {
    const time = new Date(message.enqueuedTimeMs).toISOString();
    const left = 86_400_000 - 1 - (message.enqueuedTimeMs % 86_400_000);
    return `Plant%20Hub%2F1/${time.slice(0, 10)}/${String(left).padStart(8, '0')}-${id}.json`;
  }

  async function fill(container: string, letters: readonly DeadLetter[]): Promise<void> {
    await clientOf(container).createIfNotExists();
    for (const one of letters) {
      const content = encodeDeadLetter(one);
      await clientOf(container)
        .getBlockBlobClient(oldName(one))
        .upload(content, Buffer.byteLength(content), { metadata: { device: 'dev-1' } });
    }
  }

  const DAY = 86_400;
  const old = Array.from({ length: 70 }, (_, number) => letter(number * (number % 2 === 0 ? 1 : DAY)));

  test('is moved by several sidecars at once, each letter once', async () => {
    const container = newContainer();
    await fill(container, old);
    const stores = [open({ container }), open({ container })];
    await Promise.all(stores.map((store) => store.append([letter(9_999_999)])));
    await eventually(async () => {
      await Promise.all(stores.map((store) => store.trim({ storedBeforeMs: 0, maxBytes: 1e9 })));
      assert.deepEqual(await names(container, '.json'), []);
    });
    const expected = [letter(9_999_999), ...old].map(({ id }) => id).sort();
    for (const store of [...stores, open({ container })]) {
      const { letters } = await store.list({}, { limit: 1_000 });
      assert.deepEqual(letters.map(({ id }) => id).sort(), expected);
    }
    const [first] = old;
    assert.deepEqual((await stores[0]?.get(first?.id ?? ''))?.message, first?.message);
    for (const store of stores) await store.close();
  });

  test('is read and emptied by id before it is moved', async () => {
    const container = newContainer();
    const [one, two] = [letter(1), letter(2)];
    await fill(container, [one, two]);
    // Someone else holds it, so it cannot be moved.
    const blob = clientOf(container).getBlobClient(oldName(one));
    const { leaseId = '' } = await blob.getBlobLeaseClient().acquireLease(-1);
    const store = open({ container });
    assert.deepEqual((await store.get(one.id))?.message, one.message);
    await eventually(async () => assert.deepEqual(await numbers(store), [2]));
    await blob.getBlobLeaseClient(leaseId).releaseLease();
    assert.equal(await store.delete([one.id]), 1);
    assert.deepEqual(await names(container, '.json'), []);
    await store.close();
  });

  test('keeps what cannot be read, and moves the rest', async () => {
    const container = newContainer();
    await fill(container, [letter(1), letter(2)]);
    await clientOf(container)
      .getBlockBlobClient(oldName(letter(2)))
      .upload('{"damaged', 9);
    const store = open({ container });
    await eventually(async () => assert.deepEqual(await numbers(store), [1]));
    await eventually(async () => assert.deepEqual(await names(container, '.json'), [oldName(letter(2))]));
    await assert.rejects(store.get(letter(2).id), { code: 'DEAD_LETTER_UNREADABLE' });
    await store.close();
  });
});
