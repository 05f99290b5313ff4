import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ReceiveWindow } from '../../../sidecar/azure/event-hubs/receive-window.ts';

const KB = 1024;

/** A service that sends what it has credit for, and a reader that takes it. Returns the most bytes that waited in the window. */
function run(window: ReceiveWindow, sizes: readonly number[]): number {
  let credit = 0;
  let most = 0;
  for (let sent = 0; sent < sizes.length; ) {
    credit += window.missingCredit(credit);
    assert.ok(credit > 0, 'a reader that has taken everything may receive more');
    let waiting = 0;
    for (; credit > 0 && sent < sizes.length; credit -= 1, sent += 1) {
      waiting += sizes[sent] as number;
      window.push(Buffer.alloc(sizes[sent] as number));
    }
    most = Math.max(most, waiting);
    while (!window.isEmpty) window.take(300);
  }
  return most;
}

const repeat = (count: number, bytes: number) => Array.from({ length: count }, () => bytes);

describe('the messages that wait in a link', () => {
  test('are limited by number when they are small', () => {
    const window = new ReceiveWindow(300);
    run(window, repeat(1_000, 500));
    assert.equal(window.missingCredit(0), 300);
  });

  test('are limited by bytes when they are large', () => {
    for (const bytes of [2 * KB, 10 * KB, 256 * KB, 1024 * KB]) {
      const window = new ReceiveWindow(300);
      run(window, repeat(500, bytes));
      const expected = Math.max(1, Math.floor((512 * KB) / bytes));
      // The mean comes near to the size.
      assert.ok(Math.abs(window.missingCredit(0) - expected) <= 1, `${bytes}: ${window.missingCredit(0)}`);
    }
  });

  test('are few at first: their size is not known yet', () => {
    const most = run(new ReceiveWindow(300), repeat(100, 256 * KB));
    assert.ok(most <= 8 * KB * KB, `${most} bytes waited`);
  });

  test('are many again after large ones', () => {
    const window = new ReceiveWindow(300);
    run(window, [...repeat(100, 256 * KB), ...repeat(300, 500)]);
    assert.equal(window.missingCredit(0), 300);
  });

  test('are taken in order, by number and by bytes, at least one', () => {
    const window = new ReceiveWindow(300);
    const payloads = [300 * KB, 100 * KB, 100 * KB, 100 * KB, 10, 10].map((bytes) => Buffer.alloc(bytes));
    for (const payload of payloads) window.push(payload);
    window.push(undefined);
    const taken = [window.take(4), window.take(4), window.take(1), window.take(4), window.take(4)];
    assert.deepEqual(
      taken.map((batch) => batch.length),
      [1, 3, 1, 2, 0],
    );
    assert.deepEqual(taken.flat(), [...payloads, undefined]);
    assert.ok(window.isEmpty);
  });

  test('get no credit while less than half of it is missing', () => {
    const window = new ReceiveWindow(300);
    run(window, repeat(1_000, 500));
    assert.equal(window.missingCredit(151), 0);
    assert.equal(window.missingCredit(150), 150);
    for (const payload of repeat(160, 500)) window.push(Buffer.alloc(payload));
    assert.equal(window.missingCredit(0), 0, 'more than half of the window waits');
    window.clear();
    assert.equal(window.missingCredit(0), 300);
  });
});
