import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { encodeLetter } from '../../sidecar/dead-letters/codec.ts';
import { FileDeadLetters } from '../../sidecar/dead-letters/file-store.ts';
import { DeadLetterKeeper, moveLetters } from '../../sidecar/dead-letters/retention.ts';
import { letter, listeningLog, scratchDirectory, until } from './letters.ts';

describe('limits of the dead letters', () => {
  let directory: string;
  let remove: () => Promise<void>;
  let keepers: DeadLetterKeeper[] = [];
  const limits = { days: 30, megabytes: 1 };
  let today = limits;
  let warnings = 0;

  const open = (name = 'letters') => {
    const { log, lines } = listeningLog();
    const keeper = new DeadLetterKeeper({
      store: new FileDeadLetters({ directory: `${directory}/${name}`, log }),
      limits: () => today,
      log,
      onWarning: () => {
        warnings += 1;
      },
    });
    keepers.push(keeper);
    return { keeper, lines };
  };
  /** A letter that takes about a tenth of a megabyte in the store. */
  const large = (number: number) => letter(number, { body: Buffer.alloc(74_000, 'x') });
  const count = async (keeper: DeadLetterKeeper) => (await keeper.stats()).count;

  beforeEach(async () => {
    ({ directory, remove } = await scratchDirectory());
    today = limits;
    warnings = 0;
  });
  afterEach(async () => {
    for (const keeper of keepers) await keeper.close();
    keepers = [];
    await remove();
  });

  test('warn at 80 percent, before anything is lost, and no more once there is room', async () => {
    const { keeper, lines } = open();
    await keeper.append(Array.from({ length: 7 }, (_, i) => large(i)));
    await keeper.check();
    assert.equal(keeper.warning, undefined);
    await keeper.append([large(7)]);
    await keeper.append([large(8)]);
    await keeper.check();
    assert.match(keeper.warning ?? '', /take 8\d % of deadLetterMegabytes/);
    assert.equal(lines.filter(({ level }) => level === 'warn').length, 1);
    await keeper.delete([large(0).id, large(1).id, large(2).id]);
    await keeper.check();
    assert.equal(keeper.warning, undefined);
    assert.equal(warnings, 2);
    assert.deepEqual(keeper.removed, { expired: 0, overflowed: 0 });
  });

  test('remove the oldest when the store is full, counted and logged', async () => {
    const { keeper, lines } = open();
    await keeper.append(Array.from({ length: 14 }, (_, i) => large(i)));
    await keeper.check();
    const { letters } = await keeper.list({}, { limit: 20 });
    const kept = letters.map(({ sequenceNumber }) => sequenceNumber);
    assert.deepEqual(
      kept,
      kept.toSorted((a, b) => b - a),
    );
    assert.equal(kept[0], 13, 'the newest stays');
    assert.ok(kept.length >= 8 && kept.length <= 10, `${kept.length}`);
    assert.equal(keeper.removed.overflowed, 14 - kept.length);
    assert.equal(lines.find(({ overflowed }) => overflowed)?.['level'], 'error');
    assert.match(keeper.warning ?? '', /the oldest are being removed/);
  });

  test('look soon when letters pour in, without being asked', async () => {
    const { keeper } = open();
    keeper.start();
    await keeper.append(Array.from({ length: 14 }, (_, i) => large(i)));
    await until(() => keeper.removed.overflowed > 0);
  });

  test('remove what is too old', async () => {
    const { keeper } = open();
    const day = 86_400_000;
    await keeper.append([{ ...letter(1), storedAtMs: Date.now() - 31 * day }, letter(2)]);
    await keeper.check();
    assert.equal(await count(keeper), 1);
    assert.deepEqual(keeper.removed, { expired: 1, overflowed: 0 });
    today = { ...limits, days: 1 };
    await keeper.append([{ ...letter(3), storedAtMs: Date.now() - 2 * day }]);
    await keeper.check();
    assert.equal(await count(keeper), 1);
  });

  test('warn when the store cannot be reached, before a message needs it', async () => {
    await writeFile(`${directory}/blocked`, '');
    const { keeper } = open('blocked');
    await keeper.check();
    assert.match(keeper.warning ?? '', /cannot be opened/);
    await rm(`${directory}/blocked`);
    await keeper.check();
    assert.equal(keeper.warning, undefined);
  });

  test('letters move whole from one store to another', async () => {
    const { keeper: from } = open('from');
    const { keeper: to } = open('to');
    const all = Array.from({ length: 120 }, (_, i) => letter(i));
    await from.append(all);
    assert.deepEqual(await moveLetters(from, to, new AbortController().signal), {
      moved: 120,
      unreadable: 0,
    });
    assert.deepEqual([await count(from), await count(to)], [0, 120]);
    assert.deepEqual((await to.get(all[5]?.id ?? ''))?.message, all[5]?.message);
  });

  test('a letter that cannot be read holds up no other on the way to the container', async () => {
    const lines = [1, 2, 3].map((number) => encodeLetter(letter(number)));
    lines[1] = `${lines[1]?.slice(0, -10)}!!!!!!!!!!`;
    await mkdir(`${directory}/letters`, { recursive: true });
    await writeFile(`${directory}/letters/00000001.ndjson`, `${lines.join('\n')}\n`);
    const { keeper: from } = open();
    const { keeper: to } = open('other');
    assert.deepEqual(await moveLetters(from, to, new AbortController().signal), { moved: 2, unreadable: 1 });
    assert.deepEqual([await count(from), await count(to)], [1, 2]);
  });
});
