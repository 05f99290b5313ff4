import { randomUUID } from 'node:crypto';
import rhea, { type Message, type Sender } from 'rhea';
import { ConnectorError } from '../../errors/connector-error.ts';
import { inSpan } from '../../observe/spans.ts';
import { type HubCredentials, hostNameOf } from '../credentials.ts';
import { type AmqpSession, openHubSession, withDeadline } from './amqp-session.ts';
import type { OnMetered } from './metering.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { type CallOptions, hubPath, type RestClient } from './rest-client.ts';

/** The outcomes of a message that the hub reports in feedback. */
type Acknowledgement = 'none' | 'positive' | 'negative' | 'full';

export interface CloudToDeviceMessage {
  /** At most 64 KB with the properties. */
  readonly body: Uint8Array | string;
  readonly properties?: Readonly<Record<string, string>>;
  /** Feedback refers to it. Default: a random UUID. */
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  /** After this time the hub drops a message that the device has not received. Default: the time to live of the hub (one hour). */
  readonly expiresAt?: Date;
  readonly ack?: Acknowledgement;
}

interface CloudToDeviceOptions {
  readonly credentials: HubCredentials;
  readonly rest: RestClient;
  readonly rateLimiter: RateLimiter;
  /** Receives what messages use of the daily quota. */
  readonly onMetered?: OnMetered | undefined;
}

/**
 * Cloud-to-device messages. The connection opens with the first message, and again after a connection loss. A message is never sent twice:
 * after AZURE_TIMEOUT it may have arrived.
 *
 * Errors: DEVICE_NOT_FOUND, DEVICE_QUEUE_FULL (50 wait already), QUOTA_EXCEEDED, AZURE_THROTTLED, AZURE_UNAUTHORIZED, AZURE_UNREACHABLE,
 * AZURE_TIMEOUT, AZURE_REJECTED (too large).
 */
export class CloudToDeviceMessages {
  readonly #options: CloudToDeviceOptions;
  readonly #host: string;
  #link: Promise<Link> | undefined;
  #closed = false;

  constructor(options: CloudToDeviceOptions) {
    this.#options = options;
    this.#host = hostNameOf(options.credentials);
  }

  /** Resolves when the hub has queued the message for the device, with the message id that feedback refers to. */
  async send(
    deviceId: string,
    message: CloudToDeviceMessage,
    options: CallOptions = {},
  ): Promise<{ readonly messageId: string }> {
    if (this.#closed) throw new ConnectorError('STOPPING', 'The connection to the IoT Hub is closing.');
    const deadlineMs = Date.now() + (options.timeoutMs ?? 30_000);
    const { signal } = options;
    await this.#options.rateLimiter.take('message', { deadlineMs, ...(signal ? { signal } : {}) });
    const messageId = message.messageId ?? randomUUID();
    const context = { action: `Sending a message to ${deviceId}`, host: this.#host, conditions: CONDITIONS };
    const left = { timeoutMs: Math.max(1, deadlineMs - Date.now()), ...(signal ? { signal } : {}) };
    await inSpan(
      () => ({
        kind: 'call',
        name: 'IoT Hub message',
        attributes: { 'server.address': this.#host, 'iothub.action': context.action },
      }),
      () =>
        withDeadline(
          async () => {
            const { session, sender } = await this.#open();
            await session.send(sender, toAmqp(deviceId, { ...message, messageId }));
          },
          context,
          left,
        ),
    );
    this.#options.onMetered?.({
      kind: 'message',
      deviceId,
      sizes: [sizeOf(message, messageId)],
      isOwn: options.isOwn === true,
    });
    return { messageId };
  }

  /** Purges the message queue of a device. Returns the number of removed messages. */
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
    const link = this.#link;
    this.#link = undefined;
    await link?.then(
      ({ session }) => session.close(),
      () => undefined,
    );
  }

  /** Callers share one link and one attempt to open it. A link that failed or ended is not used again. */
  #open(): Promise<Link> {
    if (!this.#link) {
      const opening = openLink(this.#options.credentials);
      this.#link = opening;
      const forget = (): void => {
        if (this.#link === opening) this.#link = undefined;
      };
      opening.then(({ session }) => session.ended.then(forget), forget);
    }
    return this.#link;
  }
}

/** Meanings of the AMQP conditions with which the hub rejects a message. */
const CONDITIONS = {
  'amqp:not-found': 'DEVICE_NOT_FOUND',
  'amqp:resource-limit-exceeded': 'DEVICE_QUEUE_FULL',
} as const;

interface Link {
  readonly session: AmqpSession;
  readonly sender: Sender;
}

async function openLink(credentials: HubCredentials): Promise<Link> {
  const session = await openHubSession(credentials);
  const context = { action: 'Opening the link for messages', host: hostNameOf(credentials) };
  try {
    return {
      session,
      sender: await withDeadline(() => session.openSender('/messages/devicebound'), context, {}),
    };
  } catch (error) {
    session.close();
    throw error;
  }
}

/** The body, what describes it, and the names and values of the properties. */
function sizeOf({ body, properties = {}, ...message }: CloudToDeviceMessage, messageId: string): number {
  const { correlationId = '', contentType = '', contentEncoding = '' } = message;
  const texts = [
    messageId,
    correlationId,
    contentType,
    contentEncoding,
    ...Object.entries(properties).flat(),
  ];
  return texts.reduce((sum, text) => sum + text.length, Buffer.byteLength(body));
}

function toAmqp(deviceId: string, message: CloudToDeviceMessage & { messageId: string }): Message {
  const { body, ack, properties } = message;
  const bytes =
    typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return {
    to: `/devices/${encodeURIComponent(deviceId)}/messages/devicebound`,
    message_id: message.messageId,
    ...(message.correlationId === undefined ? {} : { correlation_id: message.correlationId }),
    ...(message.contentType === undefined ? {} : { content_type: message.contentType }),
    ...(message.contentEncoding === undefined ? {} : { content_encoding: message.contentEncoding }),
    ...(message.expiresAt === undefined ? {} : { absolute_expiry_time: message.expiresAt }),
    application_properties: { ...properties, ...(ack === undefined ? {} : { 'iothub-ack': ack }) },
    body: rhea.message.data_section(bytes),
  } as unknown as Message;
}
