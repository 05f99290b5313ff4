import { addThingworxFault, clearThingworxFaults, hubControl } from '../../../test/e2e/instruments.ts';
import { HUB_THING } from '../../local/system.ts';
import type { Row, RowContext } from '../row.ts';

async function restartPlatform({ system, sleep, faultMs }: RowContext): Promise<void> {
  await fetch(`${system.local.cloud.thingworxControlUrl}/restart`, { method: 'POST' });
  await sleep(faultMs);
}

async function restartThings({ system, sleep, faultMs, load }: RowContext): Promise<void> {
  for (const deviceId of load.deviceIds) await system.local.platform.invoke(deviceId, 'RestartThing');
  await system.local.platform.invoke(HUB_THING, 'RestartThing');
  await sleep(faultMs);
}

async function disable({ system, sleep, faultMs }: RowContext): Promise<void> {
  await system.configure({ enabled: false });
  await sleep(faultMs / 2);
  await system.configure({ enabled: true });
  await system.local.waitForState('running');
}

async function reconnect({ system, sleep, faultMs }: RowContext): Promise<void> {
  const { platform } = system.local;
  for (let round = 0; round < 3; round += 1) {
    await platform.invoke(HUB_THING, 'Disconnect');
    await sleep(faultMs / 8);
    await platform.invoke(HUB_THING, 'Connect');
    await sleep(faultMs / 8);
  }
  await system.local.waitForState('running');
}

async function changeSettings({ system, sleep, faultMs }: RowContext): Promise<void> {
  for (let round = 0; round * 1_000 < faultMs; round += 1) {
    await system.local.platform.setProperties(HUB_THING, {
      maxRowsPerCall: 100 + round,
      messagesInFlightPerPartition: 300 + round,
    });
    await sleep(1_000);
  }
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

async function cutLinks({ system, sleep, faultMs }: RowContext): Promise<void> {
  for (let spentMs = 0; spentMs < faultMs; spentMs += 500) {
    await hubControl(system.local, 'detach', { address: 'Partitions', condition: 'amqp:internal-error' });
    await sleep(500);
  }
}

async function expireTokens({ system, sleep, faultMs }: RowContext): Promise<void> {
  await hubControl(system.local, 'expire-tokens');
  await hubControl(system.local, 'cut', { protocol: 'amqp' });
  await sleep(faultMs / 2);
}

/** What happens to ThingWorx, the hub Thing and the IoT Hub. */
export const PLATFORM_ROWS: readonly Row[] = [
  { name: 'ThingWorx is restarted', run: restartPlatform },
  { name: 'Things are restarted', run: restartThings },
  { name: 'ThingWorx fails every script', quick: true, run: refuseScripts },
  { name: 'the hub Thing is disabled and enabled', run: disable },
  { name: 'the hub Thing is disconnected and connected', run: reconnect },
  { name: 'settings change each second', run: changeSettings },
  { name: 'IoT Hub detaches the receivers', run: cutLinks },
  { name: 'tokens expire', run: expireTokens },
];
