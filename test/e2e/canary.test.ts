import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import type { Sidecar } from '../../scripts/local/sidecar.ts';
import { HUB_THING, LocalSystem } from '../../scripts/local/system.ts';
import { eventually } from './observe.ts';

describe('what one sidecar of a group does for all, and what all do together', () => {
  const system = new LocalSystem({
    devices: 0,
    partitions: 2,
    builtInSources: ['twinChangeEvents'],
    hubSettings: { canaryEnabled: true, canaryIntervalSeconds: 5 },
  });
  let second: Sidecar | undefined;

  before(async () => {
    await system.start();
    await system.platform.invoke(HUB_THING, 'GrantPermissions');
    const { port } = new URL(system.sidecar.url);
    await system.platform.setProperties(HUB_THING, { sidecarUrl: `http://127.0.0.*:${port}` });
    await system.platform.invoke(HUB_THING, 'Connect');
    second = await system.addMember(2);
  });
  after(async () => {
    await second?.stop();
    await system.stop();
  });

  /** The state of the canary as a sidecar itself says; undefined when it does not run it. */
  async function stateOn({ url, token }: Sidecar): Promise<unknown> {
    const answer = await fetch(`${url}/v1/hubs/${HUB_THING}/status`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return ((await answer.json()) as { canary?: Row }).canary?.['state'];
  }

  test('the canary runs on the one that reads the first partition, and on the other one when that is killed', async () => {
    const members = [system.sidecar, second ?? assert.fail('There is no second sidecar.')];
    const hub = () => system.platform.properties(HUB_THING);
    const runner = await eventually(async () => {
      const { sidecars, partitionStatus, canarySidecar, canaryState } = await hub();
      const rows = (sidecars as { rows: Row[] }).rows;
      assert.deepEqual(
        rows.map(({ partitions }) => partitions),
        [1, 1],
      );
      assert.equal(canaryState, 'ok');
      const [first] = (partitionStatus as { rows: Row[] }).rows;
      assert.equal(canarySidecar, first?.['owner']);
      const address = rows.find(({ name }) => name === canarySidecar)?.['address'];
      const states = await Promise.all(members.map(stateOn));
      const expected = members.map(({ url }) => (url === address ? 'ok' : undefined));
      assert.deepEqual(states, expected);
      return members.find(({ url }) => url === address) ?? assert.fail(`Nobody has the address ${address}.`);
    });
    const quotaOn = async ({ url, token }: Sidecar) => {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`${url}/v1/hubs/${HUB_THING}/quota`, { headers });
      return Number(((await answer.json()) as { used: number }).used);
    };
    // Of devices in both partitions, so that both sidecars have something to count.
    for (let number = 1; number <= 8; number += 1)
      await (await system.addDevice(`pump-${number}`)).send('{"speed":1}');
    // The canary goes on meanwhile: what the hub Thing shows lies between an earlier reading and a later one.
    const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
    const early = await eventually(async () => {
      const counts = await Promise.all(members.map(quotaOn));
      assert.ok(Math.min(...counts) > 0, 'both have counted something');
      return sum(counts);
    });
    await eventually(async () => {
      const used = Number((await hub())['quotaUsed']);
      const now = sum(await Promise.all(members.map(quotaOn)));
      assert.ok(used >= early && used <= now, `${early}, ${used}, ${now}`);
    });
    const before = (await hub())['canarySidecar'];
    await runner.kill();
    const [other] = members.filter((member) => member !== runner);
    await eventually(async () => {
      const { canarySidecar, canaryState } = await hub();
      assert.notEqual(canarySidecar, before);
      assert.equal(canaryState, 'ok');
      assert.equal(await stateOn(other ?? assert.fail()), 'ok');
    });
    const status = await system.status();
    assert.equal(status['canaryState'], 'ok');
  });
});
