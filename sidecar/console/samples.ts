import type { WatchedMessage } from '../contract/stream.ts';

/** The sample message of TestMapping; docs/map-messages.md describes it. */
interface SampleMessage {
  readonly deviceId: string;
  readonly [member: string]: unknown;
}

/** GetDeadLetter, as far as the console reads it. */
export interface LetterDetail {
  readonly id: string;
  readonly enqueuedTime: string;
  readonly creationTime?: string;
  readonly storedAt: string;
  readonly deviceId: string;
  readonly moduleId?: string;
  readonly source: string;
  readonly reasons: readonly { code: string; reason: string; thing?: string; property?: string }[];
  readonly partition: string;
  readonly offset: string;
  readonly sequenceNumber: number;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly systemProperties: Readonly<Record<string, unknown>>;
  readonly applicationProperties: Readonly<Record<string, unknown>>;
  readonly body?: string;
  readonly bodyBase64: string;
}

export function sampleOfLetter(letter: LetterDetail): SampleMessage {
  const { systemProperties } = letter;
  return sample({
    deviceId: letter.deviceId,
    moduleId: letter.moduleId,
    componentName: text(systemProperties['dt-subject']),
    interfaceId: text(systemProperties['iothub-interface-id'] ?? systemProperties['dt-dataschema']),
    source: letter.source,
    contentType: letter.contentType,
    contentEncoding: letter.contentEncoding,
    properties: letter.applicationProperties,
    enqueuedTime: letter.enqueuedTime,
    creationTime: letter.creationTime,
    ...(isReadable(letter.contentEncoding)
      ? bodyMembers(letter.body, letter.bodyBase64)
      : { bodyBase64: letter.bodyBase64 }),
  });
}

export function sampleOfMessage(message: WatchedMessage): SampleMessage {
  return sample({
    deviceId: message.deviceId,
    moduleId: message.moduleId,
    componentName: message.componentName,
    interfaceId: message.interfaceId,
    source: message.source,
    contentType: message.contentType,
    contentEncoding: message.contentEncoding,
    properties: message.applicationProperties,
    enqueuedTime: message.enqueuedTime,
    creationTime: text(message.applicationProperties['iothub-creation-time-utc']),
    ...bodyMembers(message.bodyText, message.bodyBase64),
  });
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Whether a body of this encoding is a text to read and change, and not bytes that must be decoded first. */
function isReadable(contentEncoding: string | undefined): boolean {
  return contentEncoding === undefined || contentEncoding === '' || /^utf-?8$/i.test(contentEncoding);
}

/** JSON stays JSON, so that it can be read and changed; numbers that JavaScript would round stay text. */
function bodyMembers(body: string | undefined, base64: string | undefined): Record<string, unknown> {
  if (body === undefined) return { bodyBase64: base64 ?? '' };
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && !/\d{16,}/.test(body)) return { body: parsed };
  } catch {
    // No JSON.
  }
  return { bodyText: body };
}

/** Without the members that say nothing. */
function sample(members: Record<string, unknown>): SampleMessage {
  const kept = Object.entries(members).filter(
    ([name, value]) =>
      value !== undefined &&
      !(name === 'properties' && Object.keys(value as object).length === 0) &&
      !(name === 'source' && value === 'Telemetry'),
  );
  return Object.fromEntries(kept) as SampleMessage;
}

const KEY = 'mapping-sample';

/** Hands a sample to the mappings page. */
export function keepSample(message: SampleMessage): void {
  sessionStorage.setItem(KEY, JSON.stringify(message, null, 2));
}

export function keptSample(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

/** What is wrong in a mapping document or a sample, with a JSON pointer. */
export interface MappingProblem {
  readonly pointer: string;
  readonly message: string;
}

export interface Trial {
  readonly problems: readonly MappingProblem[];
  readonly rule?: string;
  readonly values: readonly TrialValue[];
  readonly ignored: readonly TrialRemark[];
  readonly refused: readonly TrialRemark[];
  readonly created: readonly Readonly<Record<string, unknown>>[];
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

export interface TrialValue {
  readonly thing: string;
  readonly property: string;
  readonly baseType: string;
  readonly value: unknown;
  readonly time: string;
  readonly quality: string;
}

export interface TrialRemark {
  readonly code: string;
  readonly reason: string;
  readonly thing?: string;
  readonly property?: string;
}
