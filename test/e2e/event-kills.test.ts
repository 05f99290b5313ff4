import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import iotCommon from 'azure-iot-common';
import type { Registry } from 'azure-iothub';
import { HUB_THING } from '../../scripts/local/system.ts';
import { DialAgent, sdkClients } from '../emulators/iothub-tests/state-harness.ts';
import { difference, Listener } from './instruments.ts';
import { accounts, eventually } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

const KILLS = 8;
/** From before the sidecar listens to long after it reads. */
const LIVES_MS = [300, 2_400, 700, 1_500, 1_100, 500, 2_000, 900];

describe(`events of the hub, the sidecar killed ${KILLS} times`, () => {
  const system = new WatchedSystem({
    devices: 4,
    partitions: 2,
    localCheckpoints: true,
    builtInSources: ['twinChangeEvents', 'deviceLifecycleEvents', 'deviceConnectionStateEvents'],
    hubSettings: { deviceLifecycle: 'create-and-delete' },
  });
  const listener = new Listener(system, 'Events');
  let agent: DialAgent;
  let registry: Registry;
  /** By device: the versions that its twin came to, and what its connection did. */
  const versions = new Map<string, number[]>();
  const connections = new Map<string, string[]>();
  const lifecycle: string[] = [];

  const deviceIds = () => system.devices.map(({ deviceId }) => deviceId);

  before(async () => {
    await system.start();
    await system.platform.invoke(HUB_THING, 'GrantPermissions');
    const { iotHubConnectionString, caFile } = system.cloud;
    const { HostName = '' } = iotCommon.ConnectionString.parse(iotHubConnectionString);
    const [host = '', port] = HostName.split(':');
    agent = new DialAgent(Number(port), await readFile(caFile, 'utf8'));
    ({ registry } = sdkClients(iotHubConnectionString.replace(HostName, host), agent));
    // The devices connected while the system started.
    for (const deviceId of deviceIds())
      await eventually(async () =>
        assert.equal((await system.platform.properties(deviceId))['connectionState'], 'Connected'),
      );
    await listener.listen([
      ...deviceIds().flatMap((thing) => [
        { thing, event: 'TwinChanged', expression: 'eventData.version' },
        { thing, event: 'DeviceConnectionChanged', expression: 'eventData.state' },
      ]),
      {
        thing: HUB_THING,
        event: 'DeviceLifecycle',
        expression: 'eventData.deviceId + " " + eventData.operation',
      },
    ]);
  });
  after(async () => {
    agent?.destroy();
    await system.stop();
  });

  /** Something of everything that the hub tells of. */
  async function happen(round: number): Promise<void> {
    for (const deviceId of deviceIds()) {
      const desired = { round, [`key${round % 5}`]: round % 3 === 0 ? null : round };
      const { responseBody: twin } = await registry.updateTwin(
        deviceId,
        { properties: { desired }, tags: { round } },
        '*',
      );
      noted(versions, deviceId).push((twin as unknown as { version: number }).version);
    }
    const device = system.devices[round % system.devices.length];
    if (device && round % 2 === 0) {
      await device.close();
      await device.open(await readFile(system.cloud.caFile, 'utf8'));
      noted(connections, device.deviceId).push('Disconnected', 'Connected');
    }
    await registry.create({ deviceId: `born-${round}` });
    lifecycle.push(`born-${round} created`);
    if (round % 2 === 1) return;
    await registry.delete(`born-${round - 1}`);
    lifecycle.push(`born-${round - 1} deleted`);
  }

  test('nothing is missing on the Things, and what was applied before is dropped', async () => {
    const over = new AbortController();
    let rounds = 0;
    const load = (async () => {
      while (!over.signal.aborted || rounds % 2 === 1) {
        rounds += 1;
        await happen(rounds);
        await sleep(30);
      }
    })();
    for (const lifeMs of LIVES_MS) {
      await sleep(lifeMs);
      await system.sidecar.kill();
      // It may be killed before it says that it listens.
      system.sidecar.start().catch(() => undefined);
    }
    over.abort();
    await load;
    await system.waitForState('running');

    for (const [index, deviceId] of deviceIds().entries()) {
      await eventually(async () =>
        assert.equal(difference(await listener.heard(index * 2), versions.get(deviceId) ?? []), '', deviceId),
      );
      await eventually(async () =>
        assert.deepEqual(await listener.heard(index * 2 + 1), connections.get(deviceId) ?? [], deviceId),
      );
      const { responseBody } = await registry.getTwin(deviceId);
      const twin = responseBody as unknown as {
        version: number;
        tags: object;
        properties: { desired: { $metadata?: unknown } };
      };
      const { $metadata: _, ...desired } = twin.properties.desired;
      await eventually(async () => {
        const { twinDesired, twinTags, connectionState } = await system.platform.properties(deviceId);
        assert.deepEqual(withoutTime(twinDesired), desired);
        assert.deepEqual(withoutTime(twinTags), { ...twin.tags, $version: twin.version });
        assert.equal(connectionState, 'Connected');
      });
    }
    // The last one may still be on its way.
    await eventually(async () =>
      assert.deepEqual((await listener.heard(deviceIds().length * 2)).sort(), lifecycle.toSorted()),
    );
    const born = Array.from({ length: rounds }, (_, index) => `born-${index + 1}`);
    const { things } = (await system.platform.invoke(HUB_THING, 'DescribeThings', {
      names: { names: born },
    })) as { things: Record<string, unknown> };
    assert.deepEqual(
      Object.keys(things).sort(),
      born.filter((_, index) => (index + 1) % 2 === 0).sort(),
      'the Things are those of the devices that there are',
    );
    const { inFlight, deadLettered } = await accounts(system);
    assert.deepEqual([inFlight, deadLettered], [0, 0]);
  });
});

function noted<T>(lists: Map<string, T[]>, key: string): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

function withoutTime(section: unknown): object {
  const { $mirrored: _, ...rest } = section as { $mirrored?: number };
  return rest;
}
