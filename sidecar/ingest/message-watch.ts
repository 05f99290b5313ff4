import type { MessageOutcome, WatchedMessage } from '../contract/stream.ts';
import { redact } from '../observe/log.ts';
import type { ReceivedMessage, Update } from '../translate/types.ts';

export interface WatchFilter {
  readonly hub?: string | undefined;
  readonly deviceId?: string | undefined;
  readonly outcome?: MessageOutcome | undefined;
}

/** A message that is settled, with what became of it. */
interface SettledMessage {
  readonly message: ReceivedMessage;
  readonly updates: readonly Update[];
  readonly notifications: readonly { readonly type: string }[];
  readonly ignored: WatchedMessage['ignored'];
  readonly reasons: WatchedMessage['reasons'];
}

/** Where the delivery pipeline of one hub reports settled messages. */
export interface HubMessageWatch {
  /** False while nobody looks: then nothing needs to be reported. */
  isActive(): boolean;
  report(outcome: MessageOutcome, settled: SettledMessage): void;
}

interface Watcher {
  readonly filter: WatchFilter;
  onMessage(message: WatchedMessage): void;
  /** Messages that the filter lets through and that are not shown, because they come too fast. */
  onSkipped(count: number): void;
}

/** What is shown of a body. */
const MAX_BODY_BYTES = 32_768;
const MAX_VALUES = 200;
const RING = 200;
/** For each watcher: a person reads no faster, and the lanes have other work. */
const MESSAGES_PER_SECOND = 50;

interface Budget {
  second: number;
  used: number;
}

/**
 * The last messages with what became of them, for those who look at them in the console. Nothing is recorded while nobody looks: then a
 * message costs one comparison. Secrets are taken out by name and by shape, as in the log.
 */
export class MessageWatch {
  readonly #watchers = new Map<Watcher, Budget>();
  #ring: WatchedMessage[] = [];

  get isActive(): boolean {
    return this.#watchers.size > 0;
  }

  /** Tells of the messages kept for others who look, and of all that follow. @returns ends it */
  follow(watcher: Watcher): () => void {
    for (const message of this.#ring) {
      if (matches(watcher.filter, message)) watcher.onMessage(message);
    }
    this.#watchers.set(watcher, { second: 0, used: 0 });
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#ring = [];
    };
  }

  /** The watch as the delivery pipeline of one hub sees it. */
  of(hub: string): HubMessageWatch {
    return {
      isActive: () => this.isActive,
      report: (outcome, settled) => this.report(hub, outcome, settled),
    };
  }

  report(hub: string, outcome: MessageOutcome, settled: SettledMessage): void {
    let shown: WatchedMessage | undefined;
    const { deviceId } = settled.message;
    for (const [watcher, budget] of this.#watchers) {
      if (!matches(watcher.filter, { hub, deviceId, outcome })) continue;
      if (!take(budget)) {
        watcher.onSkipped(1);
        continue;
      }
      shown ??= describe(hub, outcome, settled);
      watcher.onMessage(shown);
    }
    if (shown) this.#ring = [...this.#ring.slice(1 - RING), shown];
  }
}

function matches(
  { hub, deviceId, outcome }: WatchFilter,
  message: Pick<WatchedMessage, 'hub' | 'deviceId' | 'outcome'>,
): boolean {
  return (
    (hub === undefined || hub === message.hub) &&
    (deviceId === undefined || deviceId === message.deviceId) &&
    (outcome === undefined || outcome === message.outcome)
  );
}

function take(budget: Budget): boolean {
  const second = Math.floor(performance.now() / 1000);
  if (budget.second !== second) {
    budget.second = second;
    budget.used = 0;
  }
  budget.used += 1;
  return budget.used <= MESSAGES_PER_SECOND;
}

function describe(
  hub: string,
  outcome: MessageOutcome,
  { message, updates, notifications, ignored, reasons }: SettledMessage,
): WatchedMessage {
  const body = message.body.subarray(0, MAX_BODY_BYTES);
  const truncated = body.length < message.body.length;
  const text =
    message.contentEncoding && !/^utf-?8$/i.test(message.contentEncoding)
      ? undefined
      : textOf(body, truncated);
  const described = {
    hub,
    settledAt: new Date().toISOString(),
    enqueuedTime: new Date(message.enqueuedTimeMs).toISOString(),
    deviceId: message.deviceId,
    ...given('moduleId', message.moduleId),
    ...given('componentName', message.componentName),
    ...given('interfaceId', message.interfaceId),
    source: message.source,
    partition: message.partitionId,
    sequenceNumber: message.sequenceNumber,
    ...given('contentType', message.contentType),
    ...given('contentEncoding', message.contentEncoding),
    applicationProperties: message.applicationProperties,
    bytes: message.body.length,
    ...(text === undefined ? { bodyBase64: Buffer.from(body).toString('base64') } : {}),
    ...(truncated ? { truncated } : {}),
    outcome,
    values: valuesOf(updates),
    notifications: notifications.map(({ type }) => type),
    ignored: ignored.slice(0, MAX_VALUES),
    reasons,
  };
  const safe = JSON.parse(redact(JSON.stringify(described))) as WatchedMessage;
  return text === undefined ? safe : { ...safe, bodyText: redact(text) };
}

function given<K extends string>(name: K, value: string | undefined): Partial<Record<K, string>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, string>);
}

/** Undefined for bytes that are no text. A character that was cut in the middle is left out. */
function textOf(body: Uint8Array, truncated: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body, { stream: truncated });
  } catch {
    return undefined;
  }
}

function valuesOf(updates: readonly Update[]): WatchedMessage['values'] {
  const values = updates.flatMap(({ thing, timeMs, quality, properties, baseTypes, values: row }) =>
    properties.map((property, index) => ({
      thing,
      property,
      baseType: baseTypes[index] ?? '',
      value: row[index] ?? null,
      time: new Date(timeMs).toISOString(),
      quality,
    })),
  );
  return values.slice(0, MAX_VALUES);
}
