import type { CbsClient, SasTokenProvider } from '@azure/core-amqp';
import type { EventHubConsumerClient } from '@azure/event-hubs';
import type { TokenCredential } from '@azure/identity';
import type { Connection } from 'rhea-promise';
import { canReceiveTransfers } from './incoming-transfers.ts';

/**
 * What a partition link uses of the connection of the SDK's consumer client. The SDK opens the connection, and replaces it and its $cbs session
 * after a disconnection, so the members are read each time.
 */
export interface ConnectionContext {
  readonly connectionId: string;
  readonly connection: Connection;
  readonly config: {
    readonly host: string;
    getReceiverAddress(partitionId: string, consumerGroup: string): string;
    getReceiverAudience(partitionId: string, consumerGroup: string): string;
  };
  readonly tokenCredential: TokenCredential | SasTokenProvider;
  readonly cbsSession: CbsClient;
  /** The name of the lock for requests on the $cbs session. */
  readonly negotiateClaimLock: string;
  /** The open receivers by name. The SDK closes them when the connection is lost or closed. */
  readonly receivers: Record<string, { close(): Promise<void> }>;
  /** Waits until a lost connection is replaced. */
  readyToOpenLink(options: { readonly abortSignal: AbortSignal }): Promise<void>;
}

/**
 * The names that the connection of a client, or rhea, lacks. The names are not public: a version with other names is read with the SDK's own
 * receiver (docs/decisions/005).
 */
export function missingNames(client: EventHubConsumerClient): readonly string[] {
  const { _context: found } = client as unknown as { readonly _context?: Partial<ConnectionContext> };
  return Object.entries({
    getReceiverAddress: typeof found?.config?.getReceiverAddress === 'function',
    getReceiverAudience: typeof found?.config?.getReceiverAudience === 'function',
    connection: typeof found?.connection?.createReceiver === 'function',
    tokenCredential: typeof found?.tokenCredential?.getToken === 'function',
    cbsSession: typeof found?.cbsSession?.negotiateClaim === 'function',
    negotiateClaimLock: typeof found?.negotiateClaimLock === 'string',
    receivers: typeof found?.receivers === 'object',
    readyToOpenLink: typeof found?.readyToOpenLink === 'function',
    incoming: canReceiveTransfers(),
  }).flatMap(([name, isThere]) => (isThere ? [] : [name]));
}
