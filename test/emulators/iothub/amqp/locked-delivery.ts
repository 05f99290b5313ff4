/**
 * Feeds a receiver from a queue with locks: a message that the client accepts is complete, one that it releases or that
 * is under way when it leaves goes back, one that it rejects is ended.
 */
import type { Delivery, EventContext } from 'rhea';
import rhea from 'rhea';
import type { Outcome } from '../lock-queue.ts';
import type { Outgoing } from './link.ts';

export interface LockedSource {
  /** The next message as rhea takes it, or undefined. */
  receive(): { lockToken: string; message: object } | undefined;
  settle(lockToken: string, outcome: Outcome): void;
}

export class LockedDelivery {
  readonly #link: Outgoing;
  readonly #source: LockedSource;
  readonly #locked = new Map<Delivery, string>();
  #pumping = false;
  #stopped = false;

  constructor(link: Outgoing, source: LockedSource) {
    this.#link = link;
    this.#source = source;
  }

  start(): void {
    // The client settles; a client that asks for settled transfers gets its messages completed as they are sent.
    const settled = this.#link.snd_settle_mode === 1;
    this.#link.local.attach.snd_settle_mode = settled ? 1 : 0;
    const outcomes = {
      accepted: 'complete',
      rejected: 'reject',
      released: 'abandon',
      modified: 'abandon',
    } as const;
    for (const [event, outcome] of Object.entries(outcomes)) {
      this.#link.on(event, (context: EventContext) => this.#settled(context.delivery, outcome));
    }
    this.#link.on('sender_flow', () => this.wake());
    this.wake();
  }

  /** To be called when the source may have something. */
  wake(): void {
    if (!this.#pumping && !this.#stopped) void this.#pump();
  }

  stop(): void {
    this.#stopped = true;
    for (const lockToken of this.#locked.values()) this.#source.settle(lockToken, 'abandon');
    this.#locked.clear();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (!this.#stopped && this.#link.credit > 0) {
      const next = this.#source.receive();
      if (!next) break;
      const tag = rhea.string_to_uuid(next.lockToken);
      const delivery = this.#link.send(next.message as never, Buffer.from(tag));
      if (this.#link.local.attach.snd_settle_mode === 1) this.#source.settle(next.lockToken, 'complete');
      else this.#locked.set(delivery, next.lockToken);
      // rhea counts the credit down when it writes, after this turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#pumping = false;
  }

  #settled(delivery: Delivery | undefined, outcome: Outcome): void {
    const lockToken = delivery ? this.#locked.get(delivery) : undefined;
    if (!delivery || lockToken === undefined) return;
    this.#locked.delete(delivery);
    this.#source.settle(lockToken, outcome);
  }
}
