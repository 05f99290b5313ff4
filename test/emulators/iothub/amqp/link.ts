/** What the server needs of rhea's links beyond their published types: the local attach frame and counters. */
import type { AmqpError, Connection, Receiver, Sender, Session } from 'rhea';

interface LocalAttach {
  snd_settle_mode?: number;
  rcv_settle_mode?: number;
  max_message_size?: number;
  offered_capabilities?: unknown;
  properties?: unknown;
  source?: unknown;
  target?: unknown;
}

/** A terminus as rhea decodes it. */
interface Composite {
  described(): unknown;
}

interface LocalState {
  local: { attach: LocalAttach };
}

/** An outgoing link: the client receives. */
export type Outgoing = Sender & LocalState & { credit: number };
/** An incoming link: the client sends. */
export type Incoming = Receiver & LocalState;
export type Link = Outgoing | Incoming;

interface OutgoingWindow {
  available(): number;
  next_delivery_id: number;
  next_pending_delivery: number;
}

/** How many more deliveries the session can hold. */
export function freeSlots(session: Session): number {
  return (session as unknown as { outgoing: OutgoingWindow }).outgoing.available();
}

/** Deliveries handed to the session that its window has not let out yet. */
export function heldBack(session: Session): number {
  const { outgoing } = session as unknown as { outgoing: OutgoingWindow };
  return outgoing.next_delivery_id - outgoing.next_pending_delivery;
}

export function acceptSocket(connection: Connection, socket: unknown): void {
  (connection as unknown as { accept(socket: unknown): void }).accept(socket);
}

/**
 * Answers the attach with the client's own termini, as brokers do, and with its own properties: azure-eventhub for
 * Python fails where it sent some and gets none back. What the service adds to them is not known.
 */
export function echoAttach(link: Link): void {
  // Not by set_source and set_target, which write into the empty list that rhea shares.
  const { source, target } = link as unknown as Record<'source' | 'target', Composite | undefined>;
  if (source) link.local.attach.source = source.described();
  if (target) link.local.attach.target = target.described();
  if (link.properties) link.local.attach.properties = link.properties;
}

/** Ends a link for a reason that the client is told. */
export function refuse(
  link: Link,
  condition: string,
  description: string,
  info?: Record<string, unknown>,
): void {
  const error: AmqpError = { condition, description };
  if (info) error.info = info;
  link.close(error);
}

/** The value of a described AMQP value, or the value itself. */
export function plain(value: unknown): unknown {
  if (value !== null && typeof value === 'object' && 'value' in value && 'type' in value) {
    return plain((value as { value: unknown }).value);
  }
  return value;
}
