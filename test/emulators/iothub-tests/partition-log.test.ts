import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PartitionLog } from '../iothub/partition-log.ts';
import { SlabCache } from '../iothub/slab-cache.ts';

test('a reader that follows bursts over many files misses nothing', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'partition-log-'));
  const log = new PartitionLog({
    directory,
    retention: { maxBytes: 1 << 30, maxAgeMs: 3_600_000 },
    cache: new SlabCache(1 << 20),
    slabBytes: 4096,
  });
  log.start();
  t.after(() => {
    log.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const seen: number[] = [];
  let offset = 0;
  const follow = async () => {
    for (;;) {
      const records = await log.read(offset, 300);
      if (records.length === 0) return;
      for (const { sequenceNumber, nextOffset } of records) {
        seen.push(sequenceNumber);
        offset = nextOffset;
      }
    }
  };
  let following = Promise.resolve();
  log.on('appended', () => {
    following = following.then(follow);
  });
  const appended: Promise<void>[] = [];
  for (let burst = 0; burst < 20; burst += 1) {
    for (let count = 0; count < 50; count += 1) appended.push(log.append(() => Buffer.alloc(100)));
    // Some of them arrive while others are being written.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(appended);
  await following;
  await follow();
  assert.deepEqual(
    seen,
    Array.from({ length: 1000 }, (_, index) => index),
  );
});
