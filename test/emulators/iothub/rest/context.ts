/** What the REST routes work on. */
import type { IncomingMessage } from 'node:http';
import type { BulkJobs } from '../bulk-jobs.ts';
import type { Configurations } from '../configurations.ts';
import type { DigitalTwins } from '../digital-twins.ts';
import type { Authorizer, ClientCertificate, CommandQueues, DeviceSessions, RestFaults } from '../hub.ts';
import type { Identities } from '../identities.ts';
import type { Jobs } from '../jobs.ts';
import type { Queries } from '../query/queries.ts';
import type { Quotas } from '../quotas.ts';
import type { Telemetry } from '../telemetry.ts';
import type { Twins } from '../twins.ts';
import type { Uploads } from '../uploads.ts';

/** What the wire side gives. */
export interface WireContext {
  authorizer: Authorizer;
  sessions: DeviceSessions;
  queues: CommandQueues;
  telemetry: Telemetry;
  faults?: RestFaults;
  /** The client certificate of the connection that carries the request. */
  certificateOf?: (request: IncomingMessage) => ClientCertificate | undefined;
}

export interface RestContext extends WireContext {
  /** The first label of the host name, which the hub's own messages carry. */
  hubName: string;
  identities: Identities;
  twins: Twins;
  digitalTwins: DigitalTwins;
  queries: Queries;
  jobs: Jobs;
  bulkJobs: BulkJobs;
  configurations: Configurations;
  quotas: Quotas;
  /** Absent when the hub has no storage account for uploads. */
  uploads?: Uploads;
}
