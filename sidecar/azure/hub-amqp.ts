import type { Client } from 'azure-iothub';
import { ConnectorError } from '../errors/connector-error.ts';
import { azureError } from './azure-error.ts';
import { bounded } from './bounded.ts';
import type { HubCredentials } from './credentials.ts';
import type { CallOptions } from './hub-rest.ts';

const CLOSE_TIMEOUT_MS = 5000;

/** An open AMQP connection to the service side of a hub, by Microsoft's service client. */
export interface HubAmqp {
  readonly client: Client;
  readonly host: string;
  /** Resolves when the connection is gone, whoever ended it. Never rejects. */
  readonly ended: Promise<void>;
  /** Never throws, never hangs. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens a connection. The library is loaded on first use. Its own retries (up to four minutes, deaf to any deadline) are switched off:
 * whoever holds a connection that failed closes it and opens another.
 *
 * Throws AZURE_UNAUTHORIZED, AZURE_UNREACHABLE, AZURE_TIMEOUT, AZURE_CANCELLED.
 */
export async function openHubAmqp(credentials: HubCredentials, options: CallOptions = {}): Promise<HubAmqp> {
  const host = credentials.kind === 'entra' ? credentials.hostName : credentials.connection.hostName;
  const client = await createClient(credentials);
  const ended = Promise.withResolvers<void>();
  client.on('disconnect', () => ended.resolve());
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= bounded(client.close(), CLOSE_TIMEOUT_MS).then(() => ended.resolve());
    return closing;
  };
  try {
    await withinTime(client.open(), { action: `Connecting to ${host}`, host }, options);
  } catch (error) {
    // Not awaited: a connection that never opened may take its time to say so.
    void close();
    throw error;
  }
  return { client, host, ended: ended.promise, close };
}

async function createClient(credentials: HubCredentials): Promise<Client> {
  const [{ Client }, { NoRetry }] = await Promise.all([loadServiceClient(), loadCommon()]);
  const client =
    credentials.kind === 'entra'
      ? Client.fromTokenCredential(credentials.hostName, credentials.credential)
      : credentials.connection.access.kind === 'signature'
        ? Client.fromSharedAccessSignature(credentials.connection.access.signature)
        : Client.fromConnectionString(credentials.connection.connectionString);
  client.setRetryPolicy(new NoRetry());
  return client;
}

async function loadServiceClient(): Promise<typeof import('azure-iothub')> {
  const module = await import('azure-iothub');
  return (module as unknown as { default?: typeof import('azure-iothub') }).default ?? module;
}

export async function loadCommon(): Promise<typeof import('azure-iot-common')> {
  const module = await import('azure-iot-common');
  return (module as unknown as { default?: typeof import('azure-iot-common') }).default ?? module;
}

/** Waits for a call of the service client, which knows neither deadlines nor signals. Errors as azure-error.ts maps them. */
export async function withinTime<T>(
  work: Promise<T>,
  context: { readonly action: string; readonly host: string },
  options: CallOptions,
): Promise<T> {
  const { timeoutMs = 30_000, signal } = options;
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  const interrupted = new Promise<never>((_, reject) => {
    const late = new ConnectorError(
      'AZURE_TIMEOUT',
      `${context.action}: ${context.host} did not answer within ${timeoutMs} ms.`,
    );
    timer = setTimeout(() => reject(late), timeoutMs);
    abort = () => reject(new ConnectorError('AZURE_CANCELLED', `${context.action}: cancelled.`));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, interrupted]);
  } catch (thrown) {
    throw azureError(thrown, { ...context, right: 'ServiceConnect' });
  } finally {
    clearTimeout(timer);
    if (abort) signal?.removeEventListener('abort', abort);
    work.catch(() => {});
  }
}
