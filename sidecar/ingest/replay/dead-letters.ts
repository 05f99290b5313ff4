import {
  compareIds,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterReason,
  type DeadLetterStore,
  deadLetterTimeMs,
} from '../../dead-letters/store.ts';
import { toConnectorError } from '../../errors/connector-error.ts';
import { untilDone } from '../../lib/backoff.ts';
import { forEachConcurrently } from '../../lib/concurrency.ts';
import type { RunningTask, TaskKind } from '../../tasks/task.ts';
import type { Creation, Ignored } from '../../translate/types.ts';
import { type Forwarder, type ForwardResult, tally } from './forwarder.ts';

export interface ReplayInput {
  /** These dead letters; else all that fit the filter. */
  readonly ids?: readonly string[];
  readonly filter?: DeadLetterFilter;
  /** Dead letters that were stored later are left alone, or a replay under steady refusals would never end. */
  readonly storedUntilMs: number;
  /** Delete also dead letters of which the settings ignore everything. */
  readonly deleteIgnored?: boolean;
  /** Only report what would happen. */
  readonly dryRun?: boolean;
}

export const REPLAY_DEAD_LETTERS = 'ReplayDeadLetters';

const CHUNK_LETTERS = 200;
const CHUNK_BYTES = 2_000_000;
const READS = 8;
/** Dead letters whose ids are in memory at a time. */
const WINDOW = 20_000;
/** Reasons in the note of a task, and in one line of its report. */
const MAX_NOTED = 5;
/** The end of what an id can say. */
const LAST_MS = 9_999_999_999_999;

interface ReplayOptions {
  readonly store: () => DeadLetterStore;
  readonly forwarder: () => Forwarder;
  /** Forgets what is known of a Thing: who replays has just put something right. */
  readonly forget?: (thing: string) => void;
  readonly window?: number;
}

/**
 * Sends dead letters again, the oldest first, translated with today's settings and mappings. A dead letter is deleted when at least one of
 * its values was delivered. One that is refused again, or of which the settings ignore everything, stays with its new reasons, unless the
 * caller asks to delete ignored ones. The position is the last dead letter that is settled.
 */
export class DeadLetterReplay implements TaskKind<ReplayInput, string> {
  readonly kind = REPLAY_DEAD_LETTERS;
  readonly resumes = true;
  readonly #options: Required<ReplayOptions>;
  /** Things that this replay has looked up anew. */
  readonly #forgotten = new Set<string>();
  /** The first reason of each code for which something was ignored. */
  readonly #ignored = new Map<string, string>();

  constructor(options: ReplayOptions) {
    this.#options = { window: WINDOW, forget: () => undefined, ...options };
  }

  async run(task: RunningTask<ReplayInput, string>): Promise<void> {
    this.#forgotten.clear();
    this.#ignored.clear();
    const { ids, filter = {} } = task.input;
    if (ids) {
      const unique = [...new Set(ids)];
      task.expect(unique.length);
      return await this.#replay(task, unique.sort(compareIds));
    }
    const { count } = await untilDone(() => this.#options.store().stats(), task.signal);
    const isAll = Object.values(filter).every((member) => member === undefined);
    if (isAll && task.position === undefined) task.expect(count);
    const fromMs = Math.max(filter.fromMs ?? 0, deadLetterTimeMs(task.position ?? '') ?? 0);
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
    // A single millisecond with more dead letters than a window holds.
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

  /** The next dead letters, up to a number and a size; `taken` counts the ids, also those of dead letters that are gone. */
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
    const { signal, input } = task;
    const due = letters.filter(({ storedAtMs }) => storedAtMs <= input.storedUntilMs);
    for (const { reasons } of due) for (const { thing } of reasons) this.#forget(thing);
    const forwarder = this.#options.forwarder();
    const messages = due.map(({ message }) => message);
    const results = input.dryRun
      ? await forwarder.preview(messages, signal)
      : await forwarder.forward(
          due.map(({ id, storedAtMs, message }) => ({ message, deadLetterId: id, storedAtMs })),
          signal,
        );
    const settled: string[] = [];
    const kept: DeadLetter[] = [];
    for (const [index, letter] of due.entries()) {
      const result = results[index] as ForwardResult;
      const isDeleted =
        result.outcome === 'delivered' || (result.outcome === 'ignored' && input.deleteIgnored === true);
      if (isDeleted) settled.push(letter.id);
      // The old reasons are no longer true: the list must show why nothing was delivered now.
      else if (result.outcome === 'ignored' && result.ignored.length > 0)
        kept.push({ ...letter, reasons: result.ignored });
      this.#report(task, letter.id, result, isDeleted);
    }
    if (!input.dryRun) {
      const store = this.#options.store();
      if (kept.length > 0) await untilDone(() => store.append(kept), signal);
      if (settled.length > 0) await untilDone(() => store.delete(settled), signal);
    }
    task.advance(due.length, tally(results));
  }

  /** A dry run reports every dead letter, a replay those of which something was not delivered. */
  #report(
    task: RunningTask<ReplayInput, string>,
    id: string,
    result: ForwardResult,
    isDeleted: boolean,
  ): void {
    const { outcome, ignored, reasons, values, creations } = result;
    const { dryRun = false } = task.input;
    if (outcome === 'ignored') this.#note(task, ignored);
    const problems = [...reasons, ...ignored];
    if (!dryRun && outcome === 'delivered' && problems.length === 0) return;
    const sentences = [
      ...(dryRun ? ['Dry run.'] : []),
      resultSentence(outcome, values),
      ...(creations.length > 0 ? [`Created first: ${listOf(creations.map(nameOf))}.`] : []),
      ...(problems.length > 0 ? [listOf(problems.map(sentenceOf))] : []),
      isDeleted ? 'The dead letter is deleted.' : 'The dead letter is kept.',
    ];
    task.report({ item: id, outcome, message: sentences.join(' ') });
  }

  /** The note of the task: why dead letters are ignored, one reason of each code. */
  #note(task: RunningTask<ReplayInput, string>, ignored: readonly Ignored[]): void {
    for (const finding of ignored) {
      if (this.#ignored.has(finding.code) || this.#ignored.size >= MAX_NOTED) continue;
      this.#ignored.set(finding.code, sentenceOf(finding));
    }
    const consequence =
      task.input.deleteIgnored === true
        ? 'They are deleted, because deleteIgnored is set.'
        : 'They are kept. Correct the cause and replay them, or replay with deleteIgnored to delete them.';
    const causes = [...this.#ignored.values()].join(' ');
    task.note(`The settings ignore everything in some of the dead letters: ${causes} ${consequence}`);
  }

  #forget(thing: string | undefined): void {
    if (thing === undefined || this.#forgotten.has(thing)) return;
    this.#forgotten.add(thing);
    this.#options.forget(thing);
  }
}

function sentenceOf({ code, reason, thing, property }: DeadLetterReason): string {
  const place = [thing, property].filter((name) => name !== undefined && name !== '').join('.');
  return place === '' ? `${code}: ${reason}` : `${code} (${place}): ${reason}`;
}

function nameOf(creation: Creation): string {
  const { kind, thing } = creation;
  return kind === 'thing' ? `Thing ${thing}` : `property ${thing}.${creation.property}`;
}

function listOf(texts: readonly string[]): string {
  const rest = texts.length - MAX_NOTED;
  return [...texts.slice(0, MAX_NOTED), ...(rest > 0 ? [`and ${rest} more`] : [])].join(' ');
}

/** Of a message with a refused value the others are delivered; how many of them ThingWorx took is not known here. */
function resultSentence(outcome: ForwardResult['outcome'], values: number): string {
  if (outcome === 'delivered') return `Values delivered: ${values}.`;
  return outcome === 'ignored' ? 'Nothing is delivered.' : 'At least one value is refused.';
}
