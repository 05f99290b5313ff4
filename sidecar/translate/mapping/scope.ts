import type { ReceivedMessage } from '../types.ts';

/** What paths of a rule see: the body, the element at hand, those around it, and the message. */
export interface Scope {
  readonly root: unknown;
  readonly item: unknown;
  /** Elements around `item`, the nearest first; the body is the last. */
  readonly around: readonly unknown[];
  /** Key or index of the element in its container. */
  readonly key: string | number | undefined;
  readonly message: ReceivedMessage;
  /** The body was decoded with exact integers. */
  readonly exact: boolean;
}

export function rootScope(message: ReceivedMessage, root: unknown, exact: boolean): Scope {
  return { root, item: root, around: [], key: undefined, message, exact };
}
