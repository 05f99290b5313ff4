import type { ConfiguredDeadLetterStore } from '../../dead-letters/configured-store.ts';
import type { DeadLetter, DeadLetterFilter, DeadLetterSummary } from '../../dead-letters/store.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { REPLAY_DEAD_LETTERS, type ReplayInput } from '../../ingest/replay/dead-letters.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import { DEFAULT_LIMITS } from '../../translate/decode/limits.ts';
import { decodeBody } from '../../translate/decode.ts';
import type {
  DeadLetterDesk,
  LetterCount,
  LetterDetail,
  LetterFilter,
  LetterRow,
  ReplayOptions,
} from './dead-letters.ts';

/** The dead letters of one hub in the words of its operations. */
export class HubDeadLetters implements DeadLetterDesk {
  readonly #box: ConfiguredDeadLetterStore;
  readonly #tasks: Tasks;

  constructor(box: ConfiguredDeadLetterStore, tasks: Tasks) {
    this.#box = box;
    this.#tasks = tasks;
  }

  async list(
    filter: LetterFilter,
    page: { limit: number; after?: string | undefined },
  ): Promise<{ letters: LetterRow[]; more: boolean }> {
    const { letters, more } = await this.#box.store.list(storeFilter(filter), page);
    return { letters: letters.map(rowOf), more };
  }

  async get(id: string): Promise<LetterDetail> {
    const letter = await this.#box.store.get(id);
    if (!letter) throw new ConnectorError('DEAD_LETTER_NOT_FOUND', `This hub has no dead letter ${id}.`);
    return detailOf(letter);
  }

  async count(): Promise<LetterCount> {
    const { count, bytes, oldestMs } = await this.#box.store.stats();
    const { warning } = this.#box;
    return {
      count,
      bytes: Math.round(bytes),
      ...(oldestMs === undefined ? {} : { oldest: isoTime(oldestMs) }),
      ...(warning === undefined ? {} : { warning }),
    };
  }

  deleteIds(ids: readonly string[]): Promise<number> {
    return this.#box.store.delete(ids);
  }

  async deleteMatching(filter: LetterFilter, timeoutMs: number): Promise<{ deleted: number; more: boolean }> {
    const { store } = this.#box;
    const chosen = storeFilter(filter);
    const endMs = Date.now() + timeoutMs;
    let deleted = 0;
    let after: string | undefined;
    for (;;) {
      const { letters, more } = await store.list(chosen, { limit: 100, after });
      deleted += await store.delete(letters.map(({ id }) => id));
      after = letters.at(-1)?.id;
      if (!more || Date.now() >= endMs) return { deleted, more };
    }
  }

  async replay(
    what: { ids: readonly string[] } | { filter: LetterFilter },
    { deleteIgnored = false, dryRun = false }: ReplayOptions,
  ): Promise<string> {
    const chosen = 'ids' in what ? { ids: what.ids } : { filter: storeFilter(what.filter) };
    const input: ReplayInput = { ...chosen, storedUntilMs: Date.now(), deleteIgnored, dryRun };
    const number = 'ids' in what ? `${what.ids.length} dead letters` : 'dead letters';
    const title = dryRun ? `Dry run: send ${number} again` : `Send ${number} again`;
    const { id } = await this.#tasks.submit(REPLAY_DEAD_LETTERS, title, input);
    return id;
  }
}

function storeFilter({ deviceId, code, from, to }: LetterFilter): DeadLetterFilter {
  return {
    deviceId,
    code,
    fromMs: from === undefined ? undefined : Date.parse(from),
    toMs: to === undefined ? undefined : Date.parse(to),
  };
}

function rowOf(summary: DeadLetterSummary): LetterRow {
  const [first] = summary.reasons;
  return {
    id: summary.id,
    enqueuedTime: isoTime(summary.enqueuedTimeMs),
    storedAt: isoTime(summary.storedAtMs),
    deviceId: summary.deviceId,
    moduleId: summary.moduleId ?? '',
    source: summary.source,
    code: first?.code ?? '',
    reason: first?.reason ?? '',
    thing: first?.thing ?? '',
    property: first?.property ?? '',
    codes: summary.codes.join(' '),
    partition: summary.partition,
    sequenceNumber: summary.sequenceNumber,
    bytes: summary.bytes,
  };
}

function detailOf({ id, storedAtMs, message, reasons }: DeadLetter): LetterDetail {
  const { enqueuedTimeMs, creationTimeMs } = message;
  const text = decodeBody(message, DEFAULT_LIMITS, { format: 'text' });
  const optional = {
    creationTime: creationTimeMs === undefined ? undefined : isoTime(creationTimeMs),
    moduleId: message.moduleId,
    contentType: message.contentType,
    contentEncoding: message.contentEncoding,
    messageId: message.messageId,
    correlationId: message.correlationId,
    body: typeof text === 'string' ? text : undefined,
  };
  return {
    id,
    enqueuedTime: isoTime(enqueuedTimeMs),
    storedAt: isoTime(storedAtMs),
    deviceId: message.deviceId,
    source: message.source,
    reasons: reasons.map((reason) => ({ ...reason })),
    partition: message.partitionId,
    offset: message.offset,
    sequenceNumber: message.sequenceNumber,
    systemProperties: { ...message.systemProperties },
    applicationProperties: { ...message.applicationProperties },
    bodyBase64: Buffer.from(message.body).toString('base64'),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

/** A message may claim a time that no date has. */
function isoTime(timeMs: number): string {
  const date = new Date(timeMs);
  return (Number.isNaN(date.getTime()) ? new Date(0) : date).toISOString();
}
