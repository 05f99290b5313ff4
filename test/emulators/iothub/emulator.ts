/**
 * An IoT Hub on this machine: one TLS port that speaks REST, AMQP (IoT Hub's nodes and the Event Hubs-compatible
 * endpoint) and MQTT to Microsoft's unmodified SDKs, and a plain loopback port to make it misbehave. This file is the
 * table of its parts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, openAuthority } from '../authority.ts';
import { cbsNode } from './amqp/cbs.ts';
import { deviceNodes } from './amqp/device-nodes.ts';
import { eventProducerNode } from './amqp/event-producers.ts';
import { eventReceiverNode } from './amqp/event-receivers.ts';
import { managementNode } from './amqp/management.ts';
import { redirectNode } from './amqp/redirect.ts';
import { AmqpServer } from './amqp/server.ts';
import { deviceBoundNode, feedNode } from './amqp/service-nodes.ts';
import { HubAuthorizer } from './authorizer.ts';
import { clientCertificateOf, parseAuthorities } from './client-certificate.ts';
import { Commands } from './commands.ts';
import { ControlServer } from './control.ts';
import { EventLog } from './event-log.ts';
import { type FaultProtocol, Faults } from './faults.ts';
import type { EventStream } from './hub.ts';
import { HubState } from './hub-state.ts';
import type { Identities } from './identities.ts';
import { MqttServer } from './mqtt/server.ts';
import { Mux } from './mux.ts';
import type { IotHubOptions } from './options.ts';
import { partitionOf } from './partition-hash.ts';
import { openPolicies, type Policies } from './policies.ts';
import type { RouteOptions } from './routing.ts';
import { ServiceFeeds } from './service-feeds.ts';
import { Sessions } from './sessions.ts';
import { Telemetry } from './telemetry.ts';
import type { Twins } from './twins.ts';

export type { IotHubOptions };

const STANDARD_PORTS = [443, 5671, 8883];
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MIB = 1 << 20;

export class IotHubEmulator {
  readonly hubName: string;
  readonly hostName: string;
  readonly authority: Authority;
  readonly policies: Policies;
  readonly log: EventLog;
  readonly faults = new Faults();
  readonly state: HubState;
  readonly sessions: Sessions;
  readonly commands: Commands;
  readonly feeds: ServiceFeeds;
  readonly #options: IotHubOptions;
  readonly #directory: string;
  readonly #authorizer: HubAuthorizer;
  readonly #hostNames = new Set<string>();
  readonly #mux: Mux;
  readonly #amqp: AmqpServer;
  readonly #mqtt: MqttServer;
  readonly #control: ControlServer;
  #stopped: Promise<void> | undefined;

  constructor(options: IotHubOptions, directory: string, authority: Authority) {
    this.#options = options;
    this.#directory = directory;
    this.authority = authority;
    this.hubName = options.hubName ?? 'local-hub';
    this.hostName = options.hostName ?? 'localhost';
    this.policies = openPolicies(join(directory, 'policies.json'));
    this.log = new EventLog({
      directory: join(directory, 'events'),
      partitionCount: options.partitionCount ?? 4,
      retention: { maxBytes: options.retentionBytes ?? 1024 * MIB, maxAgeMs: options.retentionMs ?? DAY_MS },
      cacheBytes: options.cacheBytes ?? 32 * MIB,
    });
    this.state = this.#makeState();
    const { identities } = this.state;
    this.sessions = new Sessions(identities, () => this.faults.nowMs());
    const queue = {
      lockMs: options.commandLockMs ?? 60_000,
      maxDeliveryCount: options.commandMaxDeliveryCount ?? 10,
      timeToLiveMs: options.commandTimeToLiveMs ?? HOUR_MS,
    };
    this.feeds = new ServiceFeeds({ ...queue, feedbackBatchMs: options.feedbackBatchMs ?? 1000 });
    this.commands = new Commands({ ...queue, maxQueueDepth: 50 }, identities, this.feeds);
    this.#authorizer = new HubAuthorizer(this.policies, identities, this.#hostNames, () =>
      this.faults.nowMs(),
    );
    const telemetry = new Telemetry(this.state.routing, identities);
    this.#mqtt = this.#makeMqtt(telemetry);
    this.#amqp = this.#makeAmqp(telemetry);
    this.#mux = this.#makeMux(telemetry);
    this.#control = this.#makeControl();
  }

  get port(): number {
    return this.#mux.port;
  }
  /** Host name and port as connection strings need them: on the standard ports clients know the port by themselves. */
  get address(): string {
    return this.#options.standardPorts ? this.hostName : `${this.hostName}:${this.port}`;
  }
  get caFile(): string {
    return this.authority.caFile;
  }

  get controlUrl(): string {
    return this.#control.url;
  }
  get identities(): Identities {
    return this.state.identities;
  }
  get twins(): Twins {
    return this.state.twins;
  }
  /** Where messages go in, past the protocols: through routing, as a device's do. */
  get stream(): EventStream {
    return this.state.routing;
  }

  async start(): Promise<void> {
    this.log.start();
    await this.state.start();
    this.feeds.start();
    this.commands.start();
    this.sessions.start();
    this.#amqp.start();
    await this.#mux.start();
    await this.#control.start();
    for (const name of [this.hostName, 'localhost', '127.0.0.1', `${this.hubName}.azure-devices.net`]) {
      this.#hostNames.add(name.toLowerCase());
      for (const port of [this.port, ...STANDARD_PORTS]) this.#hostNames.add(`${name.toLowerCase()}:${port}`);
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#control.stop();
    this.sessions.stop();
    this.#mqtt.stop();
    this.#amqp.stop();
    await this.#mux.stop();
    this.commands.stop();
    this.feeds.stop();
    await this.state.stop();
    this.log.stop();
    if (this.#options.directory === undefined) await rm(this.#directory, { recursive: true, force: true });
  }

  /** Ends all tokens in use, as if their time were over: connections end, and the same tokens are refused later. */
  expireTokens(): void {
    this.#authorizer.expireAllSeen();
    this.#amqp.expireTokens();
    for (const session of this.sessions.all()) {
      if (Number.isFinite(session.principal.expiresAtMs)) session.close('expired');
    }
  }

  /** Cuts the connections of a protocol, of a device, or all; returns how many. */
  cut(protocol?: FaultProtocol, deviceId?: string): number {
    if (deviceId === undefined) return this.#mux.cut(protocol);
    let count = 0;
    for (const session of this.sessions.all()) {
      if (session.deviceId !== deviceId) continue;
      session.close('fault');
      count += 1;
    }
    return count;
  }

  /** Detaches the AMQP links whose address contains the text; returns how many. */
  detach(address: string, condition: string, description: string): number {
    return this.#amqp.detach(address, condition, description);
  }

  describe(): object {
    return {
      hubName: this.hubName,
      hostName: this.hostName,
      port: this.port,
      consumerGroups: ['$Default', ...(this.#options.consumerGroups ?? [])],
      partitions: this.log.partitions.map((partition, index) => ({
        partition: index,
        beginSequenceNumber: partition.beginSequence,
        lastSequenceNumber: partition.last.sequenceNumber,
        bytes: partition.bytes,
      })),
      connected: [...this.sessions.all()].map(({ deviceId, moduleId, protocol }) => ({
        deviceId,
        moduleId,
        protocol,
      })),
      faults: this.faults.describe(),
      process: processFacts(),
    };
  }

  /** Connection string of a shared access policy of the hub. */
  connectionString(policy = 'iothubowner'): string {
    const key = this.policies.hub.get(policy)?.primaryKey;
    if (key === undefined) throw new RangeError(`There is no policy ${policy}`);
    return `HostName=${this.address};SharedAccessKeyName=${policy};SharedAccessKey=${key}`;
  }

  /** Connection string of the Event Hubs-compatible endpoint, for a policy of the hub or of the namespace. */
  eventHubConnectionString(policy = 'iothubowner'): string {
    const key = (this.policies.eventHub.get(policy) ?? this.policies.hub.get(policy))?.primaryKey;
    if (key === undefined) throw new RangeError(`There is no policy ${policy}`);
    return `Endpoint=sb://${this.address}/;SharedAccessKeyName=${policy};SharedAccessKey=${key};EntityPath=${this.hubName}`;
  }

  #makeState(): HubState {
    const options = this.#options;
    const { quotas, endpoints, uploads, capture, storageCa } = options;
    const routes: RouteOptions[] = (options.builtInSources ?? []).map((source) => ({
      name: `${source}-to-built-in-endpoint`,
      source,
      endpointNames: ['events'],
    }));
    return new HubState({
      hubName: this.hubName,
      directory: join(this.#directory, 'state'),
      log: this.log,
      partitionOf: (deviceId) => partitionOf(deviceId, this.log.partitions.length),
      sessions: () => this.sessions,
      queues: () => this.commands,
      notifications: () => this.feeds,
      routes: [...routes, ...(options.routes ?? [])],
      ...(quotas ? { quotas } : {}),
      ...(endpoints ? { endpoints } : {}),
      ...(uploads ? { uploads } : {}),
      ...(capture ? { capture } : {}),
      ...(storageCa ? { storageCa } : {}),
    });
  }

  #makeMqtt(telemetry: Telemetry): MqttServer {
    const { sessions, commands, faults, state } = this;
    const { identities, twins, quotas } = state;
    const authorizer = this.#authorizer;
    const hostNames = this.#hostNames;
    return new MqttServer({
      authorizer,
      identities,
      sessions,
      commands,
      twins,
      telemetry,
      faults,
      quotas,
      hostNames,
    });
  }

  #makeAmqp(telemetry: Telemetry): AmqpServer {
    const { hubName, hostName, log, faults, policies, sessions, commands, feeds, state } = this;
    const { identities, twins, quotas } = state;
    const eventHubName = hubName;
    const consumerGroups = new Set(['$Default', ...(this.#options.consumerGroups ?? [])]);
    return new AmqpServer({
      hubName,
      eventHubName,
      authorizer: this.#authorizer,
      policies,
      faults,
      nodes: {
        cbs: cbsNode,
        management: managementNode(log, eventHubName),
        hubEvents: redirectNode({
          hostName,
          port: () => (this.#options.standardPorts ? 5671 : this.port),
          eventHubName,
        }),
        partition: eventReceiverNode({ log, faults, eventHubName, consumerGroups }),
        eventHub: eventProducerNode({ log, eventHubName }),
        deviceBound: deviceBoundNode(commands, quotas),
        feedback: feedNode(feeds.feedback, hubName),
        fileNotifications: feedNode(feeds.fileNotifications, hubName),
        ...deviceNodes({ identities, sessions, commands, twins, telemetry, faults, quotas }),
      },
    });
  }

  #makeMux(telemetry: Telemetry): Mux {
    const { authority, faults, sessions } = this;
    const options = this.#options;
    const deviceAuthorities = parseAuthorities([authority.ca, ...(options.deviceAuthorities ?? [])]);
    return new Mux({
      certificate: authority.certificate,
      key: authority.key,
      deviceAuthorities,
      host: options.listenHost ?? '127.0.0.1',
      port: options.port ?? 0,
      furtherPorts: options.standardPorts ? STANDARD_PORTS : [],
      amqp: (socket, certificate) => this.#amqp.accept(socket, certificate),
      mqtt: (socket, certificate) => this.#mqtt.accept(socket, certificate),
      rest: this.state.restHandler({
        authorizer: this.#authorizer,
        sessions,
        queues: this.commands,
        telemetry,
        faults,
        certificateOf: (request) => clientCertificateOf(request.socket, deviceAuthorities),
      }),
      faults,
    });
  }

  #makeControl(): ControlServer {
    return new ControlServer({
      faults: this.faults,
      log: this.log,
      quotas: this.state.quotas,
      bulkJobs: this.state.bulkJobs,
      describe: () => this.describe(),
      cut: (protocol, deviceId) => this.cut(protocol, deviceId),
      detach: (address, condition, description) => this.detach(address, condition, description),
      expireTokens: () => this.expireTokens(),
      sendInput: (deviceId, moduleId, inputName, body, properties) => {
        const session = this.sessions.get(deviceId, moduleId);
        session?.sendInput(inputName, body, properties);
        return session !== undefined;
      },
    });
  }
}

/** What this process needs of the machine; the emulator's share when it has a process of its own. */
function processFacts(): { rssBytes: number; cpuSeconds: number } {
  const { user, system } = process.cpuUsage();
  return { rssBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
}

/** Starts an emulator; the caller stops it. */
export async function startIotHub(options: IotHubOptions = {}): Promise<IotHubEmulator> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'iot-hub-')));
  const authority =
    options.authority ??
    (await openAuthority(join(directory, 'authority'), options.hostName ? [options.hostName] : []));
  const emulator = new IotHubEmulator(options, directory, authority);
  try {
    await emulator.start();
  } catch (error) {
    await emulator.stop();
    throw error;
  }
  return emulator;
}
