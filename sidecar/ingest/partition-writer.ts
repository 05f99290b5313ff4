import { randomUUID } from 'node:crypto';
import { ConnectorError } from '../errors/connector-error.ts';
import { Backoff } from '../lib/backoff.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import { explainVersion } from '../thingworx/require-member.ts';
import { type OnWaiting, OUTAGE_RETRY, type OutageWatch } from './outage-watch.ts';

/** What ReceiveUpdates and ReceiveEvents answer to a writer. */
interface WriterAnswer {
  /** Another writer has opened the partition since. */
  readonly taken?: boolean;
  /** A call of an earlier writer may still run. */
  readonly busy?: boolean;
}

export interface PartitionWriterOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly outages: OutageWatch;
  readonly onWaiting: OnWaiting;
  readonly stream: string;
  readonly partition: string;
  /** Whether this sidecar owns the partition. `isDoubtful`: the store must be asked. */
  readonly stillOwned: (isDoubtful: boolean) => Promise<boolean>;
}

export function partitionTaken(partitionId: string): ConnectorError {
  return new ConnectorError(
    'PARTITION_TAKEN',
    `Another sidecar owns partition ${partitionId} now and reads its messages.`,
  );
}

/** Of errors that say nothing about what is sent: the lane ends. */
export function endsLane({ code }: ConnectorError): boolean {
  return code === 'STOPPING' || code === 'PARTITION_TAKEN';
}

/** Between two questions whether the call of an earlier writer has ended. */
const BUSY_RETRY = { initialDelayMs: 25, maxDelayMs: 500 };

/**
 * The right of one lane to write the values of its partition to ThingWorx. The hub Thing takes calls of the writer alone that has opened the partition
 * last, and lets it open when the calls of earlier writers have ended: two calls that look at the high-water mark at the same time would apply
 * a message twice. A call without an answer may still run, so the next one opens the partition anew.
 *
 * The ownership is looked at after the opening. A sidecar that has lost the partition finds that out here, or its writer is refused
 * because the new owner has opened the partition since.
 */
export class PartitionWriter {
  readonly #options: PartitionWriterOptions;
  readonly #backoff = new Backoff(OUTAGE_RETRY);
  /** Undefined while the partition is not open for this lane, and during a call. */
  #id: string | undefined;
  #isDoubtful = true;

  constructor(options: PartitionWriterOptions) {
    this.#options = options;
  }

  /** Makes one call, one at a time. Rejects as the call does, with PARTITION_TAKEN when another sidecar owns the partition, and with STOPPING. */
  async call<T extends WriterAnswer>(signal: AbortSignal, send: (writer: string) => Promise<T>): Promise<T> {
    for (;;) {
      const id = this.#id ?? (await this.#open(signal));
      this.#id = undefined;
      const answer = await send(id);
      if (answer.taken !== true) {
        this.#id = id;
        this.#backoff.reset();
        return answer;
      }
      this.#isDoubtful = true;
      await this.#backoff.pause(signal);
    }
  }

  async #open(signal: AbortSignal): Promise<string> {
    const { outages, onWaiting, partition, stillOwned } = this.#options;
    const writer = randomUUID();
    const backoff = new Backoff(BUSY_RETRY);
    for (;;) {
      const { busy, taken } = await outages.untilAnswered(() => this.#ask(writer, signal), {
        signal,
        onWaiting,
        mayPass: ({ code }) => code !== 'STOPPING' && code !== 'INTERNAL',
      });
      if (busy !== true && taken !== true) break;
      await backoff.pause(signal);
    }
    if (!(await stillOwned(this.#isDoubtful))) throw partitionTaken(partition);
    this.#isDoubtful = false;
    return writer;
  }

  async #ask(writer: string, signal: AbortSignal): Promise<WriterAnswer> {
    const { client, hubThing, outages, stream, partition } = this.#options;
    const batch = { stream, partition, writer, opens: true, things: [] };
    const options = { signal, timeoutMs: outages.deadlineMs };
    try {
      return ((await client.invoke(hubThing, 'ReceiveUpdates', { batch }, options)) ?? {}) as WriterAnswer;
    } catch (thrown) {
      throw explainVersion(thrown, hubThing);
    }
  }
}
