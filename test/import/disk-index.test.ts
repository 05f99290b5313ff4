import assert from 'node:assert/strict';
import { appendFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { DiskIndex } from '../../sidecar/import/disk-index.ts';
import { scratchDirectory } from '../dead-letters/letters.ts';

interface Entry {
  readonly key: string;
  readonly text: string;
}

describe('an index on disk', () => {
  let directory: string;
  let remove: () => Promise<void>;
  let file: string;
  beforeEach(async () => {
    ({ directory, remove } = await scratchDirectory());
    file = path.join(directory, 'scratch', 'index.ndjson');
  });
  afterEach(() => remove());

  async function opened(bytes?: number): Promise<{ index: DiskIndex<Entry>; isComplete: boolean }> {
    const index = new DiskIndex<Entry>(file, ({ key }) => key);
    return { index, isComplete: await index.start(bytes) };
  }

  const entry = (number: number, text = 'é\n'): Entry => ({ key: `device-${number}`, text });

  test('finds each of many entries, several of one key in their order, and none of others', async () => {
    const { index } = await opened();
    for (let number = 0; number < 20_000; number += 1) await index.add(entry(number));
    await index.add(entry(7, 'second'));
    assert.equal(index.size, 20_001);
    const keys = [...Array.from({ length: 20_000 }, (_, number) => `device-${number}`), 'device-20000', ''];
    const found = await index.find(keys);
    assert.equal(found.size, 20_000);
    assert.deepEqual(found.get('device-19999'), [{ number: 19_999, value: entry(19_999) }]);
    assert.deepEqual(
      found.get('device-7')?.map(({ number, value }) => [number, value.text]),
      [
        [7, 'é\n'],
        [20_000, 'second'],
      ],
    );
    const rest: number[] = [];
    for await (const { number } of index.from(19_998)) rest.push(number);
    assert.deepEqual(rest, [19_998, 19_999, 20_000]);
    await index.stop();
    await index.stop();
  });

  test('goes on after a crash with what a position names, and begins anew when that is gone', async () => {
    const first = (await opened()).index;
    for (let number = 0; number < 100; number += 1) await first.add(entry(number));
    await first.flush();
    const { bytes } = first;
    assert.equal((await stat(file)).size, bytes);
    await first.add(entry(100));
    await first.flush();
    await first.stop();
    // As a crash leaves it.
    await appendFile(file, '{"key":"dev');

    const { index, isComplete } = await opened(bytes);
    assert.equal(isComplete, true);
    assert.equal(index.size, 100);
    assert.equal(index.bytes, bytes);
    await index.add(entry(200));
    assert.deepEqual(
      [...(await index.find(['device-99', 'device-100', 'device-200'])).keys()],
      ['device-99', 'device-200'],
    );
    await index.stop();

    const lost = await opened(1_000_000);
    assert.deepEqual([lost.isComplete, lost.index.size, lost.index.bytes], [false, 0, 0]);
    await lost.index.stop();

    await writeFile(file, '{"key":"device-1","text":""}\n\0\0\0\0\n');
    const damaged = await opened(10);
    assert.deepEqual([damaged.isComplete, damaged.index.size], [false, 0]);
    assert.equal((await damaged.index.find(['device-1'])).size, 0);
    await damaged.index.stop();
  });
});
