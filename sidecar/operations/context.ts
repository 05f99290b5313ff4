import type { Storages } from '../files/types.ts';
import type { HubDirectory } from '../hub/directory.ts';
import type { Tickets } from '../secrets/tickets.ts';
import type { ThingworxClient } from '../thingworx/client.ts';

/** What an operation is given to work with; main passes it to the HTTP app. */
export interface OperationContext {
  readonly hubs: Pick<HubDirectory, 'connect' | 'disconnect' | 'status' | 'statuses' | 'require'>;
  readonly storages: Storages;
  readonly tickets: Pick<Tickets, 'redeem'>;
  readonly thingworx: ThingworxClient;
  readonly sidecar: SidecarFacts;
  /** Aborted when the caller has gone or the sidecar stops. */
  readonly signal: AbortSignal;
}

interface SidecarFacts {
  readonly version: string;
  readonly startedAt: Date;
}
