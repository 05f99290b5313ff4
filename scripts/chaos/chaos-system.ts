import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { type Authority, openAuthority } from '../../test/emulators/authority.ts';
import { HUB_THING, LocalSystem } from '../local/system.ts';
import { FaultProxy } from './fault-proxy.ts';
import { HttpFaults } from './http-faults.ts';
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

/** The whole product on one machine, with proxies between the sidecar and everything that it talks to. */
export class ChaosSystem {
  readonly #options: ChaosSystemOptions;
  readonly #ways = new Map<Side, Way>();
  #system: LocalSystem | undefined;

  constructor(options: ChaosSystemOptions) {
    this.#options = options;
  }

  get local(): LocalSystem {
    if (!this.#system) throw new Error('The system is not started.');
    return this.#system;
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
    const [thingworxPort, iotHubPort, storagePort] = [await freePort(), await freePort(), await freePort()];
    await this.#open('ThingWorx', thingworxPort);
    // The certificates of the emulators, which start later.
    const authority = () => openAuthority(path.dirname(this.local.cloud.caFile));
    await this.#open('IoT Hub REST', iotHubPort, authority);
    await this.#open('storage', storagePort, authority);
    // AMQP is not looked into: the way has no part for HTTP.
    const stream = await started(new FaultProxy({ host: '127.0.0.1', port: iotHubPort }));
    this.#ways.set('event stream', { tcp: stream });
    this.#system = new LocalSystem({
      devices,
      localCheckpoints,
      fileRepository,
      thingworxPort,
      iotHubPort,
      storagePort,
      onSidecarLine,
      builtInSources: ['twinChangeEvents'],
      sidecarEnvironment: {
        NODE_OPTIONS: `--import ${path.join(import.meta.dirname, '..', 'local', 'redirect.ts')}`,
        REDIRECTS: JSON.stringify({
          [`127.0.0.1:${thingworxPort}`]: this.tcp('ThingWorx').port,
          [`localhost:${iotHubPort}`]: this.tcp('IoT Hub REST').port,
          [`127.0.0.1:${iotHubPort}`]: stream.port,
          [`localhost:${storagePort}`]: this.tcp('storage').port,
        }),
      },
    });
    await this.#system.start();
    await this.configure({ eventHubConnectionString: this.eventHubConnectionString });
    await this.local.waitForState('running');
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
  }

  /** Ends all faults. */
  async heal(): Promise<void> {
    for (const { tcp, http } of this.#ways.values()) {
      if (http) http.fault = undefined;
      await tcp.set('pass');
    }
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

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
