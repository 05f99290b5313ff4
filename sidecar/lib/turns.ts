/**
 * Lets changes of one thing follow each other, which read it before they write it. Within one process they would otherwise undo each other,
 * or overtake each other again and again with a call to Azure each time; those of other processes still do.
 */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = (async () => {
      await before;
      return work();
    })();
    const settled = mine.catch(() => undefined);
    this.#last.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
