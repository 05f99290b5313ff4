import type { ReceivedMessage } from '../translate/types.ts';

/** Why a message, or a part of it, was not delivered. */
export interface DeadLetterReason {
  readonly code: string;
  /** A sentence for the operator. */
  readonly reason: string;
  readonly thing?: string;
  readonly property?: string;
}

/** A whole message that could not be delivered, with the reasons and all that a replay needs. */
export interface DeadLetter {
  /** Made by `deadLetterId`: the same message has the same id, however often it comes. */
  readonly id: string;
  /** When it was first stored. */
  readonly storedAtMs: number;
  readonly message: ReceivedMessage;
  readonly reasons: readonly DeadLetterReason[];
}

/** What a list shows of a dead letter. */
export interface DeadLetterSummary {
  readonly id: string;
  readonly storedAtMs: number;
  readonly enqueuedTimeMs: number;
  readonly deviceId: string;
  readonly moduleId?: string;
  readonly source: string;
  readonly partition: string;
  readonly sequenceNumber: number;
  /** The first reasons; a message with a thousand bad values does not list them all. */
  readonly reasons: readonly DeadLetterReason[];
  /** All different codes. */
  readonly codes: readonly string[];
  /** Of the message body. */
  readonly bytes: number;
}

/** All given members must fit. The time is when the hub took the message; both ends are included. */
export interface DeadLetterFilter {
  readonly deviceId?: string | undefined;
  readonly code?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

export interface DeadLetterPage {
  /** Newest first. */
  readonly letters: readonly DeadLetterSummary[];
  /** The next page begins after the last of these. */
  readonly more: boolean;
}

export interface DeadLetterStats {
  readonly count: number;
  /** What the dead letters take in the store. */
  readonly bytes: number;
  /** When the hub took the oldest one. */
  readonly oldestMs?: number;
}

/** What a store removed by itself. */
export interface Trimmed {
  /** Older than they may become. */
  readonly expired: number;
  /** The oldest, because the store was full. */
  readonly overflowed: number;
}

/** The part of a store that the delivery pipeline needs. */
export interface DeadLetterSink {
  /**
   * Resolves when the dead letters are on the disk or in the container. A dead letter replaces the one with the same id.
   * Rejects with DEAD_LETTERS_UNAVAILABLE; the lane then retries.
   */
  append(letters: readonly DeadLetter[]): Promise<void>;
}

/** A store of dead letters. Every method rejects with DEAD_LETTERS_UNAVAILABLE when the store cannot be reached. */
export interface DeadLetterStore extends DeadLetterSink {
  /** `after`: the id of the last dead letter of the page before. */
  list(
    filter: DeadLetterFilter,
    page: { limit: number; after?: string | undefined },
  ): Promise<DeadLetterPage>;
  get(id: string): Promise<DeadLetter | undefined>;
  /** Ids that are not there are no error. Resolves to how many were removed. */
  delete(ids: readonly string[]): Promise<number>;
  stats(): Promise<DeadLetterStats>;
  /** Removes what was stored before `storedBeforeMs`, and the oldest until no more than `maxBytes` are taken. */
  trim(limits: { storedBeforeMs: number; maxBytes: number }): Promise<Trimmed>;
  /** Idempotent. */
  close(): Promise<void>;
}

const TIME_DIGITS = 13;
const LAST_TIME_MS = 10 ** TIME_DIGITS - 1;
const ID = /^([0-9]{13})-[A-Za-z0-9_.]{1,64}-[A-Za-z0-9_.]{1,64}-[0-9]{1,16}$/;

/**
 * `<enqueued time, 13 digits>-<stream>-<partition>-<sequence number>`. The time comes first so that a store finds a dead letter by its id, and
 * lists by time, without an index.
 */
export function deadLetterId(
  stream: string,
  message: Pick<ReceivedMessage, 'enqueuedTimeMs' | 'partitionId' | 'sequenceNumber'>,
): string {
  const { enqueuedTimeMs, partitionId, sequenceNumber } = message;
  const known = Number.isFinite(enqueuedTimeMs) ? Math.trunc(enqueuedTimeMs) : 0;
  const time = Math.min(Math.max(known, 0), LAST_TIME_MS);
  const sequence = Math.max(0, Math.trunc(sequenceNumber));
  return `${String(time).padStart(TIME_DIGITS, '0')}-${word(stream)}-${word(partitionId)}-${sequence}`;
}

/** The time in an id; undefined when the text is not an id. */
export function deadLetterTimeMs(id: string): number | undefined {
  const match = ID.exec(id);
  return match ? Number(match[1]) : undefined;
}

/**
 * The order in which the hub accepted the messages: by time, and by sequence number within one millisecond. Compared as text, 10 would come
 * before 9.
 */
export function compareIds(a: string, b: string): number {
  const [endA, endB] = [a.lastIndexOf('-'), b.lastIndexOf('-')];
  const [placeA, placeB] = [a.slice(0, endA), b.slice(0, endB)];
  if (placeA !== placeB) return placeA < placeB ? -1 : 1;
  return Number(a.slice(endA + 1)) - Number(b.slice(endB + 1));
}

function word(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_.]/g, '_').slice(0, 64) || '_';
}

/** Deletes all dead letters that fit the filter, page by page. Resolves to how many. */
export async function deleteMatching(
  store: DeadLetterStore,
  filter: DeadLetterFilter,
  signal?: AbortSignal,
): Promise<number> {
  let deleted = 0;
  let after: string | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const page = await store.list(filter, { limit: 500, after });
    deleted += await store.delete(page.letters.map(({ id }) => id));
    after = page.letters.at(-1)?.id;
    if (!page.more) return deleted;
  }
}
