import type { RunningTask, TaskKind } from '../tasks/task.ts';
import type { Place, Selection } from './devices.ts';
import { HubThings, type TwinOfThing } from './hub-things.ts';
import type { RegistryWork } from './import-task.ts';
import { type ImportProgress, withProgress } from './progress.ts';
import { QueryReader } from './registry-reader.ts';
import { type ListingPlace, ThingIndex } from './thing-index.ts';

export const REFRESH_TWINS = 'RefreshTwins';

export interface RefreshInput {
  readonly selection: Selection;
}

interface RefreshPlace {
  readonly listing: ListingPlace;
  readonly devices?: Place;
}

/**
 * Mirrors the twins of many devices on their Things: refreshed, unchanged, failed, withoutThing. It reads by queries only: an export of the
 * hub has no version of the whole twin, no connection state and no model id. Goes on after a crash at the page it was at.
 */
export class RefreshTask implements TaskKind<RefreshInput, RefreshPlace> {
  readonly kind = REFRESH_TWINS;
  readonly resumes = true;
  readonly #work: RegistryWork;

  constructor(work: RegistryWork) {
    this.#work = work;
  }

  run(task: RunningTask<RefreshInput, RefreshPlace>): Promise<void> {
    return withProgress(this.#work, task, REFRESH_TWINS, (progress) => this.#refresh(task, progress));
  }

  async #refresh(task: RunningTask<RefreshInput, RefreshPlace>, progress: ImportProgress): Promise<void> {
    const { signal, position, input } = task;
    const things = new HubThings(this.#work);
    const index = new ThingIndex(things, task.scratch);
    const reader = new QueryReader(this.#work, task as RunningTask, input.selection);
    let listing = position?.listing;
    try {
      await index.start({}, listing, signal, async (place) => {
        listing = place;
        await task.save({ listing: place });
      });
      for await (const page of reader.pages(position?.devices)) {
        const found = await index.find(page.devices.map(({ deviceId }) => deviceId));
        const twins: TwinOfThing[] = [];
        for (const { deviceId, view } of page.devices) {
          const thing = found.get(deviceId)?.at(-1)?.value.thing;
          if (thing !== undefined && view !== undefined) twins.push({ thing, deviceId, twin: view });
          else progress.count('withoutThing');
        }
        await things.refresh(twins, signal, async (refreshed) => {
          for (const { of, outcome, message } of refreshed) {
            if (outcome === 'failed')
              progress.settle({ item: of.deviceId, outcome, message: `${of.thing}: ${message}` });
            else progress.count(outcome);
          }
          await progress.notify();
        });
        if (page.next && listing) await task.save({ listing, devices: page.next });
      }
    } finally {
      await index.stop();
    }
  }
}
