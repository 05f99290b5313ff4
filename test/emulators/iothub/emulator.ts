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
import { eventReceiverNode } from './amqp/event-receivers.ts';
import { managementNode } from './amqp/management.ts';
import { redirectNode } from './amqp/redirect.ts';
import { AmqpServer } from './amqp/server.ts';
import { HubAuthorizer } from './authorizer.ts';
import { ChangeEvents } from './change-events.ts';
import { Commands } from './commands.ts';
import { EventLog } from './event-log.ts';
import { Faults } from './faults.ts';
import type { EventStream, HubEvent } from './hub.ts';
import { Identities } from './identities.ts';
import { MqttServer } from './mqtt/server.ts';
import { certificateOf, Mux } from './mux.ts';
import { openPolicies, type Policies } from './policies.ts';
import { createRestHandler } from './rest/handler.ts';
import { ServiceFeeds } from './service-feeds.ts';
import { Sessions } from './sessions.ts';
import { StateStore } from './state-store.ts';
import { Telemetry } from './telemetry.ts';
import { Twins } from './twins.ts';

export interface IotHubOptions {
  /** Holds everything that outlives a restart. Without it a temporary directory, removed by stop(). */
  directory?: string;
  /** Name of the hub and of the Event Hubs entity behind it. */
  hubName?: string;
  /** Name under which clients reach the hub; the certificate is made for it, localhost and 127.0.0.1. */
  hostName?: string;
  /** Address to listen on; loopback unless told otherwise. */
  listenHost?: string;
  /** The port; a free one unless given. */
  port?: number;
  /** Also listen on 443, 5671 and 8883, for SDKs whose clients cannot be given a port. */
  standardPorts?: boolean;
  partitionCount?: number;
  consumerGroups?: readonly string[];
  /** Bytes of stored events, all partitions together. */
  retentionBytes?: number;
  retentionMs?: number;
  /** Memory for stored events that were read or written last. */
  cacheBytes?: number;
  /** A certificate authority that others use as well; otherwise one of its own. */
  authority?: Authority;
  /** PEM texts of further authorities that sign client certificates of devices. */
  deviceAuthorities?: readonly string[];
  /**
   * Which of the hub's messages reach the built-in endpoint. Like a new hub without routes: telemetry only. A hub has
   * routes to `events` for the other sources when its owner wants them there.
   */
  builtInSources?: readonly HubEvent['source'][];
  /** Cloud-to-device queue; IoT Hub's defaults unless given. */
  commandLockMs?: number;
  commandMaxDeliveryCount?: number;
  commandTimeToLiveMs?: number;
  /** How long feedback is collected. IoT Hub takes up to 15 s; here 1 s unless given. */
  feedbackBatchMs?: number;
}

const STANDARD_PORTS = [443, 5671, 8883];
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MIB = 1 << 20;

export class IotHubEmulator {
  readonly hubName: string;
  readonly hostName: string;
  readonly identities: Identities;
  readonly twins: Twins;
  readonly sessions: Sessions;
  readonly commands: Commands;
  readonly feeds: ServiceFeeds;
  readonly faults = new Faults();
  readonly log: EventLog;
  readonly authority: Authority;
  readonly policies: Policies;
  readonly #options: IotHubOptions;
  readonly #directory: string;
  readonly #store: StateStore;
  readonly #changes: ChangeEvents;
  readonly #mux: Mux;
  readonly #amqp: AmqpServer;
  readonly #mqtt: MqttServer;
  readonly #hostNames = new Set<string>();
  #stopped: Promise<void> | undefined;

  constructor(options: IotHubOptions, directory: string, authority: Authority) {
    this.#options = options;
    this.#directory = directory;
    this.authority = authority;
    this.hubName = options.hubName ?? 'local-hub';
    this.hostName = options.hostName ?? 'localhost';
    this.policies = openPolicies(join(directory, 'policies.json'));
    this.#store = new StateStore(join(directory, 'state'));
    this.identities = new Identities(this.#store);
    this.twins = new Twins({
      store: this.#store,
      identities: this.identities,
      sessions: () => this.sessions,
      queues: () => this.commands,
    });
    this.log = new EventLog({
      directory: join(directory, 'events'),
      partitionCount: options.partitionCount ?? 4,
      retention: { maxBytes: options.retentionBytes ?? 1024 * MIB, maxAgeMs: options.retentionMs ?? DAY_MS },
      cacheBytes: options.cacheBytes ?? 32 * MIB,
    });
    this.sessions = new Sessions(this.identities);
    const queue = {
      lockMs: options.commandLockMs ?? 60_000,
      maxDeliveryCount: options.commandMaxDeliveryCount ?? 10,
      timeToLiveMs: options.commandTimeToLiveMs ?? HOUR_MS,
    };
    this.feeds = new ServiceFeeds({ ...queue, feedbackBatchMs: options.feedbackBatchMs ?? 1000 });
    this.commands = new Commands({ ...queue, maxQueueDepth: 50 }, this.identities, this.feeds);
    const sources = new Set<HubEvent['source']>(options.builtInSources ?? ['Telemetry']);
    const stream: EventStream = {
      append: (event) => (sources.has(event.source) ? this.log.append(event) : Promise.resolve()),
    };
    this.#changes = new ChangeEvents({
      hubName: this.hubName,
      identities: this.identities,
      twins: this.twins,
      stream,
    });
    const authorizer = new HubAuthorizer(this.policies, this.identities, this.#hostNames);
    const telemetry = new Telemetry(stream, this.identities);
    const { identities, sessions, commands, twins, faults, log, policies, hubName } = this;
    const hostNames = this.#hostNames;
    this.#mqtt = new MqttServer({
      authorizer,
      identities,
      sessions,
      commands,
      twins,
      telemetry,
      faults,
      hostNames,
    });
    const eventHubName = hubName;
    this.#amqp = new AmqpServer({
      hubName,
      eventHubName,
      authorizer,
      policies,
      log,
      faults,
      nodes: {
        cbs: cbsNode,
        management: managementNode(log, eventHubName),
        hubEvents: redirectNode({ hostName: this.hostName, port: () => this.port, eventHubName }),
        partition: eventReceiverNode({
          log,
          faults,
          eventHubName,
          consumerGroups: new Set(['$Default', ...(options.consumerGroups ?? [])]),
        }),
      },
    });
    this.#mux = new Mux({
      certificate: authority.certificate,
      key: authority.key,
      deviceAuthorities: [authority.ca, ...(options.deviceAuthorities ?? [])],
      host: options.listenHost ?? '127.0.0.1',
      port: options.port ?? 0,
      furtherPorts: options.standardPorts ? STANDARD_PORTS : [],
      amqp: (socket, certificate) => this.#amqp.accept(socket, certificate),
      mqtt: (socket, certificate) => this.#mqtt.accept(socket, certificate),
      rest: createRestHandler({
        hubName,
        authorizer,
        identities,
        twins,
        changes: this.#changes,
        sessions,
        queues: commands,
        stream,
        faults,
        certificateOf: (request) => certificateOf(request.socket),
      }),
      faults,
    });
  }

  get port(): number {
    return this.#mux.port;
  }
  get caFile(): string {
    return this.authority.caFile;
  }

  async start(): Promise<void> {
    this.#store.start();
    this.identities.start();
    this.log.start();
    this.#changes.start();
    this.feeds.start();
    this.commands.start();
    this.sessions.start();
    this.#amqp.start();
    await this.#mux.start();
    for (const name of [this.hostName, 'localhost', '127.0.0.1', `${this.hubName}.azure-devices.net`]) {
      this.#hostNames.add(name.toLowerCase());
      this.#hostNames.add(`${name.toLowerCase()}:${this.port}`);
      for (const port of STANDARD_PORTS) this.#hostNames.add(`${name.toLowerCase()}:${port}`);
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.sessions.stop();
    this.#mqtt.stop();
    this.#amqp.stop();
    await this.#mux.stop();
    this.commands.stop();
    this.feeds.stop();
    this.log.stop();
    this.#store.stop();
    if (this.#options.directory === undefined) await rm(this.#directory, { recursive: true, force: true });
  }

  /** Connection string of a shared access policy of the hub. */
  connectionString(policy = 'iothubowner'): string {
    const key = this.policies.hub.get(policy)?.primaryKey;
    if (key === undefined) throw new RangeError(`There is no policy ${policy}`);
    return `HostName=${this.hostName}:${this.port};SharedAccessKeyName=${policy};SharedAccessKey=${key}`;
  }

  /** Connection string of the Event Hubs-compatible endpoint, for a policy of the hub or of the namespace. */
  eventHubConnectionString(policy = 'iothubowner'): string {
    const key = (this.policies.eventHub.get(policy) ?? this.policies.hub.get(policy))?.primaryKey;
    if (key === undefined) throw new RangeError(`There is no policy ${policy}`);
    return `Endpoint=sb://${this.hostName}:${this.port}/;SharedAccessKeyName=${policy};SharedAccessKey=${key};EntityPath=${this.hubName}`;
  }
}

/** Starts an emulator; the caller stops it. */
export async function startIotHub(options: IotHubOptions = {}): Promise<IotHubEmulator> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'iot-hub-')));
  const authority =
    options.authority ??
    (await openAuthority(join(directory, 'authority'), options.hostName ? [options.hostName] : []));
  const emulator = new IotHubEmulator(options, directory, authority);
  await emulator.start();
  return emulator;
}
