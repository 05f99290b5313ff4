import type { TokenCredential } from '@azure/identity';
import type { AmqpTransport } from './amqp-connect.ts';

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
