/** One device or module on an AMQP connection, which may carry several of them: its links make up its session. */
import rhea from 'rhea';
import type { Principal } from '../hub.ts';
import type { CloseReason, LiveSession, Sessions } from '../sessions.ts';
import type { AmqpConnection } from './connection.ts';
import type { Link, Outgoing } from './link.ts';

const conditions: Record<CloseReason, [condition: string, description: string]> = {
  // Not known: the condition that the service uses for each of these.
  replaced: [
    'amqp:link:detach-forced',
    'Another connection of the same identity was opened (LinkCreationConflict)',
  ],
  expired: ['amqp:unauthorized-access', 'ExpiredToken: The token is expired.'],
  identity: ['amqp:unauthorized-access', 'The identity was deleted or disabled'],
  fault: ['amqp:link:detach-forced', 'The connection was cut'],
  stop: ['amqp:link:detach-forced', 'The hub is stopping'],
};

const CLOSE_AFTER_MS = 5000;

export class AmqpDeviceSession implements LiveSession {
  readonly protocol = 'amqp';
  readonly deviceId: string;
  readonly moduleId: string | undefined;
  readonly connection: AmqpConnection;
  readonly #sessions: Sessions;
  readonly #ended: () => void;
  readonly #links = new Set<Link>();
  #principal: Principal;
  #isOver = false;
  #methods: Outgoing | undefined;
  #twin: Outgoing | undefined;
  #inputs: Outgoing | undefined;
  /** Set while the device wants to hear of desired properties. */
  wantsDesired = false;

  constructor(
    connection: AmqpConnection,
    sessions: Sessions,
    principal: Principal,
    identity: { deviceId: string; moduleId: string | undefined },
    ended: () => void,
  ) {
    this.connection = connection;
    this.#sessions = sessions;
    this.#principal = principal;
    this.deviceId = identity.deviceId;
    this.moduleId = identity.moduleId;
    this.#ended = ended;
  }

  /** Of the newest token; the last one when there is no valid one any more. */
  get principal(): Principal {
    const current = this.connection.claims.device(this.deviceId, this.moduleId);
    if (current) this.#principal = current;
    else
      this.#principal = {
        ...this.#principal,
        expiresAtMs: Math.min(this.#principal.expiresAtMs, Date.now()),
      };
    return this.#principal;
  }

  get acceptsMethods(): boolean {
    return this.#methods !== undefined;
  }
  get twinLink(): Outgoing | undefined {
    return this.#twin;
  }

  added(link: Link, role: 'methods' | 'twin' | 'inputs' | undefined): void {
    this.#links.add(link);
    if (role === 'methods') this.#methods = link as Outgoing;
    if (role === 'twin') this.#twin = link as Outgoing;
    if (role === 'inputs') this.#inputs = link as Outgoing;
    if (this.#links.size === 1) this.#sessions.opened(this);
    if (role === 'methods') this.#sessions.subscribed(this);
  }

  /** A session without links is over. */
  removed(link: Link): void {
    this.#links.delete(link);
    if (link === this.#methods) this.#methods = undefined;
    if (link === this.#inputs) this.#inputs = undefined;
    if (link === this.#twin) {
      this.#twin = undefined;
      this.wantsDesired = false;
    }
    if (this.#links.size === 0) this.#over();
  }

  sendMethod(requestId: string, methodName: string, payload: Buffer): void {
    this.#methods?.send({
      correlation_id: Buffer.from(rhea.string_to_uuid(requestId)),
      application_properties: { 'IoThub-methodname': methodName },
      body: rhea.message.data_section(payload),
    } as never);
  }

  sendDesired(patch: Buffer, version: number): void {
    if (!this.wantsDesired) return;
    this.#twin?.send({
      message_annotations: {
        resource: '/notifications/twin/properties/desired',
        version: rhea.types.wrap_long(version),
      },
      body: rhea.message.data_section(patch),
    } as never);
  }

  sendInput(inputName: string, body: Uint8Array, properties: Record<string, string>): void {
    this.#inputs?.send({
      message_annotations: { 'x-opt-input-name': inputName },
      application_properties: properties,
      body: rhea.message.data_section(Buffer.from(body)),
    } as never);
  }

  close(reason: CloseReason): void {
    if (reason === 'fault' || reason === 'stop') {
      this.connection.cut();
      this.#over();
      return;
    }
    const [condition, description] = conditions[reason];
    this.#over();
    for (const link of [...this.#links]) this.connection.end(link, condition, description);
    // A connection that carried nothing else is closed as well, unless the client does so first. Not known how long
    // the service waits; the SDK for Node hangs when the connection is closed in the middle of its answer.
    const { connection } = this;
    const timer = setTimeout(() => {
      if (!connection.hasDevices()) connection.close(condition, description);
    }, CLOSE_AFTER_MS);
    connection.whenClosed(() => clearTimeout(timer));
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended();
    this.#sessions.closed(this);
  }
}
