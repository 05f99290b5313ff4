import { setTimeout as sleep } from 'node:timers/promises';
import type { CloseReason, EventSourceHandlers } from '../../sidecar/azure/event-hubs/event-types.ts';
import type { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import type { ReceivedMessage } from '../../sidecar/translate/types.ts';

/** Waits until the condition holds; rejects with `what` after the bound. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await sleep(20);
  }
}

/** Handlers that write down what they are told. `onEvents` may hold a batch back or reject it. */
export class Recorder implements EventSourceHandlers {
  readonly events: Array<{ partitionId: string; event: ReceivedMessage }> = [];
  readonly opened: string[] = [];
  /** Where reading began, by partition. */
  readonly begins = new Map<string, number | undefined>();
  readonly closed: Array<{ partitionId: string; reason: CloseReason }> = [];
  readonly errors: Array<{ partitionId: string | undefined; error: ConnectorError }> = [];
  onEvents: ((partitionId: string, events: readonly ReceivedMessage[]) => Promise<void>) | undefined;
  onClosing: ((partitionId: string, reason: CloseReason) => Promise<void>) | undefined;

  async onBatch(partitionId: string, events: readonly ReceivedMessage[]): Promise<void> {
    if (events.length > 0) await this.onEvents?.(partitionId, events);
    for (const event of events) this.events.push({ partitionId, event });
  }
  onPartitionOpen(partitionId: string, beginsAfter: number | undefined): void {
    this.opened.push(partitionId);
    this.begins.set(partitionId, beginsAfter);
  }
  async onPartitionClose(partitionId: string, reason: CloseReason): Promise<void> {
    await this.onClosing?.(partitionId, reason);
    this.closed.push({ partitionId, reason });
  }
  onError(partitionId: string | undefined, error: ConnectorError): void {
    this.errors.push({ partitionId, error });
  }

  /** Sequence numbers of a partition, in the order they came. */
  sequence(partitionId: string): number[] {
    return this.events
      .filter((entry) => entry.partitionId === partitionId)
      .map((entry) => entry.event.sequenceNumber);
  }
}

/** 0 .. count-1 */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
