import type { HubMessage } from '../translate/types.ts';

/** Why a message, or a part of it, was not delivered. */
export interface DeadLetterReason {
  readonly code: string;
  /** Plain words. */
  readonly reason: string;
  readonly thing?: string;
  readonly property?: string;
}

/** A message that could not be delivered, whole, with everything needed to find the cause and to replay it. */
export interface DeadLetter {
  /** `<stream>-<partition>-<sequence number>`: the same message has the same id, however often it comes. */
  readonly id: string;
  readonly storedAtMs: number;
  readonly message: HubMessage;
  readonly reasons: readonly DeadLetterReason[];
}

export interface DeadLetterStore {
  /** Resolves when the letters would survive a power cut. Rejects with ConnectorError; the lane then waits and tries again. */
  append(letters: readonly DeadLetter[]): Promise<void>;
}
