import type { RunningTask, TaskKind } from '../tasks/task.ts';
import { countDevices } from './devices.ts';
import { type RegistryWork, thingsByDevice } from './import-task.ts';
import { persist } from './persistence.ts';
import { ImportProgress } from './progress.ts';
import { ProgressNotifier } from './progress-notifier.ts';
import { ThingBatchCreator } from './thing-batch-creator.ts';

export const COMPARE_REGISTRY = 'CompareRegistry';

const PAGE_SIZE = 1_000;
const TIMEOUT_MS = 600_000;

/**
 * Reports what either side lacks: withoutThing (a device), withoutDevice (a Thing); what has both is counted as matched. It keeps no
 * position: after a crash it begins again, since it has changed nothing.
 */
export class CompareTask implements TaskKind<Record<string, never>, never> {
  readonly kind = COMPARE_REGISTRY;
  readonly resumes = true;
  readonly #work: RegistryWork;

  constructor(work: RegistryWork) {
    this.#work = work;
  }

  run(task: RunningTask<Record<string, never>, never>): Promise<void> {
    const { client, hubThing, log } = this.#work;
    const progress = new ImportProgress(
      task as RunningTask,
      COMPARE_REGISTRY,
      new ProgressNotifier(client, hubThing, log),
    );
    return progress.attend(() => this.#compare(task.signal, progress));
  }

  async #compare(signal: AbortSignal, progress: ImportProgress): Promise<void> {
    const { azure, log } = this.#work;
    const total = await countDevices(azure, { kind: 'all' }, signal, log);
    if (total !== undefined) progress.expect(total);
    const things = await thingsByDevice(new ThingBatchCreator(this.#work), signal);
    let token: string | undefined;
    let devices = 0;
    do {
      const page = await persist(
        async () =>
          (await azure()).twins.query<{ deviceId: string }>('SELECT deviceId FROM devices', {
            pageSize: PAGE_SIZE,
            timeoutMs: TIMEOUT_MS,
            signal,
            ...(token === undefined ? {} : { continuationToken: token }),
          }),
        signal,
        log,
      );
      for (const { deviceId } of page.items) {
        if (things.delete(deviceId)) progress.count('matched');
        else
          progress.settle({ item: deviceId, outcome: 'withoutThing', message: 'The device has no Thing.' });
      }
      devices += page.items.length;
      token = page.continuationToken;
      await progress.notify();
    } while (token !== undefined);
    progress.expect(devices + things.size);
    for (const [deviceId, thing] of things)
      progress.settle({
        item: thing,
        outcome: 'withoutDevice',
        message: `IoT Hub has no device ${deviceId}.`,
      });
  }
}
