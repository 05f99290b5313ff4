/**
 * Serializes work by key: work with the same key runs one after the other, in the order of the calls. For changes that read a value before
 * they write it. Covers this process only.
 */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const previous = this.#last.get(key);
    const current = (async () => {
      await previous;
      return work();
    })();
    const settled = current.catch(() => undefined);
    this.#last.set(key, settled);
    try {
      return await current;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
