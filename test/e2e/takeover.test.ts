import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Sidecar } from '../../scripts/local/sidecar.ts';
import { HUB_THING } from '../../scripts/local/system.ts';
import { Auditor, countListener, type Listener, loadDuring, Volume } from './instruments.ts';
import { eventually } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

const SECOND_HUB_THING = 'Factory.IoTHub2';

/** Two sidecars, each with a hub Thing of its own, on one IoT Hub with checkpoints in one container. */
describe('two sidecars share a hub', () => {
  const system = new WatchedSystem({ devices: 6 });
  const auditors: Auditor[] = [];
  let second: Sidecar;
  let volume: Volume;
  let listener: Listener;

  before(async () => {
    await system.start();
    second = await system.addSidecar(SECOND_HUB_THING);
    volume = new Volume(
      system,
      system.devices.map(({ deviceId }) => deviceId),
    );
    listener = await countListener(system, 'Counts', volume.deviceIds);
    for (const sidecar of [system.sidecar, second]) {
      const auditor = new Auditor(() => sidecar.url);
      auditor.start();
      auditors.push(auditor);
    }
  });
  after(async () => {
    for (const auditor of auditors) await auditor.end();
    await second?.stop();
    await system.stop();
  });

  /** The partitions that the sidecar of a hub Thing reads. */
  async function owned(hubThing: string): Promise<string[]> {
    const { partitions } = (await system.status(hubThing)) as {
      partitions?: { partition: string; owner: string }[];
    };
    return (partitions ?? []).filter(({ owner }) => owner !== '').map(({ partition }) => partition);
  }

  async function shared(): Promise<void> {
    await eventually(async () => {
      const both = [...(await owned(HUB_THING)), ...(await owned(SECOND_HUB_THING))];
      assert.deepEqual(both.toSorted(), ['0', '1', '2', '3']);
      assert.equal((await owned(HUB_THING)).length, 2);
    });
  }

  const during = (change: () => Promise<void>) => loadDuring(listener, volume, change);

  /** What a hub Thing has delivered, by its sidecar's own account. */
  async function delivered(hubThing: string): Promise<number> {
    const { counters } = (await system.status(hubThing)) as { counters?: { delivered?: number } };
    return counters?.delivered ?? -1;
  }

  const ownsAll = (hubThing: string) =>
    eventually(async () => assert.equal((await owned(hubThing)).length, 4));

  test('each takes its share, and under that load every reading arrives once and in order', async () => {
    await during(shared);
  });

  test('one is killed: the other takes its partitions, and nothing is missing, twice or out of order', async () => {
    await during(async () => {
      await second.kill();
      await ownsAll(HUB_THING);
    });
  });

  test('it comes back and takes its share again', async () => {
    await during(async () => {
      await second.start();
      await shared();
    });
  });

  test('one is stopped gracefully: the other goes on where it ended, and nothing is sent twice', async () => {
    const count = volume.count;
    const before = (await delivered(HUB_THING)) + (await delivered(SECOND_HUB_THING));
    await during(async () => {
      await second.stop();
      await ownsAll(HUB_THING);
    });
    // The last thing that a sidecar writes to its hub Thing are its numbers.
    const { messagesDelivered } = await system.platform.properties(SECOND_HUB_THING);
    await eventually(async () => {
      const now = (await delivered(HUB_THING)) + Number(messagesDelivered);
      assert.equal(now - before, (volume.count - count) * volume.deviceIds.length);
    });
  });

  test('the accounts of both added up at every scrape', async () => {
    for (const auditor of auditors) await auditor.stop();
  });
});
