import type { ZoneReader } from './date-time.ts';

const DAY_MS = 86_400_000;
/** Zones change their offset at whole quarters of an hour. */
const QUARTER_MS = 900_000;
const MAX_CACHED = 2000;

/**
 * The reader of local times of a zone, by its IANA name (Europe/Berlin) or its offset (+02:00); undefined when there is no such zone. A time
 * that comes twice, in the hour after clocks are set back, is the first of the two; one that clocks skip is read by the offset before.
 */
export function zoneReader(name: string): ZoneReader | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return undefined;
  }
  const offsets = new Map<number, number>();
  const offsetAt = (timeMs: number): number => {
    const quarter = Math.floor(timeMs / QUARTER_MS);
    let offset = offsets.get(quarter);
    if (offset === undefined) {
      if (offsets.size >= MAX_CACHED) offsets.clear();
      offset = offsetOf(format, quarter * QUARTER_MS);
      offsets.set(quarter, offset);
    }
    return offset;
  };
  return (localMs) => {
    if (Math.abs(localMs) > 8.64e15 - 2 * DAY_MS) return Number.NaN;
    const before = offsetAt(localMs - DAY_MS);
    const after = offsetAt(localMs + DAY_MS);
    const candidates = [localMs - before, localMs - after].sort((a, b) => a - b);
    return candidates.find((timeMs) => offsetAt(timeMs) === localMs - timeMs) ?? localMs - before;
  };
}

function offsetOf(format: Intl.DateTimeFormat, timeMs: number): number {
  const parts = new Map(format.formatToParts(timeMs).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type));
  const year = parts.get('era') === 'BC' ? 1 - part('year') : part('year');
  const local = new Date(0);
  local.setUTCFullYear(year, part('month') - 1, part('day'));
  local.setUTCHours(part('hour'), part('minute'), part('second'));
  return local.getTime() - timeMs;
}
