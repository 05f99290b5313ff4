import type { Vtq } from '../model/entity.ts';
import type { PlatformValue } from '../values.ts';

/** Bounds of the history: the oldest entries go first. */
export interface HistoryLimits {
  perProperty: number;
  total: number;
}

export interface HistoryEntry extends Vtq {
  /** Number of the entry in its stream, the `id` of query results. */
  id: number;
}

/** Entries of one property, sorted by time; columns, because millions of small objects would cost too much memory. */
class Series {
  readonly times: number[] = [];
  readonly values: PlatformValue[] = [];
  readonly qualities: string[] = [];
  readonly ids: number[] = [];

  get size(): number {
    return this.times.length;
  }

  insert(entry: HistoryEntry): void {
    const { times } = this;
    const last = times.length - 1;
    if (last < 0 || (times[last] ?? 0) <= entry.timeMs) {
      times.push(entry.timeMs);
      this.values.push(entry.value);
      this.qualities.push(entry.quality);
      this.ids.push(entry.id);
      return;
    }
    const at = this.firstAfter(entry.timeMs);
    times.splice(at, 0, entry.timeMs);
    this.values.splice(at, 0, entry.value);
    this.qualities.splice(at, 0, entry.quality);
    this.ids.splice(at, 0, entry.id);
  }

  /** Index of the first entry later than `timeMs`. */
  firstAfter(timeMs: number): number {
    let low = 0;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.times[middle] ?? 0) <= timeMs) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  remove(from: number, count: number): void {
    this.times.splice(from, count);
    this.values.splice(from, count);
    this.qualities.splice(from, count);
    this.ids.splice(from, count);
  }

  at(index: number): HistoryEntry {
    return {
      timeMs: this.times[index] ?? 0,
      value: this.values[index] ?? null,
      quality: this.qualities[index] ?? 'GOOD',
      id: this.ids[index] ?? 0,
    };
  }
}

export interface HistoryRange {
  fromMs?: number | undefined;
  toMs?: number | undefined;
}

/** Contents of all value streams. */
export class History {
  private readonly limits: HistoryLimits;
  private readonly streams = new Map<string, Map<string, Map<string, Series>>>();
  private total = 0;
  private lastId = 0;

  constructor(limits: HistoryLimits) {
    this.limits = limits;
  }

  get size(): number {
    return this.total;
  }

  append(stream: string, thing: string, property: string, entry: Vtq): void {
    const series = this.series(stream, thing, property);
    this.lastId += 1;
    series.insert({ ...entry, id: this.lastId });
    this.total += 1;
    // A tenth at a time, so that a full series does not move all its entries for each new one.
    if (series.size > this.limits.perProperty) {
      this.trim(series, Math.max(1, Math.floor(this.limits.perProperty / 10)));
    } else if (this.total > this.limits.total && series.size > 1) {
      this.trim(series, Math.ceil(series.size / 2));
    }
  }

  private trim(series: Series, count: number): void {
    series.remove(0, count);
    this.total -= count;
  }

  private series(stream: string, thing: string, property: string): Series {
    let things = this.streams.get(stream);
    if (things === undefined) {
      things = new Map();
      this.streams.set(stream, things);
    }
    let properties = things.get(thing);
    if (properties === undefined) {
      properties = new Map();
      things.set(thing, properties);
    }
    let series = properties.get(property);
    if (series === undefined) {
      series = new Series();
      properties.set(property, series);
    }
    return series;
  }

  /** Entries of a property in a time range, both ends included, in the wanted order and at most `limit`. */
  *entries(
    stream: string,
    thing: string,
    property: string,
    range: HistoryRange,
    oldestFirst: boolean,
  ): Generator<HistoryEntry> {
    const series = this.streams.get(stream)?.get(thing)?.get(property);
    if (series === undefined) {
      return;
    }
    const first = range.fromMs === undefined ? 0 : series.firstAfter(range.fromMs - 1);
    const end = range.toMs === undefined ? series.size : series.firstAfter(range.toMs);
    if (oldestFirst) {
      for (let index = first; index < end; index += 1) {
        yield series.at(index);
      }
    } else {
      for (let index = end - 1; index >= first; index -= 1) {
        yield series.at(index);
      }
    }
  }

  purge(stream: string, thing: string, property: string, range: HistoryRange): void {
    const series = this.streams.get(stream)?.get(thing)?.get(property);
    if (series === undefined) {
      return;
    }
    const first = range.fromMs === undefined ? 0 : series.firstAfter(range.fromMs - 1);
    const end = range.toMs === undefined ? series.size : series.firstAfter(range.toMs);
    if (end > first) {
      series.remove(first, end - first);
      this.total -= end - first;
    }
  }

  /** Properties of a Thing that have entries in a stream. */
  properties(stream: string, thing: string): string[] {
    return [...(this.streams.get(stream)?.get(thing)?.keys() ?? [])];
  }

  dropStream(stream: string): void {
    for (const things of this.streams.get(stream)?.values() ?? []) {
      for (const series of things.values()) {
        this.total -= series.size;
      }
    }
    this.streams.delete(stream);
  }

  dropThing(thing: string): void {
    for (const things of this.streams.values()) {
      for (const series of things.get(thing)?.values() ?? []) {
        this.total -= series.size;
      }
      things.delete(thing);
    }
  }

  /** Everything, for a snapshot on disk. */
  *all(): Generator<{ stream: string; thing: string; property: string; entry: HistoryEntry }> {
    for (const [stream, things] of this.streams) {
      for (const [thing, properties] of things) {
        for (const [property, series] of properties) {
          for (let index = 0; index < series.size; index += 1) {
            yield { stream, thing, property, entry: series.at(index) };
          }
        }
      }
    }
  }
}
