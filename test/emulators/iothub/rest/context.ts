/** What the REST routes work on; the emulator composes it. */
import type { IncomingMessage } from 'node:http';
import type { ChangeEvents } from '../change-events.ts';
import type {
  Authorizer,
  ClientCertificate,
  CommandQueues,
  DeviceSessions,
  EventStream,
  RestFaults,
} from '../hub.ts';
import type { Identities } from '../identities.ts';
import type { Twins } from '../twins.ts';

export interface RestContext {
  /** The first label of the host name, which the hub's own messages carry. */
  hubName: string;
  authorizer: Authorizer;
  identities: Identities;
  twins: Twins;
  changes: ChangeEvents;
  sessions: DeviceSessions;
  queues: CommandQueues;
  stream: EventStream;
  faults?: RestFaults;
  /** The client certificate of the connection that carries the request. */
  certificateOf?: (request: IncomingMessage) => ClientCertificate | undefined;
}
