import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { encodeDeadLetter } from '../../sidecar/dead-letters/codec.ts';
import { FileDeadLetterStore } from '../../sidecar/dead-letters/file-store.ts';
import { DeadLetterRetention, moveDeadLetters } from '../../sidecar/dead-letters/retention.ts';
import { letter, listeningLog, scratchDirectory, until } from './letters.ts';

describe('limits of the dead letters', () => {
  let directory: string;
  let remove: () => Promise<void>;
  let retentions: DeadLetterRetention[] = [];
  const limits = { days: 30, megabytes: 1 };
  let today = limits;
  let warnings = 0;

  const open = (name = 'letters') => {
    const { log, lines } = listeningLog();
    const retention = new DeadLetterRetention({
      store: new FileDeadLetterStore({ directory: `${directory}/${name}`, log }),
      limits: () => today,
      log,
      onWarning: () => {
        warnings += 1;
      },
    });
    retentions.push(retention);
    return { retention, lines };
  };
  /** A letter that takes about a tenth of a megabyte in the store. */
  const large = (number: number) => letter(number, { body: Buffer.alloc(74_000, 'x') });
  const count = async (retention: DeadLetterRetention) => (await retention.stats()).count;

  beforeEach(async () => {
    ({ directory, remove } = await scratchDirectory());
    today = limits;
    warnings = 0;
  });
  afterEach(async () => {
    for (const retention of retentions) await retention.close();
    retentions = [];
    await remove();
  });

  test('warn at 80 percent, before anything is lost, and no more once there is room', async () => {
    const { retention, lines } = open();
    await retention.append(Array.from({ length: 7 }, (_, i) => large(i)));
    await retention.check();
    assert.equal(retention.warning, undefined);
    await retention.append([large(7)]);
    await retention.append([large(8)]);
    await retention.check();
    assert.match(retention.warning ?? '', /take 8\d % of deadLetterMegabytes/);
    assert.equal(lines.filter(({ level }) => level === 'warn').length, 1);
    await retention.delete([large(0).id, large(1).id, large(2).id]);
    await retention.check();
    assert.equal(retention.warning, undefined);
    assert.equal(warnings, 2);
    assert.deepEqual(retention.removed, { expired: 0, overflowed: 0 });
  });

  test('remove the oldest when the store is full, counted and logged', async () => {
    const { retention, lines } = open();
    await retention.append(Array.from({ length: 14 }, (_, i) => large(i)));
    await retention.check();
    const { letters } = await retention.list({}, { limit: 20 });
    const kept = letters.map(({ sequenceNumber }) => sequenceNumber);
    assert.deepEqual(
      kept,
      kept.toSorted((a, b) => b - a),
    );
    assert.equal(kept[0], 13, 'the newest stays');
    assert.ok(kept.length >= 8 && kept.length <= 10, `${kept.length}`);
    assert.equal(retention.removed.overflowed, 14 - kept.length);
    assert.equal(lines.find(({ overflowed }) => overflowed)?.['level'], 'error');
    assert.match(retention.warning ?? '', /the oldest are being removed/);
  });

  test('look soon when letters pour in, without being asked', async () => {
    const { retention } = open();
    retention.start();
    await retention.append(Array.from({ length: 14 }, (_, i) => large(i)));
    await until(() => retention.removed.overflowed > 0);
  });

  test('remove what is too old', async () => {
    const { retention } = open();
    const day = 86_400_000;
    await retention.append([{ ...letter(1), storedAtMs: Date.now() - 31 * day }, letter(2)]);
    await retention.check();
    assert.equal(await count(retention), 1);
    assert.deepEqual(retention.removed, { expired: 1, overflowed: 0 });
    today = { ...limits, days: 1 };
    await retention.append([{ ...letter(3), storedAtMs: Date.now() - 2 * day }]);
    await retention.check();
    assert.equal(await count(retention), 1);
  });

  test('warn when the store cannot be reached, before a message needs it', async () => {
    await writeFile(`${directory}/blocked`, '');
    const { retention } = open('blocked');
    await retention.check();
    assert.match(retention.warning ?? '', /cannot be opened/);
    await rm(`${directory}/blocked`);
    await retention.check();
    assert.equal(retention.warning, undefined);
  });

  test('letters move whole from one store to another', async () => {
    const { retention: from } = open('from');
    const { retention: to } = open('to');
    const all = Array.from({ length: 120 }, (_, i) => letter(i));
    await from.append(all);
    assert.deepEqual(await moveDeadLetters(from, to, new AbortController().signal), {
      moved: 120,
      unreadable: 0,
    });
    assert.deepEqual([await count(from), await count(to)], [0, 120]);
    assert.deepEqual((await to.get(all[5]?.id ?? ''))?.message, all[5]?.message);
  });

  test('a letter that cannot be read holds up no other on the way to the container', async () => {
    const lines = [1, 2, 3].map((number) => encodeDeadLetter(letter(number)));
    lines[1] = `${lines[1]?.slice(0, -10)}!!!!!!!!!!`;
    await mkdir(`${directory}/letters`, { recursive: true });
    await writeFile(`${directory}/letters/00000001.ndjson`, `${lines.join('\n')}\n`);
    const { retention: from } = open();
    const { retention: to } = open('other');
    assert.deepEqual(await moveDeadLetters(from, to, new AbortController().signal), {
      moved: 2,
      unreadable: 1,
    });
    assert.deepEqual([await count(from), await count(to)], [1, 2]);
  });
});
