import { safePropertyName } from '../../translate/address.ts';
import type { Translation, Update } from '../../translate/types.ts';
import type { Row } from './batch.ts';

/** One value, or every value of a message for one Thing, that ThingWorx did not write. */
export interface RefusedValue {
  readonly thing: string;
  readonly property?: string;
  readonly sequenceNumber: number;
  /** A message may have several values of one property, each with a time of its own. */
  readonly time?: number;
}

/** What ThingWorx did not accept, and why. */
export interface PlatformRefusal extends RefusedValue {
  readonly reason: 'THING_NOT_FOUND' | 'PROPERTY_NOT_FOUND' | 'VALUE_REFUSED' | 'NOT_AUTHORIZED' | 'REJECTED';
  readonly message: string;
}

/** The codes of dead letters for refusals of ThingWorx. */
export const REASON_CODES: Readonly<Record<PlatformRefusal['reason'], string>> = {
  THING_NOT_FOUND: 'THING_UNKNOWN',
  PROPERTY_NOT_FOUND: 'PROPERTY_UNKNOWN',
  VALUE_REFUSED: 'VALUE_REFUSED',
  NOT_AUTHORIZED: 'NOT_AUTHORIZED',
  REJECTED: 'REJECTED',
};

/** The part of a translation that concerns refused values. Accepted values are not sent twice. */
export function onlyRefused(translation: Translation, refusals: readonly PlatformRefusal[]): Translation {
  const concerns = (thing: string | undefined, property: string | undefined): boolean =>
    refusals.some((refusal) => concern(refusal, thing, property));
  const updates: Update[] = [];
  for (const update of translation.updates) {
    const kept = indexesOf(update, (property) => concerns(update.thing, property));
    if (kept.length === 0) continue;
    updates.push(partOf(update, kept));
  }
  return {
    ...translation,
    updates,
    ignored: translation.ignored.filter(({ thing, property }) => concerns(thing, property)),
    refusals: translation.refusals.filter(({ thing, property }) => concerns(thing, property)),
  };
}

/**
 * Refusals that the second translation does not mention: the mappings have changed meanwhile, and the value now has another target. It was
 * not accepted, so it must not count as delivered.
 */
export function unanswered(
  { updates, ignored, refusals }: Translation,
  refused: readonly PlatformRefusal[],
): PlatformRefusal[] {
  return refused.filter(
    (refusal) =>
      !updates.some(({ thing, properties }) =>
        properties.some((property) => concern(refusal, thing, property)),
      ) && ![...ignored, ...refusals].some(({ thing, property }) => concern(refusal, thing, property)),
  );
}

/** The rows with nothing but their refused values, in order. */
export function refusedRows(rows: readonly Row[], refusals: readonly RefusedValue[]): Row[] {
  const bySequence = Map.groupBy(refusals, ({ sequenceNumber }) => sequenceNumber);
  return rows.flatMap((row) => {
    const concerned = bySequence.get(row.sequenceNumber) ?? [];
    const kept = indexesOf(row.update, (property) => isRefused(row.update, property, concerned));
    return kept.length === 0 ? [] : [{ ...row, update: partOf(row.update, kept) }];
  });
}

/** The row without its refused values; undefined when none is left. */
export function acceptedPart(row: Row, refusals: readonly RefusedValue[]): Row | undefined {
  const concerned = refusals.filter(({ sequenceNumber }) => sequenceNumber === row.sequenceNumber);
  const kept = indexesOf(row.update, (property) => !isRefused(row.update, property, concerned));
  if (kept.length === row.update.properties.length) return row;
  return kept.length === 0 ? undefined : { ...row, update: partOf(row.update, kept) };
}

function indexesOf({ properties }: Update, wanted: (property: string) => boolean): number[] {
  return [...properties.keys()].filter((index) => wanted(properties[index] as string));
}

function partOf(update: Update, indexes: readonly number[]): Update {
  if (indexes.length === update.properties.length) return update;
  return {
    ...update,
    properties: indexes.map((index) => update.properties[index] as string),
    baseTypes: indexes.flatMap((index) => update.baseTypes[index] ?? []),
    values: indexes.map((index) => update.values[index]),
  };
}

function isRefused({ thing, timeMs }: Update, property: string, refusals: readonly RefusedValue[]): boolean {
  return refusals.some(
    (refusal) => (refusal.time === undefined || refusal.time === timeMs) && concern(refusal, thing, property),
  );
}

/** An unknown property is named by its address, a known one by its name. */
function concern(refusal: RefusedValue, thing: string | undefined, property: string | undefined): boolean {
  if (refusal.thing !== thing) return false;
  if (refusal.property === undefined || property === undefined || refusal.property === property) return true;
  return safePropertyName(refusal.property) === safePropertyName(property);
}
