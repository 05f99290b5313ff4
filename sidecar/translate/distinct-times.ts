import type { Update } from './types.ts';

/**
 * ThingWorx keeps one value of a property for each time, and a value whose time is not after that of the current one does not become the
 * current one. Values of one property that carry equal times would therefore be lost. This file gives them distinct times:
 *
 * - Elements of an array without times of their own are a millisecond apart; the last has the message's time.
 * - Any other value with the time of the value before it, or with one that the value before it was moved to, is moved to the next free
 *   millisecond.
 *
 * A value that is truly older than the one before it keeps its time: it is late, and belongs into the history alone.
 */

/**
 * The rows of one message with distinct times for each property. Rows that are moved carry the time that they had in `ownTimeMs`.
 *
 * @param untimed the rows that have the message's time because they had none of their own
 */
export function separateTimes(updates: readonly Update[], untimed: ReadonlySet<Update>): readonly Update[] {
  if (updates.length < 2) return updates;
  const byThing = Map.groupBy(updates, ({ thing }) => thing);
  const moved = new Map<Update, Update>();
  for (const rows of byThing.values()) {
    if (rows.length > 1) separateRows(rows, untimed, moved);
  }
  return moved.size === 0 ? updates : updates.map((update) => moved.get(update) ?? update);
}

function separateRows(
  rows: readonly Update[],
  untimed: ReadonlySet<Update>,
  moved: Map<Update, Update>,
): void {
  const spread = repeated(rows.filter((row) => untimed.has(row)));
  const times = new Map<string, PropertyTimes>();
  let place = 0;
  for (const row of rows) {
    const startMs = spread.has(row) ? row.timeMs - (spread.size - 1 - place++) : row.timeMs;
    const columns = givenProperties(row).map((name) => {
      let column = times.get(name);
      if (column === undefined) {
        column = new PropertyTimes();
        times.set(name, column);
      }
      return column;
    });
    let timeMs = startMs;
    for (const column of columns) timeMs = Math.max(timeMs, column.earliest(row.timeMs));
    while (columns.some((column) => column.has(timeMs))) timeMs++;
    for (const column of columns) column.add(row.timeMs, timeMs);
    if (timeMs !== row.timeMs) moved.set(row, { ...row, timeMs, ownTimeMs: row.timeMs });
  }
}

/** The rows, if one of their properties comes more than once; else none, and they may share their time. */
function repeated(rows: readonly Update[]): ReadonlySet<Update> {
  const seen = new Set<string>();
  for (const row of rows) {
    for (const name of givenProperties(row)) {
      if (seen.has(name)) return new Set(rows);
      seen.add(name);
    }
  }
  return new Set();
}

function givenProperties({ properties, values }: Update): readonly string[] {
  return properties.filter((_, i) => values[i] !== null);
}

/** The times of one property within one message. */
class PropertyTimes {
  /** The values so far: the latest time that one had, and the latest that one was given. */
  #ownMs = Number.NEGATIVE_INFINITY;
  #givenMs = Number.NEGATIVE_INFINITY;
  readonly #taken = new Set<number>();
  /** The last time given for each time that a value had. */
  readonly #givenFor = new Map<number, number>();

  /** The earliest time for a value that has `ownMs`, so that it comes after those with the same time or an earlier one. */
  earliest(ownMs: number): number {
    if (ownMs >= this.#ownMs) return this.#givenMs + 1;
    const given = this.#givenFor.get(ownMs);
    return given === undefined ? Number.NEGATIVE_INFINITY : given + 1;
  }

  has(timeMs: number): boolean {
    return this.#taken.has(timeMs);
  }

  add(ownMs: number, timeMs: number): void {
    if (ownMs >= this.#ownMs) this.#ownMs = ownMs;
    this.#givenMs = Math.max(this.#givenMs, timeMs);
    this.#taken.add(timeMs);
    this.#givenFor.set(ownMs, timeMs);
  }
}

/** The last value of a property: the time that it had and the one that it was given; the same of the last late one. */
interface LastValue {
  ownMs: number;
  givenMs: number;
  lateOwnMs: number;
  lateGivenMs: number;
}

/**
 * What is known of one Thing. Most send the same properties again and again, so the last row is kept as it came. A lane may know 200,000 Things,
 * and each number is an object of its own in V8, so there are as few as possible.
 */
interface KnownThing {
  /** Of the last row, when it had a value for each of them; else empty. */
  properties: readonly string[];
  /** The latest time that any value was given: that of the last row, when `properties` is not empty. */
  latestMs: number;
  /** The time that the last row had, where it was given another one. */
  ownMs: number | undefined;
  /** Earlier rows with other properties, by property. */
  others: Map<string, LastValue> | undefined;
}

const MAX_PROPERTIES = 200_000;

/**
 * The times that were last given to the properties of Things, so that equal times of two messages become distinct, too. Bounded: beyond
 * 200,000 properties the Things that were heard of least recently are forgotten. After a restart nothing is known: a value with the time of
 * one that was delivered before keeps it.
 */
export class LastTimes {
  readonly #things = new Map<string, KnownThing>();
  readonly #maxProperties: number;
  #properties = 0;

  constructor(maxProperties = MAX_PROPERTIES) {
    this.#maxProperties = maxProperties;
  }

  /** How many properties are known. */
  get size(): number {
    return this.#properties;
  }

  /** The rows of one message, moved behind those of the messages before. Call it once for each message, in order. */
  arrange(updates: readonly Update[]): readonly Update[] {
    let arranged: Update[] | undefined;
    for (let i = 0; i < updates.length; i++) {
      const update = updates[i] as Update;
      const timeMs = this.#place(update);
      if (timeMs === update.timeMs) continue;
      arranged ??= updates.slice();
      arranged[i] = { ...update, timeMs, ownTimeMs: update.ownTimeMs ?? update.timeMs };
    }
    return arranged ?? updates;
  }

  #place(update: Update): number {
    const { thing, properties, timeMs } = update;
    const ownMs = update.ownTimeMs ?? timeMs;
    const full = !update.values.includes(null);
    const known = this.#things.get(thing);
    if (known === undefined) {
      this.#remember(update, ownMs, full);
      return timeMs;
    }
    this.#touch(thing, known);
    if (full && known.properties === properties && (timeMs > known.latestMs || ownMs >= ownTimeOf(known))) {
      // The last row is the latest of each of its properties: this one comes after it, by a millisecond if their times are equal.
      const placedMs = Math.max(timeMs, known.latestMs + 1);
      setTimes(known, ownMs, placedMs);
      return placedMs;
    }
    const placedMs = this.#placeAmongOthers(known, update, ownMs, full);
    this.#forgetOldest(thing);
    return placedMs;
  }

  /** Puts the Thing last in the order of the map: it was used most recently. The order matters only near the bound. */
  #touch(thing: string, known: KnownThing): void {
    if (this.#properties * 2 < this.#maxProperties) return;
    this.#things.delete(thing);
    this.#things.set(thing, known);
  }

  #placeAmongOthers(known: KnownThing, update: Update, ownMs: number, full: boolean): number {
    const others = this.#spill(known);
    const names = full ? update.properties : givenProperties(update);
    let { timeMs } = update;
    let isLate = false;
    for (const name of names) {
      const last = others.get(name);
      if (last === undefined) continue;
      if (ownMs >= last.ownMs) timeMs = Math.max(timeMs, last.givenMs + 1);
      else {
        isLate = true;
        if (ownMs === last.lateOwnMs) timeMs = Math.max(timeMs, last.lateGivenMs + 1);
      }
    }
    if (!isLate && timeMs > known.latestMs && full) {
      known.properties = update.properties;
      setTimes(known, ownMs, timeMs);
    } else {
      known.latestMs = Math.max(known.latestMs, timeMs);
      for (const name of names) this.#note(others, name, ownMs, timeMs);
    }
    return timeMs;
  }

  /** Moves the last row into the map of properties. */
  #spill(known: KnownThing): Map<string, LastValue> {
    known.others ??= new Map();
    for (const name of known.properties) this.#note(known.others, name, ownTimeOf(known), known.latestMs);
    known.properties = [];
    return known.others;
  }

  #note(others: Map<string, LastValue>, name: string, ownMs: number, givenMs: number): void {
    const last = others.get(name);
    if (last === undefined) {
      others.set(name, {
        ownMs,
        givenMs,
        lateOwnMs: Number.NEGATIVE_INFINITY,
        lateGivenMs: Number.NEGATIVE_INFINITY,
      });
      this.#properties++;
    } else if (ownMs >= last.ownMs) {
      last.ownMs = ownMs;
      last.givenMs = Math.max(givenMs, last.givenMs);
    } else {
      last.lateOwnMs = ownMs;
      last.lateGivenMs = givenMs;
    }
  }

  #remember(update: Update, ownMs: number, full: boolean): void {
    const { thing, timeMs } = update;
    const known: KnownThing = {
      properties: full ? update.properties : [],
      latestMs: timeMs,
      ownMs: ownMs === timeMs ? undefined : ownMs,
      others: undefined,
    };
    this.#things.set(thing, known);
    this.#properties++;
    if (!full) {
      known.others = new Map();
      for (const name of givenProperties(update)) this.#note(known.others, name, ownMs, timeMs);
    }
    this.#forgetOldest(thing);
  }

  #forgetOldest(kept: string): void {
    for (const [name, { others }] of this.#things) {
      if (this.#properties <= this.#maxProperties || name === kept) return;
      this.#things.delete(name);
      this.#properties -= 1 + (others?.size ?? 0);
    }
  }
}

function ownTimeOf({ ownMs, latestMs }: KnownThing): number {
  return ownMs ?? latestMs;
}

/** Those of a row that is the latest of its Thing. */
function setTimes(known: KnownThing, ownMs: number, givenMs: number): void {
  known.latestMs = givenMs;
  known.ownMs = ownMs === givenMs ? undefined : ownMs;
}
