import { Gauge, type Registry } from 'prom-client';

/** What a scrape reads of the sidecar as a whole. */
export interface ProcessFacts {
  readonly isStateDirectoryWritable: boolean;
  /** Whether the last call to ThingWorx was answered; undefined before the first. */
  readonly isThingworxReachable: boolean | undefined;
  /** Undefined while it is not known. */
  readonly applicationKeyExpiresAtMs: number | undefined;
  /** How far the clocks of other hosts are ahead of this one, in seconds, by host. */
  readonly clockOffsets: ReadonlyMap<string, number>;
  /** The settings that are refused, by hub or storage Thing. */
  readonly refusedSettings: ReadonlyMap<string, readonly string[]>;
}

/** The metrics that belong to no single hub. */
export function defineProcessMetrics(registry: Registry, facts: () => ProcessFacts | undefined): void {
  const registers = [registry];
  new Gauge({
    name: 'azure_iot_state_directory_writable',
    help: '1 while the state directory can be written, otherwise 0.',
    registers,
    collect() {
      this.set(facts()?.isStateDirectoryWritable === false ? 0 : 1);
    },
  });
  new Gauge({
    name: 'azure_iot_thingworx_reachable',
    help: '1 if ThingWorx answered the last call, otherwise 0.',
    registers,
    collect() {
      this.set(facts()?.isThingworxReachable ? 1 : 0);
    },
  });
  new Gauge({
    name: 'azure_iot_application_key_expiry_timestamp_seconds',
    help: 'When the application key of the sidecar expires, in seconds since 1970.',
    registers,
    collect() {
      const expiresAtMs = facts()?.applicationKeyExpiresAtMs;
      if (expiresAtMs === undefined) this.remove();
      else this.set(expiresAtMs / 1000);
    },
  });
  new Gauge({
    name: 'azure_iot_host_clock_offset_seconds',
    help: 'How far the clock of a host is ahead of the clock of the sidecar, as its last answer said.',
    labelNames: ['host'],
    registers,
    collect() {
      this.reset();
      for (const [host, seconds] of facts()?.clockOffsets ?? []) this.set({ host }, seconds);
    },
  });
  new Gauge({
    name: 'azure_iot_setting_refused',
    help: '1 for each setting of a hub or storage Thing that is refused.',
    labelNames: ['thing', 'setting'],
    registers,
    collect() {
      this.reset();
      for (const [thing, settings] of facts()?.refusedSettings ?? [])
        for (const setting of settings) this.set({ thing, setting }, 1);
    },
  });
}
