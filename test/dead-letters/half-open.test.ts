import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { FaultProxy } from '../../scripts/chaos/fault-proxy.ts';
import { BlobDeadLetterStore } from '../../sidecar/dead-letters/blob-store.ts';
import { type Azurite, startAzurite } from '../emulators/azurite.ts';
import { letter, until } from './letters.ts';

describe('a container behind connections that go half-open', () => {
  let azurite: Azurite;
  let proxy: FaultProxy;

  before(async () => {
    azurite = await startAzurite();
    proxy = new FaultProxy({ host: '127.0.0.1', port: azurite.port });
    await proxy.start();
  });
  after(async () => {
    await proxy?.stop();
    await azurite?.stop();
  });

  test('a dead letter that got no answer is refused in time, and the next attempt uses a new connection', async () => {
    const connection = azurite.connectionString.replaceAll(`:${azurite.port}/`, `:${proxy.port}/`);
    const store = new BlobDeadLetterStore({
      connection,
      container: 'half-open',
      hubThing: 'hub',
      requestTimeoutMs: 500,
    });
    await store.append([letter(1)]);
    await proxy.set('silent');
    await assert.rejects(store.append([letter(2)]), { code: 'DEAD_LETTERS_UNAVAILABLE' });
    await proxy.set('pass');
    const before = proxy.accepted;
    await store.append([letter(2)]);
    assert.ok(proxy.accepted > before);
    assert.equal((await store.list({}, { limit: 10 })).letters.length, 2);
  });

  test('a request has time for its bytes: what is large may take longer', async () => {
    const connection = azurite.connectionString.replaceAll(`:${azurite.port}/`, `:${proxy.port}/`);
    const options = { connection, container: 'slow', hubThing: 'hub', requestTimeoutMs: 500 };
    const store = new BlobDeadLetterStore(options);
    await store.append([letter(1)]);
    const large = Array.from({ length: 8 }, (_, index) =>
      letter(index + 2, { body: Buffer.alloc(200_000, 97) }),
    );
    proxy.delayMs = 1_500;
    await proxy.set('slow');
    try {
      await store.append(large);
      await assert.rejects(store.append([letter(20)]), { code: 'DEAD_LETTERS_UNAVAILABLE' });
    } finally {
      await proxy.set('pass');
    }
    await store.close();
  });

  test('a read that got no answer is refused in time, and a later attempt uses a new connection', async () => {
    const connection = azurite.connectionString.replaceAll(`:${azurite.port}/`, `:${proxy.port}/`);
    const options = { connection, container: 'silent', hubThing: 'hub', requestTimeoutMs: 500 };
    const writer = new BlobDeadLetterStore(options);
    await writer.append([letter(1), letter(2)]);
    const reads: readonly ((store: BlobDeadLetterStore) => Promise<unknown>)[] = [
      (store) => store.list({}, { limit: 10 }),
      (store) => store.trim({ storedBeforeMs: 0, maxBytes: 1_000_000 }),
      (store) => store.delete(['nothing']),
    ];
    for (const read of reads) {
      const store = new BlobDeadLetterStore(options);
      assert.equal((await store.stats()).count, 2);
      await proxy.set('silent');
      await assert.rejects(read(store), { code: 'DEAD_LETTERS_UNAVAILABLE', message: /no answer in time/ });
      await proxy.set('pass');
      // The store has several connections, and each was silent.
      await until(() =>
        read(store).then(
          () => true,
          () => false,
        ),
      );
      assert.equal((await store.stats()).count, 2);
      await store.close();
    }
    await writer.close();
  });
});
