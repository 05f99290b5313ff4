import type { RefusalCode } from '../types.ts';

/** A body that cannot be read, with the reason in plain words. Returned, never thrown. */
export class Undecodable {
  readonly code: RefusalCode;
  readonly reason: string;

  constructor(code: RefusalCode, reason: string) {
    this.code = code;
    this.reason = reason;
  }
}
