import {
  type CheckpointStore,
  EventHubConsumerClient,
  type EventHubConsumerClientOptions,
  RetryMode,
} from '@azure/event-hubs';
import type { TokenCredential } from '@azure/identity';
import { Receiver } from 'rhea-promise';
import { proxiedWebSocket } from '../../lib/proxy.ts';
import type { AmqpTransport } from '../amqp-connection.ts';
import { parseEventHub } from '../connection-string.ts';

/** An Event Hubs-compatible endpoint: a connection string with its EntityPath, or a namespace with a Microsoft Entra credential. */
export type EventHubEndpoint = (
  | { readonly kind: 'connectionString'; readonly connectionString: string }
  | {
      readonly kind: 'entra';
      /** Host name of the namespace, such as ihsuprod.servicebus.windows.net; a port is allowed. */
      readonly namespace: string;
      readonly eventHubName: string;
      readonly credential: TokenCredential;
    }
) & {
  /** Default `amqp`. */
  readonly transport?: AmqpTransport;
};

export interface ClientOptions {
  readonly ownerId: string;
  readonly timeoutMs: number;
  readonly updateIntervalMs: number;
  readonly ownershipExpiryMs: number;
}

/** Creates the SDK's consumer client; opens no connection. Throws CONNECTION_STRING_INVALID. */
export function createEventHubClient(
  endpoint: EventHubEndpoint,
  consumerGroup: string,
  store: CheckpointStore,
  options: ClientOptions,
): EventHubConsumerClient {
  const clientOptions: EventHubConsumerClientOptions = {
    identifier: options.ownerId,
    ...(endpoint.transport === 'amqp-websockets'
      ? { webSocketOptions: { webSocket: proxiedWebSocket() as never } }
      : {}),
    retryOptions: {
      mode: RetryMode.Exponential,
      maxRetries: 3,
      retryDelayInMs: 500,
      maxRetryDelayInMs: 5000,
      timeoutInMs: options.timeoutMs,
    },
    loadBalancingOptions: {
      strategy: 'greedy',
      updateIntervalInMs: options.updateIntervalMs,
      partitionOwnershipExpirationIntervalInMs: options.ownershipExpiryMs,
    },
  };
  if (endpoint.kind === 'entra') {
    const { namespace, eventHubName, credential } = endpoint;
    return new EventHubConsumerClient(
      consumerGroup,
      namespace,
      eventHubName,
      credential,
      store,
      clientOptions,
    );
  }
  // Checked here: the SDK's own check prints the whole connection string.
  const { connectionString } = parseEventHub(endpoint.connectionString);
  return new EventHubConsumerClient(consumerGroup, connectionString, store, clientOptions);
}

/** The host (and port) of an endpoint, for messages. Throws CONNECTION_STRING_INVALID. */
export function endpointHost(endpoint: EventHubEndpoint): string {
  if (endpoint.kind === 'entra') return endpoint.namespace;
  const { host, port } = parseEventHub(endpoint.connectionString);
  return port === undefined ? host : `${host}:${port}`;
}

type AddCredit = (this: Receiver, credit: number) => void;

const BOUNDED = Symbol.for('azure-iot-sidecar.bounded-credit');

/**
 * Bounds the AMQP link credit that @azure/event-hubs hands out (Azure/azure-sdk-for-js#39452).
 *
 * Its partition receiver calls `addCredit(prefetch - queued)` at every receive cycle and never looks at the credit that is still
 * outstanding. Under a trickle of events the credit grows without end (measured: 169,000 after 20 s), and a handler that then blocks
 * gets the whole backlog into memory. The number it passes is what it wants to be outstanding, so that is what this makes of it.
 *
 * The method is a public one of rhea-promise; replacing it on the prototype reaches the receivers that the SDK creates inside. Only
 * receivers whose credit is handed out by hand are affected, which in this program are the SDK's partition receivers. Goes away when the
 * SDK counts outstanding credit itself; test/azure/credit.test.ts shows whether it does.
 */
export function boundReceiverCredit(): void {
  const prototype = Receiver.prototype as Receiver & { [BOUNDED]?: true };
  if (prototype[BOUNDED]) return;
  const addCredit: AddCredit = prototype.addCredit;
  prototype.addCredit = function (this: Receiver, wanted: number): void {
    const missing = wanted - Math.max(this.credit, 0);
    if (missing > 0) addCredit.call(this, missing);
  };
  Object.defineProperty(prototype, BOUNDED, { value: true });
}
