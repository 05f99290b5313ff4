import { Counter, Gauge, type Registry } from 'prom-client';
import type { HubCounters } from './counters.ts';

/** The canary of a hub, while this sidecar runs it. */
export interface CanaryFacts {
  readonly isSuspended: boolean;
  readonly paths: readonly CanaryPathFacts[];
}

interface CanaryPathFacts {
  readonly path: string;
  readonly state: string;
  /** Of the last hour, in milliseconds. */
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
  /** Round trips since the start, by outcome. */
  readonly counts: Readonly<Record<string, number>>;
}

/** What a scrape reads of one hub beside its lanes. */
export interface SideFacts {
  /** The accounts of each pipeline beside the lanes. */
  readonly counters: ReadonlyMap<string, HubCounters>;
  /** As last counted; undefined before that. */
  readonly stored: { readonly count: number; readonly bytes: number } | undefined;
  /** Dead letters that this sidecar removed by itself. */
  readonly removed: { readonly expired: number; readonly overflowed: number };
  /** Tasks that have not ended, by state. */
  readonly tasks: Readonly<Record<string, number>>;
  /** Files that devices have uploaded, by outcome, and those not announced yet. */
  readonly uploads: { readonly counts: Readonly<Record<string, number>>; readonly waiting: number };
  /** Software packages on their way to devices, by state. */
  readonly packages: Readonly<Record<string, number>>;
  /** Campaigns that are not over, and their devices, by state. */
  readonly campaigns: {
    readonly campaigns: Readonly<Record<string, number>>;
    readonly devices: Readonly<Record<string, number>>;
  };
  readonly canary: CanaryFacts | undefined;
  /** Metered messages of the IoT Hub today. */
  readonly quota: {
    readonly limit?: number;
    readonly forecast: number;
    readonly sources: readonly { readonly source: string; readonly messages: number }[];
  };
}

interface SideHub {
  readonly thing: string;
  readonly side?: SideFacts;
}

/** The metrics of dead letters, replays, storage, tasks, uploads, packages and the canary. */
export function defineSideMetrics(registry: Registry, hubs: ReadonlyMap<string, SideHub>): void {
  const registers = [registry];
  const each = (work: (hub: string, side: SideFacts) => void) => {
    for (const { thing, side } of hubs.values()) if (side) work(thing, side);
  };
  new Counter({
    name: 'azure_iot_side_messages_total',
    help: 'Messages that did not come through a lane, by pipeline (deadLetters, storage, events) and account.',
    labelNames: ['hub', 'pipeline', 'account'],
    registers,
    collect() {
      this.reset();
      each((hub, { counters }) => {
        for (const [pipeline, { counts }] of counters) {
          const { inFlight: _, ...accounts } = counts;
          for (const [account, value] of Object.entries(accounts))
            this.inc({ hub, pipeline, account }, value);
        }
      });
    },
  });
  new Gauge({
    name: 'azure_iot_dead_letters_stored',
    help: 'Dead letters in the store, as counted within the last minute.',
    labelNames: ['hub'],
    registers,
    collect() {
      this.reset();
      each((hub, { stored }) => stored && this.set({ hub }, stored.count));
    },
  });
  new Gauge({
    name: 'azure_iot_dead_letters_stored_bytes',
    help: 'What the dead letters take in the store, as counted within the last minute.',
    labelNames: ['hub'],
    registers,
    collect() {
      this.reset();
      each((hub, { stored }) => stored && this.set({ hub }, stored.bytes));
    },
  });
  new Counter({
    name: 'azure_iot_dead_letters_removed_total',
    help: 'Dead letters removed by the sidecar itself: expired by age, overflowed because the store was full.',
    labelNames: ['hub', 'reason'],
    registers,
    collect() {
      this.reset();
      each((hub, { removed }) => {
        for (const [reason, value] of Object.entries(removed)) this.inc({ hub, reason }, value);
      });
    },
  });
  new Gauge({
    name: 'azure_iot_tasks',
    help: 'Background tasks that have not ended, by state.',
    labelNames: ['hub', 'state'],
    registers,
    collect() {
      this.reset();
      each((hub, { tasks }) => {
        for (const [state, value] of Object.entries(tasks)) this.set({ hub, state }, value);
      });
    },
  });
  new Counter({
    name: 'azure_iot_uploads_total',
    help: 'Files that devices uploaded, by outcome: announced, moved, incomplete, repeated, refused.',
    labelNames: ['hub', 'outcome'],
    registers,
    collect() {
      this.reset();
      each((hub, { uploads }) => {
        for (const [outcome, value] of Object.entries(uploads.counts)) this.inc({ hub, outcome }, value);
      });
    },
  });
  new Gauge({
    name: 'azure_iot_uploads_waiting',
    help: 'Files that devices uploaded and that are not announced yet.',
    labelNames: ['hub'],
    registers,
    collect() {
      this.reset();
      each((hub, { uploads }) => this.set({ hub }, uploads.waiting));
    },
  });
  new Gauge({
    name: 'azure_iot_packages',
    help: 'Software packages on their way to devices, by state.',
    labelNames: ['hub', 'state'],
    registers,
    collect() {
      this.reset();
      each((hub, { packages }) => {
        for (const [state, value] of Object.entries(packages)) this.set({ hub, state }, value);
      });
    },
  });
  new Gauge({
    name: 'azure_iot_campaigns',
    help: 'Campaigns of software packages that are not over, by state.',
    labelNames: ['hub', 'state'],
    registers,
    collect() {
      this.reset();
      each((hub, { campaigns }) => {
        for (const [state, value] of Object.entries(campaigns.campaigns)) this.set({ hub, state }, value);
      });
    },
  });
  new Gauge({
    name: 'azure_iot_campaign_devices',
    help: 'Devices of campaigns that are not over, by state.',
    labelNames: ['hub', 'state'],
    registers,
    collect() {
      this.reset();
      each((hub, { campaigns }) => {
        for (const [state, value] of Object.entries(campaigns.devices)) this.set({ hub, state }, value);
      });
    },
  });
  defineCanaryMetrics(registers, each);
  defineQuotaMetrics(registers, each);
}

const QUANTILES = { '0.5': 'p50', '0.95': 'p95', '0.99': 'p99' } as const;

function defineCanaryMetrics(
  registers: Registry[],
  each: (work: (hub: string, side: SideFacts) => void) => void,
): void {
  const eachPath = (work: (labels: { hub: string; path: string }, facts: CanaryPathFacts) => void) =>
    each((hub, { canary }) => {
      for (const facts of canary?.paths ?? []) work({ hub, path: facts.path }, facts);
    });
  new Gauge({
    name: 'azure_iot_canary_up',
    help: 'Whether a path of the canary works: 1 or 0. Absent before the first round trips, and while ThingWorx does not answer.',
    labelNames: ['hub', 'path'],
    registers,
    collect() {
      this.reset();
      each((hub, { canary }) => {
        if (canary?.isSuspended) return;
        for (const { path, state } of canary?.paths ?? [])
          if (state !== 'unknown') this.set({ hub, path }, state === 'ok' ? 1 : 0);
      });
    },
  });
  new Gauge({
    name: 'azure_iot_canary_round_trip_seconds',
    help: 'Round trips of the canary in the last hour, by path and quantile.',
    labelNames: ['hub', 'path', 'quantile'],
    registers,
    collect() {
      this.reset();
      eachPath((labels, facts) => {
        for (const [quantile, name] of Object.entries(QUANTILES)) {
          const ms = facts[name];
          if (ms !== undefined) this.set({ ...labels, quantile }, ms / 1000);
        }
      });
    },
  });
  new Counter({
    name: 'azure_iot_canary_round_trips_total',
    help: 'Round trips of the canary, by path and outcome: ok, failed.',
    labelNames: ['hub', 'path', 'outcome'],
    registers,
    collect() {
      this.reset();
      eachPath((labels, { counts }) => {
        for (const [outcome, value] of Object.entries(counts)) this.inc({ ...labels, outcome }, value);
      });
    },
  });
}

function defineQuotaMetrics(
  registers: Registry[],
  each: (work: (hub: string, side: SideFacts) => void) => void,
): void {
  new Gauge({
    name: 'azure_iot_quota_used_messages',
    help: 'Metered messages of the IoT Hub since midnight UTC, as this sidecar has counted them, by source.',
    labelNames: ['hub', 'source'],
    registers,
    collect() {
      this.reset();
      each((hub, { quota }) => {
        for (const { source, messages } of quota.sources) this.set({ hub, source }, messages);
      });
    },
  });
  new Gauge({
    name: 'azure_iot_quota_forecast_messages',
    help: 'The metered messages that this sidecar will have counted at midnight UTC if it goes on as in the last hour.',
    labelNames: ['hub'],
    registers,
    collect() {
      this.reset();
      each((hub, { quota }) => this.set({ hub }, quota.forecast));
    },
  });
  new Gauge({
    name: 'azure_iot_quota_limit_messages',
    help: 'The daily quota of the IoT Hub by tier and units. Absent if the tier is unknown.',
    labelNames: ['hub'],
    registers,
    collect() {
      this.reset();
      each((hub, { quota }) => quota.limit !== undefined && this.set({ hub }, quota.limit));
    },
  });
}
