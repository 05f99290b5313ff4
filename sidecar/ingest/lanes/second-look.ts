import { safePropertyName } from '../../translate/address.ts';
import type { Translation, Update } from '../../translate/types.ts';
import type { PlatformRefusal } from './sender.ts';

/** The part of a translation that concerns what was refused: what was accepted is not sent twice. */
export function onlyRefused(translation: Translation, refusals: readonly PlatformRefusal[]): Translation {
  const concerns = (thing: string | undefined, property: string | undefined): boolean =>
    refusals.some((refusal) => concern(refusal, thing, property));
  const updates: Update[] = [];
  for (const update of translation.updates) {
    const kept = update.properties.flatMap((property, index) =>
      concerns(update.thing, property) ? [index] : [],
    );
    if (kept.length === 0) continue;
    updates.push({
      ...update,
      properties: kept.map((index) => update.properties[index] as string),
      baseTypes: kept.flatMap((index) => update.baseTypes[index] ?? []),
      values: kept.map((index) => update.values[index]),
    });
  }
  return {
    ...translation,
    updates,
    ignored: translation.ignored.filter(({ thing, property }) => concerns(thing, property)),
    refusals: translation.refusals.filter(({ thing, property }) => concerns(thing, property)),
  };
}

/**
 * Refusals of which the second translation says nothing: the mappings have changed meanwhile, and the value goes elsewhere by now. It was
 * not taken, so it must not pass for delivered.
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

/** A property that a Thing lacks goes by its address, one that it has by its name. */
function concern(refusal: PlatformRefusal, thing: string | undefined, property: string | undefined): boolean {
  if (refusal.thing !== thing) return false;
  if (refusal.property === undefined || property === undefined || refusal.property === property) return true;
  return safePropertyName(refusal.property) === safePropertyName(property);
}
