import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startCloud } from './local/cloud.ts';
import { aborted, stopSignal } from './local/signals.ts';

/**
 * The emulators alone: prints one JSON line with the strings that any client can use, and runs until it is stopped.
 * Options: --iothub-port, --thingworx-port, --storage-port (free ones), --partitions (4), --standard-ports.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'iothub-port': { type: 'string' },
      'thingworx-port': { type: 'string' },
      'storage-port': { type: 'string' },
      partitions: { type: 'string' },
      'standard-ports': { type: 'boolean', default: false },
    },
  });
  const number = (text: string | undefined, name: string) => {
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1 || value > 65_535)
      throw new Error(`--${name} is "${text}"; expected a whole number.`);
    return value;
  };
  const ports = {
    iotHubPort: number(values['iothub-port'], 'iothub-port'),
    thingworxPort: number(values['thingworx-port'], 'thingworx-port'),
    storagePort: number(values['storage-port'], 'storage-port'),
    partitions: number(values.partitions, 'partitions'),
  };
  const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-local-cloud-'));
  const stopping = stopSignal();
  let failure: string | undefined;
  try {
    const { stop, ...facts } = await startCloud({
      directory,
      standardPorts: values['standard-ports'],
      onUnexpectedExit: (message) => {
        failure ??= message;
        stopping.abort();
      },
      ...(Object.fromEntries(Object.entries(ports).filter(([, value]) => value !== undefined)) as Record<
        string,
        number
      >),
    });
    if (!stopping.signal.aborted) console.log(JSON.stringify(facts));
    await aborted(stopping.signal);
    await stop();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  if (failure) throw new Error(failure);
}

try {
  await main();
} catch (error) {
  console.error(`npm run local-cloud failed: ${(error as Error).message}`);
  process.exitCode = 1;
}
