import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { Channel } from '../thingworx/script/channel.ts';

/** The other side of a channel, in a thread of its own: answers each request with its first argument, and wakes the asker too early if told so. */
const PLATFORM = `
  const { workerData: { requests, replies, flag } } = require('node:worker_threads');
  const pause = new Int32Array(new SharedArrayBuffer(4));
  requests.on('message', (text) => {
    const { number, request, args } = JSON.parse(text);
    let value = args[0];
    if (request === 'wakeEarly') {
      value = 0;
      for (let turn = 0; turn < 5000 && value === 0; turn++) {
        Atomics.wait(pause, 0, 0, 1);
        value = Atomics.notify(flag, 0);
      }
      // Time for the asker to look for an answer that is not there.
      Atomics.wait(pause, 0, 0, 100);
    }
    replies.postMessage(JSON.stringify({ number, value, revision: 1 }));
    Atomics.store(flag, 0, number);
    Atomics.notify(flag, 0);
  });`;

describe('the channel of a script thread', () => {
  let platform: Worker;
  let requests: MessagePort;
  let replies: MessagePort;
  let flag: Int32Array;
  beforeEach(() => {
    const asking = new MessageChannel();
    const answering = new MessageChannel();
    requests = asking.port1;
    replies = answering.port1;
    flag = new Int32Array(new SharedArrayBuffer(4));
    platform = new Worker(PLATFORM, {
      eval: true,
      workerData: { requests: asking.port2, replies: answering.port2, flag },
      transferList: [asking.port2, answering.port2],
    });
  });
  afterEach(async () => {
    requests.close();
    replies.close();
    await platform.terminate();
  });

  test('a wake-up without an answer is slept through, and no later answer is taken for another', () => {
    const channel = new Channel(requests, replies, flag);
    assert.equal(channel.request('echo', null, ['a']), 'a');
    assert.equal(channel.request('wakeEarly', null, []), 1);
    assert.equal(channel.request('echo', null, ['b']), 'b');
  });

  test('the answer to a request that ran out of stack on its way is nobody else’s', () => {
    const exhausted = {
      postMessage(message: string) {
        requests.postMessage(message);
        if (message.includes('lost')) {
          throw new RangeError('Maximum call stack size exceeded');
        }
      },
    };
    const channel = new Channel(exhausted as MessagePort, replies, flag);
    for (const value of ['a', 'b', 'c']) {
      assert.throws(() => channel.request('echo', null, ['lost']), RangeError);
      assert.throws(() => channel.request('echo', null, ['lost']), RangeError);
      assert.equal(channel.request('echo', null, [value]), value);
    }
  });
});
