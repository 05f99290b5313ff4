import { isId } from '../azure/iot-hub/identities.ts';
import { BULK_LIMIT, type BulkResult } from '../azure/iot-hub/registry.ts';
import { type RunningTask, type TaskKind, withGrace } from '../tasks/task.ts';
import { devicePages } from './devices.ts';
import type { RegistryWork } from './import-task.ts';
import { persist } from './persistence.ts';
import { ImportProgress } from './progress.ts';
import { ProgressNotifier } from './progress-notifier.ts';
import { type DeviceThing, ThingBatchCreator } from './thing-batch-creator.ts';

export const EXPORT_THINGS = 'ExportThings';

export interface ExportInput {
  /** Things of this template, and of those derived from it. */
  readonly template: string;
  readonly edge: boolean;
  readonly enabled: boolean;
  readonly dryRun: boolean;
}

/** The last Thing that was looked at. */
export interface ExportPlace {
  readonly after: string;
}

/** One call may wait for minutes until a small tier allows as many operations. */
const TIMEOUT_MS = 600_000;

/**
 * Makes devices for Things: created, existed, failed; in a dry run wouldCreate or existed. Things that had no hub get this one. Goes on
 * after a crash at the page it was at.
 */
export class ExportTask implements TaskKind<ExportInput, ExportPlace> {
  readonly kind = EXPORT_THINGS;
  readonly resumes = true;
  readonly #work: RegistryWork;

  constructor(work: RegistryWork) {
    this.#work = work;
  }

  run(task: RunningTask<ExportInput, ExportPlace>): Promise<void> {
    const { client, hubThing, log } = this.#work;
    const progress = new ImportProgress(
      task as RunningTask,
      EXPORT_THINGS,
      new ProgressNotifier(client, hubThing, log),
    );
    return progress.attend(() => this.#export(task, progress));
  }

  async #export(task: RunningTask<ExportInput, ExportPlace>, progress: ImportProgress): Promise<void> {
    const { signal, input, position } = task;
    const things = new ThingBatchCreator(this.#work);
    const owners = new Map<string, string>();
    for await (const page of things.list({ template: input.template, ...position }, signal)) {
      for (let start = 0; start < page.things.length; start += BULK_LIMIT) {
        const some = page.things
          .slice(start, start + BULK_LIMIT)
          .filter((one) => isPossible(one, owners, progress));
        if (input.dryRun) await this.#look(some, progress, signal);
        else await withGrace(signal, (calling) => this.#make(some, input, things, progress, calling));
        await progress.notify();
      }
      if (page.after !== undefined) await task.save({ after: page.after });
    }
  }

  async #look(things: readonly DeviceThing[], progress: ImportProgress, signal: AbortSignal): Promise<void> {
    const { azure, log } = this.#work;
    const deviceIds = things.map(({ deviceId }) => deviceId);
    const missing = new Set<string>();
    for await (const page of devicePages(azure, { kind: 'list', deviceIds }, undefined, signal, log))
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
    things: ThingBatchCreator,
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

/** Settles a Thing that no device can be made for; IoT Hub would refuse the whole call for its sake. */
function isPossible(
  { thing, deviceId }: DeviceThing,
  owners: Map<string, string>,
  progress: ImportProgress,
): boolean {
  const owner = owners.get(deviceId);
  if (owner === undefined && isId(deviceId)) {
    owners.set(deviceId, thing);
    return true;
  }
  const reason = owner === undefined ? `IoT Hub allows no such id.` : `${owner} stands for the same device.`;
  progress.settle({ item: deviceId, outcome: 'failed', message: `${thing}: ${reason}` });
  return false;
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
