import {
  type CheckpointStore,
  EventHubConsumerClient,
  type EventHubConsumerClientOptions,
  RetryMode,
} from '@azure/event-hubs';
import { proxiedWebSocket } from '../../lib/proxy.ts';
import { parseEventHub } from '../connection-string.ts';
import type { EventHubEndpoint } from './endpoint.ts';

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
