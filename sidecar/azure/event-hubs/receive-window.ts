/** Bytes of messages that a link receives ahead. IoT Hub takes messages of up to 256 KB, so 300 of them could take 77 MB. */
const MAX_BYTES_AHEAD = 512 * 1024;
/** Bytes of messages that are taken together: about what is translated together. */
const MAX_BATCH_BYTES = 256 * 1024;
/** The expected size of the first messages. */
const FIRST_BYTES = 16 * 1024;
/** The share of one message in the mean of the last ones. */
const WEIGHT = 1 / 16;

/**
 * The messages that wait in one link, and how many more the service may send: not more than a number of messages, and about a number of bytes. The
 * service counts messages only, so the bytes of messages that have not come are calculated with the mean size of the last ones.
 */
export class ReceiveWindow {
  readonly #maxCount: number;
  #queue: (Buffer | undefined)[] = [];
  #bytes = 0;
  #meanBytes = FIRST_BYTES;

  constructor(maxCount: number) {
    this.#maxCount = maxCount;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Undefined stands for a transfer that is no AMQP message. */
  push(payload: Buffer | undefined): void {
    const bytes = payload?.byteLength ?? 0;
    this.#queue.push(payload);
    this.#bytes += bytes;
    this.#meanBytes += (bytes - this.#meanBytes) * WEIGHT;
  }

  /** The first messages, at least one if there is any. */
  take(maxCount: number): readonly (Buffer | undefined)[] {
    let count = 0;
    let bytes = 0;
    while (count < maxCount && count < this.#queue.length && bytes < MAX_BATCH_BYTES) {
      bytes += this.#queue[count]?.byteLength ?? 0;
      count += 1;
    }
    this.#bytes -= bytes;
    return this.#queue.splice(0, count);
  }

  clear(): void {
    this.#queue = [];
    this.#bytes = 0;
  }

  /**
   * The credit to add to the outstanding credit. None while less than half is missing, so that a busy link writes two frames for many messages.
   */
  missingCredit(credit: number): number {
    const most = this.#fitting(MAX_BYTES_AHEAD, this.#maxCount);
    const free = this.#fitting(MAX_BYTES_AHEAD - this.#bytes, this.#maxCount - this.#queue.length);
    const missing = Math.max(free, this.isEmpty ? 1 : 0) - credit;
    return missing > 0 && missing * 2 >= most ? missing : 0;
  }

  #fitting(bytes: number, maxCount: number): number {
    return Math.min(maxCount, Math.floor(bytes / Math.max(this.#meanBytes, 1)));
  }
}
