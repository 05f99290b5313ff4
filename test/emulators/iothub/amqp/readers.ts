/**
 * Who reads which partition: ownership by epoch. A reader with an equal or higher epoch takes the partition from the
 * others of its consumer group; readers without epoch share it, at most five, as long as no epoch reader is there.
 */
export interface Reader {
  name: string;
  epoch: number | undefined;
  /** Ends the reader's link because another one took the partition. */
  stolen(description: string): void;
}

const MAX_READERS = 5;

export interface Refusal {
  condition: string;
  description: string;
}

export class Readers {
  readonly #byPartition = new Map<string, Set<Reader>>();

  /** Registers a reader, ending those that it replaces; or says why it is refused. */
  add(consumerGroup: string, partition: number, reader: Reader): Refusal | undefined {
    const key = keyOf(consumerGroup, partition);
    const present = this.#byPartition.get(key) ?? new Set<Reader>();
    const owner = [...present].find(({ epoch }) => epoch !== undefined);
    if (owner?.epoch !== undefined && (reader.epoch === undefined || reader.epoch < owner.epoch)) {
      const mine = reader.epoch === undefined ? 'no epoch' : `epoch '${reader.epoch}'`;
      return {
        condition: 'amqp:link:stolen',
        description: `Receiver '${owner.name}' with a higher epoch '${owner.epoch}' already exists. Receiver '${reader.name}' with ${mine} cannot be created. Make sure you are creating receiver with increasing epoch value to ensure connectivity, or ensure all old epoch receivers are closed or disconnected.`,
      };
    }
    if (reader.epoch === undefined && present.size >= MAX_READERS) {
      return {
        condition: 'amqp:resource-limit-exceeded',
        description: `Exceeded the maximum number of allowed receivers per partition in a consumer group which is ${MAX_READERS}. List of connected receivers - ${[...present].map(({ name }) => name).join(', ')}.`,
      };
    }
    this.#byPartition.set(key, present);
    const replaced = reader.epoch === undefined ? [] : [...present];
    present.add(reader);
    for (const old of replaced) {
      present.delete(old);
      old.stolen(
        `New receiver '${reader.name}' with higher epoch of '${reader.epoch}' is created hence current receiver '${old.name}' with epoch '${old.epoch ?? 'none'}' is getting disconnected. If you are recreating the receiver, make sure a higher epoch is used.`,
      );
    }
    return undefined;
  }

  remove(consumerGroup: string, partition: number, reader: Reader): void {
    const key = keyOf(consumerGroup, partition);
    const present = this.#byPartition.get(key);
    present?.delete(reader);
    if (present?.size === 0) this.#byPartition.delete(key);
  }
}

function keyOf(consumerGroup: string, partition: number): string {
  return `${consumerGroup.toLowerCase()}/${partition}`;
}
