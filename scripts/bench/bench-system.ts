import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openAuthority } from '../../test/emulators/authority.ts';
import { type Azurite, startAzurite } from '../../test/emulators/azurite.ts';
import { jsonLine, LocalProcess } from '../local/process.ts';
import { Sidecar } from '../local/sidecar.ts';
import { type Shape, TEN_PROPERTIES } from './shapes.ts';
import { Sink } from './sink.ts';

/** Each hub Thing reads the hub with a consumer group of its own. */
const hubThing = (index: number): string => `Bench.Hub${index}`;
const consumerGroup = (index: number): string => (index === 0 ? '$Default' : `group-${index}`);

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
const ROOT = path.join(import.meta.dirname, '..', '..');
const ROWS_TIMEOUT_MS = 300_000;

export function createSink({ properties }: Shape = TEN_PROPERTIES, hubs = 1): Sink {
  return new Sink({ hubThings: range(hubs).map(hubThing), properties });
}

export interface ProcessFacts {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** One IoT Hub emulator, one sink and one sidecar, each measured from outside. `hubs` is the number of hub Things. */
export class BenchSystem {
  readonly sink: Sink;
  #directory = '';
  #hub: LocalProcess | undefined;
  #hubFacts: Record<string, unknown> = {};
  #azurite: Azurite | undefined;
  #sidecars: Sidecar[] = [];
  readonly #sinks = new Map<Sink, string>();
  readonly #program: string;
  readonly #partitions: number;
  readonly #devices: number;
  readonly #shape: Shape;
  readonly #hubs: number;

  constructor(program: string, { partitions = 4, devices = 100, shape = TEN_PROPERTIES, hubs = 1 } = {}) {
    this.sink = createSink(shape, hubs);
    this.#shape = shape;
    this.#hubs = hubs;
    this.#program = program;
    this.#partitions = partitions;
    this.#devices = devices;
  }

  async start(): Promise<void> {
    this.#directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-bench-'));
    this.#hub = new LocalProcess({
      name: 'The IoT Hub emulator',
      args: [
        path.join(ROOT, 'test', 'emulators', 'iothub', 'main.ts'),
        '--directory',
        path.join(this.#directory, 'hub'),
        '--partitions',
        String(this.#partitions),
        ...range(this.#hubs).flatMap((index) => ['--consumer-group', consumerGroup(index)]),
      ],
      ready: jsonLine,
    });
    this.#hubFacts = await this.#hub.start();
    await writeFile(path.join(this.#directory, 'key'), 'bench-application-key');
  }

  async stop(): Promise<void> {
    await this.stopSidecars();
    await this.#hub?.stop();
    await this.#azurite?.stop();
    for (const sink of this.#sinks.keys()) await sink.stop();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 3 });
  }

  /** A storage account for checkpoints that sidecars share. */
  async storage(): Promise<string> {
    this.#azurite ??= await startAzurite();
    return this.#azurite.connectionString;
  }

  get eventHubConnectionString(): string {
    return String(this.#hubFacts['eventHubConnectionString']);
  }

  /** Appends telemetry of the devices straight to the event stream. */
  async preload(messages: number, creationTime = false): Promise<void> {
    const lines: string[] = [];
    for (let index = 0; index < messages; index += 1) {
      const event = {
        deviceId: `device-${index % this.#devices}`,
        body: this.#shape.body(index),
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        ...(creationTime ? { creationTimeUtc: new Date().toISOString() } : {}),
      };
      lines.push(JSON.stringify(event));
      if (lines.length === 10_000 || index === messages - 1) await this.#append(lines.splice(0));
    }
  }

  async #append(lines: readonly string[]): Promise<void> {
    const answer = await fetch(`${String(this.#hubFacts['controlUrl'])}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.join('\n'),
    });
    if (!answer.ok) throw new Error(`The hub took no events: ${await answer.text()}`);
  }

  /** The bare loop over everything that is preloaded, in a process of its own. */
  async bareLoop(
    messages: number,
  ): Promise<{ events: number; seconds: number; cpuSeconds: number; rssBytes: number }> {
    const child = spawn(
      process.execPath,
      [path.join(import.meta.dirname, 'bare-loop.ts'), this.eventHubConnectionString, String(messages)],
      {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: String(this.#hubFacts['caFile']) },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    await once(child, 'exit');
    return JSON.parse(out.trim().split('\n').at(-1) ?? '{}');
  }

  /**
   * A sidecar with a fresh state directory that has read nothing; resolves when it listens. Settings and secrets of its hub Thing are sent
   * when it asks for them. A secure sink speaks https, with a certificate of the authority of the hub.
   */
  async startSidecar(
    settings: Readonly<Record<string, unknown>> = {},
    {
      sink = this.sink,
      isSecure = false,
      secrets = {},
      environment = {},
    }: {
      sink?: Sink;
      isSecure?: boolean;
      secrets?: Readonly<Record<string, string>>;
      environment?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<Sidecar> {
    const stateDirectory = await mkdtemp(path.join(this.#directory, 'state-'));
    const sidecar = new Sidecar({
      program: this.#program,
      thingworxUrl: await this.#urlOf(sink, isSecure),
      appKeyFile: path.join(this.#directory, 'key'),
      stateDirectory,
      caFile: String(this.#hubFacts['caFile']),
      port: 0,
      environment,
      onLine: (line) => {
        if (/"level":"(warn|error|fatal)"/.test(line)) process.stderr.write(`${line}\n`);
      },
    });
    this.#sidecars.push(sidecar);
    // The sidecar asks to be connected as soon as it listens, which can be before its ready line has been read.
    const started = sidecar.start();
    sink.onConnect = async (thing) => {
      await started;
      const group = consumerGroup(range(this.#hubs).findIndex((index) => hubThing(index) === thing));
      await this.#connect(sidecar, thing, { consumerGroup: group, ...settings }, secrets);
    };
    await started;
    return sidecar;
  }

  async #urlOf(sink: Sink, isSecure: boolean): Promise<string> {
    const authority = () => openAuthority(path.dirname(String(this.#hubFacts['caFile'])));
    const url = this.#sinks.get(sink) ?? (await sink.start(isSecure ? await authority() : undefined));
    this.#sinks.set(sink, url);
    return url;
  }

  /** What the hub Thing's Connect does. */
  async #connect(
    sidecar: Sidecar,
    thing: string,
    settings: Readonly<Record<string, unknown>>,
    secrets: Readonly<Record<string, string>>,
  ): Promise<void> {
    const call = async (target: string, authorization: string, body: unknown) => {
      const answer = await fetch(`${sidecar.url}/v1/${target}`, {
        method: 'PUT',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`The sidecar refused to connect: ${await answer.text()}`);
      return (await answer.json()) as { tickets?: { name: string; ticket: string }[] };
    };
    const values: Record<string, string> = {
      iotHubConnectionString: String(this.#hubFacts['iotHubConnectionString']),
      ...secrets,
    };
    const { tickets = [] } = await call(`hubs/${thing}`, `Bearer ${sidecar.token}`, {
      settings: { startPosition: 'earliest', ...settings },
      secretNames: Object.keys(values),
    });
    for (const { name, ticket } of tickets) {
      const login = Buffer.from(`${ticket}:${values[name]}`).toString('base64');
      await call(`secrets/${ticket}`, `Basic ${login}`, {});
    }
  }

  async stopSidecars(): Promise<void> {
    for (const sidecar of this.#sidecars.splice(0)) await sidecar.stop();
  }

  /** CPU time and memory of a sidecar, as the operating system accounts them. */
  async facts(sidecar: Sidecar): Promise<ProcessFacts> {
    const text = await (await fetch(`${sidecar.url}/metrics`)).text();
    const value = (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
    return {
      cpuSeconds: value('process_cpu_seconds_total'),
      rssBytes: value('process_resident_memory_bytes'),
    };
  }

  /** Waits until the sink has seen so many rows. */
  async untilRows(rows: number, sink = this.sink): Promise<void> {
    const until = Date.now() + ROWS_TIMEOUT_MS;
    while (sink.facts().rows < rows) {
      if (Date.now() > until) throw new Error(`Only ${sink.facts().rows} of ${rows} rows arrived in time.`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
