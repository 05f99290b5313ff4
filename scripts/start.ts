import { parseArgs } from 'node:util';
import { READING_PROPERTIES } from './local/device.ts';
import type { Row } from './local/platform.ts';
import { render, Screen } from './local/screen.ts';
import { stopSignal } from './local/signals.ts';
import { HUB_THING, LocalSystem, NOTIFICATION_SOURCES } from './local/system.ts';

const USAGE = `npm start -- [options]: the whole product on this machine, without an account
  --devices N          simulated devices (3)
  --interval MS        pause between two messages of a device (1000)
  --seconds S          stop by itself after S seconds
  --env-file FILE      write the addresses and keys that docs/examples need to FILE
  --json               the last line is one JSON object with counts and values
  --sidecar-port P, --thingworx-port P, --iothub-port P, --storage-port P   (free ones)`;

interface Options {
  readonly devices: number;
  readonly intervalMs: number;
  readonly seconds: number | undefined;
  readonly json: boolean;
  readonly environmentFile: string | undefined;
  readonly ports: Readonly<
    Record<'sidecarPort' | 'thingworxPort' | 'iotHubPort' | 'storagePort', number | undefined>
  >;
}

class UsageError extends Error {}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      devices: { type: 'string' },
      interval: { type: 'string' },
      seconds: { type: 'string' },
      json: { type: 'boolean', default: false },
      'env-file': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
      'sidecar-port': { type: 'string' },
      'thingworx-port': { type: 'string' },
      'iothub-port': { type: 'string' },
      'storage-port': { type: 'string' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  return {
    devices: whole('--devices', values.devices, 1, 10_000) ?? 3,
    intervalMs: whole('--interval', values.interval, 1, 3_600_000) ?? 1_000,
    seconds: whole('--seconds', values.seconds, 1, 1_000_000),
    json: values.json,
    environmentFile: values['env-file'],
    ports: {
      sidecarPort: whole('--sidecar-port', values['sidecar-port'], 1, 65_535),
      thingworxPort: whole('--thingworx-port', values['thingworx-port'], 1, 65_535),
      iotHubPort: whole('--iothub-port', values['iothub-port'], 1, 65_535),
      storagePort: whole('--storage-port', values['storage-port'], 1, 65_535),
    },
  };
}

function whole(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`${name} is "${text}"; expected a whole number from ${min} to ${max}.`);
}

function given<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

/** Sends readings of all devices until the signal, each device in its own rhythm. */
async function simulate(system: LocalSystem, intervalMs: number, signal: AbortSignal): Promise<void> {
  await Promise.all(
    system.devices.map(async (device) => {
      while (!signal.aborted) {
        await device.sendReading();
        await pause(intervalMs, signal);
      }
    }),
  );
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

async function look(system: LocalSystem): Promise<{ status: Row; things: Map<string, Row>; sent: number }> {
  const names = system.devices.map((device) => device.deviceId);
  const [status, values] = await Promise.all([
    system.status(),
    Promise.all(names.map((name) => system.platform.properties(name))),
  ]);
  return {
    status,
    things: new Map(names.map((name, index) => [name, values[index] ?? {}])),
    sent: system.devices.reduce((sum, device) => sum + device.sent.length, 0),
  };
}

/** Waits until everything that was sent is accounted for, so that the last numbers are whole. */
async function settle(system: LocalSystem): Promise<void> {
  const until = Date.now() + 15_000;
  for (;;) {
    const { status, things } = await look(system);
    const { inFlight = 0 } = (status.counters ?? {}) as Record<string, number>;
    // Notifications count as received, too: only the Things say whether every reading has arrived.
    const arrived = system.devices.every(({ deviceId, sent }) => things.get(deviceId)?.count === sent.length);
    if ((arrived && inFlight === 0) || Date.now() > until) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function report(system: LocalSystem): Promise<string> {
  const { status, things, sent } = await look(system);
  const counters = (status.counters ?? {}) as Record<string, number>;
  const { received, delivered, ignored, deadLettered } = counters;
  return JSON.stringify({
    sent,
    received,
    delivered,
    ignored,
    deadLettered,
    things: Object.fromEntries([...things].map(([name, values]) => [name, reading(values)])),
  });
}

/** The values that the devices send, without the other properties of their Things. */
function reading(values: Row): Row {
  return Object.fromEntries(Object.keys(READING_PROPERTIES).map((name) => [name, values[name]]));
}

async function main(): Promise<void> {
  const options = readOptions();
  const stopping = stopSignal();
  let failure: string | undefined;
  const fail = (message: string) => {
    failure ??= message;
    stopping.abort();
  };
  const system = new LocalSystem({
    devices: options.devices,
    ...given(options.ports),
    // What an administrator adds as routes, so that twins, connections and life cycles are seen on Things.
    builtInSources: NOTIFICATION_SOURCES,
    fileRepository: true,
    signal: stopping.signal,
    onStep: (step) => console.log(`${step} …`),
    onUnexpectedExit: fail,
  });
  try {
    await system.start();
    await system.platform.invoke(HUB_THING, 'GrantPermissions');
    if (options.environmentFile !== undefined) await system.writeEnvironmentFile(options.environmentFile);
    const { cloud, sidecar } = system;
    const addresses = [
      ['ThingWorx', cloud.thingworxUrl.replace(/\/Thingworx$/, '/')],
      ['  user, password', `${cloud.thingworxUser}, ${cloud.thingworxPassword}`],
      ['Hub Thing', `${cloud.thingworxUrl}/Things/${HUB_THING}/Properties/`],
      ['Sidecar health', `${sidecar.url}/health/ready`],
      ['Sidecar metrics', `${sidecar.url}/metrics`],
    ] as const;
    if (options.seconds !== undefined) setTimeout(() => stopping.abort(), options.seconds * 1000).unref();
    const simulation = simulate(system, options.intervalMs, stopping.signal).catch((error: Error) =>
      fail(`A simulated device failed: ${error.message}`),
    );
    const screen = new Screen(process.stdout);
    while (!stopping.signal.aborted) {
      screen.show(render({ ...(await look(system)), addresses }));
      await pause(1_000, stopping.signal);
    }
    await simulation;
    if (failure === undefined) {
      await settle(system);
      screen.show(render({ ...(await look(system)), addresses }), { last: true });
      if (options.json) console.log(await report(system));
    }
  } catch (error) {
    // Whatever fails once the end has been asked for, or because a part has ended, is no news.
    if (!stopping.signal.aborted) throw error;
  } finally {
    await system.stop();
  }
  if (failure !== undefined) throw new Error(failure);
}

try {
  await main();
} catch (error) {
  console.error(`npm start failed: ${(error as Error).message}`);
  if (error instanceof UsageError) console.error(USAGE);
  process.exitCode = 1;
}
