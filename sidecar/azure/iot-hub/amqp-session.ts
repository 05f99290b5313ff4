import { randomUUID } from 'node:crypto';
import type {
  Connection,
  Delivery,
  EventContext,
  Message,
  Receiver,
  ReceiverOptions,
  Sender,
  SenderOptions,
} from 'rhea';
import { ConnectorError } from '../../errors/connector-error.ts';
import { type AmqpAddress, closeConnection, connectAmqp } from '../amqp-connection.ts';
import { type AzureContext, azureError } from '../azure-error.ts';
import { type HubCredentials, hostNameOf } from '../credentials.ts';
import { ENTRA_SCOPE, hubToken, TOKEN_LIFETIME_SECONDS } from './authorization.ts';
import type { CallOptions } from './rest-client.ts';

/** A claim: a token for an audience, and when it expires. */
export interface ClaimToken {
  readonly audience: string;
  readonly token: string;
  readonly expiresAtMs: number;
}

/** The sender settle mode of a link on which everything is sent settled (AMQP 1.0, 2.8.2). */
export const SETTLED = 1;

interface Waiter {
  done(): void;
  fail(reason: unknown): void;
}

/**
 * One AMQP connection over TLS with its claim. It is opened once and never reconnected. When the connection, the claim or a link fails,
 * every pending call rejects and `ended` resolves with the reason; the owner opens another session. Errors are those of AMQP and of sockets,
 * not mapped.
 */
export class AmqpSession {
  readonly ended: Promise<unknown>;
  readonly #address: AmqpAddress;
  readonly #end: (reason: unknown) => void;
  /** Reject functions of all pending calls. */
  readonly #waiting = new Set<(reason: unknown) => void>();
  readonly #unsettled = new Map<Delivery, Waiter>();
  readonly #unclaimed = new Map<string, Waiter>();
  #connection: Connection | undefined;
  #claimSender: Sender | undefined;
  #renewal: NodeJS.Timeout | undefined;
  #over = false;
  #reason: unknown = ended();

  constructor(address: AmqpAddress) {
    this.#address = address;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.ended = promise;
    this.#end = resolve;
  }

  /** Connects and sends the claim; `token` is called again before the claim expires. */
  async open(token: () => Promise<ClaimToken>): Promise<void> {
    const connection = this.#connect();
    this.#connection = connection;
    await this.#until((done) => connection.once('connection_open', () => done()));
    this.#claimSender = await this.openSender('$cbs');
    await this.listen('$cbs', (message) => this.#claimAnswered(message));
    await this.#claim(token);
  }

  /** Opens a link to send on. */
  async openSender(address: string, options: SenderOptions = {}): Promise<Sender> {
    const sender = this.#live().open_sender({ ...options, target: { address } });
    sender.setMaxListeners(0);
    const settle =
      (accepted: boolean) =>
      ({ delivery }: EventContext): void => {
        const waiter = delivery && this.#unsettled.get(delivery);
        if (!waiter) return;
        this.#unsettled.delete(delivery);
        const state = delivery.remote_state as { error?: unknown } | undefined;
        if (accepted) waiter.done();
        else waiter.fail(state?.error ?? notTaken());
      };
    sender.on('accepted', settle(true));
    for (const outcome of ['rejected', 'released', 'modified']) sender.on(outcome, settle(false));
    await this.#until((done) => sender.once('sender_open', () => done()));
    return sender;
  }

  /** Opens a link to receive on, without credit: the caller adds credit and settles each delivery. */
  openReceiver(address: string): Promise<Receiver> {
    return this.#openReceiver(address, { credit_window: 0, autoaccept: false });
  }

  /** Opens a link whose messages are accepted as they come. */
  async listen(
    address: string,
    onMessage: (message: Message) => void,
    options: ReceiverOptions = {},
  ): Promise<void> {
    await this.#openReceiver(address, { ...options, credit_window: 20 }, onMessage);
  }

  /** Resolves when the other side has accepted the message; rejects with its AMQP error when it refused. */
  async send(sender: Sender, message: Message): Promise<void> {
    if (!sender.sendable()) await this.#until((done) => sender.once('sendable', () => done()));
    await this.#until((done, fail) => this.#unsettled.set(sender.send(message), { done, fail }));
  }

  /** Sends on a link of the settle mode SETTLED: the other side does not answer. */
  async post(sender: Sender, message: Message): Promise<void> {
    if (!sender.sendable()) await this.#until((done) => sender.once('sendable', () => done()));
    sender.send(message);
  }

  /** Idempotent; waits for nothing. */
  close(): void {
    this.#fail(ended());
  }

  #connect(): Connection {
    // A peer that is silent for twice this time counts as dead.
    const connection = connectAmqp(this.#address, { idle_time_out: 60_000 });
    const fail = (context: EventContext): void =>
      this.#fail(context.error ?? context.connection?.error ?? ended());
    connection.on('connection_error', fail);
    connection.on('connection_close', fail);
    connection.on('session_error', ({ session }: EventContext) => this.#fail(session?.error));
    connection.on('session_close', fail);
    connection.on('sender_error', ({ sender }: EventContext) => this.#fail(sender?.error));
    connection.on('sender_close', fail);
    connection.on('receiver_error', ({ receiver }: EventContext) => this.#fail(receiver?.error));
    connection.on('receiver_close', fail);
    connection.on('protocol_error', (error: unknown) => this.#fail(error));
    connection.on('error', (error: unknown) => this.#fail(error));
    connection.on('disconnected', fail);
    return connection;
  }

  async #openReceiver(
    address: string,
    options: ReceiverOptions,
    onMessage?: (message: Message) => void,
  ): Promise<Receiver> {
    const receiver = this.#live().open_receiver({ source: { address }, ...options });
    if (onMessage)
      receiver.on('message', ({ message }: EventContext) => {
        if (message) onMessage(message);
      });
    await this.#until((done) => receiver.once('receiver_open', () => done()));
    return receiver;
  }

  async #claim(token: () => Promise<ClaimToken>): Promise<void> {
    const claim = await token();
    const sender = this.#claimSender;
    if (!sender) throw ended();
    const message_id = randomUUID();
    const properties = {
      operation: 'put-token',
      type: 'servicebus.windows.net:sastoken',
      name: claim.audience,
    };
    await this.#until((done, fail) => {
      this.#unclaimed.set(message_id, { done, fail });
      sender.send({
        message_id,
        reply_to: 'cbs',
        to: '$cbs',
        application_properties: properties,
        body: claim.token,
      });
    });
    const renewInMs = Math.max(1000, ((claim.expiresAtMs - Date.now()) * 2) / 3);
    this.#renewal = setTimeout(() => {
      this.#claim(token).catch((error) => this.#fail(error));
    }, renewInMs);
    this.#renewal.unref();
  }

  #claimAnswered(message: Message): void {
    const id = String(message.correlation_id);
    const waiter = this.#unclaimed.get(id);
    this.#unclaimed.delete(id);
    const properties = message.application_properties ?? {};
    const status = Number(properties['status-code']);
    if (status >= 200 && status < 300) {
      waiter?.done();
      return;
    }
    const condition = status === 404 ? 'amqp:not-found' : 'amqp:unauthorized-access';
    waiter?.fail({ condition, description: String(properties['status-description'] ?? status) });
  }

  #live(): Connection {
    if (this.#over || !this.#connection) throw this.#reason;
    return this.#connection;
  }

  /** A promise that rejects when the session ends first. */
  #until(start: (done: () => void, fail: (reason: unknown) => void) => void): Promise<void> {
    if (this.#over) return Promise.reject(this.#reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.add(reject);
    start(resolve, reject);
    return promise.finally(() => this.#waiting.delete(reject));
  }

  #fail(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#reason = reason ?? ended();
    clearTimeout(this.#renewal);
    const connection = this.#connection;
    if (connection) closeConnection(connection);
    for (const reject of this.#waiting) reject(this.#reason);
    this.#end(this.#reason);
  }
}

function notTaken(): ConnectorError {
  return new ConnectorError('AZURE_FAILED', 'IoT Hub did not accept the message.');
}

function ended(): ConnectorError {
  return new ConnectorError('AZURE_UNREACHABLE', 'The AMQP connection has ended.');
}

/** The operation that runs, for error messages. */
interface AmqpContext extends AzureContext {
  readonly host: string;
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
    await withDeadline(
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
    const nowMs = credentials.clock?.nowMs() ?? Date.now();
    const token = hubToken(connection, '', TOKEN_LIFETIME_SECONDS, nowMs);
    const given = Number(/[ &]se=(\d+)/.exec(token)?.[1]);
    // On the clock of this machine, by which the renewal is timed.
    return { audience: connection.host, token, expiresAtMs: given * 1000 - nowMs + Date.now() };
  }
  const token = await credentials.credential.getToken(ENTRA_SCOPE);
  if (!token)
    throw new ConnectorError(
      'AZURE_UNAUTHORIZED',
      'The Microsoft Entra identity returned no token for IoT Hub.',
    );
  return { audience: ENTRA_SCOPE, token: `Bearer ${token.token}`, expiresAtMs: token.expiresOnTimestamp };
}

/** Runs AMQP work with a deadline and a signal, and maps its errors (azure-error.ts). */
export async function withDeadline<T>(
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
    throw azureError(thrown, { right: 'ServiceConnect', ...context });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
