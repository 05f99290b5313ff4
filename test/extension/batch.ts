/** Rows of one Thing with the same properties: [sequence number, time, quality, values...]. */
export interface Group {
  readonly thing: string;
  readonly properties: readonly string[];
  readonly baseTypes: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** The rows in the form that ReceiveUpdates takes. */
export function batchOf(groups: readonly Group[]) {
  const signatures: unknown[] = [];
  const things = groups.map(({ thing, properties, baseTypes, rows }) => ({
    name: thing,
    rows: rows.map(([sequenceNumber, time, quality, ...values]) => {
      signatures.push([properties, baseTypes, quality]);
      return [sequenceNumber, signatures.length - 1, time, ...values];
    }),
  }));
  return { fromSequenceNumber: 0, fromTime: 0, signatures, things };
}
