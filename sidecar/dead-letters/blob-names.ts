import { deadLetterTimeMs } from './store.ts';

const DAY_MS = 86_400_000;
const NAME = /\/(\d{4}-\d{2}-\d{2})\/(?:\d{8}-(\d{13}-.+)\.json)?$/;

/** `<hub>/<yyyy-MM-dd>/<8 digits>-<id>.json`, the digits counting down to the end of the day. Undefined when it is no id. */
export function blobNameOf(hubThing: string, id: string): string | undefined {
  const timeMs = deadLetterTimeMs(id);
  if (timeMs === undefined) return undefined;
  const left = DAY_MS - 1 - (timeMs % DAY_MS);
  return `${dayPrefix(hubThing, dayText(timeMs))}${String(left).padStart(8, '0')}-${id}.json`;
}

/** The folder of a day, or of the hub when the day is empty. Names of Things may hold what blob names give a meaning. */
export function dayPrefix(hubThing: string, day: string): string {
  return `${encodeURIComponent(hubThing)}/${day === '' ? '' : `${day}/`}`;
}

/** The day in a name or in the prefix of a day. */
export function dayOf(name: string): string | undefined {
  return NAME.exec(name)?.[1];
}

export function idOfBlob(name: string): string | undefined {
  return NAME.exec(name)?.[2];
}

/** The first and the last day that can hold dead letters of the time. */
export function daysOf(fromMs = 0, toMs = LAST_MS): readonly [string, string] {
  return [dayText(clamp(fromMs)), dayText(clamp(toMs))];
}

/** The end of what 13 digits can say: the year 2286. */
const LAST_MS = 9_999_999_999_999;

function clamp(timeMs: number): number {
  return Math.min(Math.max(timeMs, 0), LAST_MS);
}

function dayText(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
