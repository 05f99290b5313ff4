import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readCommandLine, refuse, UsageError, wholeNumber } from './command-line.ts';
import { type CloudFacts, factsOf, startCloud } from './local/cloud.ts';
import { aborted, stopSignal } from './local/signals.ts';

const USAGE = `npm run local-cloud -- [options]: IoT Hub, Azure Storage and ThingWorx on this machine, for any client
  --iothub-port P, --thingworx-port P, --storage-port P   (free ones)
  --partitions N        of the IoT Hub (4)
  --consumer-group G    beside $Default; can be given several times
  --standard-ports      IoT Hub also on 443, 5671 and 8883, for clients that cannot be told a port
The one line of output is JSON: connection strings, addresses, and the certificate authority to trust.`;

/** The names that Event Hubs takes; $Default is always there. */
const CONSUMER_GROUP = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,48}[A-Za-z0-9])?$/;

/** The emulators alone: prints one JSON line with the strings that any client can use, and runs until it is stopped. */
async function main(): Promise<void> {
  const { values } = readCommandLine(USAGE, {
    'iothub-port': { type: 'string' },
    'thingworx-port': { type: 'string' },
    'storage-port': { type: 'string' },
    partitions: { type: 'string' },
    'consumer-group': { type: 'string', multiple: true, default: [] },
    'standard-ports': { type: 'boolean', default: false },
  });
  const number = (text: string | undefined, name: string) =>
    text === undefined ? undefined : wholeNumber(name, text, 1, 65_535);
  const ports = {
    iotHubPort: number(values['iothub-port'], 'iothub-port'),
    thingworxPort: number(values['thingworx-port'], 'thingworx-port'),
    storagePort: number(values['storage-port'], 'storage-port'),
    partitions: number(values.partitions, 'partitions'),
  };
  const consumerGroups = values['consumer-group'];
  for (const group of consumerGroups) {
    if (!CONSUMER_GROUP.test(group))
      throw new UsageError(
        `--consumer-group is "${group}"; expected 1 to 50 letters, digits, dots, hyphens and underscores`,
      );
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-local-cloud-'));
  const stopping = stopSignal();
  let failure: string | undefined;
  try {
    const cloud = await startCloud({
      directory,
      standardPorts: values['standard-ports'],
      consumerGroups,
      onUnexpectedExit: (message) => {
        failure ??= message;
        stopping.abort();
      },
      ...(Object.fromEntries(Object.entries(ports).filter(([, value]) => value !== undefined)) as Record<
        string,
        number
      >),
    });
    const facts = factsOf(cloud);
    if (!stopping.signal.aborted) console.log(JSON.stringify(facts));
    // Beside the JSON, for whoever looks at it.
    if (!stopping.signal.aborted && process.stderr.isTTY) console.error(invitation(facts));
    await aborted(stopping.signal);
    await cloud.stop();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  if (failure) throw new Error(failure);
}

/** What docs/tutorial.md asks a person for, ready to be copied. */
function invitation(facts: CloudFacts): string {
  const { thingworxUrl, thingworxUser, thingworxPassword, caFile } = facts;
  return [
    '',
    'For docs/tutorial.md, in the terminal in which you go on:',
    `  export NODE_EXTRA_CA_CERTS=${caFile} SIDECAR_ALLOW_LOCAL_AZURE=true`,
    `  export THINGWORX_URL=${thingworxUrl}`,
    `  export THINGWORX_ADMINISTRATOR=${thingworxUser} THINGWORX_ADMINISTRATOR_PASSWORD=${thingworxPassword}`,
    'Setup then asks for these alone:',
    `  IoT Hub  ${facts.iotHubConnectionString}`,
    `  storage  ${facts.storageConnectionString}`,
    `What ThingWorx has, live: ${thingworxUrl.replace(/Thingworx$/, '')}`,
    `Mashups: ${thingworxUrl}/Runtime/index.html#mashup=AzureIoT.Home_MU`,
    'Ctrl-C ends everything.',
  ].join('\n');
}

try {
  await main();
} catch (error) {
  if (error instanceof UsageError) refuse(USAGE, error);
  console.error(`npm run local-cloud failed: ${(error as Error).message}`);
  process.exitCode = 1;
}
