import { rm } from 'node:fs/promises';
import path from 'node:path';
import { hubControl } from '../../../test/e2e/instruments.ts';
import type { IotHubChange } from '../../local/cloud.ts';
import { CONSUMER_GROUP } from '../chaos-system.ts';
import type { Row, RowContext } from '../row.ts';

const PARTITIONS = { usual: 4, other: 8 };

async function detach({ system, sleep, faultMs }: RowContext, condition: string): Promise<void> {
  for (let spentMs = 0; spentMs < faultMs; spentMs += 500) {
    await hubControl(system.local, 'detach', { address: 'Partitions', condition });
    await sleep(500);
  }
}

async function expireTokens({ system, sleep, faultMs }: RowContext): Promise<void> {
  await hubControl(system.local, 'expire-tokens');
  await hubControl(system.local, 'cut', { protocol: 'amqp' });
  await sleep(faultMs / 2);
}

async function deleteConsumerGroup({ system, load, sleep, faultMs }: RowContext): Promise<void> {
  await load.end();
  await system.local.cloud.restartIotHub({ consumerGroups: [] });
  load.begin();
  await sleep(faultMs);
  await load.end();
  await system.local.cloud.restartIotHub({ consumerGroups: [CONSUMER_GROUP] });
  load.begin();
  await sleep(faultMs / 2);
}

/** The other region has an event stream of another name, without the messages of the old one. The sidecar asks the IoT Hub for its name. */
async function failOver(context: RowContext): Promise<Record<string, number>> {
  const { system, load, sleep, faultMs } = context;
  await load.settle();
  await restartEmpty(context);
  await system.configure({ eventHubConnectionString: '' });
  load.begin();
  await sleep(faultMs / 4);
  await load.settle();
  await restartEmpty(context, { hubName: 'other-region' });
  load.begin();
  await sleep(faultMs);
  const beganAtMs = performance.now();
  await load.settle();
  const foundSeconds = (performance.now() - beganAtMs + faultMs) / 1000;
  await restartEmpty(context);
  await system.configure({ eventHubConnectionString: system.eventHubConnectionString });
  load.begin();
  return { foundSeconds };
}

/** A hub of the same name and with another number of partitions, and the old number again. */
async function makeAnew({ system, load, sleep, faultMs }: RowContext): Promise<void> {
  for (const partitions of [PARTITIONS.other, PARTITIONS.usual]) {
    await load.settle();
    await restartEmpty({ system }, { partitions });
    load.begin();
    await sleep(faultMs / 2);
  }
}

async function restartEmpty(
  { system }: Pick<RowContext, 'system'>,
  change: IotHubChange = {},
): Promise<void> {
  await system.local.cloud.restartIotHub({ consumerGroups: [CONSUMER_GROUP], ...change }, (directory) =>
    rm(path.join(directory, 'events'), { recursive: true }),
  );
}

/** What happens to the IoT Hub. */
export const IOT_HUB_ROWS: readonly Row[] = [
  {
    name: 'IoT Hub detaches the receivers',
    run: (context) => detach(context, 'amqp:internal-error'),
  },
  {
    name: 'event stream: server busy',
    run: (context) => detach(context, 'com.microsoft:server-busy'),
  },
  { name: 'tokens expire', run: expireTokens },
  { name: 'consumer group deleted', recoverySeconds: 15, run: deleteConsumerGroup },
  // The hub is started anew three times.
  { name: 'IoT Hub failed over', sameLines: 4, run: failOver },
  { name: 'a new hub with another number of partitions', run: makeAnew },
];
