/** How an emulator is made. Everything has a default. */
import type { Authority } from '../authority.ts';
import type { HubNotification } from './hub.ts';
import type { HubStateOptions } from './hub-state.ts';

type StateOptions = Pick<
  HubStateOptions,
  'quotas' | 'routes' | 'endpoints' | 'uploads' | 'capture' | 'storageCa'
>;

export interface IotHubOptions extends StateOptions {
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
  /** Beside $Default. */
  consumerGroups?: readonly string[];
  /** Bytes of stored events on disk, all partitions together. */
  retentionBytes?: number;
  retentionMs?: number;
  /** Memory for stored events that were read or written last. */
  cacheBytes?: number;
  /** A certificate authority that others use as well; otherwise one of its own. */
  authority?: Authority;
  /** PEM texts of further authorities that sign client certificates of devices. */
  deviceAuthorities?: readonly string[];
  /**
   * Sources that have a route to the built-in endpoint, beside `routes`. A new hub has none, and then telemetry alone
   * arrives there.
   */
  builtInSources?: readonly HubNotification['source'][];
  /** Cloud-to-device queue; IoT Hub's defaults unless given. */
  commandLockMs?: number;
  commandMaxDeliveryCount?: number;
  commandTimeToLiveMs?: number;
  /** How long feedback is collected. IoT Hub takes up to 15 s; here 1 s unless given. */
  feedbackBatchMs?: number;
}
