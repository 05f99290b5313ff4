import {
  compareIds,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterStore,
  letterTimeMs,
} from '../../dead-letters/store.ts';
import { toConnectorError } from '../../errors/connector-error.ts';
import { untilDone } from '../../lib/backoff.ts';
import { forEachConcurrently } from '../../lib/concurrency.ts';
import type { RunningTask, TaskKind } from '../../tasks/task.ts';
import { type Forwarder, tally } from './forwarder.ts';

export interface ReplayInput {
  /** These letters; else all that fit the filter. */
  readonly ids?: readonly string[];
  readonly filter?: DeadLetterFilter;
  /** Letters that were stored later are left alone, or a replay under steady refusals would never end. */
  readonly storedUntilMs: number;
}

export const REPLAY_DEAD_LETTERS = 'ReplayDeadLetters';

const CHUNK_LETTERS = 200;
const CHUNK_BYTES = 2_000_000;
const READS = 8;
/** Letters whose ids are in memory at a time. */
const WINDOW = 20_000;
/** The end of what an id can say. */
const LAST_MS = 9_999_999_999_999;

export interface ReplayOptions {
  readonly store: () => DeadLetterStore;
  readonly forwarder: () => Forwarder;
  /** Forgets what is known of a Thing: who replays has just put something right. */
  readonly forget?: (thing: string) => void;
  readonly window?: number;
}

/**
 * Sends dead letters again, the oldest first, translated with today's settings and mappings. What is delivered or now ignored is deleted;
 * what is refused again keeps its place with its new reasons. The position is the last letter that was dealt with.
 */
export class DeadLetterReplay implements TaskKind<ReplayInput, string> {
  readonly kind = REPLAY_DEAD_LETTERS;
  readonly resumes = true;
  readonly #options: Required<ReplayOptions>;
  /** Things that this replay has looked up anew. */
  readonly #forgotten = new Set<string>();

  constructor(options: ReplayOptions) {
    this.#options = { window: WINDOW, forget: () => undefined, ...options };
  }

  async run(task: RunningTask<ReplayInput, string>): Promise<void> {
    this.#forgotten.clear();
    const { ids, filter = {} } = task.input;
    if (ids) {
      const unique = [...new Set(ids)];
      task.expect(unique.length);
      return await this.#replay(task, unique.sort(compareIds));
    }
    const { count } = await untilDone(() => this.#options.store().stats(), task.signal);
    const isAll = Object.values(filter).every((member) => member === undefined);
    if (isAll && task.position === undefined) task.expect(count);
    const fromMs = Math.max(filter.fromMs ?? 0, letterTimeMs(task.position ?? '') ?? 0);
    const toMs = Math.min(filter.toMs ?? LAST_MS, LAST_MS);
    for await (const window of this.#windows(filter, fromMs, toMs, task.signal))
      await this.#replay(task, window);
  }

  /** Ids in ascending order, a bounded number at a time: a window that holds too many is halved. */
  async *#windows(
    filter: DeadLetterFilter,
    fromMs: number,
    toMs: number,
    signal: AbortSignal,
  ): AsyncGenerator<string[]> {
    if (fromMs > toMs) return;
    const window = { ...filter, fromMs, toMs };
    const list = (after?: string) =>
      untilDone(() => this.#options.store().list(window, { limit: this.#options.window, after }), signal);
    let { letters, more } = await list();
    // The newest come first: between them and the oldest possible lies the middle.
    const newestMs = Math.min(toMs, letters[0]?.enqueuedTimeMs ?? toMs);
    if (more && newestMs > fromMs) {
      const middleMs = Math.floor((fromMs + newestMs) / 2);
      yield* this.#windows(filter, fromMs, middleMs, signal);
      yield* this.#windows(filter, middleMs + 1, newestMs, signal);
      return;
    }
    const ids = letters.map(({ id }) => id);
    // A single millisecond with more letters than a window holds.
    while (more) {
      ({ letters, more } = await list(ids.at(-1)));
      ids.push(...letters.map(({ id }) => id));
    }
    yield ids.sort(compareIds);
  }

  async #replay(task: RunningTask<ReplayInput, string>, ids: readonly string[]): Promise<void> {
    const { position } = task;
    const rest = position === undefined ? ids : ids.filter((id) => compareIds(id, position) > 0);
    for (let start = 0; start < rest.length; ) {
      const { letters, taken } = await this.#read(task, rest, start);
      await this.#forward(task, letters);
      start += taken;
      await task.save(rest[start - 1] as string);
    }
  }

  /** The next letters, up to a number and a size; `taken` counts the ids, also those of letters that are gone. */
  async #read(
    task: RunningTask<ReplayInput, string>,
    ids: readonly string[],
    start: number,
  ): Promise<{ letters: DeadLetter[]; taken: number }> {
    const letters: DeadLetter[] = [];
    let taken = 0;
    for (let bytes = 0; taken < CHUNK_LETTERS && bytes < CHUNK_BYTES && start + taken < ids.length; ) {
      const some = ids.slice(start + taken, start + taken + READS);
      const found: (DeadLetter | undefined)[] = [];
      await forEachConcurrently([...some.entries()], READS, async ([i, id]) => {
        found[i] = await this.#get(task, id);
      });
      for (const letter of found) {
        if (!letter) continue;
        letters.push(letter);
        bytes += letter.message.body.byteLength;
      }
      taken += some.length;
    }
    return { letters, taken };
  }

  async #get(task: RunningTask<ReplayInput, string>, id: string): Promise<DeadLetter | undefined> {
    try {
      const letter = await untilDone(() => this.#options.store().get(id), task.signal);
      if (letter) return letter;
      task.report({ item: id, outcome: 'gone', message: 'It is not in the dead letters any more.' });
      task.advance(1, { gone: 1 });
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code !== 'DEAD_LETTER_UNREADABLE') throw error;
      task.report({ item: id, outcome: 'unreadable', message: error.message });
      task.advance(1, { unreadable: 1 });
    }
    return undefined;
  }

  async #forward(task: RunningTask<ReplayInput, string>, letters: readonly DeadLetter[]): Promise<void> {
    const due = letters.filter(({ storedAtMs }) => storedAtMs <= task.input.storedUntilMs);
    for (const { reasons } of due) for (const { thing } of reasons) this.#forget(thing);
    const outcomes = await this.#options.forwarder().forward(
      due.map(({ id, storedAtMs, message }) => ({ message, letterId: id, storedAtMs })),
      task.signal,
    );
    const settled = due.filter((_, i) => outcomes[i] !== 'deadLettered').map(({ id }) => id);
    if (settled.length > 0) await untilDone(() => this.#options.store().delete(settled), task.signal);
    task.advance(due.length, tally(outcomes));
  }

  #forget(thing: string | undefined): void {
    if (thing === undefined || this.#forgotten.has(thing)) return;
    this.#forgotten.add(thing);
    this.#options.forget(thing);
  }
}
