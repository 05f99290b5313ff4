/**
 * The event stream of the hub: one log per partition under one directory, with the time at which the hub was created.
 * Several parts append to it (devices, REST, the hub itself); the Event Hubs endpoint reads it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AmqpWriter } from './amqp/writer.ts';
import { encodeEvent, type Place } from './event-message.ts';
import type { EventStream, HubNotification } from './hub.ts';
import { partitionOf } from './partition-hash.ts';
import { PartitionLog, type Retention } from './partition-log.ts';
import { SlabCache } from './slab-cache.ts';

export interface EventLogOptions {
  directory: string;
  partitionCount: number;
  retention: Retention;
  /** Memory for stored events that were read or written last, all partitions together. */
  cacheBytes: number;
}

interface Facts {
  createdAtMs: number;
  partitionCount: number;
}

const SLAB_BYTES = 1 << 20;
const EXPIRY_INTERVAL_MS = 10_000;

export class EventLog implements EventStream {
  readonly #options: EventLogOptions;
  readonly #writer = new AmqpWriter();
  #partitions: PartitionLog[] = [];
  #createdAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: EventLogOptions) {
    this.#options = options;
  }

  get createdAtMs(): number {
    return this.#createdAtMs;
  }
  get partitions(): readonly PartitionLog[] {
    return this.#partitions;
  }

  /** A log that exists keeps its number of partitions, as a hub does. */
  start(): void {
    const { directory, retention, cacheBytes } = this.#options;
    mkdirSync(directory, { recursive: true });
    const path = join(directory, 'log.json');
    if (!existsSync(path)) {
      const facts: Facts = { createdAtMs: Date.now(), partitionCount: this.#options.partitionCount };
      writeFileSync(path, JSON.stringify(facts));
    }
    const facts = JSON.parse(readFileSync(path, 'utf8')) as Facts;
    this.#createdAtMs = facts.createdAtMs;
    const cache = new SlabCache(cacheBytes);
    const perPartition = { ...retention, maxBytes: Math.floor(retention.maxBytes / facts.partitionCount) };
    this.#partitions = Array.from(
      { length: facts.partitionCount },
      (_, index) =>
        new PartitionLog({
          directory: join(directory, String(index)),
          retention: perPartition,
          cache,
          slabBytes: SLAB_BYTES,
        }),
    );
    for (const partition of this.#partitions) partition.start();
    this.#timer = setInterval(() => {
      for (const partition of this.#partitions) void partition.expire();
    }, EXPIRY_INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const partition of this.#partitions) partition.stop();
  }

  append(event: HubNotification): Promise<void> {
    const partition = this.#partitions[partitionOf(event.deviceId, this.#partitions.length)] as PartitionLog;
    return partition.append((place) => encodeEvent(this.#writer, event, place));
  }

  /** Stores an event of an Event Hubs producer in a partition; the callback encodes it. */
  appendTo(index: number, encode: (writer: AmqpWriter, place: Place) => Buffer): Promise<void> {
    const partition = this.#partitions[index];
    if (!partition) return Promise.reject(new RangeError(`There is no partition ${index}`));
    return partition.append((place) => encode(this.#writer, place));
  }
}
