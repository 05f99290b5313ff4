import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
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
   * Lists the Things, from where an earlier attempt came. `save` keeps the place after each page. Throws TASK_INTERRUPTED when the listing is
   * lost to which later positions refer.
   */
  async start(
    listing: Listing,
    place: ListingPlace | undefined,
    signal: AbortSignal,
    save: (place: ListingPlace) => Promise<void>,
  ): Promise<void> {
    const isThere = await this.#index.start(place?.bytes);
    if (place && place.after === undefined) {
      if (isThere) return;
      throw new ConnectorError(
        'TASK_INTERRUPTED',
        'The files of the task in the state directory are lost or damaged; start it again.',
      );
    }
    let after = isThere ? place?.after : undefined;
    do {
      const page = await this.#things.page({ ...listing, ...(after === undefined ? {} : { after }) }, signal);
      for (const thing of page.things) await this.#index.add(thing);
      await this.#index.flush();
      after = page.after;
      await save({ bytes: this.#index.bytes, ...(after === undefined ? {} : { after }) });
    } while (after !== undefined);
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
