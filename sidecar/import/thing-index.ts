import path from 'node:path';
import { DiskIndex, type Indexed } from './disk-index.ts';
import type { DescribedThing, HubThings } from './hub-things.ts';

/** How far the listing of the Things came. */
export interface ListingPlace {
  /** The length of the file. */
  readonly bytes: number;
  /** The Thing to go on after; absent when all are listed. */
  readonly after?: string;
}

interface Listing {
  /** Only Things of this template, and those of it that have no hub. */
  readonly template?: string;
  readonly details?: boolean;
}

/** The Things of a hub by device id, as they were when the task began; kept in the scratch directory of the task. */
export class ThingIndex {
  readonly #things: HubThings;
  readonly #index: DiskIndex<DescribedThing>;

  constructor(things: HubThings, scratch: string) {
    this.#things = things;
    this.#index = new DiskIndex(path.join(scratch, 'things.ndjson'), ({ deviceId }) => deviceId);
  }

  get size(): number {
    return this.#index.size;
  }

  /**
   * Lists the Things, from where an earlier attempt came. `save` keeps the place after each page. Gives false when an earlier listing was
   * complete and is lost: the Things are listed again, and may have other numbers than before.
   */
  async start(
    listing: Listing,
    place: ListingPlace | undefined,
    signal: AbortSignal,
    save: (place: ListingPlace) => Promise<void>,
  ): Promise<boolean> {
    const isThere = await this.#index.start(place?.bytes);
    const wasComplete = place !== undefined && place.after === undefined;
    if (wasComplete && isThere) return true;
    let after = isThere ? place?.after : undefined;
    do {
      const page = await this.#things.page({ ...listing, ...(after === undefined ? {} : { after }) }, signal);
      for (const thing of page.things) await this.#index.add(thing);
      await this.#index.flush();
      after = page.after;
      await save({ bytes: this.#index.bytes, ...(after === undefined ? {} : { after }) });
    } while (after !== undefined);
    return !wasComplete;
  }

  async stop(): Promise<void> {
    await this.#index.stop();
  }

  find(deviceIds: readonly string[]): Promise<Map<string, Indexed<DescribedThing>[]>> {
    return this.#index.find(deviceIds);
  }

  from(first: number): AsyncGenerator<Indexed<DescribedThing>, void> {
    return this.#index.from(first);
  }
}
