import { ConnectorError } from '../errors/connector-error.ts';
import type { ReceivedMessage } from '../translate/types.ts';
import {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterReason,
  type DeadLetterSummary,
  deadLetterTimeMs,
} from './store.ts';

const MAX_LISTED_REASONS = 5;
const MAX_CODES = 20;
const MAX_TEXT = 300;

/** How a dead letter is written: the message with its body in base64. */
interface WrittenDeadLetter {
  readonly storedAtMs: number;
  readonly reasons: readonly DeadLetterReason[];
  readonly message: Omit<ReceivedMessage, 'body'> & { readonly body: string };
}

/** One line, without its end: the summary first, so that a list need not read bodies. */
export function encodeDeadLetter(letter: DeadLetter): string {
  const { body, ...message } = letter.message;
  const written: WrittenDeadLetter = {
    storedAtMs: letter.storedAtMs,
    reasons: letter.reasons,
    message: { ...message, body: Buffer.from(body).toString('base64') },
  };
  return `${JSON.stringify(summaryOf(letter)).slice(0, -1)}${LETTER_MARK}${stringify(written)}}`;
}

/** Inside a JSON text every quote of a string is escaped, so this can only be the member itself. */
const LETTER_MARK = ',"letter":';

/** How many bytes of a line, from its beginning, `decodeSummary` needs. */
export function summaryLengthOf(line: Buffer): number {
  return line.indexOf(LETTER_MARK) + LETTER_MARK.length;
}

/** Throws DEAD_LETTER_UNREADABLE for what `encodeDeadLetter` did not write; `place` says where it is. */
export function decodeDeadLetter(line: string, place: string): DeadLetter {
  try {
    const { id, letter } = JSON.parse(line) as { id: string; letter: WrittenDeadLetter };
    const { body, ...message } = letter.message;
    return {
      id,
      storedAtMs: letter.storedAtMs,
      reasons: letter.reasons,
      message: { ...message, body: Buffer.from(body, 'base64') },
    };
  } catch (cause) {
    throw new ConnectorError('DEAD_LETTER_UNREADABLE', `The dead letter in ${place} cannot be read.`, {
      cause,
    });
  }
}

/** The summary at the beginning of a line, or undefined when the text holds no whole one. */
export function decodeSummary(text: string): DeadLetterSummary | undefined {
  const end = text.indexOf(LETTER_MARK);
  if (end < 0) return undefined;
  try {
    const summary = JSON.parse(`${text.slice(0, end)}}`) as DeadLetterSummary;
    return isSummary(summary) ? summary : undefined;
  } catch {
    return undefined;
  }
}

function isSummary(value: unknown): value is DeadLetterSummary {
  const { id, storedAtMs, deviceId, codes } = (value ?? {}) as Partial<DeadLetterSummary>;
  return (
    typeof id === 'string' &&
    typeof storedAtMs === 'number' &&
    typeof deviceId === 'string' &&
    Array.isArray(codes)
  );
}

export function summaryOf(letter: DeadLetter): DeadLetterSummary {
  const { id, storedAtMs, message, reasons } = letter;
  return {
    id,
    storedAtMs,
    enqueuedTimeMs: deadLetterTimeMs(id) ?? 0,
    deviceId: cut(message.deviceId),
    ...(message.moduleId === undefined ? {} : { moduleId: cut(message.moduleId) }),
    source: cut(message.source),
    partition: message.partitionId,
    sequenceNumber: message.sequenceNumber,
    reasons: reasons.slice(0, MAX_LISTED_REASONS).map(cutReason),
    codes: [...new Set(reasons.map(({ code }) => code))].slice(0, MAX_CODES),
    bytes: message.body.byteLength,
  };
}

export function fits(summary: DeadLetterSummary, filter: DeadLetterFilter): boolean {
  const { deviceId, code, fromMs = -Infinity, toMs = Infinity } = filter;
  return (
    (deviceId === undefined || summary.deviceId === deviceId) &&
    (code === undefined || summary.codes.includes(code)) &&
    summary.enqueuedTimeMs >= fromMs &&
    summary.enqueuedTimeMs <= toMs
  );
}

function cutReason({ code, reason, thing, property }: DeadLetterReason): DeadLetterReason {
  return {
    code,
    reason: cut(reason),
    ...(thing === undefined ? {} : { thing: cut(thing) }),
    ...(property === undefined ? {} : { property: cut(property) }),
  };
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/** AMQP properties may hold what JSON has no form for: 64-bit integers as BigInt, bytes. */
function stringify(written: WrittenDeadLetter): string {
  return JSON.stringify(written, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    return value;
  });
}
