/**
 * Message routing: every message of devices and of the hub itself comes here and goes on to the endpoints whose routes
 * match it, each once. The built-in endpoint is called `events`; telemetry that no route matched falls back to it.
 * A hub without routes delivers telemetry to the built-in endpoint and nothing else.
 */
import type { EventStream, HubNotification } from './hub.ts';
import { holds } from './query/evaluate.ts';
import { type Expression, parseCondition } from './query/syntax.ts';
import type { Quotas } from './quotas.ts';
import { routingResolver } from './routed-message.ts';
import { StorageEndpoint, type StorageEndpointOptions } from './storage-endpoint.ts';
import type { Twins } from './twins.ts';

export interface RouteOptions {
  name: string;
  source: HubNotification['source'];
  /** A condition of the routing query syntax; absent matches all. */
  condition?: string;
  endpointNames: string[];
  isEnabled?: boolean;
}

export interface RoutingOptions {
  hubName: string;
  /** The built-in endpoint. */
  log: EventStream;
  /** Partition of a device's messages, for the names of blobs. */
  partitionOf: (deviceId: string) => number;
  twins: Twins;
  quotas: Quotas;
  routes?: RouteOptions[];
  endpoints?: StorageEndpointOptions[];
  /** Whether unmatched telemetry goes to the built-in endpoint. */
  fallback?: boolean;
  /** Is told every message for the built-in endpoint, as Event Hubs Capture is. */
  capture?: { offer(partition: number, event: HubNotification, enqueuedTimeMs: number): void };
}

interface CompiledRoute {
  condition: Expression | undefined;
  endpointNames: string[];
}

export const builtInEndpoint = 'events';

export class Routing implements EventStream {
  readonly #options: RoutingOptions;
  readonly #endpoints = new Map<string, StorageEndpoint>();
  #routes = new Map<HubNotification['source'], CompiledRoute[]>();

  constructor(options: RoutingOptions) {
    this.#options = options;
    for (const endpoint of options.endpoints ?? []) {
      this.#endpoints.set(endpoint.name, new StorageEndpoint(endpoint, options.hubName));
    }
  }

  /** Rejects for a malformed condition, an unknown endpoint or a storage account that cannot be reached. */
  async start(): Promise<void> {
    this.setRoutes(this.#options.routes ?? []);
    for (const endpoint of this.#endpoints.values()) await endpoint.start();
  }

  async stop(): Promise<void> {
    for (const endpoint of this.#endpoints.values()) await endpoint.stop();
  }

  /** Replaces all routes. Throws ArgumentInvalid (condition) or RangeError (endpoint). */
  setRoutes(routes: readonly RouteOptions[]): void {
    const compiled = new Map<HubNotification['source'], CompiledRoute[]>();
    for (const route of routes) {
      for (const name of route.endpointNames) {
        if (name !== builtInEndpoint && !this.#endpoints.has(name)) {
          throw new RangeError(`Route ${route.name} names the unknown endpoint ${name}`);
        }
      }
      const condition = route.condition === undefined ? undefined : parseCondition(route.condition);
      if (route.isEnabled === false) continue;
      const list = compiled.get(route.source) ?? [];
      compiled.set(route.source, [...list, { condition, endpointNames: route.endpointNames }]);
    }
    this.#routes = compiled;
  }

  endpoint(name: string): StorageEndpoint | undefined {
    return this.#endpoints.get(name);
  }

  /** Writes all waiting messages to storage now. */
  async flush(): Promise<void> {
    for (const endpoint of this.#endpoints.values()) await endpoint.flush();
  }

  /** Rejects with ThrottlingException or IotHubQuotaExceeded when throttling is on and used up. */
  async append(event: HubNotification): Promise<void> {
    const { quotas, log } = this.#options;
    if (event.source === 'Telemetry') {
      quotas.take('telemetry');
      quotas.countMessage(event.body.length);
    }
    const routes = this.#routes.get(event.source);
    const names = routes ? this.#match(routes, event) : noNames;
    const toBuiltIn =
      names.has(builtInEndpoint) ||
      (names.size === 0 && event.source === 'Telemetry' && this.#options.fallback !== false);
    if (names.size > 0) this.#offer(names, event);
    if (!toBuiltIn) return;
    this.#options.capture?.offer(
      this.#options.partitionOf(event.deviceId),
      event,
      event.enqueuedTimeMs ?? Date.now(),
    );
    await log.append(event);
  }

  #match(routes: readonly CompiledRoute[], event: HubNotification): ReadonlySet<string> {
    const { twins } = this.#options;
    const resolve = routingResolver(event, event.enqueuedTimeMs ?? Date.now(), () => {
      const twin = twins.peek(event.deviceId, event.moduleId);
      return twin && twins.renderForEvent(twin);
    });
    const names = new Set<string>();
    for (const { condition, endpointNames } of routes) {
      if (condition && !holds(condition, resolve)) continue;
      for (const name of endpointNames) names.add(name);
    }
    return names;
  }

  #offer(names: ReadonlySet<string>, event: HubNotification): void {
    const partition = this.#options.partitionOf(event.deviceId);
    const enqueuedTimeMs = event.enqueuedTimeMs ?? Date.now();
    for (const name of names) this.#endpoints.get(name)?.offer(partition, event, enqueuedTimeMs);
  }
}

const noNames: ReadonlySet<string> = new Set();
