import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import { BlobDeadLetterStore } from '../../sidecar/dead-letters/blob-store.ts';
import { eventually } from '../e2e/observe.ts';
import { type Azurite, startAzurite } from '../emulators/azurite.ts';
import { letter } from './letters.ts';
import { storeRules } from './store-contract.ts';

/** A proxy before the storage account that holds the answer to the first list. */
class HeldLists {
  readonly #held = Promise.withResolvers<() => void>();
  readonly #server: http.Server;
  #holds = true;

  constructor(port: number) {
    this.#server = http.createServer((request, response) => {
      const { method, url, headers } = request;
      const forwarded = http.request({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
        const pass = () => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        };
        if (this.#holds && url?.includes('comp=list')) {
          this.#holds = false;
          this.#held.resolve(pass);
        } else pass();
      });
      request.pipe(forwarded);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Resolves when Azurite has answered the list, with what lets the answer through. */
  held(): Promise<() => void> {
    return this.#held.promise;
  }
}

let azurite: Azurite;
let containers = 0;

function open(hubThing = 'Plant Hub/1'): { store: BlobDeadLetterStore; container: string } {
  containers += 1;
  const container = `letters-${containers}`;
  return {
    store: new BlobDeadLetterStore({ connection: azurite.connectionString, container, hubThing }),
    container,
  };
}

describe('dead letters in blobs', () => {
  before(async () => {
    azurite = await startAzurite();
  });
  after(() => azurite.stop());

  storeRules('blobs', async () => open().store);

  test('names blobs by hub, day and id, with a summary other tools can read', async () => {
    const { store, container } = open();
    const one = letter(1, { deviceId: 'dév' });
    await store.append([one]);
    const client = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(
      container,
    );
    const names: string[] = [];
    for await (const { name, metadata } of client.listBlobsFlat({ includeMetadata: true })) {
      names.push(name);
      assert.equal(metadata?.device, 'd%C3%A9v');
      assert.equal(metadata?.codes, 'THING_UNKNOWN');
    }
    assert.equal(names.length, 1);
    assert.match(names[0] ?? '', /^Plant%20Hub%2F1\/2026-03-01\/\d{8}-\d{13}-cafe0123-0-1\.json$/);
  });

  test('counts dead letters that are stored while it counts', async () => {
    const lists = new HeldLists(azurite.port);
    await lists.start();
    try {
      const store = new BlobDeadLetterStore({
        connection: azurite.connectionString.replaceAll(`:${azurite.port}/`, `:${lists.port}/`),
        container: 'counted',
        hubThing: 'hub',
      });
      await store.append([letter(1)]);
      const counted = store.stats();
      const release = await lists.held();
      await store.append([letter(2), letter(3)]);
      release();
      assert.equal((await counted).count, 1, 'as it was when the list was made');
      await eventually(async () => assert.equal((await store.stats()).count, 3));
    } finally {
      await lists.stop();
    }
  });

  test('keeps the letters of hubs apart', async () => {
    const { store, container } = open('one');
    const other = new BlobDeadLetterStore({
      connection: azurite.connectionString,
      container,
      hubThing: 'two',
    });
    await store.append([letter(1)]);
    await other.append([letter(2)]);
    assert.equal((await store.stats()).count, 1);
    assert.equal(await other.get(letter(1).id), undefined);
  });

  test('says in plain words that the account cannot be reached, and goes on when it can', async () => {
    const directory = await import('./letters.ts').then(({ scratchDirectory }) => scratchDirectory());
    const first = await startAzurite({ directory: directory.directory });
    const store = new BlobDeadLetterStore({
      connection: first.connectionString,
      container: 'letters',
      hubThing: 'hub',
    });
    await store.append([letter(1)]);
    await first.stop();
    const refused = await store.append([letter(2)]).catch((error) => error);
    assert.equal(refused.code, 'DEAD_LETTERS_UNAVAILABLE');
    assert.doesNotMatch(refused.message, /AccountKey/);
    const { accountKey, port } = first;
    const second = await startAzurite({ directory: directory.directory, accountKey, port });
    try {
      await store.append([letter(2)]);
      assert.equal((await store.stats()).count, 2);
    } finally {
      await second.stop();
      await directory.remove();
    }
  });
});
