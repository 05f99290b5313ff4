import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from '../../local/platform.ts';
import { registerInBulk } from '../../local/registry.ts';
import { HUB_THING, LocalSystem } from '../../local/system.ts';
import type { Figure } from '../figures.ts';
import { powerOf } from '../growth.ts';

const ENDED = ['completed', 'failed', 'cancelled'];

/**
 * Work with whole registries on the local system, one size after the other: the import, the comparison and the refresh of all twins. The
 * IoT Hub keeps the rates of the tier, and the hub Thing knows it. With several sizes, the last figures are the growth: time and memory
 * grow like the number of devices to this power.
 */
export async function importing(sizes: readonly number[], tier: string): Promise<Figure[]> {
  const runs: { devices: number; figures: Figure[] }[] = [];
  for (const devices of sizes) runs.push({ devices, figures: await measure(devices, tier) });
  const [small, large] = [runs[0], runs.at(-1)];
  const all = runs.flatMap(({ figures }) => figures);
  if (!small || !large || small === large) return all;
  return [
    ...all,
    ...large.figures.flatMap((figure, index) => {
      const [before = Number.NaN] = small.figures[index]?.values ?? [];
      const [after = Number.NaN] = figure.values;
      const power = powerOf([
        { size: small.devices, cost: before },
        { size: large.devices, cost: after },
      ]);
      const name = figure.name.replace(/^[0-9]+ devices: /, 'growth: ');
      return figure.unit === 's' || figure.unit === 'MB' ? [{ name, values: [power], unit: 'power' }] : [];
    }),
  ];
}

async function measure(devices: number, tier: string): Promise<Figure[]> {
  const system = new LocalSystem({ devices: 0, partitions: 2, hubSettings: { tier } });
  const figures: Figure[] = [];
  const add = (name: string, value: number, unit: string) =>
    figures.push({ name: `${devices} devices: ${name}`, values: [value], unit });
  try {
    await system.start();
    await system.platform.invoke(HUB_THING, 'GrantPermissions');
    const ids = Array.from({ length: devices }, (_, index) => `device-${String(index).padStart(7, '0')}`);
    await registerInBulk(system.cloud.iotHubConnectionString, ids);
    await throttle(system.cloud.iotHubControlUrl, tier);
    const { pid } = system.sidecar;
    add('memory before', await megabytes(pid), 'MB');
    for (const service of ['StartImport', 'CompareRegistry', 'RefreshTwins']) {
      const { seconds, most, cpuSeconds, row } = await run(system, service);
      const { state, done, note } = row;
      if (state !== 'completed' || done !== devices)
        throw new Error(
          `${service} has the state ${String(state)} with ${String(done)}: ${String(row.error)}`,
        );
      console.log(
        `${devices} devices, ${service}: ${seconds.toFixed(0)} s, ${most} MB. ${String(note ?? '')}`,
      );
      add(service, seconds, 's');
      add(`${service}, sidecar's processor time`, cpuSeconds, 's');
      add(`${service}, most memory`, most, 'MB');
      add(`${service}, rate`, devices / seconds, 'devices/s');
    }
    add('refused by the IoT Hub (429)', await refusals(system.cloud.iotHubControlUrl), '');
  } finally {
    await system.stop();
  }
  return figures;
}

/** Runs a task to its end. The time is that of the task, without the waits between the looks at it. */
async function run(
  system: LocalSystem,
  service: string,
): Promise<{ seconds: number; most: number; cpuSeconds: number; row: Row }> {
  const call = async (name: string, parameters: Row) => {
    const answer = (await system.platform.invoke(HUB_THING, name, parameters)) as { rows?: Row[] };
    return answer.rows?.[0] ?? {};
  };
  const { pid } = system.sidecar;
  const before = await processorSeconds(pid);
  const { result: task } = await call(service, {});
  let most = 0;
  let row: Row = {};
  while (!ENDED.includes(String(row.state))) {
    await sleep(500);
    row = await call('GetImport', { task });
    most = Math.max(most, await megabytes(pid));
  }
  const seconds = (timeOf(row.endedAt) - timeOf(row.startedAt)) / 1000;
  return { seconds, most, cpuSeconds: (await processorSeconds(pid)) - before, row };
}

function timeOf(value: unknown): number {
  return typeof value === 'number' ? value : Date.parse(String(value));
}

/** Resident memory of a process in MB; NaN where the system does not tell. */
async function megabytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const match = /VmRSS:\s+(\d+) kB/.exec(status);
  return match ? Math.round(Number(match[1]) / 1024) : Number.NaN;
}

/** Processor time of a process; NaN where the system does not tell. */
async function processorSeconds(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The fields after the name, which is in brackets: user and system time are the 12th and 13th, in hundredths.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** How many requests the hub refused because of their rate. */
async function refusals(controlUrl: string): Promise<number> {
  const { refused } = (await (await fetch(`${controlUrl}/throttle`)).json()) as { refused: Row };
  return Object.values(refused).reduce<number>((sum, count) => sum + Number(count), 0);
}

/** Has the hub keep the rates of a tier, as Azure does, with a small allowance for bursts. */
async function throttle(controlUrl: string, tier: string): Promise<void> {
  const answer = await fetch(`${controlUrl}/throttle`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ tier, burstSeconds: 10 }),
  });
  if (!answer.ok) throw new Error(`The tier ${tier} was answered ${answer.status}: ${await answer.text()}`);
}
