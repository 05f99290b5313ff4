import type { HubNotification } from './sources/notifications.ts';
import type { BaseType, Ignored, Quality, ReceivedMessage, Refusal } from './types.ts';

/** Values of one Thing at one time, decoded and mapped but not yet coerced to its properties. */
export interface Reading {
  readonly thing: string;
  /** The Thing Template for the Thing when it has to be created; undefined: the setting's. */
  readonly template?: string | undefined;
  /** Stands before every name: `module::`, `component::`. */
  readonly prefix: string;
  readonly timeMs: number;
  /** True for one of several elements that has the message's time because it has none of its own. */
  readonly untimed?: boolean | undefined;
  readonly quality: Quality;
  /** The addresses of `values`; undefined: the keys of `members`. */
  readonly names?: readonly string[] | undefined;
  readonly values?: readonly unknown[] | undefined;
  /** The base types that a mapping gives `values`, for properties that are to be created. */
  readonly baseTypes?: readonly (BaseType | undefined)[] | undefined;
  readonly members?: Readonly<Record<string, unknown>> | undefined;
  /** The module whose nodes the values are bound to (bound-fields.ts); undefined for all other values. */
  readonly boundTo?: string | undefined;
}

/** What a message holds after decoding and mapping. */
export interface Content {
  readonly readings: readonly Reading[];
  readonly ignored: readonly Ignored[];
  readonly refusals: readonly Refusal[];
  readonly notifications: readonly HubNotification[];
}

export const NONE: readonly never[] = Object.freeze([]);

export function contentOf(parts: Partial<Content>): Content {
  return { readings: NONE, ignored: NONE, refusals: NONE, notifications: NONE, ...parts };
}

/** The common case, without the cost of merging. */
export function contentOfReadings(readings: readonly Reading[]): Content {
  return { readings, ignored: NONE, refusals: NONE, notifications: NONE };
}

export function refused(refusal: Refusal): Content {
  return contentOf({ refusals: [refusal] });
}

/** The time of a message's values: the device's creation time, else when the hub took it. Never the time of processing. */
export function messageTimeMs(message: ReceivedMessage): number {
  const { creationTimeMs } = message;
  return creationTimeMs !== undefined && Math.abs(creationTimeMs) <= 8.64e15
    ? creationTimeMs
    : message.enqueuedTimeMs;
}
