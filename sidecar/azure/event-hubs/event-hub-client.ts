import { createHmac } from 'node:crypto';
import {
  type CheckpointStore,
  EventHubConsumerClient,
  type EventHubConsumerClientOptions,
  type EventHubProperties,
  RetryMode,
  type RetryOptions,
} from '@azure/event-hubs';
import type { TokenCredential } from '@azure/identity';
import { Receiver } from 'rhea-promise';
import { ConnectorError } from '../../errors/connector-error.ts';
import { proxiedWebSocket } from '../../lib/proxy.ts';
import type { AmqpTransport } from '../amqp-connection.ts';
import { azureError } from '../azure-error.ts';
import { requireTokenHost } from '../azure-hosts.ts';
import { parseAddress, parseEventHub } from '../connection-string.ts';
import type { ServiceClock } from '../service-clock.ts';

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
  /** By which tokens expire. Default: the clock of this machine. */
  readonly clock?: ServiceClock | undefined;
};

interface ClientOptions {
  readonly ownerId: string;
  readonly timeoutMs: number;
  readonly updateIntervalMs: number;
  readonly ownershipExpiryMs: number;
  /** Whether the client reads all partitions at this moment, so that its processor has nothing to claim. */
  readonly readsAll?: () => boolean;
}

/** The epoch of readers that own their partition; the SDK's own value for a client with a store. */
export const OWNER_LEVEL = 0;

/** How requests and readers repeat what failed and may pass. */
export function retryOptions(timeoutMs: number): RetryOptions {
  return {
    mode: RetryMode.Exponential,
    maxRetries: 3,
    retryDelayInMs: 500,
    maxRetryDelayInMs: 5000,
    timeoutInMs: timeoutMs,
  };
}

/**
 * Creates the SDK's consumer client; opens no connection. Without a store its readers own no partition, so they end no reader that does.
 * Throws CONNECTION_STRING_INVALID.
 */
export function createEventHubClient(
  endpoint: EventHubEndpoint,
  consumerGroup: string,
  store: CheckpointStore | undefined,
  options: ClientOptions,
): EventHubConsumerClient {
  const clientOptions: EventHubConsumerClientOptions = {
    identifier: options.ownerId,
    ...(endpoint.transport === 'amqp-websockets'
      ? { webSocketOptions: { webSocket: proxiedWebSocket() as never } }
      : {}),
    retryOptions: retryOptions(options.timeoutMs),
    loadBalancingOptions: {
      strategy: 'greedy',
      updateIntervalInMs: options.updateIntervalMs,
      partitionOwnershipExpirationIntervalInMs: options.ownershipExpiryMs,
    },
  };
  if (endpoint.kind === 'entra') {
    const { namespace, eventHubName, credential } = endpoint;
    requireTokenHost(
      parseAddress(namespace, 'the namespace', 'Event Hubs namespace').host,
      'Event Hubs namespace',
    );
    const client = store
      ? new EventHubConsumerClient(consumerGroup, namespace, eventHubName, credential, store, clientOptions)
      : new EventHubConsumerClient(consumerGroup, namespace, eventHubName, credential, clientOptions);
    easeBalancing(client, options);
    return client;
  }
  // Checked here, because the error of the SDK contains the whole connection string.
  const { connectionString, access } = parseEventHub(endpoint.connectionString);
  const client = store
    ? new EventHubConsumerClient(consumerGroup, connectionString, store, clientOptions)
    : new EventHubConsumerClient(consumerGroup, connectionString, clientOptions);
  easeBalancing(client, options);
  if (endpoint.clock && access?.kind === 'key') useServiceClock(client, access, endpoint.clock);
  return client;
}

interface Management {
  getEventHubProperties(options?: { retryOptions?: RetryOptions }): Promise<EventHubProperties>;
}

/** How long the partitions are taken for known while all of them are read. The number of partitions of an IoT Hub never changes. */
const PARTITIONS_AGE_MS = 10_000;

/**
 * The event processor of the SDK asks for the partitions before each round of balancing. While all of them are read, it gets the last answer: these
 * requests are a fifth of what an idle hub costs. It does not use the retryOptions of its client (eventProcessor.js) either: after one failed attempt it
 * waits for the SDK's default of 30 seconds, during which no partition is claimed. Here it fails soon; the processor then begins its next round.
 * Without the member, which is not public, its default stays. All other requests have retryOptions.
 */
function easeBalancing(client: EventHubConsumerClient, { timeoutMs, readsAll }: ClientOptions): void {
  const { _context: context } = client as unknown as {
    readonly _context?: { managementSession?: Management };
  };
  const management = context?.managementSession;
  if (typeof management?.getEventHubProperties !== 'function') return;
  const ask = management.getEventHubProperties.bind(management);
  let last: EventHubProperties | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  management.getEventHubProperties = async (options = {}) => {
    if (options.retryOptions !== undefined) return await ask(options);
    if (last && readsAll?.() && performance.now() - askedAtMs < PARTITIONS_AGE_MS) return last;
    last = await ask({ ...options, retryOptions: { ...retryOptions(timeoutMs), maxRetries: 1 } });
    askedAtMs = performance.now();
    return last;
  };
}

/**
 * Opens a reader of the consumer group of a client without a store, and closes it. Rejects with CONSUMER_GROUP_NOT_FOUND, AZURE_UNAUTHORIZED
 * and what else keeps a reader from opening. Other readers of the group go on.
 */
export async function tryConsumerGroup(
  client: EventHubConsumerClient,
  {
    consumerGroup,
    partitionId,
    host,
    signal,
  }: { consumerGroup: string; partitionId: string; host: string; signal: AbortSignal },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const subscription = client.subscribe(
    partitionId,
    { processEvents: async () => resolve(), processError: async (error) => reject(error) },
    {
      startPosition: { offset: '@latest' },
      maxBatchSize: 1,
      maxWaitTimeInSeconds: 1,
      skipParsingBodyAsJson: true,
    },
  );
  try {
    await promise;
  } catch (thrown) {
    const error = consumerGroupError(
      azureError(thrown, { action: 'Opening the consumer group', host, right: 'ServiceConnect (or Listen)' }),
      consumerGroup,
      host,
    );
    // Readers that own the partition, or five readers, keep another one out. The group exists all the same.
    if (error.code !== 'PARTITION_TAKEN' && error.code !== 'QUOTA_EXCEEDED') throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await subscription.close();
  }
}

/** What a reader of a partition gets when there is no such consumer group: the endpoint itself has answered before. */
export function consumerGroupError(
  error: ConnectorError,
  consumerGroup: string,
  host: string,
): ConnectorError {
  if (error.code !== 'AZURE_NOT_FOUND') return error;
  return new ConnectorError(
    'CONSUMER_GROUP_NOT_FOUND',
    `The built-in endpoint at ${host} has no consumer group ${consumerGroup}.`,
    error.details ? { details: error.details } : {},
  );
}

const TOKEN_LIFETIME_SECONDS = 3600;

/**
 * The SDK makes tokens that expire an hour later by the clock of this machine, and Azure refuses them when that clock is an hour behind. It takes
 * no other provider of tokens for a connection string, so the one in its connection context is replaced.
 * test/azure/event-hubs/event-hub-client.test.ts shows that it is used.
 */
function useServiceClock(
  client: EventHubConsumerClient,
  { keyName, key }: { readonly keyName: string; readonly key: string },
  clock: ServiceClock,
): void {
  const { _context: context } = client as unknown as { readonly _context: { tokenCredential: unknown } };
  context.tokenCredential = {
    isSasTokenProvider: true,
    getToken: async (audience: string) => {
      const expiresOnTimestamp = Math.floor(clock.nowMs() / 1000) + TOKEN_LIFETIME_SECONDS;
      const resource = encodeURIComponent(audience);
      // Event Hubs uses the text of the key, unlike IoT Hub, which decodes it.
      const signature = createHmac('sha256', key)
        .update(`${resource}\n${expiresOnTimestamp}`)
        .digest('base64');
      const token =
        `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}` +
        `&se=${expiresOnTimestamp}&skn=${encodeURIComponent(keyName)}`;
      return { token, expiresOnTimestamp };
    },
  };
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
 * Bounds the AMQP link credit of @azure/event-hubs (Azure/azure-sdk-for-js#39452).
 *
 * The partition receiver of the SDK calls `addCredit(prefetch - queued)` in every receive cycle and ignores the outstanding credit. At a low
 * event rate the credit grows without limit (measured: 169,000 after 20 s); when the handler then blocks, the whole backlog is received into
 * memory. The number that the SDK passes is the wanted outstanding credit, so only the missing credit is added here.
 *
 * `addCredit` is a public method of rhea-promise. Replacing it on the prototype affects the receivers that the SDK creates. Only receivers
 * with manual credit are affected: in this program, the partition receivers of the SDK. Remove it when the SDK counts outstanding credit;
 * test/azure/event-hubs/event-hub-client.test.ts shows whether it does.
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
