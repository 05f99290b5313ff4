import type { CloseReason, EventPosition } from '@azure/event-hubs';
import type { ConnectionContext } from './connection-context.ts';
import { type PartitionProcessor, PartitionReader, type ReaderOptions } from './partition-reader.ts';

/**
 * The readers of the partitions that the SDK's event processor owns, in place of its own `PumpManager`. The processor balances, claims and finds
 * the positions; it calls these members, whose names and parameters are those of the SDK (pumpManager.js).
 */
export class PartitionReaders {
  readonly #options: ReaderOptions;
  readonly #readers = new Map<string, PartitionReader>();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  isReceivingFromPartition(partitionId: string): boolean {
    return this.#readers.get(partitionId)?.isReading ?? false;
  }

  /** Starts a reader of a partition that the processor has claimed. */
  async createPump(
    startPosition: EventPosition,
    context: ConnectionContext,
    processor: PartitionProcessor,
    signal: AbortSignal,
  ): Promise<void> {
    const { partitionId } = processor;
    if (signal.aborted || this.isReceivingFromPartition(partitionId)) return;
    const reader = new PartitionReader(context, processor, startPosition, this.#options);
    this.#readers.set(partitionId, reader);
    reader.start();
  }

  /** A partition that shall be reopened ends with the next delivery. */
  wake(partitionId: string): void {
    this.#readers.get(partitionId)?.wake();
  }

  async removeAllPumps(reason: CloseReason): Promise<void> {
    const readers = [...this.#readers.values()];
    this.#readers.clear();
    await Promise.all(readers.map((reader) => reader.stop(reason)));
  }
}
