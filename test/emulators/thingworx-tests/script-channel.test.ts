import assert from 'node:assert/strict';
import { on } from 'node:events';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';

test('a wake-up that comes late, for the answer before, does not end the wait for the next answer', async () => {
  const { port1: replies, port2 } = new MessageChannel();
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('./channel-asker.ts', import.meta.url), {
    workerData: { replies: port2, flag },
    transferList: [port2],
  });
  try {
    for await (const [text] of on(worker, 'message')) {
      const message = JSON.parse(text as string) as { request: string } | { value: unknown };
      if (!('request' in message)) {
        assert.deepEqual(message.value, ['first', 'second']);
        break;
      }
      // The second time shows that it went to sleep again after the first.
      for (let woken = 0, turns = 0; woken < 2; turns += 1) {
        assert.ok(turns < 500_000, 'the thread does not sleep until it is answered');
        woken += Atomics.notify(flag, 0);
        await turn();
      }
      replies.postMessage(JSON.stringify({ value: message.request, revision: 1 }));
      Atomics.store(flag, 0, 1);
      Atomics.notify(flag, 0);
    }
  } finally {
    replies.close();
    await worker.terminate();
  }
});
