import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Row as TableRow } from '../../local/platform.ts';
import type { Sidecar } from '../../local/sidecar.ts';
import { HUB_THING } from '../../local/system.ts';
import type { Row, RowContext } from '../row.ts';

const HOUR_MS = 3_600_000;
const WAIT_MS = 60_000;

/** Waits until so many sidecars have a share of the partitions. */
async function shared({ system, sleep }: RowContext, count: number): Promise<void> {
  const endMs = performance.now() + WAIT_MS;
  for (;;) {
    const { sidecars } = await system.local.platform.properties(HUB_THING);
    const { rows = [] } = (sidecars ?? {}) as { rows?: TableRow[] };
    if (rows.length === count && rows.every(({ partitions }) => Number(partitions) > 0)) return;
    if (performance.now() > endMs) throw new Error(`The partitions were not shared by ${count} sidecars`);
    await sleep(500);
  }
}

/** The second one joins with its clock, is killed, comes back, and leaves. */
async function differentClocks(context: RowContext, clockOffsetMs: number): Promise<void> {
  const { system, sleep, faultMs } = context;
  const { local } = system;
  const { port } = new URL(local.sidecar.url);
  const machineFile = path.join(local.directory, 'second-machine.json');
  await writeFile(machineFile, JSON.stringify({ clockOffsetMs }));
  const life = { environment: { CHAOS_MACHINE: machineFile } };
  await system.configure({ sidecarUrl: `http://127.0.0.*:${port}` });
  let second: Sidecar | undefined;
  try {
    second = await local.addMember(2, life);
    await shared(context, 2);
    await sleep(faultMs / 2);
    await second.kill();
    await shared(context, 1);
    await second.start(life);
    await shared(context, 2);
    await sleep(faultMs / 2);
    await second.stop();
    await shared(context, 1);
  } finally {
    await second?.stop();
    await system.configure({ sidecarUrl: local.sidecar.url });
  }
}

/** What happens to several sidecars of one hub Thing. */
export const GROUP_ROWS: readonly Row[] = [
  {
    name: 'two sidecars, one with a clock an hour behind',
    run: (context) => differentClocks(context, -HOUR_MS),
  },
  {
    name: 'two sidecars, one with a clock 10 s ahead',
    run: (context) => differentClocks(context, 10_000),
  },
];
