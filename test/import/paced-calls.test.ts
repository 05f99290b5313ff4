import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { PacedCalls } from '../../sidecar/import/paced-calls.ts';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { listeningLog } from '../dead-letters/letters.ts';
import { FakeThingworx } from '../ingest/fake-thingworx.ts';

describe('calls of background work', () => {
  let thingworx: FakeThingworx;
  let client: ThingworxClient;
  let waiting: number;
  /** The items of each call, in the order of the calls. */
  let calls: number[][];
  let most: number;
  let settled: number[];
  /** What the platform does with a call before it answers. */
  let handle: (items: readonly number[]) => Promise<{ status?: number }>;

  beforeEach(async () => {
    calls = [];
    settled = [];
    most = 0;
    waiting = 0;
    handle = async () => ({});
    thingworx = new FakeThingworx();
    let atWork = 0;
    thingworx.other = async (_service, input) => {
      const { items } = input as { items: number[] };
      calls.push(items);
      atWork += 1;
      most = Math.max(most, atWork);
      // Another call that is on its way arrives meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 5));
      const { status } = await handle(items);
      atWork -= 1;
      return { body: status === undefined ? { done: items } : 'no', ...(status ? { status } : {}) };
    };
    await thingworx.start();
    client = new ThingworxClient({ url: thingworx.url, appKey: 'key' });
  });
  afterEach(async () => {
    await client.close();
    await thingworx.stop();
  });

  const work = {
    service: 'Count',
    parameters: (items: readonly number[]) => ({ items }),
    refused: (item: number) => ({ done: [-item] }),
    settle: (_some: readonly number[], { done }: { done: number[] }) => {
      settled.push(...done);
    },
  };
  const run = (count: number, signal = new AbortController().signal) => {
    const paced = new PacedCalls({
      client,
      hubThing: 'hub',
      waitingMessages: () => waiting,
      log: listeningLog().log,
    });
    return paced.run(
      Array.from({ length: count }, (_, index) => index + 1),
      work,
      signal,
    );
  };

  test('grow while the platform is fast, with at most two at the same time, and do each item once', async () => {
    await run(1_000);
    assert.deepEqual(
      settled.toSorted((a, b) => a - b),
      Array.from({ length: 1_000 }, (_, index) => index + 1),
    );
    assert.equal(calls[0]?.length, 20);
    assert.equal(Math.max(...calls.map(({ length }) => length)), 100);
    assert.ok(most <= 2, String(most));
  });

  test('are halved when the platform refuses them as a whole, down to the item that it refuses', async () => {
    handle = async (items) => (items.includes(13) ? { status: 500 } : {});
    await run(100);
    assert.deepEqual(
      settled.toSorted((a, b) => a - b),
      [-13, ...Array.from({ length: 100 }, (_, index) => index + 1).filter((item) => item !== 13)],
    );
  });

  test('are made one at a time while telemetry waits', async () => {
    waiting = 1_000_000;
    await run(300);
    assert.equal(settled.length, 300);
    assert.equal(most, 1);
  });

  test('end with a cancellation: what is under way is heard, and nothing else is asked', async () => {
    const abort = new AbortController();
    handle = async () => {
      abort.abort();
      return {};
    };
    await assert.rejects(run(1_000, abort.signal), { code: 'STOPPING' });
    assert.ok(calls.length <= 2);
  });
});
