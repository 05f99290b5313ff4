import { countListener, store } from '../../../test/e2e/instruments.ts';
import { registerInBulk } from '../../local/registry.ts';
import { HUB_THING, VALUE_STREAM } from '../../local/system.ts';
import { Bystander } from '../bystander.ts';
import type { Row, RowContext } from '../row.ts';
import { runTask } from './tasks.ts';

const MANY = 10_000;
const LONGEST_CREATION_MS = 300_000;
const LONGEST_QUEUE_MS = 600_000;

/** Its history is gone with it; what was sent meanwhile waits in the dead letters. */
async function makeThingAnew(context: RowContext): Promise<void> {
  const { system, faultMs } = context;
  const device = new Bystander(system.local, 'bystander-deleted');
  await device.createThing();
  await device.sendFor(faultMs / 4);
  await device.settled(0);
  const before = device.sent;
  await device.deleteThing();
  await device.sendFor(faultMs / 2);
  await device.settled(before);
  await device.createThing();
  await device.sendFor(faultMs / 4);
  await replay(context, device, before);
}

/** A Thing that is disabled takes no value: each write throws. */
async function throwingThing(context: RowContext): Promise<void> {
  const { system, faultMs } = context;
  const device = new Bystander(system.local, 'bystander-throwing');
  await device.createThing();
  await device.sendFor(faultMs / 4);
  await system.local.platform.invoke(device.name, 'DisableThing');
  await device.sendFor(faultMs / 2);
  await device.settled(0);
  await system.local.platform.invoke(device.name, 'EnableThing');
  await system.local.platform.invoke(device.name, 'RestartThing');
  await device.sendFor(faultMs / 4);
  await replay(context, device, 0);
}

/** Sends the dead letters of the device again, as an administrator does when its Thing is in order. */
async function replay({ system }: RowContext, device: Bystander, after: number): Promise<void> {
  const letters = await device.settled(after);
  if (letters === 0) throw new Error('No message became a dead letter.');
  await runTask(system.local, 'ReplayDeadLetters', { deviceId: device.name });
  const left = await device.settled(after);
  if (left > 0) throw new Error(`${left} messages are still dead letters`);
}

/** Devices that send for the first time, all at the same moment: their Things are made. */
async function manyDevices(context: RowContext): Promise<void> {
  const { system, sleep } = context;
  await system.local.platform.invoke(HUB_THING, 'GrantPermissions');
  await system.configure({
    unknownThing: 'create',
    unknownProperty: 'create',
    deviceValueStream: VALUE_STREAM,
  });
  // The subscriptions of the hub Thing send the settings too, and may have read them between two of the changes.
  await sleep(2_000);
  const names = Array.from({ length: MANY }, (_, index) => `many-${index + 1}`);
  await registerInBulk(system.local.cloud.iotHubConnectionString, names);
  await store(
    system.local,
    names.map((deviceId, index) => ({ deviceId, body: { count: index } })),
  );
  const hasValue = async (index: number) => {
    const values = await system.local.platform
      .properties(names[index] ?? '')
      .catch((): Record<string, unknown> => ({}));
    return values['count'] === index;
  };
  const endMs = performance.now() + LONGEST_CREATION_MS;
  // One after the other, so that ThingWorx makes Things and does not answer for those that are missing.
  for (let index = 0; index < MANY; ) {
    if (await hasValue(index)) index += 1;
    else if (performance.now() > endMs) throw new Error(`device ${index + 1} of ${MANY} has no value`);
    else await sleep(500);
  }
  await system.configure({ unknownThing: 'dead-letter', unknownProperty: 'ignore' });
  await untilEventQueueIsEmpty(context, names.at(-1) ?? '');
}

/**
 * Waits until ThingWorx has run what waits in its event queue: the subscriptions of the new Things, and behind them those that note the
 * notifications of the load.
 */
async function untilEventQueueIsEmpty({ system, sleep }: RowContext, thing: string): Promise<void> {
  const listener = await countListener(system.local, 'EventQueue', [thing]);
  await system.local.platform.setProperties(thing, { count: MANY });
  const endMs = performance.now() + LONGEST_QUEUE_MS;
  while (!(await listener.heard()).includes(String(MANY))) {
    if (performance.now() > endMs)
      throw new Error('ThingWorx has not run the subscriptions of the new Things');
    await sleep(500);
  }
}

/** What happens to devices and their Things. */
export const DEVICE_ROWS: readonly Row[] = [
  { name: 'a device Thing is deleted and made anew', run: makeThingAnew },
  { name: 'a Thing that throws', run: throwingThing },
  // The last one: these Things stay.
  { name: `${MANY} devices at once`, recoverySeconds: 30, run: manyDevices },
];
