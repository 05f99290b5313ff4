import { addThingworxFault, clearThingworxFaults } from '../../../test/e2e/instruments.ts';
import { HUB_THING } from '../../local/system.ts';
import type { Row, RowContext } from '../row.ts';

async function restartPlatform({ system, sleep, faultMs }: RowContext): Promise<void> {
  await fetch(`${system.local.cloud.thingworxControlUrl}/restart`, { method: 'POST' });
  await sleep(faultMs);
}

async function restartProcess({ system, sleep, faultMs }: RowContext): Promise<void> {
  await system.local.cloud.restartThingworx(() => sleep(faultMs / 2));
  await sleep(faultMs / 2);
}

async function restartThings({ system, sleep, faultMs, load }: RowContext): Promise<void> {
  for (const deviceId of load.deviceIds) await system.local.platform.invoke(deviceId, 'RestartThing');
  await system.local.platform.invoke(HUB_THING, 'RestartThing');
  await sleep(faultMs);
}

async function refuseScripts({ system, sleep, faultMs }: RowContext): Promise<void> {
  await addThingworxFault(system.local, {
    action: 'status',
    status: 500,
    body: 'Unable to Invoke Service ReceiveUpdates',
    path: '/Services/ReceiveUpdates',
  });
  await sleep(faultMs);
  await clearThingworxFaults(system.local);
}

/** What happens to ThingWorx. */
export const PLATFORM_ROWS: readonly Row[] = [
  { name: 'ThingWorx is restarted', run: restartPlatform },
  { name: 'ThingWorx is stopped and started with its state', run: restartProcess },
  { name: 'Things are restarted', run: restartThings },
  { name: 'ThingWorx fails every script', quick: true, run: refuseScripts },
];
