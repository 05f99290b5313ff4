import type { Update } from '../../translate/types.ts';
import type { BatchPlace } from '../batch-origin.ts';

/** One update with the number by which ThingWorx names it when it refuses it. */
export interface Row {
  readonly sequenceNumber: number;
  readonly update: Update;
}

interface Group {
  readonly thing: string;
  readonly properties: readonly string[];
  readonly baseTypes: readonly string[];
  readonly rows: unknown[][];
}

/**
 * The parameters of ReceiveUpdates as JSON text. Rows of one Thing with the same properties share a group; a Thing whose
 * properties change begins a new one, so that its rows stay in order.
 */
export function encodeBatch(rows: readonly Row[], place: BatchPlace | undefined): string {
  const groups: Group[] = [];
  const latest = new Map<string, Group>();
  for (const { sequenceNumber, update } of rows) {
    const { thing, properties, baseTypes, timeMs, quality, values } = update;
    let group = latest.get(thing);
    // Translation shares `properties` by identity between messages of one signature.
    if (group === undefined || group.properties !== properties || group.baseTypes !== baseTypes) {
      group = { thing, properties, baseTypes, rows: [] };
      latest.set(thing, group);
      groups.push(group);
    }
    group.rows.push([sequenceNumber, timeMs, quality, ...values]);
  }
  return JSON.stringify({ batch: { ...place, groups } });
}
