import { BlobDeadLetterStore } from '../../../sidecar/dead-letters/blob-store.ts';
import { HUB_THING } from '../../local/system.ts';
import type { ChaosSystem } from '../chaos-system.ts';
import type { Row, RowContext } from '../row.ts';

const OTHER_NAME = 'Factory.Renamed';
const DEAD_LETTER_CONTAINER = 'thingworx-dead-letters';

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

/** The high-water marks are gone with it. */
async function makeAnew(context: RowContext): Promise<void> {
  const { system, sleep, faultMs } = context;
  await deleteThing(context, HUB_THING);
  await sleep(faultMs / 2);
  await make(context, HUB_THING);
  await system.local.waitForState('running');
}

/** Under the new name it is made, the devices get it, and then the old one is deleted. Back in the same way. */
async function renameTwice(context: RowContext): Promise<void> {
  const { system, load, sleep, faultMs } = context;
  for (const [from, to] of [
    [HUB_THING, OTHER_NAME],
    [OTHER_NAME, HUB_THING],
  ] as const) {
    // A hub leaves notifications of devices that name another hub Thing to that one.
    await load.settle();
    await make(context, to);
    for (const deviceId of load.deviceIds)
      await system.local.platform.setProperties(deviceId, { hubThing: to });
    await deleteThing(context, from);
    load.begin();
    await sleep(faultMs / 2);
  }
  await system.local.waitForState('running');
}

async function make({ system }: RowContext, name: string): Promise<void> {
  const { local, eventHubConnectionString } = system;
  await local.createHub(name, local.sidecar);
  await local.platform.setProperties(name, { eventHubConnectionString });
  await local.platform.invoke(name, 'Connect');
}

async function deleteThing({ system }: RowContext, name: string): Promise<void> {
  await system.local.platform.invokeOn('Resources', 'EntityServices', 'DeleteThing', { name });
}

/** Dead letters that only the hub Thing of the other name has: what it had stored may come again after the renaming, and is then in both. */
async function lettersElsewhere({ system }: RowContext): Promise<number> {
  const [own, others] = await Promise.all([lettersOf(system, HUB_THING), lettersOf(system, OTHER_NAME)]);
  return [...others].filter((id) => !own.has(id)).length;
}

async function lettersOf(system: ChaosSystem, hubThing: string): Promise<Set<string>> {
  const store = new BlobDeadLetterStore({
    connection: system.local.cloud.storageConnectionString,
    container: DEAD_LETTER_CONTAINER,
    hubThing,
  });
  try {
    const { letters } = await store.list({}, { limit: 100_000 });
    return new Set(letters.map(({ id }) => id));
  } finally {
    await store.close();
  }
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

/** Each change closes the event stream and opens it again. Reading goes on at the checkpoints whatever the start position is. */
async function changeReopening({ system, sleep, faultMs }: RowContext): Promise<void> {
  for (let round = 0; round * 1_000 < faultMs; round += 1) {
    await system.local.platform.setProperties(HUB_THING, {
      startPosition: round % 2 === 0 ? '2000-01-01T00:00:00Z' : 'earliest',
      checkpointContainer: `checkpoints-${round % 3}`,
    });
    await sleep(1_000);
  }
  await system.configure({ startPosition: 'earliest' });
  await system.local.waitForState('running');
}

/** What an administrator does to the hub Thing. */
export const HUB_THING_ROWS: readonly Row[] = [
  { name: 'the hub Thing is disabled and enabled', run: disable },
  { name: 'the hub Thing is disconnected and connected', run: reconnect },
  { name: 'the hub Thing is deleted and made anew', run: makeAnew },
  {
    name: 'the hub Thing is renamed',
    refusals: async (context) => -(await lettersElsewhere(context)),
    run: renameTwice,
  },
  { name: 'settings change each second', run: changeSettings },
  { name: 'settings that open the event stream anew change each second', run: changeReopening },
];
