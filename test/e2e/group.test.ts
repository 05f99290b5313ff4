import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import type { Sidecar } from '../../scripts/local/sidecar.ts';
import { HUB_THING, type LocalSystem } from '../../scripts/local/system.ts';
import { everythingInOrder, type Listener, loadDuring, type Volume } from './instruments.ts';
import { eventually } from './observe.ts';
import { RecordedSystem } from './recorded-system.ts';
import { WatchedSystem } from './watched-system.ts';

describe('several sidecars on one hub Thing', () => {
  const recorded = new RecordedSystem();
  const members = new Map<number, Sidecar>();
  let system: LocalSystem;
  let volume: Volume;
  let listener: Listener;

  before(async () => {
    ({ system, volume, listener } = await recorded.start());
    members.set(1, system.sidecar);
    const { port } = new URL(system.sidecar.url);
    await system.platform.setProperties(HUB_THING, { sidecarUrl: `http://127.0.0.*:${port}` });
    await system.platform.invoke(HUB_THING, 'Connect');
  });
  after(async () => {
    for (const member of members.values()) await member.stop();
    await recorded.stop();
  });

  async function join(...numbers: number[]): Promise<void> {
    await Promise.all(
      numbers.map(async (number) => {
        members.set(number, await system.addMember(number));
      }),
    );
  }

  const memberOf = (number: number) => members.get(number) ?? assert.fail(`There is no member ${number}.`);

  /** The sidecars as the hub Thing shows them, by address. */
  async function shown(): Promise<Map<string, Row>> {
    const { sidecars } = await system.platform.properties(HUB_THING);
    const { rows = [] } = (sidecars ?? {}) as { rows?: Row[] };
    return new Map(rows.map((row) => [String(row['address']), row]));
  }

  /** Waits until these members, and no others, have a lease and read that many partitions each. */
  async function share(expected: Record<number, number>): Promise<void> {
    const wanted = Object.entries(expected)
      .map(([number, partitions]) => `${memberOf(Number(number)).url}: ${partitions}`)
      .sort();
    await eventually(async () => {
      const rows = [...(await shown())].map(([address, row]) => `${address}: ${row['partitions']}`);
      assert.deepEqual(rows.sort(), wanted);
    });
  }

  test('a second one joins by itself and takes its share', async () => {
    await loadDuring(listener, volume, async () => {
      await join(2);
      await share({ 1: 2, 2: 2 });
    });
    for (const row of (await shown()).values()) {
      assert.equal(row['state'], 'running');
      assert.ok(Number(row['memoryBytes']) > 10_000_000);
    }
  });

  test('status and properties are those of the group', async () => {
    const total = volume.count * volume.deviceIds.length;
    await eventually(async () => {
      const { messagesDelivered, lag } = await system.platform.properties(HUB_THING);
      const each = [...(await shown()).values()].map(({ delivered }) => Number(delivered));
      assert.equal(
        messagesDelivered,
        each.reduce((sum, one) => sum + one, 0),
      );
      assert.ok(Number(messagesDelivered) >= total && Math.max(...each) < total);
      assert.equal(lag, 0);
    });
    const status = await system.status();
    assert.equal(status.state, 'running');
    assert.ok(Number(status['delivered']) >= total);
    const owners = (status['partitions'] as Row[]).map(({ owner }) => String(owner));
    const names = [...(await shown()).values()].map(({ name }) => String(name));
    assert.deepEqual([...new Set(owners)].sort(), names.sort());
  });

  test('four share, two leave gracefully, and services are answered all the while', async () => {
    await loadDuring(listener, volume, async () => {
      await join(3, 4);
      await share({ 1: 1, 2: 1, 3: 1, 4: 1 });
      const over = new AbortController();
      let calls = 0;
      const calling = (async () => {
        while (!over.signal.aborted) {
          const status = await system.status();
          assert.equal(status.state, 'running');
          calls += 1;
        }
      })();
      await Promise.all([memberOf(1).stop(), memberOf(3).stop()]);
      await share({ 2: 2, 4: 2 });
      over.abort();
      await calling;
      assert.ok(calls > 0);
    });
  });

  test('one that was killed is forgotten, and comes back', async () => {
    await loadDuring(listener, volume, async () => {
      await memberOf(2).kill();
      assert.equal((await system.status()).state, 'running', 'the other one answers');
      await share({ 4: 4 });
      await memberOf(2).start();
      await share({ 2: 2, 4: 2 });
    });
  });

  test('one that was frozen is forgotten, and its values count no more', async () => {
    await loadDuring(listener, volume, async () => {
      const pid = memberOf(4).pid ?? assert.fail('The sidecar does not run.');
      process.kill(pid, 'SIGSTOP');
      try {
        await share({ 2: 4 });
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await share({ 2: 2, 4: 2 });
    });
  });

  test('everything has arrived once and in order', async () => {
    await everythingInOrder(listener, volume);
    recorded.assertAppliedOnce(volume);
  });
});

describe('two sidecars on a hub Thing without a storage account', () => {
  let system: LocalSystem;
  let second: Sidecar | undefined;
  const lines: string[] = [];

  before(async () => {
    system = new WatchedSystem({
      devices: 1,
      localCheckpoints: true,
      onSidecarLine: (line) => lines.push(line),
    });
    await system.start();
    const { port } = new URL(system.sidecar.url);
    await system.platform.setProperties(HUB_THING, { sidecarUrl: `http://127.0.0.*:${port}` });
    await system.platform.invoke(HUB_THING, 'Connect');
  });
  after(async () => {
    await second?.stop();
    await system?.stop();
  });

  test('the second one is refused, says what is missing, and joins when it is there', async () => {
    second = await system.addMember(2);
    await eventually(async () => {
      const { rows } = (await system.platform.properties(HUB_THING))['sidecars'] as { rows: Row[] };
      assert.equal(rows.length, 2);
    });
    await eventually(async () => assert.ok(lines.some((line) => line.includes('STORAGE_REQUIRED'))));
    assert.equal((await system.status()).state, 'running', 'the first one is not disturbed');
    await system.platform.setProperties(HUB_THING, {
      storageConnectionString: system.cloud.storageConnectionString,
    });
    await eventually(async () => {
      const { rows } = (await system.platform.properties(HUB_THING))['sidecars'] as { rows: Row[] };
      assert.deepEqual(rows.map(({ partitions }) => partitions).sort(), [2, 2]);
    });
  });
});
