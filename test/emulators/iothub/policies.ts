/**
 * Shared access policies: those of the hub, with the names and rights that every IoT Hub is created with, and those of
 * the Event Hubs namespace behind it. Kept in a file, so that connection strings outlive a restart.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { HubRight } from './hub.ts';

export type EventHubRight = 'Listen' | 'Send' | 'Manage';

export interface Policy<R extends string> {
  name: string;
  primaryKey: string;
  secondaryKey: string;
  rights: R[];
}

export interface PolicySet {
  hub: Policy<HubRight>[];
  eventHub: Policy<EventHubRight>[];
}

const defaultHubRights: Record<string, HubRight[]> = {
  iothubowner: ['RegistryRead', 'RegistryWrite', 'ServiceConnect', 'DeviceConnect'],
  service: ['ServiceConnect'],
  device: ['DeviceConnect'],
  registryRead: ['RegistryRead'],
  registryReadWrite: ['RegistryRead', 'RegistryWrite'],
};

const defaultEventHubRights: Record<string, EventHubRight[]> = {
  RootManageSharedAccessKey: ['Listen', 'Send', 'Manage'],
  listen: ['Listen'],
  send: ['Send'],
};

export class Policies {
  readonly hub: ReadonlyMap<string, Policy<HubRight>>;
  readonly eventHub: ReadonlyMap<string, Policy<EventHubRight>>;

  constructor(set: PolicySet) {
    this.hub = new Map(set.hub.map((policy) => [policy.name, policy]));
    this.eventHub = new Map(set.eventHub.map((policy) => [policy.name, policy]));
  }
}

/** Reads the policies from the file, or makes the default ones with new keys and writes them there. */
export function openPolicies(file: string): Policies {
  if (existsSync(file)) return new Policies(JSON.parse(readFileSync(file, 'utf8')) as PolicySet);
  const set: PolicySet = { hub: make(defaultHubRights), eventHub: make(defaultEventHubRights) };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(set, undefined, 2), { mode: 0o600 });
  return new Policies(set);
}

function make<R extends string>(rights: Record<string, R[]>): Policy<R>[] {
  return Object.entries(rights).map(([name, granted]) => ({
    name,
    primaryKey: randomBytes(32).toString('base64'),
    secondaryKey: randomBytes(32).toString('base64'),
    rights: granted,
  }));
}
