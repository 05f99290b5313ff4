import type { Connection, EventContext } from 'rhea';
import { ConnectorError } from '../../errors/connector-error.ts';
import { type AmqpTransport, closeConnection, connectAmqp } from '../amqp-connection.ts';
import { azureError } from '../azure-error.ts';
import { type IotHubConnection, parseAddress } from '../connection-string.ts';
import type { ServiceClock } from '../service-clock.ts';
import { hubToken, policyName } from './authorization.ts';

interface DiscoveryOptions {
  /** Timeout of the whole operation. Default 30000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Default `amqp`. */
  readonly transport?: AmqpTransport;
  /** By which tokens expire. Default: the clock of this machine. */
  readonly clock?: ServiceClock | undefined;
}

/**
 * Finds the Event Hubs-compatible endpoint of an IoT Hub: the hub answers a receiver on `/messages/events/$management` with an AMQP link
 * redirect. Its address holds the namespace, the port and the entity path. Returns an Event Hubs connection string with the same policy and key.
 *
 * Needs a policy key with the right ServiceConnect: a shared access signature is valid for the host of the hub only.
 * Throws AZURE_UNAUTHORIZED, AZURE_UNREACHABLE, AZURE_TIMEOUT, AZURE_CANCELLED, AZURE_FAILED, CONNECTION_STRING_INVALID.
 */
export async function discoverEventHub(
  hub: IotHubConnection,
  options: DiscoveryOptions = {},
): Promise<string> {
  if (hub.access.kind !== 'key') {
    throw new ConnectorError(
      'CONNECTION_STRING_INVALID',
      'IoT Hub connection string: the endpoint for events cannot be found with a SharedAccessSignature. Use SharedAccessKeyName and ' +
        'SharedAccessKey, or set the Event Hubs-compatible endpoint.',
    );
  }
  const timeoutMs = options.timeoutMs ?? 30_000;
  const redirect = await receiveRedirect(hub, timeoutMs, options);
  const { host, port, entityPath } = parseRedirect(redirect, hub.hostName);
  const endpoint = `sb://${host.includes(':') ? `[${host}]` : host}${port === 5671 ? '' : `:${port}`}/`;
  return `Endpoint=${endpoint};SharedAccessKeyName=${hub.access.keyName};SharedAccessKey=${hub.access.key};EntityPath=${entityPath}`;
}

/** A link redirect; `address` is complete, such as `amqps://ns.servicebus.windows.net:5671/hub/$management`. */
interface Redirect {
  readonly address?: unknown;
  readonly hostname?: unknown;
  readonly port?: unknown;
}

function receiveRedirect(
  hub: IotHubConnection,
  timeoutMs: number,
  { signal, transport, clock }: DiscoveryOptions,
): Promise<Redirect> {
  const context = { action: 'Finding the endpoint for events', host: hub.hostName, right: 'ServiceConnect' };
  if (signal?.aborted) return Promise.reject(azureError(signal.reason, context));
  return new Promise((resolve, reject) => {
    const connection = openConnection(hub, transport, clock);
    const timer = setTimeout(() => {
      fail(
        new ConnectorError(
          'AZURE_TIMEOUT',
          `${context.action}: ${hub.hostName} did not answer within ${timeoutMs} ms.`,
        ),
      );
    }, timeoutMs);
    const abort = (): void => fail(azureError(signal?.reason, context));
    signal?.addEventListener('abort', abort, { once: true });

    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      closeConnection(connection);
    }
    function fail(error: unknown): void {
      finish();
      reject(azureError(error, context));
    }

    connection.on('receiver_error', ({ receiver }: EventContext) => {
      const error = receiver?.error as { condition?: string; info?: Redirect } | undefined;
      if (error?.condition !== 'amqp:link:redirect' || !error.info) return fail(error);
      finish();
      resolve(error.info);
    });
    connection.on('receiver_close', () =>
      fail(new ConnectorError('AZURE_FAILED', `${context.action}: ${hub.hostName} sent no redirect.`)),
    );
    connection.on('connection_error', ({ error, connection: failed }: EventContext) =>
      fail(error ?? failed.error),
    );
    connection.on('error', (error: unknown) => fail(error));
    connection.on('disconnected', ({ error }: EventContext) => {
      fail(
        error ??
          new ConnectorError(
            'AZURE_UNREACHABLE',
            `${context.action}: ${hub.hostName} closed the connection.`,
          ),
      );
    });
    connection.open_receiver({
      source: { address: `amqps://${hub.host}/messages/events/$management` },
      credit_window: 0,
    });
  });
}

function openConnection(
  hub: IotHubConnection,
  transport: AmqpTransport | undefined,
  clock: ServiceClock | undefined,
): Connection {
  return connectAmqp(
    { ...hub, transport },
    {
      username: `${policyName(hub)}@sas.root.${hub.hubName}`,
      password: hubToken(hub, '/messages/events', 300, clock?.nowMs()),
    },
  );
}

function parseRedirect(
  redirect: Redirect,
  hubHost: string,
): { host: string; port: number; entityPath: string } {
  const address = String(redirect.address ?? '');
  const match = /^amqps?:\/\/([^/]+)\/(.+?)\/\$management$/i.exec(address);
  if (!match?.[1] || !match[2]) {
    throw new ConnectorError(
      'AZURE_FAILED',
      `Finding the endpoint for events: ${hubHost} redirected to an unknown address.`,
    );
  }
  const { host, port } = parseAddress(match[1], 'the redirect address', 'Endpoint for events');
  return { host, port: port ?? 5671, entityPath: match[2] };
}
