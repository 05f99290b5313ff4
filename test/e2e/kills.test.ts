import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../scripts/chaos/random.ts';
import {
  Auditor,
  countListener,
  difference,
  everythingInOrder,
  type Listener,
  Volume,
} from './instruments.ts';
import { accounts } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

const KILLS = 20;
/** From the start of a process to its end by SIGKILL: from before it listens to long after its lanes are at work. */
const LIFE_MS = { shortest: 200, longest: 3_000 };

/** The same lives again with KILLS_SEED=<the number that was printed>. */
const seed = Number(process.env['KILLS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe(`order and completeness, the sidecar killed ${KILLS} times (KILLS_SEED=${seed})`, () => {
  /** Messages of calls that a stop has cut, as the sidecar logs them. They are sent again. On a slow machine ThingWorx needs longer than the stop may. */
  let cut = 0;
  const system = new WatchedSystem({
    devices: 6,
    localCheckpoints: true,
    onSidecarLine: (line) => {
      cut += Number(/"unsettled":(\d+)/.exec(line)?.[1] ?? 0);
    },
  });
  const auditor = new Auditor(() => system.sidecar.url);
  let volume: Volume;
  let listener: Listener;

  before(async () => {
    await system.start();
    volume = new Volume(
      system,
      system.devices.map(({ deviceId }) => deviceId),
    );
    listener = await countListener(system, 'Counts', volume.deviceIds);
    auditor.start();
  });
  after(async () => {
    await auditor.end();
    await system.stop();
  });

  const allInOrder = () => everythingInOrder(listener, volume);

  test('under load a subscriber sees every reading of each device once and in order', async () => {
    await volume.send(500);
    await allInOrder();
    const { repeated } = await accounts(system);
    assert.equal(repeated, 0);
  });

  test('a restart in the middle of a backlog changes nothing of that', async () => {
    await volume.send(500);
    await system.sidecar.stop();
    await volume.send(500);
    await system.sidecar.start();
    await allInOrder();
    const { repeated } = await accounts(system);
    assert.ok(
      repeated <= cut,
      `${repeated} sent twice after a graceful stop that cut calls with ${cut} messages`,
    );
  });

  test(`${KILLS} times SIGKILL at random: nothing is missing, nothing twice, nothing out of order`, async () => {
    const random = new Random(seed);
    const sending = new AbortController();
    const load = (async () => {
      while (!sending.signal.aborted) {
        await volume.send(5);
        await sleep(60);
      }
    })();
    for (let kill = 0; kill < KILLS; kill += 1) {
      await sleep(random.between(LIFE_MS.shortest, LIFE_MS.longest));
      await system.sidecar.kill();
      // It may be killed before it says that it listens.
      system.sidecar.start().catch(() => undefined);
    }
    sending.abort();
    await load;
    await system.waitForState('running');
    await allInOrder();
    for (const deviceId of volume.deviceIds) {
      const rows = await system.platform.history(deviceId, 100_000);
      const counts = rows.map((row) => row['count']);
      assert.equal(difference(counts, volume.sent), '', `the value stream of ${deviceId}`);
    }
  });

  test('the accounts added up at every scrape', async () => {
    await auditor.stop();
    const { received, delivered, inFlight } = await accounts(system);
    assert.equal(inFlight, 0);
    assert.equal(received, delivered);
  });
});
