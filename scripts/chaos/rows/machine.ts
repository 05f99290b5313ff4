import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Row, RowContext } from '../row.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;
/** The sidecar looks at its state directory each 15 seconds. */
const FORGOTTEN_MS = 30_000;

/** By the words of the row. */
const CLOCKS: Readonly<Record<string, number>> = {
  '10 s behind': -10 * SECOND_MS,
  '10 s ahead': 10 * SECOND_MS,
  'an hour behind': -HOUR_MS,
  'an hour ahead': HOUR_MS,
  'a day behind': -24 * HOUR_MS,
  'a day ahead': 24 * HOUR_MS,
};

/** From the start of the process on. */
async function wrongClock({ system, sleep, faultMs }: RowContext, clockOffsetMs: number): Promise<void> {
  await system.local.sidecar.stop();
  await system.setMachine({ clockOffsetMs });
  await system.local.sidecar.start();
  await system.local.waitForState('running');
  await sleep(faultMs);
}

async function jumpingClock({ system, sleep, random, faultMs }: RowContext): Promise<void> {
  const offsets = Object.values(CLOCKS);
  for (let spentMs = 0; spentMs < faultMs; spentMs += 2 * SECOND_MS) {
    await system.setMachine({ clockOffsetMs: offsets[Math.floor(random.between(0, offsets.length))] ?? 0 });
    await sleep(2 * SECOND_MS);
  }
}

async function fullDisk({ system, sleep, faultMs }: RowContext): Promise<void> {
  const ballast = path.join(system.local.sidecar.stateDirectory, 'ballast');
  await fill(ballast);
  await sleep(faultMs);
  await rm(ballast, { force: true });
  const endMs = performance.now() + FORGOTTEN_MS;
  for (;;) {
    const { reason, lastError } = await system.local.status();
    if (!/ENOSPC/.test(`${reason} ${JSON.stringify(lastError)}`)) return;
    if (performance.now() > endMs)
      throw new Error('The status shows ENOSPC although the disk has room again');
    await sleep(SECOND_MS);
  }
}

/** Until the disk takes no byte more. */
async function fill(file: string): Promise<void> {
  const output = createWriteStream(file);
  const full = once(output, 'error');
  for (let isFull = false; !isFull; )
    isFull = await new Promise<boolean>((resolve) => {
      output.write(Buffer.alloc(4096), (error) => resolve(error !== null && error !== undefined));
    });
  await full;
}

/** Files that are open for writing keep a disk from becoming read-only, so the process is started on it. */
async function readOnlyDisk({ system, sleep, faultMs }: RowContext): Promise<void> {
  const { sidecar } = system.local;
  await sidecar.stop();
  await system.setDisk('ro');
  try {
    // A service manager starts it again.
    for (let spentMs = 0; spentMs < faultMs; spentMs += SECOND_MS) {
      if (sidecar.hasEnded) sidecar.start().catch(() => undefined);
      await sleep(SECOND_MS);
    }
  } finally {
    await system.setDisk('rw');
  }
  if (sidecar.hasEnded) await sidecar.start();
  await system.local.waitForState('running');
}

async function slowDisk({ system, sleep, faultMs }: RowContext): Promise<void> {
  await system.setMachine({ diskDelayMs: faultMs / 8 });
  await sleep(faultMs);
}

const noDisk = ({ system }: RowContext) =>
  system.hasDisk ? undefined : 'only an administrator can make a file system for it';

/** What happens to the machine of the sidecar: its clock and its disk. */
export const MACHINE_ROWS: readonly Row[] = [
  ...Object.entries(CLOCKS).map(
    ([words, offsetMs]): Row => ({
      name: `clock ${words}`,
      run: (context) => wrongClock(context, offsetMs),
    }),
  ),
  { name: 'clock jumps while running', run: jumpingClock },
  { name: 'disk full', checkpoints: 'local', skip: noDisk, run: fullDisk },
  { name: 'disk read-only', checkpoints: 'local', skip: noDisk, run: readOnlyDisk },
  { name: 'disk slow', checkpoints: 'local', run: slowDisk },
];
