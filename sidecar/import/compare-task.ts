import type { RunningTask, TaskKind } from '../tasks/task.ts';
import { Account } from './account.ts';
import { countDevices } from './devices.ts';
import { Herald } from './herald.ts';
import { type RegistryWork, thingsByDevice } from './import-task.ts';
import { persist } from './persistence.ts';
import { ThingRoster } from './thing-roster.ts';

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
    const account = new Account(task as RunningTask, COMPARE_REGISTRY, new Herald(client, hubThing, log));
    return account.attend(() => this.#compare(task.signal, account));
  }

  async #compare(signal: AbortSignal, account: Account): Promise<void> {
    const { azure, log } = this.#work;
    const total = await countDevices(azure, { kind: 'all' }, signal, log);
    if (total !== undefined) account.expect(total);
    const things = await thingsByDevice(new ThingRoster(this.#work), signal);
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
        if (things.delete(deviceId)) account.count('matched');
        else account.settle({ item: deviceId, outcome: 'withoutThing', message: 'The device has no Thing.' });
      }
      devices += page.items.length;
      token = page.continuationToken;
      await account.progress();
    } while (token !== undefined);
    account.expect(devices + things.size);
    for (const [deviceId, thing] of things)
      account.settle({
        item: thing,
        outcome: 'withoutDevice',
        message: `IoT Hub has no device ${deviceId}.`,
      });
  }
}
