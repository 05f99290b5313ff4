import type { ReceivedMessage, Update } from '../../translate/types.ts';

/** A received message without its body: its properties and annotations. */
const MESSAGE_BYTES = 600;
/** A row without its values, and one of its values. */
const ROW_BYTES = 160;
const VALUE_BYTES = 24;

/**
 * The memory of all messages in flight in this process: those of all partitions of all hubs. A lane that has nothing in flight may always go on, so
 * no partition waits for another one.
 */
export class FlightBudget {
  readonly #maxBytes: number;
  readonly #listeners = new Set<() => void>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isSpent(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  take(bytes: number): void {
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    const wasSpent = this.isSpent;
    this.#bytes -= bytes;
    if (wasSpent && !this.isSpent) for (const listener of this.#listeners) listener();
  }

  /** Calls the listener each time that there is room again, until the function that it returns is called. */
  onRoom(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** About what a message takes in memory as it was received. */
export function receivedBytes({ body }: ReceivedMessage): number {
  return MESSAGE_BYTES + body.byteLength;
}

/** About what the rows of a message take in memory. A short message may hold many. */
export function rowBytes(updates: readonly Update[]): number {
  let bytes = 0;
  for (const { values } of updates) bytes += ROW_BYTES + values.length * VALUE_BYTES;
  return bytes;
}
