import type { Quality, Update } from '../../translate/types.ts';
import type { BatchPlace } from '../batch-origin.ts';

/** One update with the number by which ThingWorx names it when it refuses it. */
export interface Row {
  readonly sequenceNumber: number;
  readonly update: Update;
}

/** What many rows have in common. */
type Signature = readonly [properties: readonly string[], baseTypes: readonly string[], quality: Quality];

/** Sequence number and time count from those of the batch; the values follow in the order of the properties of the signature. */
type WireRow = [sequenceNumber: number, signature: number, time: number, ...values: unknown[]];

/**
 * The parameters of ReceiveUpdates as JSON text. What rows have in common is written once: properties, base types and quality in a table of
 * signatures, the name of a Thing before its rows. The rows of a Thing are in order.
 */
export function encodeBatch(rows: readonly Row[], place: BatchPlace | undefined): string {
  const fromSequenceNumber = rows[0]?.sequenceNumber ?? 0;
  const fromTime = rows[0]?.update.timeMs ?? 0;
  const signatures = new SignatureTable();
  const things = new Map<string, WireRow[]>();
  for (const { sequenceNumber, update } of rows) {
    let wireRows = things.get(update.thing);
    if (wireRows === undefined) {
      wireRows = [];
      things.set(update.thing, wireRows);
    }
    const wireRow: WireRow = [
      sequenceNumber - fromSequenceNumber,
      signatures.indexOf(update),
      update.timeMs - fromTime,
    ];
    const { values } = update;
    // No spread and no iterator: they make an object for each value.
    for (let index = 0; index < values.length; index += 1) wireRow.push(values[index]);
    wireRows.push(wireRow);
  }
  return JSON.stringify({
    batch: {
      ...place,
      fromSequenceNumber,
      fromTime,
      signatures: signatures.entries,
      things: Array.from(things, ([name, wireRows]) => ({ name, rows: wireRows })),
    },
  });
}

class SignatureTable {
  readonly entries: Signature[] = [];
  /** Translation shares `properties` by identity between messages of one signature. */
  readonly #indexes = new Map<readonly string[], number[]>();

  indexOf({ properties, baseTypes, quality }: Update): number {
    let indexes = this.#indexes.get(properties);
    if (indexes === undefined) {
      indexes = [];
      this.#indexes.set(properties, indexes);
    }
    for (const index of indexes) {
      const entry = this.entries[index];
      if (entry?.[1] === baseTypes && entry[2] === quality) return index;
    }
    indexes.push(this.entries.length);
    return this.entries.push([properties, baseTypes, quality]) - 1;
  }
}
