import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { HubCounters } from './counters.ts';
import { defineProcessMetrics, type ProcessFacts } from './process-metrics.ts';
import { defineSideMetrics, type SideFacts } from './side-metrics.ts';

/** Undefined before the first. */
export interface PartitionTimes {
  readonly lastMessageMs: number | undefined;
  readonly lastCheckpointMs: number | undefined;
}

/** What a scrape reads of one hub; the hub layer keeps it current. */
interface HubMetrics {
  readonly thing: string;
  readonly counters: HubCounters;
  readonly state: string;
  lagByPartition(): ReadonlyMap<string, number>;
  /** When messages and checkpoints of each partition that is read were last seen, in ms since 1970. */
  timesByPartition(): ReadonlyMap<string, PartitionTimes>;
  readonly side?: SideFacts;
}

const STATES = ['stopped', 'connecting', 'running', 'waiting', 'failed'];

/** All metrics of the sidecar; docs/metrics.md describes each and a test compares the two lists. */
export class Metrics {
  readonly registry = new Registry();
  readonly #hubs = new Map<string, HubMetrics>();
  #facts: (() => ProcessFacts) | undefined;
  /** Answer times of ReceiveUpdates. */
  readonly sendSeconds: Histogram<'hub'>;
  readonly httpRequests: Counter<'route' | 'status'>;

  /** `clockOffsetSeconds`: how far the clock of this machine is ahead of Azure's. */
  constructor(clockOffsetSeconds: () => number = () => 0) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.sendSeconds = new Histogram({
      name: 'azure_iot_send_duration_seconds',
      help: 'Answer time of ReceiveUpdates, per hub Thing.',
      labelNames: ['hub'],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    });
    this.httpRequests = new Counter({
      name: 'azure_iot_http_requests_total',
      help: 'Requests answered by the sidecar, by operation and status.',
      labelNames: ['route', 'status'],
      registers,
    });
    new Gauge({
      name: 'azure_iot_clock_offset_seconds',
      help: 'How far the clock of this machine is ahead of the clock of Azure; negative when it is behind.',
      registers,
      collect() {
        this.set(clockOffsetSeconds());
      },
    });
    this.#defineHubMetrics();
    defineSideMetrics(this.registry, this.#hubs);
    defineProcessMetrics(this.registry, () => this.#facts?.());
  }

  /** Where the metrics of the whole process come from. */
  watch(facts: () => ProcessFacts): void {
    this.#facts = facts;
  }

  add(hub: HubMetrics): void {
    this.#hubs.set(hub.thing, hub);
  }

  remove(thing: string): void {
    this.#hubs.delete(thing);
    this.sendSeconds.remove({ hub: thing });
  }

  /** The text of one scrape. The message accounts are copied in one go, so that they add up within a scrape. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  #defineHubMetrics(): void {
    const registers = [this.registry];
    const hubs = this.#hubs;
    new Counter({
      name: 'azure_iot_messages_total',
      help: 'Messages by hub Thing and account: received, delivered, ignored, deadLettered, released, repeated.',
      labelNames: ['hub', 'account'],
      registers,
      collect() {
        this.reset();
        for (const { thing, counters } of hubs.values()) {
          const { inFlight: _, ...accounts } = counters.counts;
          for (const [account, value] of Object.entries(accounts)) this.inc({ hub: thing, account }, value);
        }
      },
    });
    new Gauge({
      name: 'azure_iot_messages_in_flight',
      help: 'Messages received and not yet delivered, ignored, dead-lettered or released.',
      labelNames: ['hub'],
      registers,
      collect() {
        this.reset();
        for (const { thing, counters } of hubs.values()) this.set({ hub: thing }, counters.counts.inFlight);
      },
    });
    new Counter({
      name: 'azure_iot_ignored_total',
      help: 'Values and messages left out on purpose, by reason.',
      labelNames: ['hub', 'reason'],
      registers,
      collect() {
        this.reset();
        for (const { thing, counters } of hubs.values()) {
          for (const [reason, value] of Object.entries(counters.ignoredByReason))
            this.inc({ hub: thing, reason }, value);
        }
      },
    });
    new Counter({
      name: 'azure_iot_dead_letters_total',
      help: 'Messages put into the dead letters, by reason.',
      labelNames: ['hub', 'reason'],
      registers,
      collect() {
        this.reset();
        for (const { thing, counters } of hubs.values()) {
          for (const [reason, value] of Object.entries(counters.deadLetteredByReason))
            this.inc({ hub: thing, reason }, value);
        }
      },
    });
    new Counter({
      name: 'azure_iot_send_calls_total',
      help: 'Calls of ReceiveUpdates on the hub Thing.',
      labelNames: ['hub'],
      registers,
      collect() {
        this.reset();
        for (const { thing, counters } of hubs.values()) this.inc({ hub: thing }, counters.calls);
      },
    });
    new Counter({
      name: 'azure_iot_messages_expired_total',
      help: 'Messages that the hub dropped at the end of its retention time before they were read.',
      labelNames: ['hub'],
      registers,
      collect() {
        this.reset();
        for (const { thing, counters } of hubs.values()) this.inc({ hub: thing }, counters.expired);
      },
    });
    new Counter({
      name: 'azure_iot_messages_skipped_total',
      help: 'Messages that were not read because a partition without a checkpoint begins at the start position.',
      labelNames: ['hub'],
      registers,
      collect() {
        this.reset();
        for (const { thing, counters } of hubs.values()) this.inc({ hub: thing }, counters.skipped);
      },
    });
    new Gauge({
      name: 'azure_iot_partition_lag',
      help: 'Messages in the partition after the last one that was confirmed.',
      labelNames: ['hub', 'partition'],
      registers,
      collect() {
        this.reset();
        for (const hub of hubs.values()) {
          for (const [partition, lag] of hub.lagByPartition()) this.set({ hub: hub.thing, partition }, lag);
        }
      },
    });
    const times = (each: (labels: Record<string, string>, times: PartitionTimes) => void) => {
      for (const hub of hubs.values())
        for (const [partition, found] of hub.timesByPartition()) each({ hub: hub.thing, partition }, found);
    };
    new Gauge({
      name: 'azure_iot_partition_last_message_timestamp_seconds',
      help: 'When the last settled message of the partition reached Azure, in seconds since 1970.',
      labelNames: ['hub', 'partition'],
      registers,
      collect() {
        this.reset();
        times((labels, { lastMessageMs }) => {
          if (lastMessageMs !== undefined) this.set(labels, lastMessageMs / 1000);
        });
      },
    });
    new Gauge({
      name: 'azure_iot_partition_checkpoint_age_seconds',
      help: 'How long ago the last checkpoint of the partition was written, in seconds.',
      labelNames: ['hub', 'partition'],
      registers,
      collect() {
        this.reset();
        times((labels, { lastCheckpointMs }) => {
          if (lastCheckpointMs !== undefined) this.set(labels, (Date.now() - lastCheckpointMs) / 1000);
        });
      },
    });
    new Gauge({
      name: 'azure_iot_hub_state',
      help: 'The state of each hub Thing: 1 for the present one, 0 for the others.',
      labelNames: ['hub', 'state'],
      registers,
      collect() {
        this.reset();
        for (const hub of hubs.values()) {
          for (const state of STATES) this.set({ hub: hub.thing, state }, hub.state === state ? 1 : 0);
        }
      },
    });
  }
}
