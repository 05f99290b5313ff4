import type { HubStatus } from './status.ts';

/** The topics of the live stream; a client names those that it wants. */
export const STREAM_TOPICS = ['status', 'log', 'messages'] as const;
export type StreamTopic = (typeof STREAM_TOPICS)[number];

/** What became of a message: accepted by ThingWorx, left out as the settings say, or put into the dead-letter store. */
export const MESSAGE_OUTCOMES = ['delivered', 'ignored', 'deadLettered'] as const;
export type MessageOutcome = (typeof MESSAGE_OUTCOMES)[number];

/** The figures of one hub at one time. The counters count since the hub was connected. */
export interface HubSample {
  readonly ratePerSecond: number;
  readonly lag: number;
  readonly delivered: number;
  readonly ignored: number;
  readonly deadLettered: number;
}

/** The figures of the sidecar and its hubs at one time. */
export interface StatusSample {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** Of one processor: 100 means that one processor is busy all the time. */
  readonly cpuPercent: number;
  /** Memory of the process, in bytes. */
  readonly memoryBytes: number;
  /** Free space on the disk of the state directory, in bytes; absent when the system does not say. */
  readonly diskFreeBytes?: number;
  readonly hubs: Readonly<Record<string, HubSample>>;
}

/** The stream event `status`. */
export interface StatusEvent {
  readonly version: string;
  readonly nodeVersion: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Why the sidecar is not ready; empty when it is. As GET /health/ready. */
  readonly notReady: readonly string[];
  readonly now: StatusSample;
  readonly hubs: readonly HubStatus[];
  /** What to do about each error code that the hubs name. */
  readonly remedies: Readonly<Record<string, string>>;
}

/** The stream event `history`: samples in equal intervals, the oldest first. Sent once, at the start. */
export interface HistoryEvent {
  readonly intervalMs: number;
  readonly samples: readonly StatusSample[];
}

/** One value of a message, as it was sent to ThingWorx. */
interface WatchedValue {
  readonly thing: string;
  readonly property: string;
  readonly baseType: string;
  readonly value: unknown;
  /** ISO 8601. */
  readonly time: string;
  readonly quality: string;
}

/** Why a value or a message was left out or refused. */
interface WatchedRemark {
  readonly code: string;
  readonly reason: string;
  readonly thing?: string;
  readonly property?: string;
}

/** The stream event `message`: one message that is settled. Secrets in it are replaced by [redacted]. */
export interface WatchedMessage {
  readonly hub: string;
  /** When it was settled, ISO 8601. */
  readonly settledAt: string;
  /** When IoT Hub took it, ISO 8601. */
  readonly enqueuedTime: string;
  readonly deviceId: string;
  readonly moduleId?: string;
  readonly componentName?: string;
  readonly interfaceId?: string;
  readonly source: string;
  readonly partition: string;
  readonly sequenceNumber: number;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly applicationProperties: Readonly<Record<string, unknown>>;
  /** The size of the body as it came, in bytes. */
  readonly bytes: number;
  /** The body, when it is text without compression. */
  readonly bodyText?: string;
  /** The body in base64, when it is no text. */
  readonly bodyBase64?: string;
  /** The body was longer than what is shown here. */
  readonly truncated?: true;
  readonly outcome: MessageOutcome;
  /** What was sent to ThingWorx. */
  readonly values: readonly WatchedValue[];
  /** Kinds of notifications that the message caused, such as lifecycle. */
  readonly notifications: readonly string[];
  /** What the settings left out of it. */
  readonly ignored: readonly WatchedRemark[];
  /** Why it is in the dead-letter store. */
  readonly reasons: readonly WatchedRemark[];
}

/** The stream event `skipped`: how many messages or log lines were left out because the client was too slow or they were too many. */
export interface SkippedEvent {
  readonly topic: StreamTopic;
  readonly count: number;
}
