import type { TokenCredential } from '@azure/identity';
import { ConnectorError } from '../errors/connector-error.ts';
import type { AmqpTransport } from './amqp-connection.ts';
import { requireTokenHost } from './azure-hosts.ts';
import { type HostAddress, type IotHubConnection, parseAddress, parseIotHub } from './connection-string.ts';
import type { ServiceClock } from './service-clock.ts';

/** How the sidecar authenticates to an IoT Hub: with the connection string of a policy, or with a Microsoft Entra identity. */
export type HubCredentials = (
  | { readonly kind: 'connectionString'; readonly connection: IotHubConnection }
  | ({
      readonly kind: 'entra';
      readonly hostName: string;
      readonly credential: TokenCredential;
    } & HostAddress)
) & {
  /** For cloud-to-device messages, feedback and file upload notifications. Default `amqp`. */
  readonly transport?: AmqpTransport;
  /** By which tokens expire. Default: the clock of this machine. */
  readonly clock?: ServiceClock;
};

/**
 * Microsoft Entra ID with DefaultAzureCredential: environment, workload identity, managed identity, Azure CLI. Loaded on first use, because
 * the library takes longer to load than the rest of the sidecar and most installations do not use it.
 */
export async function loadEntraCredential(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential();
}

/**
 * Credentials from settings: the connection string when there is one, else the host name of the hub with Microsoft Entra ID.
 * Throws CONNECTION_STRING_INVALID, or SETTING_MISSING when neither is given.
 */
export async function hubCredentials(settings: {
  readonly connectionString?: string | undefined;
  readonly hostName?: string | undefined;
  /** Default: `loadEntraCredential`. */
  readonly credential?: TokenCredential | undefined;
  readonly transport?: AmqpTransport | undefined;
  readonly clock?: ServiceClock;
}): Promise<HubCredentials> {
  const common = {
    ...(settings.transport ? { transport: settings.transport } : {}),
    ...(settings.clock ? { clock: settings.clock } : {}),
  };
  if (settings.connectionString)
    return { kind: 'connectionString', connection: parseIotHub(settings.connectionString), ...common };
  if (!settings.hostName) {
    throw new ConnectorError(
      'SETTING_MISSING',
      'Neither the IoT Hub connection string nor the IoT Hub host name is set; expected one of them.',
    );
  }
  const address = requireHostName(settings.hostName, 'IoT Hub host name');
  const credential = settings.credential ?? (await loadEntraCredential());
  return { kind: 'entra', hostName: settings.hostName, credential, ...address, ...common };
}

/** Reads the host name of an IoT Hub to which tokens may be sent. `setting` names it in messages. Throws CONNECTION_STRING_INVALID. */
export function requireHostName(hostName: string, setting: string): HostAddress {
  const address = parseAddress(hostName, 'the host name', setting);
  requireTokenHost(address.host, setting);
  return address;
}

/** The host name of a hub, with its port when it has one. */
export function hostNameOf(credentials: HubCredentials): string {
  return credentials.kind === 'entra' ? credentials.hostName : credentials.connection.hostName;
}
