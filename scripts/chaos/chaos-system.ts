import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Authority, openAuthority } from '../../test/emulators/authority.ts';
import { HUB_THING, LocalSystem } from '../local/system.ts';
import { FaultProxy } from './fault-proxy.ts';
import { HttpFaults } from './http-faults.ts';
import type { MachineFault } from './machine.ts';
import type { Random } from './random.ts';

/** What the sidecar talks to. Each has a proxy of its own. */
export type Side = 'ThingWorx' | 'IoT Hub REST' | 'event stream' | 'storage';

export interface ChaosSystemOptions {
  readonly random: Random;
  readonly devices: number;
  readonly localCheckpoints: boolean;
  readonly fileRepository?: boolean;
  readonly onSidecarLine: (line: string) => void;
}

interface Way {
  readonly tcp: FaultProxy;
  /** Absent where HTTP is not spoken. */
  readonly http?: HttpFaults;
}

/** Of the sidecar alone, so that it can be deleted. */
export const CONSUMER_GROUP = 'chaos';

const run = promisify(execFile);

/** Room for the state of the sidecar where it has a disk of its own. */
const DISK_MEGABYTES = 64;

/** The whole product on one machine, with proxies between the sidecar and everything that it talks to. */
export class ChaosSystem {
  readonly #options: ChaosSystemOptions;
  readonly #ways = new Map<Side, Way>();
  /** Where the sidecar believes each side to be. */
  readonly #addresses = new Map<Side, string>();
  #system: LocalSystem | undefined;
  #directory = '';
  #hasDisk = false;

  constructor(options: ChaosSystemOptions) {
    this.#options = options;
  }

  get local(): LocalSystem {
    if (!this.#system) throw new Error('The system is not started.');
    return this.#system;
  }

  /** What the sidecar's Node is started with beside the flags of the sidecar. */
  get nodeOptions(): string {
    // The last one sees the addresses first.
    return ['../local/redirect.ts', 'machine.ts']
      .map((file) => `--import ${path.join(import.meta.dirname, file)}`)
      .join(' ');
  }

  /** Whether the state directory of the sidecar lies on a file system of its own, which only an administrator of this machine can make. */
  get hasDisk(): boolean {
    return this.#hasDisk;
  }

  /** Where the sidecar records what it has not flushed, when it is started with CHAOS_DISK_JOURNAL. */
  get diskJournal(): string {
    return path.join(this.#directory, 'disk-journal');
  }

  tcp(side: Side): FaultProxy {
    return this.#way(side).tcp;
  }

  http(side: Side): HttpFaults {
    const { http } = this.#way(side);
    if (!http) throw new Error(`The ${side} does not speak HTTP.`);
    return http;
  }

  async start(): Promise<void> {
    const { devices, localCheckpoints, fileRepository = false, onSidecarLine } = this.#options;
    this.#directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-chaos-system-'));
    const stateDirectory = path.join(this.#directory, 'state');
    await mkdir(stateDirectory);
    if (localCheckpoints) this.#hasDisk = await mountDisk(stateDirectory);
    // Held until the proxies have theirs.
    const held = [await holdPort(), await holdPort(), await holdPort()];
    const [thingworxPort = 0, iotHubPort = 0, storagePort = 0] = held.map(portOf);
    await this.#open('ThingWorx', thingworxPort);
    // The certificates of the emulators, which start later.
    const authority = () => openAuthority(path.dirname(this.local.cloud.caFile));
    await this.#open('IoT Hub REST', iotHubPort, authority);
    await this.#open('storage', storagePort, authority);
    // AMQP is not looked into: the way has no part for HTTP.
    const stream = await started(new FaultProxy({ host: '127.0.0.1', port: iotHubPort }));
    this.#ways.set('event stream', { tcp: stream });
    this.#addresses
      .set('ThingWorx', `127.0.0.1:${thingworxPort}`)
      .set('IoT Hub REST', `localhost:${iotHubPort}`)
      .set('event stream', `127.0.0.1:${iotHubPort}`)
      .set('storage', `localhost:${storagePort}`);
    this.#system = new LocalSystem({
      devices,
      localCheckpoints,
      fileRepository,
      thingworxPort,
      iotHubPort,
      storagePort,
      onSidecarLine,
      stateDirectory,
      keepsThingworx: true,
      consumerGroups: [CONSUMER_GROUP],
      hubSettings: { consumerGroup: CONSUMER_GROUP },
      builtInSources: ['twinChangeEvents'],
      sidecarEnvironment: {
        NODE_OPTIONS: this.nodeOptions,
        CHAOS_MACHINE: this.#machineFile,
        REDIRECTS: JSON.stringify(
          Object.fromEntries([...this.#addresses].map(([side, address]) => [address, this.tcp(side).port])),
        ),
      },
    });
    for (const server of held) await once(server.close(), 'close');
    await this.#system.start();
    await this.configure({ eventHubConnectionString: this.eventHubConnectionString });
    await this.local.waitForState('running');
  }

  /** Does something to the machine of the sidecar. */
  async setMachine(fault: MachineFault): Promise<void> {
    const draft = `${this.#machineFile}.new`;
    await writeFile(draft, JSON.stringify(fault));
    await rename(draft, this.#machineFile);
  }

  /** Makes a side's host one that has no address. */
  async unresolve(side: Side): Promise<void> {
    await this.setMachine({ unresolved: [this.#addresses.get(side) ?? ''] });
  }

  /** Mounts the disk of the sidecar anew, so that it can or cannot be written. */
  async setDisk(mode: 'rw' | 'ro'): Promise<void> {
    await run('mount', ['-o', `remount,${mode}`, path.join(this.#directory, 'state')]);
  }

  /** By another name than the IoT Hub's, so that the event stream has a proxy of its own. */
  get eventHubConnectionString(): string {
    return this.local.cloud.eventHubConnectionString.replace('//localhost:', '//127.0.0.1:');
  }

  /** Changes settings of the hub Thing, as an administrator does. */
  async configure(settings: Readonly<Record<string, unknown>>): Promise<void> {
    await this.local.platform.setProperties(HUB_THING, settings);
    await this.local.platform.invoke(HUB_THING, 'Connect');
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    await this.#system?.stop();
    for (const { tcp, http } of this.#ways.values()) {
      await tcp.stop();
      await http?.stop();
    }
    if (this.#hasDisk) await run('umount', [path.join(this.#directory, 'state')]);
    this.#hasDisk = false;
    if (this.#directory) await rm(this.#directory, { recursive: true, force: true });
  }

  /** Ends all faults. */
  async heal(): Promise<void> {
    for (const { tcp, http } of this.#ways.values()) {
      if (http) http.fault = undefined;
      await tcp.set('pass');
    }
    await this.setMachine({});
  }

  get #machineFile(): string {
    return path.join(this.#directory, 'machine.json');
  }

  async #open(side: Side, port: number, authority?: () => Promise<Authority>): Promise<void> {
    const { random } = this.#options;
    const http = await started(new HttpFaults({ port, random, ...(authority ? { authority } : {}) }));
    const tcp = await started(new FaultProxy({ host: '127.0.0.1', port: http.port }));
    this.#ways.set(side, { http, tcp });
  }

  #way(side: Side): Way {
    const way = this.#ways.get(side);
    if (!way) throw new Error(`There is no proxy for the ${side}.`);
    return way;
  }
}

async function started<T extends { start(): Promise<void> }>(proxy: T): Promise<T> {
  await proxy.start();
  return proxy;
}

/** Whether this process may mount a file system. */
async function mountDisk(directory: string): Promise<boolean> {
  return await run('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${DISK_MEGABYTES}m,mode=0700`,
    'tmpfs',
    directory,
  ]).then(
    () => true,
    () => false,
  );
}

async function holdPort(): Promise<net.Server> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port;
}
