/**
 * A queue whose readers take a message by lock, as IoT Hub's cloud-to-device, feedback and file-notification queues
 * work: complete removes it, abandon and the end of the lock put it back, reject and too many deliveries end it.
 */
import { randomUUID } from 'node:crypto';

export type EndReason = 'completed' | 'rejected' | 'expired' | 'deliveryCountExceeded' | 'purged';
export type Outcome = 'complete' | 'abandon' | 'reject';

export interface LockQueueOptions<T> {
  lockMs: number;
  maxDeliveryCount: number;
  ended: (item: T, reason: EndReason) => void;
}

export interface Locked<T> {
  lockToken: string;
  item: T;
  /** Deliveries before this one. */
  deliveryCount: number;
}

interface Entry<T> {
  item: T;
  expiresAtMs: number;
  deliveryCount: number;
  lockToken?: string | undefined;
  lockedUntilMs?: number | undefined;
}

export class LockQueue<T> {
  readonly #options: LockQueueOptions<T>;
  #entries: Entry<T>[] = [];

  constructor(options: LockQueueOptions<T>) {
    this.#options = options;
  }

  /** Messages that are neither completed nor ended, locked ones included. */
  get size(): number {
    return this.#entries.length;
  }

  add(item: T, expiresAtMs: number): void {
    this.#entries.push({ item, expiresAtMs, deliveryCount: 0 });
  }

  /** Locks the oldest free message. */
  lock(): Locked<T> | undefined {
    this.sweep();
    const entry = this.#entries.find((candidate) => candidate.lockToken === undefined);
    if (!entry) return undefined;
    entry.lockToken = randomUUID();
    entry.lockedUntilMs = Date.now() + this.#options.lockMs;
    entry.deliveryCount += 1;
    return { lockToken: entry.lockToken, item: entry.item, deliveryCount: entry.deliveryCount - 1 };
  }

  /** False when the lock is lost: expired, settled already or unknown. */
  settle(lockToken: string, outcome: Outcome): boolean {
    this.sweep();
    const entry = this.#entries.find((candidate) => candidate.lockToken === lockToken);
    if (!entry) return false;
    if (outcome === 'complete') this.#end(entry, 'completed');
    else if (outcome === 'reject') this.#end(entry, 'rejected');
    else this.#release(entry);
    return true;
  }

  /** Removes all messages that are not locked at the moment, and the locked ones too: their locks are lost. */
  purge(): number {
    const entries = this.#entries;
    this.#entries = [];
    for (const entry of entries) this.#options.ended(entry.item, 'purged');
    return entries.length;
  }

  /** Ends what is over its time and frees what was locked too long; returns whether a message became free. */
  sweep(): boolean {
    const now = Date.now();
    let freed = false;
    for (const entry of [...this.#entries]) {
      if (entry.lockedUntilMs !== undefined && entry.lockedUntilMs <= now) {
        freed = true;
        this.#release(entry);
      }
      if (entry.lockToken === undefined && entry.expiresAtMs <= now) this.#end(entry, 'expired');
    }
    return freed;
  }

  #release(entry: Entry<T>): void {
    entry.lockToken = undefined;
    entry.lockedUntilMs = undefined;
    if (entry.deliveryCount >= this.#options.maxDeliveryCount) this.#end(entry, 'deliveryCountExceeded');
  }

  #end(entry: Entry<T>, reason: EndReason): void {
    const index = this.#entries.indexOf(entry);
    if (index < 0) return;
    this.#entries.splice(index, 1);
    this.#options.ended(entry.item, reason);
  }
}
