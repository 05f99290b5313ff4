import rhea, { type Typed } from 'rhea';
import { Receiver } from 'rhea-promise';

/** The fields of a transfer frame that are used here, by rhea's names. */
export interface TransferFields {
  readonly delivery_id?: number | undefined;
  readonly message_format?: number | undefined;
  readonly settled?: boolean | undefined;
  readonly more?: boolean | undefined;
  readonly aborted?: boolean | undefined;
}

/** The fields of a flow frame and of the answer to `begin` that are used here, by rhea's names. */
interface SessionState {
  readonly next_outgoing_id: number;
  readonly outgoing_window: number;
}

/** The parts of rhea's session (lib/session.js) that are used here. */
interface Session {
  incoming: { readonly next_transfer_id: number; readonly max_transfer_id: number };
  readonly connection: { readonly socket?: { cork?(): void; uncork?(): void } | null };
  /** Writes a flow frame of the session, or of a link. */
  _write_flow(link?: Link): void;
  output(performative: Typed): void;
}

/** The parts of rhea's link (lib/link.js) that are used here. `credit` and `delivery_count` go into its flow frames. */
interface Link {
  readonly session: Session;
  credit: number;
  delivery_count: number;
}

/** Frames that the peer may send before it needs a flow frame: rhea's own number, with which the session was opened. */
const WINDOW = 2048;

const { types } = rhea;
const DISPOSITION = 0x15;
const ACCEPTED = 0x24;

/**
 * The incoming side of an AMQP session with one link, in place of rhea's, which makes an object with five closures for each message, decodes
 * the message at once, and passes it through five emitters. Here a message stays bytes until it is taken from the queue. The members with
 * underscores are those that rhea's session uses.
 */
export class IncomingTransfers {
  readonly window = WINDOW;
  next_transfer_id: number;
  /** Set by the session when it writes a flow frame. */
  max_transfer_id: number;
  remote_next_transfer_id: number | undefined;
  remote_window: number | undefined;
  readonly #link: Link;
  readonly #onMessage: (payload: Buffer | undefined) => void;
  /** The frames of a message that is not complete. */
  #parts: Buffer[] = [];
  #firstUnsettled: number | undefined;
  #last = 0;
  #closed = false;

  /** `onMessage` is called with the bytes of each message; with undefined for a transfer that is no AMQP message. */
  constructor(receiver: Receiver, onMessage: (payload: Buffer | undefined) => void) {
    this.#link = linkOf(receiver) as Link;
    this.#onMessage = onMessage;
    const { next_transfer_id, max_transfer_id } = this.#link.session.incoming;
    this.next_transfer_id = next_transfer_id;
    this.max_transfer_id = max_transfer_id;
    this.#link.session.incoming = this;
  }

  /** How many messages the service may still send. */
  get credit(): number {
    return this.#link.credit;
  }

  /** Accepts all messages that were received so far, in one frame. */
  accept(): void {
    if (this.#firstUnsettled === undefined || this.#closed) return;
    this.#link.session.output(disposition(this.#firstUnsettled, this.#last));
    this.#firstUnsettled = undefined;
  }

  /**
   * Accepts all messages that were received so far, and lets the service send so many more. Both frames are written at once: the second of two small
   * writes would wait until the service has acknowledged the first.
   */
  addCredit(count: number): void {
    if (this.#closed) return;
    const { session } = this.#link;
    const { socket } = session.connection;
    socket?.cork?.();
    this.accept();
    this.#link.credit += count;
    session._write_flow(this.#link);
    socket?.uncork?.();
  }

  /** Messages after the call are dropped: the service sends them again. */
  close(): void {
    this.#closed = true;
    this.#parts = [];
  }

  /** Called by rhea when it reads the frames itself. */
  on_transfer({ performative, payload }: { performative: TransferFields; payload?: Buffer }): void {
    this.take(performative, payload);
  }

  /** The next frame of the link. */
  take(
    { delivery_id, message_format, settled, more, aborted }: TransferFields,
    payload: Buffer | undefined,
  ): void {
    this.next_transfer_id += 1;
    if (this.max_transfer_id - this.next_transfer_id < WINDOW / 2) this.#link.session._write_flow();
    if (this.#closed) return;
    if (delivery_id !== undefined) this.#last = delivery_id;
    if (payload && (more || this.#parts.length > 0)) this.#parts.push(payload);
    if (more && !aborted) return;
    const whole = this.#parts.length > 0 ? Buffer.concat(this.#parts) : payload;
    this.#parts = [];
    this.#link.credit -= 1;
    this.#link.delivery_count += 1;
    if (aborted) return;
    if (!settled) this.#firstUnsettled ??= this.#last;
    this.#onMessage(message_format ? undefined : whole);
  }

  /** Called by rhea when it has something to write. */
  process(): void {}

  on_begin(state: SessionState): void {
    this.on_flow(state);
  }

  on_flow({ next_outgoing_id, outgoing_window }: SessionState): void {
    this.next_transfer_id = next_outgoing_id;
    this.remote_next_transfer_id = next_outgoing_id;
    this.remote_window = outgoing_window;
  }

  /** The service settles what this side settles already. */
  on_disposition(): void {}
}

/** The link that a receiver of rhea-promise wraps; undefined when this version keeps it under another name. */
function linkOf(receiver: Receiver): Partial<Link> | undefined {
  return (receiver as unknown as { readonly _link?: Link })._link;
}

/**
 * Whether rhea and rhea-promise have the names that are used here. They are not public, so they are looked for on a link of a connection that is
 * never opened.
 */
export function canReceiveTransfers(): boolean {
  const connection = rhea.create_connection({ reconnect: false } as never);
  const link = connection.create_session().attach_receiver({ credit_window: 0 });
  const session = { id: '', connection: { id: '' } };
  const { session: own, credit, delivery_count } = linkOf(new Receiver(session as never, link)) ?? {};
  return (
    typeof own?._write_flow === 'function' &&
    typeof own.output === 'function' &&
    [credit, delivery_count, own.incoming?.next_transfer_id, own.incoming?.max_transfer_id].every(
      Number.isInteger,
    )
  );
}

/** The disposition performative (AMQP 1.0, part 2.7.6) of a receiver that accepts and settles a range of deliveries. */
function disposition(first: number, last: number): Typed {
  const accepted = types.wrap_described([], ACCEPTED);
  const fields = [
    types.wrap_boolean(true),
    types.wrap_uint(first),
    types.wrap_uint(last),
    types.wrap_boolean(true),
    accepted,
  ];
  return types.wrap_described(fields, DISPOSITION);
}
