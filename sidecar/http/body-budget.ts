import { ConnectorError } from '../errors/connector-error.ts';

/** The memory that all bodies may take while they are being read. */
export class BodyBudget {
  #left: number;

  /** @param bytes for all bodies together */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /**
   * Takes the bytes of one body.
   * @returns gives them back; may be called again
   * @throws ConnectorError RATE_LIMITED while too many bodies are under way
   */
  take(bytes: number): () => void {
    if (bytes > this.#left) {
      throw new ConnectorError(
        'RATE_LIMITED',
        'Too many large requests are being received at the same time.',
        {
          retryAfterMs: 1000,
        },
      );
    }
    this.#left -= bytes;
    let taken = bytes;
    return () => {
      this.#left += taken;
      taken = 0;
    };
  }
}
