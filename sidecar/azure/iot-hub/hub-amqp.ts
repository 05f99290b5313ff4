import { ConnectorError } from '../../errors/connector-error.ts';
import { type AzureContext, azureError } from '../azure-error.ts';
import type { HubCredentials } from '../credentials.ts';
import { AmqpSession, type ClaimToken } from './amqp-session.ts';
import type { CallOptions } from './hub-rest.ts';
import { hubToken } from './sas-token.ts';

/** What is being done, for error messages. */
export interface AmqpContext extends AzureContext {
  readonly host: string;
}

const LIFETIME_SECONDS = 3600;
const ENTRA_SCOPE = 'https://iothubs.azure.net/.default';

/** The name (and port) under which a hub is called. */
export function hostNameOf(credentials: HubCredentials): string {
  return credentials.kind === 'entra' ? credentials.hostName : credentials.connection.hostName;
}

/**
 * Opens an AMQP session with the service side of a hub. Throws AZURE_UNAUTHORIZED, AZURE_UNREACHABLE, AZURE_TIMEOUT, AZURE_CANCELLED.
 */
export async function openHubSession(
  credentials: HubCredentials,
  options: CallOptions = {},
): Promise<AmqpSession> {
  const address = credentials.kind === 'entra' ? credentials : credentials.connection;
  const host = hostNameOf(credentials);
  const session = new AmqpSession({ ...address, transport: credentials.transport });
  try {
    await withinTime(
      () => session.open(() => claimToken(credentials)),
      { action: `Connecting to ${host}`, host },
      options,
    );
    return session;
  } catch (error) {
    session.close();
    throw error;
  }
}

async function claimToken(credentials: HubCredentials): Promise<ClaimToken> {
  if (credentials.kind === 'connectionString') {
    const { connection } = credentials;
    const token = hubToken(connection, '', LIFETIME_SECONDS);
    const given = Number(/[ &]se=(\d+)/.exec(token)?.[1]);
    return { audience: connection.host, token, expiresAtMs: given * 1000 };
  }
  const token = await credentials.credential.getToken(ENTRA_SCOPE);
  if (!token) throw new ConnectorError('AZURE_UNAUTHORIZED', 'The identity gives no token for IoT Hub.');
  return { audience: ENTRA_SCOPE, token: `Bearer ${token.token}`, expiresAtMs: token.expiresOnTimestamp };
}

/** Does AMQP work under a deadline and a signal, with its errors mapped (azure-error.ts). */
export async function withinTime<T>(
  work: () => Promise<T>,
  context: AmqpContext,
  options: CallOptions,
): Promise<T> {
  const { timeoutMs = 30_000, signal } = options;
  const interrupted = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    interrupted.reject(
      new ConnectorError(
        'AZURE_TIMEOUT',
        `${context.action}: ${context.host} did not answer within ${timeoutMs} ms.`,
      ),
    );
  }, timeoutMs);
  const abort = (): void =>
    interrupted.reject(new ConnectorError('AZURE_CANCELLED', `${context.action}: cancelled.`));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const working = signal?.aborted ? interrupted.promise : work();
  working.catch(() => {});
  try {
    return await Promise.race([working, interrupted.promise]);
  } catch (thrown) {
    throw azureError(thrown, { ...context, right: 'ServiceConnect' });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
