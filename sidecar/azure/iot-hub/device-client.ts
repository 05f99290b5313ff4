import { randomUUID } from 'node:crypto';
import { apiVersion } from 'azure-iothub/dist/version.js';
import rhea, { type Message, type Sender } from 'rhea';
import { ConnectorError } from '../../errors/connector-error.ts';
import { type HubCredentials, hostNameOf } from '../credentials.ts';
import { AmqpSession, type ClaimToken, SETTLED, withDeadline } from './amqp-session.ts';
import { sasToken, TOKEN_LIFETIME_SECONDS } from './authorization.ts';
import type { JsonObject } from './hub-types.ts';
import type { CallOptions } from './rest-client.ts';

interface DeviceClientOptions {
  /** They say where the hub is, how it is reached and what time it is. Devices prove themselves by their own key. */
  readonly credentials: HubCredentials;
  readonly deviceId: string;
  readonly key: string;
  /** The answer to a direct method. */
  readonly answer: (methodName: string, payload: unknown) => { status: number; payload: unknown };
  /** Called with the desired properties that were changed. */
  readonly onDesired: (patch: JsonObject) => void;
}

interface Links {
  readonly events: Sender;
  readonly twin: Sender;
}

const DESIRED = '/notifications/twin/properties/desired';
const REPORTED = '/properties/reported';

/**
 * A device on AMQP: it sends telemetry, answers direct methods, hears of desired properties and reports properties (articles "AMQP support" and
 * "Device twins" of IoT Hub; the twin and method links as Microsoft's device SDK uses them). It is opened once and never reconnected.
 *
 * Errors: AZURE_UNAUTHORIZED, AZURE_UNREACHABLE, AZURE_TIMEOUT, AZURE_REJECTED, AZURE_THROTTLED, AZURE_CANCELLED.
 */
export class DeviceClient {
  readonly #options: DeviceClientOptions;
  readonly #session: AmqpSession;
  readonly #twinAnswers = new Map<string, (answer: Message) => void>();
  #links: Links | undefined;

  constructor(options: DeviceClientOptions) {
    this.#options = options;
    const { credentials } = options;
    const address = credentials.kind === 'entra' ? credentials : credentials.connection;
    this.#session = new AmqpSession({ ...address, transport: credentials.transport });
  }

  /** Whether it was opened and its connection has not ended. */
  get isOpen(): boolean {
    return this.#links !== undefined;
  }

  async open(options: CallOptions = {}): Promise<void> {
    const { deviceId } = this.#options;
    void this.#session.ended.then(() => {
      this.#links = undefined;
    });
    await this.#run(`Connecting the device ${deviceId}`, options, async () => {
      await this.#session.open(async () => this.#claim());
      const path = `/devices/${encodeURIComponent(deviceId)}`;
      const twin = await this.#openTwin(`${path}/twin`);
      await this.#openMethods(`${path}/methods/devicebound`);
      const events = await this.#session.openSender(`${path}/messages/events`, linkOptions());
      await this.#ask(twin, 'PUT', DESIRED, ' ');
      this.#links = { events, twin };
    });
  }

  /** Sends a telemetry message in JSON. Resolves when the hub has it. */
  async send(body: JsonObject, options: CallOptions = {}): Promise<void> {
    await this.#run(`Sending a message of the device ${this.#options.deviceId}`, options, async () => {
      const message = {
        content_type: 'application/json',
        content_encoding: 'utf-8',
        body: rhea.message.data_section(Buffer.from(JSON.stringify(body))),
      };
      await this.#session.send(this.#live().events, message as unknown as Message);
    });
  }

  /** Changes reported properties. Resolves when the hub has them. */
  async report(patch: JsonObject, options: CallOptions = {}): Promise<void> {
    await this.#run(`Reporting properties of the device ${this.#options.deviceId}`, options, () =>
      this.#ask(this.#live().twin, 'PATCH', REPORTED, JSON.stringify(patch)),
    );
  }

  /** Idempotent. What is under way rejects. */
  close(): void {
    this.#links = undefined;
    this.#session.close();
  }

  #live(): Links {
    if (this.#links) return this.#links;
    throw new ConnectorError('AZURE_UNREACHABLE', `The device ${this.#options.deviceId} is not connected.`);
  }

  #claim(): ClaimToken {
    const { credentials, deviceId, key } = this.#options;
    const { host } = credentials.kind === 'entra' ? credentials : credentials.connection;
    const audience = `${host}/devices/${encodeURIComponent(deviceId)}`;
    const nowMs = credentials.clock?.nowMs() ?? Date.now();
    const token = sasToken(audience, undefined, key, Math.ceil(nowMs / 1000) + TOKEN_LIFETIME_SECONDS);
    return { audience, token, expiresAtMs: Date.now() + TOKEN_LIFETIME_SECONDS * 1000 };
  }

  async #openTwin(address: string): Promise<Sender> {
    const options = { ...linkOptions('twin'), snd_settle_mode: SETTLED, rcv_settle_mode: 0 } as const;
    const sender = await this.#session.openSender(address, options);
    await this.#session.listen(address, (message) => this.#twinMessage(message), options);
    return sender;
  }

  async #openMethods(address: string): Promise<void> {
    const options = linkOptions('methods');
    const sender = await this.#session.openSender(address, { ...options, snd_settle_mode: SETTLED });
    const answer = (message: Message): void => {
      const name = String(message.application_properties?.['IoThub-methodname'] ?? '');
      const { status, payload } = this.#options.answer(name, jsonOf(message));
      // A connection that ends meanwhile takes the call with it: IoT Hub answers the caller.
      this.#session
        .post(sender, {
          correlation_id: correlationOf(message),
          application_properties: { 'IoThub-status': rhea.types.wrap_int(status) },
          body: rhea.message.data_section(Buffer.from(JSON.stringify(payload))),
        } as unknown as Message)
        .catch(() => undefined);
    };
    await this.#session.listen(address, answer, options);
  }

  #twinMessage(message: Message): void {
    const id = correlationOf(message);
    const waiting = this.#twinAnswers.get(id);
    this.#twinAnswers.delete(id);
    if (waiting) waiting(message);
    else if (id === '') this.#options.onDesired((jsonOf(message) ?? {}) as JsonObject);
  }

  /** Asks the twin, and waits for the answer. */
  async #ask(sender: Sender, operation: string, resource: string, body: string): Promise<void> {
    const id = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    this.#twinAnswers.set(id, resolve);
    void this.#session.ended.then(reject);
    try {
      await this.#session.post(sender, {
        correlation_id: id,
        message_annotations: { operation, resource },
        body: rhea.message.data_section(Buffer.from(body)),
      } as unknown as Message);
      const answer = await promise;
      const status = Number((answer.message_annotations as Record<string, unknown> | undefined)?.['status']);
      if (status >= 200 && status < 300) return;
      const { message = '' } = (jsonOf(answer) ?? {}) as { message?: string };
      throw new ConnectorError(
        status === 429 ? 'AZURE_THROTTLED' : 'AZURE_REJECTED',
        `The twin of the device ${this.#options.deviceId}: IoT Hub answered ${status}. ${message}`.trim(),
      );
    } finally {
      this.#twinAnswers.delete(id);
    }
  }

  #run(action: string, options: CallOptions, work: () => Promise<void>): Promise<void> {
    const context = { action, host: hostNameOf(this.#options.credentials), right: 'DeviceConnect' };
    return withDeadline(work, context, options);
  }
}

/** Both links of a pair have the same correlation id. */
function linkOptions(pair?: 'twin' | 'methods') {
  return {
    properties: {
      'com.microsoft:api-version': apiVersion,
      ...(pair ? { 'com.microsoft:channel-correlation-id': `${pair}:${randomUUID()}` } : {}),
    },
  };
}

/** IoT Hub sends UUIDs, which arrive as 16 bytes. */
function correlationOf({ correlation_id: id }: Message): string {
  if (id === undefined || id === null) return '';
  return Buffer.isBuffer(id) && id.length === 16 ? rhea.uuid_to_string(id) : String(id);
}

function jsonOf({ body }: Message): unknown {
  const { content = body } = (body ?? {}) as { content?: unknown };
  const text = Buffer.isBuffer(content) ? content.toString() : String(content ?? '');
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
