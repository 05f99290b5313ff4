import { readCommandLine, refuse, UsageError, wholeNumber } from './command-line.ts';
import { READING_PROPERTIES } from './local/device.ts';
import { Plant } from './local/factory/plant.ts';
import { ownDevice } from './local/own-device.ts';
import type { Row } from './local/platform.ts';
import { render, renderPlant, Screen, type View } from './local/screen.ts';
import { stopSignal } from './local/signals.ts';
import { HUB_THING, LocalSystem, NOTIFICATION_SOURCES } from './local/system.ts';

const USAGE = `npm start -- [options]: the whole product on this machine, without an account
  (no option)          a factory in miniature: five machines that differ, and an Edge device with OPC UA
  --devices N          instead: N equal machines, for load
  --interval MS        pause between two messages of a machine (1000)
  --rate R             messages per second of all machines together, instead of --interval
  --seconds S          stop after S seconds
  --env-file FILE      write the addresses and keys that docs/examples need to FILE
  --json               the last line is one JSON object with counts and values
  --sidecar-port P, --thingworx-port P, --iothub-port P, --storage-port P   (free ones)`;

interface Options {
  /** Undefined: the factory in miniature. */
  readonly devices: number | undefined;
  readonly intervalMs: number;
  readonly seconds: number | undefined;
  readonly json: boolean;
  readonly environmentFile: string | undefined;
  readonly ports: Readonly<
    Record<'sidecarPort' | 'thingworxPort' | 'iotHubPort' | 'storagePort', number | undefined>
  >;
}

function readOptions(): Options {
  const { values } = readCommandLine(USAGE, {
    devices: { type: 'string' },
    interval: { type: 'string' },
    rate: { type: 'string' },
    seconds: { type: 'string' },
    json: { type: 'boolean', default: false },
    'env-file': { type: 'string' },
    'sidecar-port': { type: 'string' },
    'thingworx-port': { type: 'string' },
    'iothub-port': { type: 'string' },
    'storage-port': { type: 'string' },
  });
  const devices = whole('devices', values.devices, 1, 10_000);
  const rate = whole('rate', values.rate, 1, 100_000);
  if (rate !== undefined && values.interval !== undefined)
    throw new UsageError('--rate and --interval exclude each other: give one of them');
  if (rate !== undefined && devices === undefined)
    throw new UsageError('--rate needs --devices: it is the rate of all of them together');
  const intervalMs =
    rate === undefined
      ? (whole('interval', values.interval, 1, 3_600_000) ?? 1_000)
      : ((devices ?? 1) * 1_000) / rate;
  return {
    devices,
    intervalMs,
    seconds: whole('seconds', values.seconds, 1, 1_000_000),
    json: values.json,
    environmentFile: values['env-file'],
    ports: {
      sidecarPort: whole('sidecar-port', values['sidecar-port'], 1, 65_535),
      thingworxPort: whole('thingworx-port', values['thingworx-port'], 1, 65_535),
      iotHubPort: whole('iothub-port', values['iothub-port'], 1, 65_535),
      storagePort: whole('storage-port', values['storage-port'], 1, 65_535),
    },
  };
}

function whole(name: string, text: string | undefined, min: number, max: number): number | undefined {
  return text === undefined ? undefined : wholeNumber(name, text, min, max);
}

function given<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

/** What sends, and what is shown of it. */
interface Source {
  readonly sent: number;
  /** Sends until the signal. */
  run(signal: AbortSignal): Promise<void>;
  /** Values by Thing. */
  look(): Promise<Map<string, Row>>;
  /** Whether all that was sent is on the Things. */
  hasArrived(things: ReadonlyMap<string, Row>): boolean;
  render(view: View): string[];
}

/** The factory in miniature. */
function plantSource(plant: Plant, intervalMs: number): Source {
  return {
    get sent() {
      return plant.sent;
    },
    async run(signal) {
      while (!signal.aborted) {
        await plant.tick();
        await pause(intervalMs, signal);
      }
    },
    look: async () => new Map((await plant.look()).map(({ thing, values }) => [thing, values])),
    hasArrived: () => true,
    render: renderPlant,
  };
}

/** Equal machines, each in its own rhythm. */
function machineSource(system: LocalSystem, intervalMs: number): Source {
  return {
    get sent() {
      return system.devices.reduce((sum, { sent }) => sum + sent.length, 0);
    },
    async run(signal) {
      await Promise.all(
        system.devices.map(async (device) => {
          while (!signal.aborted) {
            await device.sendReading();
            await pause(intervalMs, signal);
          }
        }),
      );
    },
    async look() {
      const names = system.devices.map(({ deviceId }) => deviceId);
      const values = await Promise.all(names.map((name) => system.platform.properties(name)));
      return new Map(names.map((name, index) => [name, reading(values[index] ?? {})]));
    },
    // Notifications count as received, too: only the Things say whether every reading has arrived.
    hasArrived: (things) =>
      system.devices.every(({ deviceId, sent }) => things.get(deviceId)?.count === sent.length),
    render,
  };
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

/** Waits until everything that was sent is accounted for, so that the last numbers are whole. */
async function settle(system: LocalSystem, source: Source): Promise<void> {
  const until = Date.now() + 15_000;
  for (;;) {
    const [status, things] = await Promise.all([system.status(), source.look()]);
    const { inFlight = 0 } = (status.counters ?? {}) as Record<string, number>;
    const lag = Number(status.lag ?? 0);
    if ((source.hasArrived(things) && inFlight === 0 && lag === 0) || Date.now() > until) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function report(system: LocalSystem, source: Source): Promise<string> {
  const [status, things] = await Promise.all([system.status(), source.look()]);
  const counters = (status.counters ?? {}) as Record<string, number>;
  const { received, delivered, ignored, deadLettered } = counters;
  return JSON.stringify({
    sent: source.sent,
    received,
    delivered,
    ignored,
    deadLettered,
    things: Object.fromEntries(things),
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
    devices: options.devices ?? 0,
    ...given(options.ports),
    // What an administrator adds as routes, so that twins, connections and life cycles are seen on Things.
    builtInSources: NOTIFICATION_SOURCES,
    fileRepository: true,
    signal: stopping.signal,
    onStep: (step) => console.log(`${step} …`),
    onUnexpectedExit: fail,
  });
  const plant = options.devices === undefined ? new Plant(system) : undefined;
  try {
    await system.start();
    await system.platform.invoke(HUB_THING, 'GrantPermissions');
    if (plant) {
      console.log('Connecting the machines of the factory …');
      await plant.start();
      for (const line of ['', ...(await ownDevice(system)), '']) console.log(line);
    }
    if (options.environmentFile !== undefined) await system.writeEnvironmentFile(options.environmentFile);
    const source = plant ? plantSource(plant, options.intervalMs) : machineSource(system, options.intervalMs);
    const { cloud, sidecar } = system;
    const addresses = [
      ['Console', `${sidecar.url}/console`],
      ['  token', sidecar.token],
      ['Mashups', `${cloud.thingworxUrl}/Runtime/#mashup=AzureIoT.Home_MU`],
      ['ThingWorx', cloud.thingworxUrl.replace(/\/Thingworx$/, '/')],
      ['  login', `${cloud.thingworxUser}, ${cloud.thingworxPassword}`],
    ] as const;
    if (options.seconds !== undefined) setTimeout(() => stopping.abort(), options.seconds * 1000).unref();
    const sending = source
      .run(stopping.signal)
      .catch((error: Error) => fail(`A simulated machine failed: ${error.message}`));
    const screen = new Screen(process.stdout);
    const show = async (last: boolean) => {
      const [status, things] = await Promise.all([system.status(), source.look()]);
      screen.show(source.render({ status, things, sent: source.sent, addresses }), { last });
    };
    while (!stopping.signal.aborted) {
      await show(false);
      await pause(1_000, stopping.signal);
    }
    await sending;
    if (failure === undefined) {
      await settle(system, source);
      await show(true);
      if (options.json) console.log(await report(system, source));
    }
  } catch (error) {
    // Whatever fails once the end has been asked for, or because a part has ended, is no news.
    if (!stopping.signal.aborted) throw error;
  } finally {
    await plant?.stop();
    await system.stop();
  }
  if (failure !== undefined) throw new Error(failure);
}

try {
  await main();
} catch (error) {
  if (error instanceof UsageError) refuse(USAGE, error);
  console.error(`npm start failed: ${(error as Error).message}`);
  process.exitCode = 1;
}
