import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HUB_THING } from '../../scripts/local/system.ts';
import { addThingworxFault, clearThingworxFaults, thingworxFaultsApplied } from './instruments.ts';
import { eventually } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

const NEW_NAME = 'Factory.Renamed';
/** How long a hub that failed waits before it tries again by itself. */
const RETRY_OF_FAILED_MS = 60_000;

/** What happens to the hub of a sidecar when an administrator changes its Thing. */
describe('hub Things come and go', () => {
  const lines: { msg: string; hub?: string }[] = [];
  const system = new WatchedSystem({
    devices: 2,
    onSidecarLine: (line) => lines.push(JSON.parse(line) as { msg: string }),
  });

  before(() => system.start());
  after(() => system.stop());

  async function valuesArrive(): Promise<void> {
    for (const device of system.devices) {
      await device.sendReading();
      await eventually(async () => {
        const { count } = await system.platform.properties(device.deviceId);
        assert.equal(count, device.sent.at(-1)?.count);
      });
    }
  }

  const deleteThing = (name: string) =>
    system.platform.invokeOn('Resources', 'EntityServices', 'DeleteThing', { name });

  for (const setting of [
    'iotHubConnectionString',
    'eventHubConnectionString',
    'storageConnectionString',
  ] as const)
    test(`a wrong key in ${setting} that is corrected is tried at once`, async () => {
      const right = system.cloud[setting];
      const wrong = right.replace(/Key=[^;]+/, `Key=${Buffer.from('wrong').toString('base64')}`);
      await system.platform.setProperties(HUB_THING, { [setting]: wrong });
      await system.waitForState('failed');
      await system.platform.setProperties(HUB_THING, { [setting]: right });
      await system.waitForState('running', RETRY_OF_FAILED_MS * 0.75);
      await valuesArrive();
    });

  test('a Thing that is deleted without Disconnect frees its partitions for one of another name', async () => {
    await system.platform.invoke(HUB_THING, 'GetStatus');
    const old = system.sidecar;
    await deleteThing(HUB_THING);
    await system.createHub(NEW_NAME, old);
    await valuesArrive();
    await eventually(async () => {
      const { partitions } = (await system.status(NEW_NAME)) as {
        partitions?: { owner: string }[];
      };
      const rows = partitions ?? [];
      assert.ok(rows.length > 0 && rows.every(({ owner }) => owner !== ''));
    });
    assert.equal(lines.filter(({ msg, hub }) => hub === HUB_THING && /no hub Thing/.test(msg)).length, 1);
    const metrics = await (await fetch(`${old.url}/metrics`)).text();
    assert.doesNotMatch(metrics, /hub="Factory\.IoTHub"/);
    assert.equal((await fetch(`${old.url}/health/ready`)).status, 200);
  });

  test('one of the same name works, too', async () => {
    await deleteThing(NEW_NAME);
    await system.createHub(NEW_NAME, system.sidecar);
    await valuesArrive();
  });

  test('one that ThingWorx does not find for a moment is kept', async () => {
    const before = lines.length;
    const missing = { action: 'status', status: 404 };
    await addThingworxFault(system, { ...missing, path: 'ReceiveStatus', count: 1 });
    await addThingworxFault(system, { ...missing, path: 'GetImplementingThings', count: 1 });
    await valuesArrive();
    await eventually(async () => assert.deepEqual(await thingworxFaultsApplied(system), [1, 1]));
    await clearThingworxFaults(system);
    await valuesArrive();
    assert.deepEqual(
      lines.slice(before).filter(({ msg }) => /no hub Thing/.test(msg)),
      [],
    );
  });
});
