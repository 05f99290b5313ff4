import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';
import { HUB_THING, LocalSystem } from '../../scripts/local/system.ts';
import { countListener, loadDuring, Volume } from './instruments.ts';
import { eventually } from './observe.ts';

const PRELOAD = path.join(import.meta.dirname, 'shifted-clock.mjs');
const SECOND_HUB_THING = 'Factory.IoTHub2';
const MINUTE_MS = 60_000;

/** Two sidecars on a machine whose clock is wrong, over blob checkpoints. */
for (const [name, offsetMs] of [
  ['10 s behind', -10_000],
  ['50 min behind', -50 * MINUTE_MS],
  ['an hour ahead', 60 * MINUTE_MS],
] as const)
  describe(`a clock ${name}`, () => {
    test('values arrive, partitions are shared and taken over, and the clock is told', async () => {
      const lines: { msg: string; level: string }[] = [];
      const system = new LocalSystem({
        devices: 4,
        sidecarEnvironment: {
          NODE_OPTIONS: `--import=file://${PRELOAD}`,
          CLOCK_OFFSET_MS: String(offsetMs),
        },
        onSidecarLine: (line) => lines.push(JSON.parse(line) as { msg: string; level: string }),
      });
      let second: Awaited<ReturnType<LocalSystem['addSidecar']>> | undefined;
      try {
        await system.start();
        second = await system.addSidecar(SECOND_HUB_THING);
        const volume = new Volume(
          system,
          system.devices.map(({ deviceId }) => deviceId),
        );
        const listener = await countListener(system, 'Counts', volume.deviceIds);
        const owned = async (hubThing: string) => {
          const { partitions } = (await system.status(hubThing)) as {
            partitions?: { owner: string }[];
          };
          return (partitions ?? []).filter(({ owner }) => owner !== '').length;
        };
        const { sidecar } = system;
        await loadDuring(listener, volume, async () => {
          await eventually(async () => assert.equal(await owned(SECOND_HUB_THING), 2));
          await sidecar.kill();
          await eventually(async () => assert.equal(await owned(SECOND_HUB_THING), 4));
          await sidecar.start();
          await eventually(async () => assert.equal(await owned(HUB_THING), 2));
        });
        assert.match(String((await system.status()).reason), /The clock of the sidecar's machine is \d+ s/);
        const metrics = await (await fetch(`${sidecar.url}/metrics`)).text();
        const offset = Number(/^azure_iot_clock_offset_seconds (-?[\d.]+)/m.exec(metrics)?.[1]);
        assert.ok(Math.abs(offset - offsetMs / 1000) < 3, `${offset}`);
        const told = lines.filter(({ msg }) => msg.startsWith('The clock of'));
        assert.equal(told.length, 3, 'once by each of the three processes');
      } finally {
        await second?.stop();
        await system.stop();
      }
    });
  });
