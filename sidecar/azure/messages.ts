import { randomUUID } from 'node:crypto';
import type { Message } from 'azure-iot-common';
import { ConnectorError } from '../errors/connector-error.ts';
import type { HubCredentials } from './credentials.ts';
import { type HubAmqp, loadCommon, openHubAmqp, withinTime } from './hub-amqp.ts';
import { type CallOptions, type HubRest, hubPath } from './hub-rest.ts';
import type { HubQuota } from './quota.ts';

/** Which outcomes of a message the hub reports back. */
export type Acknowledgement = 'none' | 'positive' | 'negative' | 'full';

export interface CloudMessage {
  /** At most 64 KB with the properties. */
  readonly body: Uint8Array | string;
  readonly properties?: Readonly<Record<string, string>>;
  /** Made up when absent: feedback names it. */
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  /** After this time the hub drops a message that was not taken. The hub's own time to live (one hour) when absent. */
  readonly expiresAt?: Date;
  readonly ack?: Acknowledgement;
}

export interface MessagesOptions {
  readonly credentials: HubCredentials;
  readonly rest: HubRest;
  readonly quota?: HubQuota;
}

/**
 * Cloud-to-device messages. The connection opens with the first message and again after it broke; a message is never sent twice, so
 * one that failed with AZURE_TIMEOUT may have arrived.
 *
 * Errors: DEVICE_NOT_FOUND, DEVICE_QUEUE_FULL (50 wait already), QUOTA_EXCEEDED, AZURE_THROTTLED, AZURE_UNAUTHORIZED, AZURE_UNREACHABLE,
 * AZURE_TIMEOUT, AZURE_REJECTED (too large).
 */
export class Messages {
  readonly #options: MessagesOptions;
  #connection: Promise<HubAmqp> | undefined;
  #closed = false;

  constructor(options: MessagesOptions) {
    this.#options = options;
  }

  /** Resolves when the hub has taken the message into the device's queue; with the id that feedback will name. */
  async send(
    deviceId: string,
    message: CloudMessage,
    options: CallOptions = {},
  ): Promise<{ readonly messageId: string }> {
    if (this.#closed) throw new ConnectorError('STOPPING', 'The connection to the hub is being closed.');
    const deadlineMs = Date.now() + (options.timeoutMs ?? 30_000);
    const { signal } = options;
    await this.#options.quota?.take('message', { deadlineMs, ...(signal ? { signal } : {}) });
    const messageId = message.messageId ?? randomUUID();
    const sdkMessage = await toSdkMessage({ ...message, messageId });
    const left = (): CallOptions => ({ ...options, timeoutMs: Math.max(1, deadlineMs - Date.now()) });
    const connection = await this.#connect(left());
    const context = { action: `Sending a message to ${deviceId}`, host: connection.host };
    try {
      await withinTime(connection.client.send(deviceId, sdkMessage), context, left());
    } catch (thrown) {
      // After these the state of the connection is unknown.
      const { code } = thrown as ConnectorError;
      if (code === 'AZURE_TIMEOUT' || code === 'AZURE_UNREACHABLE' || code === 'AZURE_FAILED')
        this.#drop(connection);
      throw thrown;
    }
    return { messageId };
  }

  /** Removes all messages that wait for a device; returns how many. */
  async purge(deviceId: string, options: CallOptions = {}): Promise<number> {
    const { body } = await this.#options.rest.request<{ totalMessagesPurged: number }>({
      ...options,
      method: 'DELETE',
      path: hubPath('devices', deviceId, 'commands'),
      operation: 'message',
      action: `Purging the messages of ${deviceId}`,
      right: 'ServiceConnect',
    });
    return body.totalMessagesPurged;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const connection = this.#connection;
    this.#connection = undefined;
    await (await connection?.catch(() => undefined))?.close();
  }

  /** Callers share one attempt to connect; a failed one is forgotten. */
  async #connect(options: CallOptions): Promise<HubAmqp> {
    if (!this.#connection) {
      const opening = openHubAmqp(this.#options.credentials, { timeoutMs: options.timeoutMs ?? 30_000 });
      this.#connection = opening;
      const forget = (): void => {
        if (this.#connection === opening) this.#connection = undefined;
      };
      opening.then((connection) => connection.ended.then(forget), forget);
    }
    return await withinTime(this.#connection, { action: 'Connecting to the hub', host: 'the hub' }, options);
  }

  #drop(connection: HubAmqp): void {
    this.#connection = undefined;
    void connection.close();
  }
}

async function toSdkMessage(message: CloudMessage & { messageId: string }): Promise<Message> {
  const { Message: SdkMessage } = await loadCommon();
  const { body } = message;
  const sdkMessage = new SdkMessage(
    typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength),
  );
  sdkMessage.messageId = message.messageId;
  if (message.correlationId !== undefined) sdkMessage.correlationId = message.correlationId;
  if (message.contentType !== undefined) sdkMessage.contentType = message.contentType as 'application/json';
  if (message.contentEncoding !== undefined) sdkMessage.contentEncoding = message.contentEncoding as 'utf-8';
  if (message.expiresAt !== undefined) sdkMessage.expiryTimeUtc = message.expiresAt.getTime();
  if (message.ack !== undefined) sdkMessage.ack = message.ack;
  for (const [name, value] of Object.entries(message.properties ?? {}))
    sdkMessage.properties.add(name, value);
  return sdkMessage;
}
