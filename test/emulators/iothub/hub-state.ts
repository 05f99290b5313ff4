/**
 * Everything that a hub knows and keeps, put together: registry, twins, queries, jobs, configurations, uploads, routes
 * and quotas. It speaks no protocol; the wire side gives it sessions and queues and mounts its REST handler.
 */
import { BulkJobs } from './bulk-jobs.ts';
import { Capture, type CaptureOptions } from './capture.ts';
import { ChangeEvents } from './change-events.ts';
import { Configurations } from './configurations.ts';
import { DigitalTwins } from './digital-twins.ts';
import type { CommandQueues, DeviceSessions, EventStream, ServiceNotifications } from './hub.ts';
import { Identities } from './identities.ts';
import { Jobs } from './jobs.ts';
import { Queries } from './query/queries.ts';
import { type QuotaOptions, Quotas } from './quotas.ts';
import type { WireContext } from './rest/context.ts';
import { createRestHandler, type RestHandler } from './rest/handler.ts';
import { type RouteOptions, Routing } from './routing.ts';
import { StateStore } from './state-store.ts';
import type { StorageEndpointOptions } from './storage-endpoint.ts';
import { Twins } from './twins.ts';
import { type UploadOptions, Uploads } from './uploads.ts';

export interface HubStateOptions {
  hubName: string;
  /** Keeps the state over a restart; in memory without it. */
  directory?: string;
  /** The built-in endpoint. */
  log: EventStream;
  partitionOf: (deviceId: string) => number;
  /** Asked when needed, since they are made after the state, which they need themselves. */
  sessions: () => DeviceSessions | undefined;
  queues: () => CommandQueues | undefined;
  notifications: () => ServiceNotifications | undefined;
  quotas?: QuotaOptions;
  routes?: RouteOptions[];
  endpoints?: StorageEndpointOptions[];
  uploads?: UploadOptions;
  capture?: CaptureOptions;
  /** PEM text of the authority of the storage account that import and export jobs are given links to. */
  storageCa?: string;
}

export class HubState {
  readonly hubName: string;
  readonly store: StateStore;
  readonly identities: Identities;
  readonly twins: Twins;
  readonly changes: ChangeEvents;
  readonly digitalTwins: DigitalTwins;
  readonly queries: Queries;
  readonly jobs: Jobs;
  readonly bulkJobs: BulkJobs;
  readonly configurations: Configurations;
  readonly quotas: Quotas;
  /** Where messages of devices and of the hub itself go in. */
  readonly routing: Routing;
  readonly uploads: Uploads | undefined;
  readonly capture: Capture | undefined;

  constructor(options: HubStateOptions) {
    const { hubName, sessions, queues } = options;
    this.hubName = hubName;
    this.store = new StateStore(options.directory);
    const { store } = this;
    this.identities = new Identities(store);
    const { identities } = this;
    this.quotas = new Quotas(options.quotas);
    const { quotas } = this;
    this.twins = new Twins({ store, identities, sessions, queues });
    const { twins } = this;
    this.capture = options.capture ? new Capture(options.capture) : undefined;
    this.routing = new Routing({
      hubName,
      log: options.log,
      partitionOf: options.partitionOf,
      twins,
      quotas,
      ...(options.routes ? { routes: options.routes } : {}),
      ...(options.endpoints ? { endpoints: options.endpoints } : {}),
      ...(this.capture ? { capture: this.capture } : {}),
    });
    this.changes = new ChangeEvents({ hubName, identities, twins, stream: this.routing });
    this.digitalTwins = new DigitalTwins(identities, twins, this.changes);
    this.queries = new Queries({ identities, twins, deviceJobs: () => this.jobs.deviceJobs() });
    const { queries } = this;
    this.jobs = new Jobs({ store, queries, twins, sessions, changes: this.changes, quotas });
    this.bulkJobs = new BulkJobs(store, identities, twins, options.storageCa);
    this.configurations = new Configurations({ store, identities, twins, queries, quotas });
    this.uploads = options.uploads
      ? new Uploads(options.uploads, {
          fileUploaded: (notification) => options.notifications()?.fileUploaded(notification),
        })
      : undefined;
  }

  /** The node:http request listener of the hub's REST API. */
  restHandler(wire: WireContext): RestHandler {
    return createRestHandler({ ...this.#parts(), ...wire });
  }

  async start(): Promise<void> {
    this.store.start();
    this.identities.start();
    this.changes.start();
    this.digitalTwins.start();
    this.configurations.start();
    this.bulkJobs.start();
    this.jobs.start();
    await this.routing.start();
    await this.uploads?.start();
    await this.capture?.start();
  }

  /** Writes what waits for storage, so stop the protocols first and the storage account last. */
  async stop(): Promise<void> {
    this.jobs.stop();
    this.configurations.stop();
    await this.bulkJobs.stop();
    await this.routing.stop();
    await this.capture?.stop();
    this.store.stop();
  }

  #parts() {
    const { hubName, identities, twins, digitalTwins, queries, jobs, bulkJobs, configurations, quotas } =
      this;
    const { uploads } = this;
    return {
      hubName,
      identities,
      twins,
      digitalTwins,
      queries,
      jobs,
      bulkJobs,
      configurations,
      quotas,
      ...(uploads ? { uploads } : {}),
    };
  }
}
