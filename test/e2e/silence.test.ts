import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ChaosSystem } from '../../scripts/chaos/chaos-system.ts';
import { Random } from '../../scripts/chaos/random.ts';
import { HUB_THING } from '../../scripts/local/system.ts';
import { Listener, Volume } from './instruments.ts';
import { eventually } from './observe.ts';

/** An event stream that says nothing, or cannot be reached: nobody may take that for a quiet hub. */
describe('an event stream that is away', () => {
  const system = new ChaosSystem({
    random: new Random(1),
    devices: 2,
    localCheckpoints: false,
    onSidecarLine: () => undefined,
  });
  let volume: Volume;
  let listener: Listener;

  before(async () => {
    await system.start();
    volume = new Volume(
      system.local,
      system.local.devices.map(({ deviceId }) => deviceId),
    );
    listener = new Listener(system.local, 'States');
    await listener.listen([
      {
        thing: HUB_THING,
        event: 'ConnectionStateChanged',
        expression: 'eventData.state + " " + eventData.reason',
      },
    ]);
  });
  after(() => system.stop());

  const sidecar = (target: string) => fetch(`${system.local.sidecar.url}${target}`);

  async function lag(): Promise<number> {
    return Number((await system.local.status())['lag']);
  }

  for (const mode of ['silent', 'refuse'] as const)
    test(`${mode}: the hub waits with a reason, in state, metric, event and readiness, and goes on by itself`, async () => {
      await volume.send(5);
      await eventually(async () => assert.equal(await lag(), 0));
      const heardBefore = (await listener.heard()).length;
      await system.tcp('event stream').set(mode);
      await volume.send(50);
      await system.local.waitForState('waiting');
      const { reason = '' } = await system.local.status();
      assert.match(reason, /127\.0\.0\.1|partition/);
      await eventually(async () => {
        const ready = await sidecar('/health/ready');
        assert.equal(ready.status, 503);
        const { reasons } = (await ready.json()) as { reasons: string[] };
        assert.ok(
          reasons.some((one) => one.includes(reason)),
          reasons.join(),
        );
      });
      const metrics = await (await sidecar('/metrics')).text();
      assert.match(metrics, new RegExp(`azure_iot_hub_state\\{hub="${HUB_THING}",state="waiting"\\} 1`));
      await eventually(async () => {
        const heard = (await listener.heard()).slice(heardBefore);
        assert.ok(
          heard.some((line) => line.startsWith('waiting ')),
          heard.join(),
        );
      });
      await system.heal();
      await system.local.waitForState('running');
      await eventually(async () => assert.equal((await sidecar('/health/ready')).status, 200));
      for (const deviceId of volume.deviceIds)
        await eventually(async () =>
          assert.equal((await system.local.platform.properties(deviceId))['count'], volume.count),
        );
    });
});
