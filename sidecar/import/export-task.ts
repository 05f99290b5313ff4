import { isId } from '../azure/iot-hub/identities.ts';
import { BULK_LIMIT, type BulkResult } from '../azure/iot-hub/registry.ts';
import { persist, type RunningTask, type TaskKind, withGrace } from '../tasks/task.ts';
import { devicesPerQuery, queryPages } from './devices.ts';
import type { Indexed } from './disk-index.ts';
import { type DeviceThing, HubThings } from './hub-things.ts';
import type { RegistryWork } from './import-task.ts';
import { type ImportProgress, withProgress } from './progress.ts';
import { type ListingPlace, ThingIndex } from './thing-index.ts';

export const EXPORT_THINGS = 'ExportThings';

export interface ExportInput {
  /** Things of this template, and of those derived from it. */
  readonly template: string;
  readonly edge: boolean;
  readonly enabled: boolean;
  readonly dryRun: boolean;
}

interface ExportPlace {
  readonly listing: ListingPlace;
  /** Things that are settled, in the order of the listing. */
  readonly things?: number;
}

/** One call may wait for minutes until a small tier allows as many operations. */
const TIMEOUT_MS = 600_000;

/**
 * Makes devices for Things: created, existed, failed; in a dry run wouldCreate or existed. Things that had no hub get this one. Goes on
 * after a crash at the call it was at. At another sidecar it begins again; what it had made is then counted as existed.
 */
export class ExportTask implements TaskKind<ExportInput, ExportPlace> {
  readonly kind = EXPORT_THINGS;
  readonly resumes = true;
  readonly #work: RegistryWork;

  constructor(work: RegistryWork) {
    this.#work = work;
  }

  run(task: RunningTask<ExportInput, ExportPlace>): Promise<void> {
    return withProgress(this.#work, task, EXPORT_THINGS, (progress) => this.#export(task, progress));
  }

  async #export(task: RunningTask<ExportInput, ExportPlace>, progress: ImportProgress): Promise<void> {
    const { signal, input, position } = task;
    const things = new HubThings(this.#work);
    const index = new ThingIndex(things, task.scratch);
    try {
      let listing = position?.listing;
      const { template } = input;
      let done = position?.things ?? 0;
      const isKept = await index.start({ template }, listing, signal, async (place) => {
        listing = place;
        await task.save({ listing: place });
      });
      if (!isKept && listing) {
        done = 0;
        await task.restart({ listing });
      }
      progress.expect(index.size, await this.#pace(input, signal));
      for await (const some of groups(index.from(done))) {
        const possible = await this.#possible(some, index, progress);
        if (input.dryRun) await this.#look(possible, progress, signal);
        else await withGrace(signal, (calling) => this.#make(possible, input, things, progress, calling));
        await progress.notify();
        done += some.length;
        if (listing) await task.save({ listing, things: done });
      }
    } finally {
      await index.stop();
    }
  }

  /** Things per second that the tier allows; undefined while it is unknown. */
  async #pace({ dryRun }: ExportInput, signal: AbortSignal): Promise<number | undefined> {
    const { azure, log } = this.#work;
    const { quota } = await persist(azure, signal, log);
    return dryRun
      ? quota.rate('query') * devicesPerQuery({ kind: 'list', deviceIds: [] })
      : quota.rate('registry');
  }

  /** Settles Things that no device can be made for; IoT Hub would refuse the whole call for their sake. */
  async #possible(
    some: readonly Indexed<DeviceThing>[],
    index: ThingIndex,
    progress: ImportProgress,
  ): Promise<DeviceThing[]> {
    const owners = await index.find(some.map(({ value }) => value.deviceId));
    return some.flatMap(({ number, value }) => {
      const { thing, deviceId } = value;
      const first = owners.get(deviceId)?.[0];
      const isOther = first !== undefined && first.number !== number;
      if (!isOther && isId(deviceId)) return [value];
      const reason = isOther
        ? `${first.value.thing} stands for the same device.`
        : `IoT Hub allows no such id.`;
      progress.settle({ item: deviceId, outcome: 'failed', message: `${thing}: ${reason}` });
      return [];
    });
  }

  async #look(things: readonly DeviceThing[], progress: ImportProgress, signal: AbortSignal): Promise<void> {
    const { azure, log } = this.#work;
    const deviceIds = things.map(({ deviceId }) => deviceId);
    const missing = new Set<string>();
    for await (const page of queryPages(azure, { kind: 'list', deviceIds }, undefined, signal, log))
      for (const deviceId of page.unknown) missing.add(deviceId);
    for (const { thing, deviceId } of things)
      progress.settle({
        item: deviceId,
        outcome: missing.has(deviceId) ? 'wouldCreate' : 'existed',
        message: thing,
      });
  }

  async #make(
    some: readonly DeviceThing[],
    { edge, enabled, template }: ExportInput,
    things: HubThings,
    progress: ImportProgress,
    signal: AbortSignal,
  ): Promise<void> {
    const { azure, log } = this.#work;
    const devices = some.map(({ deviceId }) => ({
      deviceId,
      status: enabled ? ('enabled' as const) : ('disabled' as const),
      ...(edge ? { capabilities: { iotEdge: true } } : {}),
    }));
    const results = await persist(
      async () => (await azure()).bulkDevices('create', devices, { signal, timeoutMs: TIMEOUT_MS }),
      signal,
      log,
    );
    const unlinked = some.filter(({ linked }, index) => !linked && isThere(results[index]));
    const linkFailures = new Map<string, string>();
    await things.make(
      unlinked.map(({ thing, deviceId }) => ({ name: thing, deviceId, template, link: true as const })),
      signal,
      (made) => {
        for (const { wanted, message } of made) if (message) linkFailures.set(wanted.name, message);
      },
    );
    for (const [index, { thing, deviceId }] of some.entries()) {
      const result = results[index];
      const linkFailure = linkFailures.get(thing);
      if (!isThere(result))
        progress.settle({ item: deviceId, outcome: 'failed', message: reasonOf(thing, result) });
      else if (linkFailure !== undefined)
        progress.settle({
          item: deviceId,
          outcome: 'failed',
          message: `${thing} has the device, but no hub: ${linkFailure}`,
        });
      else progress.settle({ item: deviceId, outcome: result?.done ? 'created' : 'existed', message: thing });
    }
  }
}

/** In calls of as many devices as IoT Hub takes. */
async function* groups(
  things: AsyncGenerator<Indexed<DeviceThing>, void>,
): AsyncGenerator<readonly Indexed<DeviceThing>[], void> {
  let some: Indexed<DeviceThing>[] = [];
  for await (const thing of things) {
    some.push(thing);
    if (some.length < BULK_LIMIT) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

function isThere(result: BulkResult | undefined): boolean {
  return result !== undefined && (result.done || exists(result));
}

/** IoT Hub names the error or gives its number. */
function exists({ errorCode = '' }: BulkResult): boolean {
  return errorCode === 'DeviceAlreadyExists' || errorCode === '409001';
}

function reasonOf(thing: string, result: BulkResult | undefined): string {
  return `${thing}: ${[result?.errorCode, result?.message].filter(Boolean).join(': ') || 'IoT Hub did not say why.'}`;
}
