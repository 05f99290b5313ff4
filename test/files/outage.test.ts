import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type Account, NEVER, newContainer, startAccount } from './support.ts';

const MIB = 1024 * 1024;

/** An account that can be stopped and started again at the same address with the same files. */
async function startLasting(
  t: TestContext,
): Promise<{ first: Account; again: (afterMs?: number) => Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'files-'));
  const first = await startAccount({ directory });
  const accounts = [first];
  const starting: Promise<unknown>[] = [];
  t.after(async () => {
    await Promise.allSettled(starting);
    for (const account of accounts) await account.stop();
    await rm(directory, { recursive: true, force: true });
  });
  const { port, accountKey } = first.azurite;
  return {
    first,
    again: async (afterMs = 0) => {
      const started = setTimeout(afterMs)
        .then(() => startAccount({ directory, port, accountKey }))
        .then((account) => accounts.push(account));
      starting.push(started);
      await started;
    },
  };
}

test('what fails while the storage account is away works when it is back', async (t) => {
  const { first, again } = await startLasting(t);
  const { files } = await newContainer(first);
  await files.write('/a', Buffer.from('before'), {}, NEVER);
  await first.stop();
  await assert.rejects(files.read('/a', NEVER), { code: 'AZURE_UNREACHABLE' });
  await again();
  assert.equal((await files.read('/a', NEVER)).toString(), 'before');
});

test('streams outlast a storage account that is away for some seconds', async (t) => {
  const { first, again } = await startLasting(t);
  const { files } = await newContainer(first);
  const bytes = randomBytes(24 * MIB);
  const away: Promise<void>[] = [];
  /** Longer than Microsoft's client tries by itself. */
  const restart = async () => {
    await first.stop();
    away.push(again(3_000));
  };
  async function* body(): AsyncGenerator<Buffer> {
    yield bytes.subarray(0, 9 * MIB);
    await restart();
    yield bytes.subarray(9 * MIB);
  }
  const { contentMd5 } = await files.upload('/up.bin', Readable.from(body()), {}, NEVER);
  assert.equal(contentMd5, createHash('md5').update(bytes).digest('base64'));
  assert.equal(await files.checksum('/up.bin', 'MD5', NEVER), createHash('md5').update(bytes).digest('hex'));
  await Promise.all(away);
});
