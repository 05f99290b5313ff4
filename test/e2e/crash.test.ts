import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, readingsOf } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

/** A sidecar that is killed with SIGKILL in the middle of the stream loses nothing, with checkpoints in blobs and in files. */
for (const localCheckpoints of [false, true]) {
  describe(`a killed sidecar, checkpoints in ${localCheckpoints ? 'a file' : 'blobs'}`, () => {
    const system = new WatchedSystem({ devices: 3, localCheckpoints });
    before(() => system.start());
    after(() => system.stop());

    test('misses nothing after it is started again', async () => {
      const sending = new AbortController();
      const devices = system.devices.map(async (device) => {
        // The value stream keeps 10,000 values of a property: without a pause a fast device sends more while a slow machine starts three times.
        for (let count = 0; count < 200 || !sending.signal.aborted; count += 1) {
          await device.sendReading();
          await sleep(10);
        }
      });
      for (let kill = 0; kill < 3; kill += 1) {
        await sleep(300 + Math.random() * 700);
        await system.sidecar.kill();
        await system.sidecar.start();
        await system.waitForState('running');
      }
      sending.abort();
      await Promise.all(devices);
      for (const device of system.devices) {
        await eventually(async () => {
          const readings = await readingsOf(system, device.deviceId);
          const counts = new Set(readings.map(({ values }) => values.count));
          const missing = device.sent.map(({ count }) => count).filter((count) => !counts.has(count));
          assert.deepEqual(missing, [], `${device.deviceId} misses readings`);
        });
        const values = await system.platform.properties(device.deviceId);
        assert.equal(values['count'], device.sent.at(-1)?.count);
      }
    });
  });
}
