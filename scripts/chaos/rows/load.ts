import { store } from '../../../test/e2e/instruments.ts';
import type { Row, RowContext } from '../row.ts';

const BURST_PER_DEVICE = 1_000;
const LARGE_BODIES = 20;
/** Below the limit of IoT Hub for one message. */
const LARGE_BYTES = 250_000;
const POISONED = 10;

async function burst({ load, sleep, faultMs }: RowContext): Promise<void> {
  load.burst(BURST_PER_DEVICE);
  await sleep(faultMs / 2);
}

/** Large bodies beside the load, of a device that the load does not use: their only property is unknown and left out. */
async function largeBodies({ system, load, sleep, faultMs }: RowContext): Promise<void> {
  const [deviceId = ''] = load.deviceIds;
  for (let count = 0; count < LARGE_BODIES; count += 1)
    await store(system.local, [{ deviceId, body: { padding: 'x'.repeat(LARGE_BYTES) } }]);
  await sleep(faultMs / 2);
}

async function poison({ system, load, sleep, faultMs }: RowContext): Promise<void> {
  const [deviceId = ''] = load.deviceIds;
  for (let count = 0; count < POISONED; count += 1) {
    await store(system.local, [{ deviceId, body: { temperature: 'too warm' } }]);
    await sleep(faultMs / POISONED);
  }
}

/** What devices send. */
export const LOAD_ROWS: readonly Row[] = [
  { name: `a burst of ${BURST_PER_DEVICE} messages of each device`, recoverySeconds: 30, run: burst },
  { name: 'a burst of bodies of 250 KB', recoverySeconds: 30, run: largeBodies },
  { name: 'values that are refused for good in one partition', refusals: () => POISONED, run: poison },
];
