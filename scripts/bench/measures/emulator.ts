import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { jsonLine, LocalProcess } from '../../local/process.ts';
import { registerDevices } from '../../local/registry.ts';
import type { Figure } from '../figures.ts';
import { type HubFacts, preload, runLoop } from '../loop.ts';

interface LoopResult {
  readonly events: number;
  readonly seconds: number;
}

interface LoadResult {
  readonly messages: number;
  readonly seconds: number;
}

/** What the control endpoint says; bytes and CPU time are those of the emulator's process. */
interface HubState {
  readonly partitions: readonly { beginSequenceNumber: number; lastSequenceNumber: number; bytes: number }[];
  readonly process: { rssBytes: number; cpuSeconds: number };
}

const DEVICES = 200;
const LOAD_SECONDS = 10;
const MIB = 1 << 20;
const RETENTION_BYTES = 64 * MIB;

/** The IoT Hub emulator as a process of its own, with whatever settings. */
class Hub {
  readonly #directory: string;
  readonly #process: LocalProcess;
  #facts: HubFacts = {};

  constructor(directory: string, settingsFile: string) {
    this.#directory = directory;
    this.#process = new LocalProcess({
      name: 'The IoT Hub emulator',
      args: [
        path.join(import.meta.dirname, '..', '..', '..', 'test', 'emulators', 'iothub', 'main.ts'),
        '--directory',
        directory,
        '--settings',
        settingsFile,
      ],
      ready: jsonLine,
    });
  }

  get facts(): HubFacts {
    return this.#facts;
  }

  async start(): Promise<void> {
    this.#facts = (await this.#process.start()) as HubFacts;
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 3 });
  }

  preload(messages: number): Promise<void> {
    return preload(String(this.#facts['controlUrl']), messages);
  }

  /** Everything that is stored, through one consumer of Microsoft's SDK. */
  read(messages: number): Promise<LoopResult> {
    const args = [String(this.#facts['eventHubConnectionString']), String(messages)];
    return runLoop<LoopResult>('bare-loop.ts', args, this.#facts);
  }

  async state(): Promise<HubState> {
    return (await (await fetch(String(this.#facts['controlUrl']))).json()) as HubState;
  }
}

async function withHub<Result>(settings: object, use: (hub: Hub) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-bench-'));
  const settingsFile = path.join(directory, 'settings.json');
  await writeFile(settingsFile, JSON.stringify(settings));
  const hub = new Hub(directory, settingsFile);
  try {
    await hub.start();
    return await use(hub);
  } finally {
    await hub.stop();
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function stored({ partitions }: HubState): number {
  return sum(partitions.map(({ lastSequenceNumber }) => lastSequenceNumber + 1));
}

/** From a full log to one consumer. */
async function serving(messages: number, rounds: number): Promise<Figure[]> {
  return await withHub({}, async (hub) => {
    await hub.preload(messages);
    const rate: number[] = [];
    const micros: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const before = await hub.state();
      const { events, seconds } = await hub.read(messages);
      const after = await hub.state();
      rate.push(events / seconds);
      micros.push(((after.process.cpuSeconds - before.process.cpuSeconds) / events) * 1e6);
    }
    return [
      { name: 'emulator: events served to one consumer', values: rate, unit: 'msg/s', budget: '>= 20000' },
      { name: 'emulator: CPU per event served, connecting included', values: micros, unit: 'µs' },
    ];
  });
}

/** From devices that wait for each acknowledgement; fails when an acknowledged message is not in the stream. */
async function taking(rounds: number): Promise<Figure[]> {
  return await withHub({}, async (hub) => {
    const caFile = String(hub.facts['caFile']);
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), readFileSync(caFile, 'utf8')]);
    const names = Array.from({ length: DEVICES }, (_, index) => `device-${index}`);
    const strings = await registerDevices(String(hub.facts['iotHubConnectionString']), names);
    const stringsFile = path.join(path.dirname(caFile), 'devices.json');
    await writeFile(stringsFile, JSON.stringify([...strings.values()]), { mode: 0o600 });
    const rate: number[] = [];
    const micros: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const before = await hub.state();
      const args = [stringsFile, caFile, String(LOAD_SECONDS)];
      const { messages, seconds } = await runLoop<LoadResult>('device-load.ts', args, hub.facts);
      const after = await hub.state();
      if (stored(after) - stored(before) !== messages)
        throw new Error(
          `${messages} messages were acknowledged, ${stored(after) - stored(before)} are stored.`,
        );
      rate.push(messages / seconds);
      micros.push(((after.process.cpuSeconds - before.process.cpuSeconds) / messages) * 1e6);
    }
    return [
      {
        name: `emulator: messages taken from ${DEVICES} MQTT devices`,
        values: rate,
        unit: 'msg/s',
        budget: '>= 2000',
      },
      { name: 'emulator: CPU per message taken, connecting included', values: micros, unit: 'µs' },
    ];
  });
}

/** Far more than the retention keeps is stored and read: disk stays within it, memory stays flat. */
async function keeping(messages: number): Promise<Figure[]> {
  return await withHub({ retentionBytes: RETENTION_BYTES }, async (hub) => {
    const rss: number[] = [];
    const bytes: number[] = [];
    let written = 0;
    const look = async () => {
      const state = await hub.state();
      rss.push(state.process.rssBytes / 1e6);
      bytes.push(sum(state.partitions.map((partition) => partition.bytes)) / MIB);
    };
    const steps = 10;
    for (let step = 0; step < steps; step += 1) {
      await hub.preload(messages);
      written += messages;
      await look();
    }
    const { partitions } = await hub.state();
    const kept = sum(partitions.map((one) => one.lastSequenceNumber + 1 - one.beginSequenceNumber));
    for (let round = 0; round < 2; round += 1) {
      await hub.read(kept);
      await look();
    }
    const late = rss.slice(-5);
    const early = rss.slice(2, 7);
    return [
      {
        name: `emulator: events written against a retention of ${RETENTION_BYTES / MIB} MiB`,
        values: [written],
        unit: '',
      },
      { name: 'emulator: events kept', values: [kept], unit: '' },
      {
        name: 'emulator: bytes kept, most',
        values: [Math.max(...bytes)],
        unit: 'MiB',
        budget: `<= ${RETENTION_BYTES / MIB} + 1 per partition`,
      },
      { name: 'emulator: memory, most', values: [Math.max(...rss)], unit: 'MB' },
      {
        name: 'emulator: memory, late / early',
        values: [Math.max(...late) / Math.max(...early)],
        unit: 'x',
        budget: 'flat',
      },
    ];
  });
}

/**
 * What the IoT Hub emulator says of itself: speed with Microsoft's clients in processes of their own, and memory and disk bounded by its
 * retention. `messages` are preloaded; ten times as many are written for the last.
 */
export async function emulator(messages: number, rounds: number): Promise<Figure[]> {
  return [...(await serving(messages, rounds)), ...(await taking(rounds)), ...(await keeping(messages))];
}
