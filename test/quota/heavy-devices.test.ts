import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HeavyDevices } from '../../sidecar/quota/heavy-devices.ts';

const MINUTE_MS = 60_000;
/** The begin of a window of ten minutes. */
const NOON_MS = Date.UTC(2026, 0, 5, 12);

describe('the devices that use most', () => {
  test('are counted exactly while there is room', () => {
    const devices = new HeavyDevices();
    for (let i = 1; i <= 20; i += 1) devices.add(`dev-${i}`, i, NOON_MS);
    const top = devices.top(3, 210, NOON_MS);
    assert.deepEqual(
      top.map(({ device, messages, excess, share }) => [device, messages, excess, share]),
      [
        ['dev-20', 20, 0, 9.5],
        ['dev-19', 19, 0, 9],
        ['dev-18', 18, 0, 8.6],
      ],
    );
  });

  test('are found among a hundred thousand, in bounded memory, and the error is said', () => {
    const devices = new HeavyDevices();
    const heavy = new Map([
      ['press', 3_000],
      ['pump', 2_000],
      ['oven', 1_000],
    ]);
    const left = new Map(heavy);
    for (let i = 0; i < 100_000; i += 1) {
      devices.add(`dev-${i}`, 1, NOON_MS);
      for (const [device, count] of left) {
        if (count === 0 || i % 30 !== 0) continue;
        devices.add(device, 1, NOON_MS);
        left.set(device, count - 1);
      }
    }
    for (const [device, count] of left) devices.add(device, count, NOON_MS);
    assert.ok(devices.kept().length <= 500);
    const top = devices.top(3, 106_000, NOON_MS);
    assert.deepEqual(
      top.map(({ device }) => device),
      ['press', 'pump', 'oven'],
    );
    for (const { device, messages, excess } of top) {
      const real = heavy.get(device) ?? 0;
      assert.ok(messages >= real && messages - excess <= real, `${device}: ${messages}, ${excess}`);
    }
  });

  test('a new device takes the place of one with the fewest messages, whatever the others did before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(800), fc.integer({ min: 1, max: 20 }))), (later) => {
        const devices = new HeavyDevices();
        const add = (device: string, messages: number) => {
          const before = new Map(devices.kept());
          devices.add(device, messages, NOON_MS);
          if (before.has(device) || before.size < 500) return;
          const least = Math.min(...[...before.values()].map((counter) => counter.messages));
          assert.equal(devices.kept().length, 500);
          assert.equal(new Map(devices.kept()).get(device)?.excess, least);
        };
        for (let i = 0; i < 500; i += 1) devices.add(`dev-${i}`, (i * 7) % 90, NOON_MS);
        for (const [device, messages] of later) add(`dev-${device}`, messages);
        for (let i = 900; i < 910; i += 1) add(`dev-${i}`, 1);
      }),
    );
  });

  test('flood when they send much more than usual', () => {
    const devices = new HeavyDevices();
    // Nobody sends half of everything.
    const others = ['a', 'b', 'c', 'd'];
    for (let minute = 0; minute < 60; minute += 1) {
      const now = NOON_MS + minute * MINUTE_MS;
      devices.add('press', 2, now);
      for (const other of others) devices.add(other, 100, now);
    }
    const floods = (now: number) =>
      devices
        .top(10, 1, now)
        .filter((row) => row.floods)
        .map(({ device }) => device);
    assert.deepEqual(floods(NOON_MS + 59 * MINUTE_MS), []);
    const later = NOON_MS + 60 * MINUTE_MS;
    devices.add('press', 300, later);
    for (const other of others) devices.add(other, 100, later);
    assert.deepEqual(floods(later), ['press']);
    assert.deepEqual(floods(later + 30 * MINUTE_MS), [], 'and no longer when it is over');
  });

  test('flood when one sends half of all, unless there are hardly others', () => {
    const alone = new HeavyDevices();
    alone.add('press', 1_000, NOON_MS);
    assert.equal(alone.top(1, 1_000, NOON_MS)[0]?.floods, false);
    const devices = new HeavyDevices();
    devices.add('press', 500, NOON_MS);
    for (let i = 0; i < 100; i += 1) devices.add(`dev-${i}`, 1, NOON_MS);
    assert.deepEqual(
      devices.top(2, 600, NOON_MS).map(({ device, floods }) => [device, floods]),
      [
        ['press', true],
        ['dev-0', false],
      ],
    );
  });

  test('go on after a restart', () => {
    const before = new HeavyDevices();
    before.add('press', 5, NOON_MS);
    const after = new HeavyDevices();
    after.restore(JSON.parse(JSON.stringify(before.kept())));
    assert.deepEqual(after.top(10, 5, NOON_MS), before.top(10, 5, NOON_MS));
    after.add('press', 1, NOON_MS);
    assert.equal(before.top(1, 5, NOON_MS)[0]?.messages, 5);
  });
});
