import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { BlobDeadLetterStore } from '../../sidecar/dead-letters/blob-store.ts';
import { FileDeadLetterStore } from '../../sidecar/dead-letters/file-store.ts';
import type { DeadLetterStore } from '../../sidecar/dead-letters/store.ts';
import { startAzurite } from '../emulators/azurite.ts';
import { letter, listeningLog, scratchDirectory } from './letters.ts';

/** Kills a process that writes, several times, and looks for what it had confirmed in a store that is opened anew. */
async function killWriters(place: string, open: () => DeadLetterStore): Promise<void> {
  const program = path.join(import.meta.dirname, 'append-letters.ts');
  let next = 0;
  for (let round = 0; round < 5; round += 1) {
    const confirmed: number[] = [];
    const child = spawn(process.execPath, [program, place, String(next)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const wanted = 5 + Math.floor(Math.random() * 40);
    for await (const line of createInterface({ input: child.stdout })) {
      confirmed.push(Number(line));
      if (confirmed.length === wanted) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');

    const store = open();
    const { letters } = await store.list({}, { limit: 10_000 });
    const ids = letters.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, 'each letter once');
    const known = new Set(ids);
    for (const number of confirmed) {
      for (let i = 0; i < 5; i += 1) {
        const isDeleted = i === 0 && number % 3 === 0;
        assert.equal(known.has(letter(number + i).id), !isDeleted, `${number + i}`);
      }
      assert.deepEqual((await store.get(letter(number + 1).id))?.message, letter(number + 1).message);
    }
    await store.close();
    next = (confirmed.at(-1) ?? next) + 1_000;
  }
}

test('letters in files that were confirmed outlive a process that is killed while it writes', async () => {
  const { directory, remove } = await scratchDirectory();
  try {
    await killWriters(directory, () => new FileDeadLetterStore({ directory, log: listeningLog().log }));
  } finally {
    await remove();
  }
});

test('letters in blobs that were confirmed outlive a process that is killed while it writes', async () => {
  const azurite = await startAzurite();
  const connection = azurite.connectionString;
  try {
    await killWriters(
      connection,
      () => new BlobDeadLetterStore({ connection, container: 'killed', hubThing: 'hub' }),
    );
  } finally {
    await azurite.stop();
  }
});
