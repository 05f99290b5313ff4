import type { PartitionProperties } from '@azure/event-hubs';
import { ConnectorError } from '../../errors/connector-error.ts';
import type { LastEnqueued } from './event-types.ts';

/** What the service has said of the beginning and the end of each partition. */
export class PartitionEnds {
  readonly #ask: (partitionId: string, signal?: AbortSignal) => Promise<PartitionProperties>;
  readonly #known = new Map<string, LastEnqueued>();

  constructor(ask: (partitionId: string, signal?: AbortSignal) => Promise<PartitionProperties>) {
    this.#ask = ask;
  }

  of(partitionId: string): LastEnqueued | undefined {
    return this.#known.get(partitionId);
  }

  async read(partitionId: string, signal?: AbortSignal): Promise<LastEnqueued> {
    const end = await this.#ask(partitionId, signal);
    const known = {
      sequenceNumber: end.lastEnqueuedSequenceNumber,
      beginningSequenceNumber: end.beginningSequenceNumber,
      enqueuedOnMs: end.lastEnqueuedOnUtc.getTime(),
      readAtMs: Date.now(),
    };
    this.#known.set(partitionId, known);
    return known;
  }

  /**
   * Why the events between two sequence numbers never came: these numbers have no gaps but for what the hub has dropped at the end of its
   * retention time, without a word. Undefined when the hub still has what came before.
   */
  async gap(partitionId: string, after: number, next: number): Promise<ConnectorError | undefined> {
    const { beginningSequenceNumber } = await this.read(partitionId);
    if (beginningSequenceNumber <= after + 1) return undefined;
    const messages = next - after - 1;
    return new ConnectorError(
      'MESSAGES_EXPIRED',
      `The hub has dropped ${messages} messages of partition ${partitionId} before they were read (sequence numbers ${after + 1} to ` +
        `${next - 1}): its retention time is shorter than the sidecar was away or ThingWorx held it up.`,
      { details: { messages } },
    );
  }
}
