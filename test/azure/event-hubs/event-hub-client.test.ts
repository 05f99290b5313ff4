import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEventSource } from '../../../sidecar/azure/event-hubs/event-source.ts';
import { Recorder, until } from '../helpers.ts';
import { EventHubServer } from './event-hub-server.ts';
import { RECEIVERS } from './event-source-fixture.ts';

/**
 * Azure/azure-sdk-for-js#39452: the SDK adds credit at every receive cycle without looking at what is outstanding. A trickle of single
 * events is what makes it grow: each cycle takes one event and asks for 300 more.
 */
for (const receiver of RECEIVERS)
  test(`a trickle of events never raises the outstanding credit above the prefetch count (${receiver} receiver)`, async () => {
    const server = new EventHubServer(1);
    const recorder = new Recorder();
    await server.start();
    const source = await openEventSource({
      endpoint: { kind: 'connectionString', connectionString: server.connectionString },
      consumerGroup: '$Default',
      receiver,
      handlers: recorder,
      startPosition: { from: 'earliest' },
      maxBatchSize: 100,
      lagIntervalMs: 0,
    });
    try {
      await until('the reader', () => server.readers === 1);
      let highest = 0;
      for (let count = 1; count <= 40; count++) {
        server.append(0, { body: '{}' });
        await until('the event', () => recorder.events.length === count);
        highest = Math.max(highest, ...server.outstandingCredit);
      }
      assert.ok(highest > 0, 'credit was seen');
      assert.ok(highest <= 300, `credit rose to ${highest}`);

      // A handler that blocks gets no more into memory than the credit it had.
      let blocked = false;
      let release = (): void => {};
      recorder.onEvents = () => {
        blocked = true;
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      };
      server.append(0, { body: '{}' });
      await until('the blocked handler', () => blocked);
      recorder.onEvents = undefined;
      for (let count = 0; count < 2000; count++) server.append(0, { body: '{}' });
      await until('credit used up', () => server.outstandingCredit[0] === 0);
      await sleep(100);
      assert.ok(server.taken(0) <= 41 + 300, `${server.taken(0)} events were taken`);
      release();
      await until('all events', () => recorder.events.length === 2041);
    } finally {
      await source.stop();
      await server.stop();
    }
  });
