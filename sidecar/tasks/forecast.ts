/** The pace of a task, and when it ends at this pace. */
export interface TaskForecast {
  /** Items per second. */
  readonly perSecond: number;
  /** In ms since 1970. */
  readonly endsAtMs: number;
}

/** The pace of a platform changes with its load: only the last minutes count. */
const WINDOW_SAMPLES = 60;
const SAMPLE_EVERY_MS = 5_000;
/** A shorter time says nothing: items are settled in groups. */
const LEAST_MS = 5_000;

/** Measures how fast the items of a task are settled. Until there is a measurement, the planned pace counts. */
export class Forecast {
  readonly #samples: { readonly atMs: number; readonly done: number }[] = [];
  #planned: number | undefined;

  /** What the rates of the hub allow, in items per second. */
  plan(perSecond: number): void {
    this.#planned = perSecond;
  }

  /** Notes how many items are settled. The time before the first ones, such as that of an export job, is not part of the pace. */
  sample(done: number, nowMs = performance.now()): void {
    const last = this.#samples.at(-1);
    if (last && nowMs - last.atMs < SAMPLE_EVERY_MS) return;
    this.#samples.push({ atMs: nowMs, done });
    if (this.#samples.length > WINDOW_SAMPLES) this.#samples.shift();
  }

  /** Undefined while nothing is known, and when nothing moves. */
  of(done: number, total: number | undefined, nowMs = performance.now()): TaskForecast | undefined {
    const perSecond = this.#measured(done, nowMs) ?? this.#planned;
    if (perSecond === undefined || perSecond <= 0 || total === undefined) return undefined;
    const restMs = (Math.max(0, total - done) / perSecond) * 1000;
    return { perSecond: Math.round(perSecond * 10) / 10, endsAtMs: Math.round(Date.now() + restMs) };
  }

  #measured(done: number, nowMs: number): number | undefined {
    const [first] = this.#samples;
    if (!first || nowMs - first.atMs < LEAST_MS) return undefined;
    return ((done - first.done) * 1000) / (nowMs - first.atMs);
  }
}
