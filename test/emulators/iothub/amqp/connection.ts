/**
 * One AMQP connection: SASL, the table of its links, and which node each link belongs to. A node attaches itself to a
 * link or refuses it.
 */
import type { Duplex } from 'node:stream';
import rhea, {
  type Connection,
  type ConnectionOptions,
  type EventContext,
  type Receiver,
  type Sender,
} from 'rhea';
import type { ClientCertificate } from '../hub.ts';
import { type Address, parseAddress } from './addresses.ts';
import { Claims } from './claims.ts';
import { CoalescingSocket } from './coalescing-socket.ts';
import { acceptSocket, echoAttach, type Incoming, type Link, type Outgoing, refuse } from './link.ts';
import { writeAllFields } from './performatives.ts';
import type { AmqpParts } from './server.ts';

/** One attached link, as its node sees it. */
export interface Attachment {
  /** The client is gone or has detached. */
  closed?: () => void;
  /** Why the link must end now (a token's time is over, for example), if it must. */
  overdue?: () => string | undefined;
}

export interface AmqpNode {
  /** Client receives. Returns undefined after refusing the link. */
  outgoing?: (connection: AmqpConnection, link: Outgoing, address: Address) => Attachment | undefined;
  /** Client sends. */
  incoming?: (connection: AmqpConnection, link: Incoming, address: Address) => Attachment | undefined;
}

const IDLE_TIMEOUT_MS = 240_000;
const MAX_FRAME_BYTES = 65_536;
/** Sessions of a connection, less one, as Event Hubs says. */
const CHANNEL_MAX = 4999;

/** One try of a SASL mechanism, in the shape that rhea wants. */
interface Mechanism {
  outcome: boolean | undefined;
  username: string | undefined;
  start(response: Buffer | undefined, hostname: string | undefined): void;
}

export class AmqpConnection {
  readonly claims: Claims;
  readonly socket: CoalescingSocket;
  readonly #parts: AmqpParts;
  readonly #stream: Duplex;
  readonly #links = new Map<Link, { address: Address; text: string; attachment: Attachment }>();
  /** Called once when the connection is gone. */
  readonly #whenClosed: (() => void)[] = [];
  #closed = false;
  #connection: Connection | undefined;
  /** Whether a device's session lives on this connection. */
  hasDevices = (): boolean => false;

  constructor(parts: AmqpParts, stream: Duplex, certificate: ClientCertificate | undefined) {
    this.#parts = parts;
    this.#stream = stream;
    this.socket = new CoalescingSocket(stream);
    this.claims = new Claims(parts.authorizer, parts.policies, certificate);
  }

  start(): void {
    const container = rhea.create_container({ id: `${this.#parts.hubName}-${rhea.generate_uuid()}` });
    Object.assign(container.sasl_server_mechanisms, {
      MSSBCBS: () => accepting('cbs'),
      PLAIN: () => this.#plain(),
      ANONYMOUS: () => accepting('anonymous'),
      EXTERNAL: () => accepting('external'),
    });
    container.on('sender_open', (context: EventContext) => this.#attach(context.sender as Outgoing));
    container.on('receiver_open', (context: EventContext) => this.#attach(context.receiver as Incoming));
    container.on('sender_close', (context: EventContext) => this.#detached(context.sender as Outgoing));
    container.on('receiver_close', (context: EventContext) => this.#detached(context.receiver as Incoming));
    container.on('session_close', () => this.#sweep());
    container.on('disconnected', () => this.#over());
    // rhea answers the close frame and ends the socket by itself.
    container.on('connection_close', () => this.#over());
    // Whatever a client does wrong ends its connection, not the emulator.
    const broken = () => this.cut();
    for (const event of ['protocol_error', 'connection_error', 'error']) container.on(event, broken);
    for (const event of ['sender_error', 'receiver_error', 'session_error'])
      container.on(event, () => undefined);
    this.#stream.on('error', () => this.#over());
    this.#connection = container.create_connection({
      idle_time_out: IDLE_TIMEOUT_MS,
      max_frame_size: MAX_FRAME_BYTES,
      channel_max: CHANNEL_MAX,
      reconnect: false,
      receiver_options: { autoaccept: false, credit_window: 0 },
      sender_options: { treat_modified_as_released: false },
    } as unknown as ConnectionOptions);
    writeAllFields(this.#connection);
    acceptSocket(this.#connection, this.socket);
  }

  whenClosed(action: () => void): void {
    if (this.#closed) action();
    else this.#whenClosed.push(action);
  }

  cut(): void {
    this.#stream.destroy();
    this.#over();
  }

  /** Ends the connection with an error that the client is told. */
  close(condition: string, description: string): void {
    this.#connection?.close({ condition, description });
  }

  /** Detaches the links whose address contains the text; returns how many. */
  detach(part: string, condition: string, description: string): number {
    let count = 0;
    for (const [link, { text }] of [...this.#links]) {
      if (!text.toLowerCase().includes(part.toLowerCase())) continue;
      this.end(link, condition, description);
      count += 1;
    }
    return count;
  }

  /** Ends a link from this side. */
  end(link: Link, condition: string, description: string): void {
    this.#detached(link);
    refuse(link, condition, description);
  }

  /** Ends the links whose right is over. */
  checkRights(): void {
    for (const [link, { attachment }] of [...this.#links]) {
      const reason = attachment.overdue?.();
      if (reason) this.end(link, 'amqp:unauthorized-access', reason);
    }
  }

  /** For the $management and $cbs nodes: the outgoing link on which answers to this reply-to go. */
  replyLink(replyTo: string | undefined, node: Address['node']): Outgoing | undefined {
    let fallback: Outgoing | undefined;
    for (const [link, { address }] of this.#links) {
      if (!link.is_sender() || address.node !== node) continue;
      const outgoing = link as Outgoing;
      if (replyTo !== undefined && (outgoing.name === replyTo || outgoing.target?.address === replyTo)) {
        return outgoing;
      }
      fallback = outgoing;
    }
    return fallback;
  }

  #attach(link: Outgoing | Incoming): void {
    const outgoing = link.is_sender();
    const text = String((outgoing ? link.source : link.target)?.address ?? '');
    const address = parseAddress(text, this.#parts.eventHubName);
    const node = this.#parts.nodes[address.node];
    echoAttach(link);
    const attach = outgoing ? node?.outgoing : node?.incoming;
    if (!attach) {
      refuse(link, 'amqp:not-found', `There is no node ${text || '(none)'} for this kind of link`);
      return;
    }
    const attachment = outgoing
      ? node?.outgoing?.(this, link as Outgoing, address)
      : node?.incoming?.(this, link as Incoming, address);
    if (attachment) this.#links.set(link, { address, text, attachment });
  }

  #detached(link: Sender | Receiver): void {
    const entry = this.#links.get(link as Link);
    if (!entry) return;
    this.#links.delete(link as Link);
    entry.attachment.closed?.();
  }

  /** The links of a session that ended. */
  #sweep(): void {
    for (const link of [...this.#links.keys()]) if (link.is_closed()) this.#detached(link);
  }

  #over(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const link of [...this.#links.keys()]) this.#detached(link);
    for (const action of this.#whenClosed) action();
  }

  #plain(): Mechanism {
    const mechanism = accepting('');
    mechanism.start = (response) => {
      const [, user = '', password = ''] = (response ?? Buffer.alloc(0)).toString('utf8').split('\0');
      mechanism.outcome = this.claims.plain(user, password);
      mechanism.username = user;
    };
    return mechanism;
  }
}

function accepting(username: string): Mechanism {
  const mechanism: Mechanism = {
    outcome: undefined,
    username,
    start: () => {
      mechanism.outcome = true;
    },
  };
  return mechanism;
}
