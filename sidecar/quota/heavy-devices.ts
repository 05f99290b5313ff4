import type { QuotaDevice } from '../contract/quota.ts';

/** Devices that are counted one by one: memory stays the same however many devices a hub has. */
const CAPACITY = 500;
const WINDOW_MS = 600_000;

/** A device floods with at least so many messages in ten minutes, … */
const FLOOD_MESSAGES = 100;
/** … when that is so many times as much as usual, after half an hour of it, … */
const FLOOD_FACTOR = 5;
const USUAL_WINDOWS = 3;
/** … or this share of all messages of a hub with several devices. */
const FLOOD_SHARE = 0.5;
const SEVERAL_DEVICES = 3;

interface Counter {
  messages: number;
  excess: number;
  /** The window of ten minutes in which it was counted first, and the one in which it was counted last. */
  readonly first: number;
  window: number;
  current: number;
  previous: number;
}

/** A counter, and the messages that it had when it was put in order: it has at least so many. */
interface Ordered {
  readonly device: string;
  readonly counter: Counter;
  messages: number;
}

/** A counter on disk. */
export type KeptDevice = readonly [device: string, counter: Counter];

/**
 * The devices that use most, by the algorithm Space-Saving (Metwally et al., 2005): when there is no room, a new device takes the place of the
 * smallest, and its count, by which its own may then be too large. A device with more than 1/500 of all messages is never missing.
 */
export class HeavyDevices {
  readonly #counters = new Map<string, Counter>();
  /** All counters as a binary heap, the smallest first, from when the first device found no room. */
  #heap: Ordered[] = [];

  add(device: string, messages: number, nowMs: number): void {
    const window = Math.floor(nowMs / WINDOW_MS);
    const counter = this.#counters.get(device) ?? this.#begin(device, window);
    advance(counter, window);
    counter.messages += messages;
    counter.current += messages;
  }

  /** The devices with the most messages. `total`: those of all devices. */
  top(limit: number, total: number, nowMs: number): QuotaDevice[] {
    const window = Math.floor(nowMs / WINDOW_MS);
    const rest = 1 - (nowMs % WINDOW_MS) / WINDOW_MS;
    for (const counter of this.#counters.values()) advance(counter, window);
    const recentOf = ({ current, previous }: Counter) => Math.round(current + previous * rest);
    const recentTotal = [...this.#counters.values()].reduce((sum, counter) => sum + recentOf(counter), 0);
    return [...this.#counters]
      .sort(([, a], [, b]) => b.messages - a.messages)
      .slice(0, limit)
      .map(([device, counter]) => {
        const recent = recentOf(counter);
        return {
          device,
          messages: counter.messages,
          excess: counter.excess,
          share: total === 0 ? 0 : Math.round((counter.messages / total) * 1000) / 10,
          recent,
          floods: this.#floods(counter, recent, recentTotal, window),
        };
      });
  }

  clear(): void {
    this.#counters.clear();
    this.#heap = [];
  }

  kept(): KeptDevice[] {
    return [...this.#counters];
  }

  restore(kept: readonly KeptDevice[]): void {
    this.#heap = [];
    for (const [device, counter] of kept.slice(0, CAPACITY)) this.#counters.set(device, { ...counter });
  }

  #floods(counter: Counter, recent: number, recentTotal: number, window: number): boolean {
    if (recent < FLOOD_MESSAGES) return false;
    if (this.#counters.size >= SEVERAL_DEVICES && recent >= recentTotal * FLOOD_SHARE) return true;
    const windows = window - counter.first;
    const usual = (counter.messages - counter.excess - recent) / windows;
    return windows >= USUAL_WINDOWS && recent >= usual * FLOOD_FACTOR;
  }

  #begin(device: string, window: number): Counter {
    const smallest = this.#counters.size < CAPACITY ? undefined : this.#smallest();
    if (smallest) this.#counters.delete(smallest.device);
    const excess = smallest?.messages ?? 0;
    const counter = { messages: excess, excess, first: window, window, current: 0, previous: 0 };
    this.#counters.set(device, counter);
    if (smallest) this.#heap[0] = { device, counter, messages: excess };
    return counter;
  }

  /** A hub with many devices asks for nearly each message, so it does not look at all counters. Counters that have grown go down when they are met. */
  #smallest(): Ordered {
    if (this.#heap.length === 0) {
      this.#heap = [...this.#counters]
        .map(([device, counter]) => ({ device, counter, messages: counter.messages }))
        .sort((a, b) => a.messages - b.messages);
    }
    for (;;) {
      const first = this.#heap[0] as Ordered;
      if (first.messages === first.counter.messages) return first;
      first.messages = first.counter.messages;
      moveDown(this.#heap);
    }
  }
}

/** Moves the first to where it belongs: behind each that is smaller. */
function moveDown(heap: Ordered[]): void {
  const moved = heap[0] as Ordered;
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    const right = heap[2 * at + 2];
    const child = left && right && right.messages < left.messages ? 2 * at + 2 : 2 * at + 1;
    const smaller = heap[child];
    if (smaller === undefined || smaller.messages >= moved.messages) break;
    heap[at] = smaller;
    at = child;
  }
  heap[at] = moved;
}

function advance(counter: Counter, window: number): void {
  if (counter.window === window) return;
  counter.previous = counter.window === window - 1 ? counter.current : 0;
  counter.current = 0;
  counter.window = window;
}
