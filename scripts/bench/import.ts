/**
 * Imports devices into ThingWorx on the local system and says how long it took and what memory the sidecar needed.
 * `node scripts/bench/import.ts [--devices 10000] [--tier S1]`; with a tier the IoT Hub refuses what is above its rates, and the hub
 * Thing knows it.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import iotCommon from 'azure-iot-common';
import type { Row } from '../local/platform.ts';
import { HUB_THING, LocalSystem } from '../local/system.ts';

const { ConnectionString, SharedAccessSignature } = iotCommon;

const { values } = parseArgs({
  options: { devices: { type: 'string', default: '10000' }, tier: { type: 'string' } },
});
const devices = Number(values.devices);
const { tier } = values;
const BULK = 100;

async function register(connectionString: string, ids: readonly string[]): Promise<void> {
  const {
    HostName: host = '',
    SharedAccessKeyName: name = '',
    SharedAccessKey: key = '',
  } = ConnectionString.parse(connectionString);
  const authorization = SharedAccessSignature.create(host, name, key, Date.now() / 1000 + 3600).toString();
  for (let start = 0; start < ids.length; start += BULK) {
    const body = ids
      .slice(start, start + BULK)
      .map((id) => ({ id, importMode: 'create', status: 'enabled' }));
    const answer = await fetch(`https://${host}/devices?api-version=2021-04-12`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`Registering was answered ${answer.status}: ${await answer.text()}`);
  }
}

/** Resident memory of a process in MB; undefined where the system does not tell. */
async function residentMegabytes(pid: number | undefined): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const match = /VmRSS:\s+(\d+) kB/.exec(status);
  return match ? Math.round(Number(match[1]) / 1024) : undefined;
}

/** How many requests the hub refused because of their rate, by kind. */
async function refusals(controlUrl: string): Promise<Row> {
  const { refused } = (await (await fetch(`${controlUrl}/throttle`)).json()) as { refused: Row };
  return refused;
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

const system = new LocalSystem({
  devices: 0,
  partitions: 2,
  localCheckpoints: true,
  ...(tier ? { hubSettings: { tier } } : {}),
});
try {
  await system.start();
  await system.platform.invoke(HUB_THING, 'GrantPermissions');
  await register(
    system.cloud.iotHubConnectionString,
    Array.from({ length: devices }, (_, index) => `device-${String(index).padStart(6, '0')}`),
  );
  if (tier) await throttle(system.cloud.iotHubControlUrl, tier);
  const call = async (service: string, parameters: Row) => {
    const answer = (await system.platform.invoke(HUB_THING, service, parameters)) as { rows?: Row[] };
    return answer.rows?.[0]?.result ?? answer.rows?.[0];
  };
  const before = await residentMegabytes(system.sidecar.pid);
  const started = performance.now();
  const task = await call('StartImport', {});
  const memory: number[] = [];
  let row: Row = {};
  let told = 0;
  while (!['completed', 'failed', 'cancelled'].includes(String(row.state))) {
    await sleep(500);
    row = (await call('GetImport', { task })) as Row;
    memory.push((await residentMegabytes(system.sidecar.pid)) ?? 0);
    if (Number(row.done) - told >= devices / 10) {
      told = Number(row.done);
      const seconds = Math.round((performance.now() - started) / 1000);
      console.log(`${told} of ${devices} after ${seconds} s, ${memory.at(-1)} MB`);
    }
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(
    JSON.stringify({
      devices,
      ...(tier ? { tier, refused: await refusals(system.cloud.iotHubControlUrl) } : {}),
      state: row.state,
      created: row.created,
      failed: row.failed,
      seconds: Math.round(seconds * 10) / 10,
      devicesPerSecond: Math.round(devices / seconds),
      megabytesBefore: before,
      megabytesMost: Math.max(...memory),
      megabytesAfter: memory.at(-1),
    }),
  );
} finally {
  await system.stop();
}
