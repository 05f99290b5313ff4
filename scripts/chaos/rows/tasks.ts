import { setTimeout as sleep } from 'node:timers/promises';
import { oneRow } from '../../local/platform.ts';
import { HUB_THING, type LocalSystem } from '../../local/system.ts';

const ENDED: ReadonlySet<unknown> = new Set(['completed', 'failed', 'cancelled']);
const LOOK_EVERY_MS = 250;
const TIMEOUT_MS = 120_000;

/** Starts background work of the hub Thing and waits for its end. */
export async function runTask(
  { platform }: LocalSystem,
  service: string,
  parameters: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { result: task } = oneRow(await platform.invoke(HUB_THING, service, parameters));
  const endMs = performance.now() + TIMEOUT_MS;
  for (;;) {
    const { state, error } = oneRow(await platform.invoke(HUB_THING, 'GetTask', { task }));
    if (state === 'completed') return;
    if (ENDED.has(state) || performance.now() > endMs)
      throw new Error(`${service} is ${String(state)}: ${String(error)}`);
    await sleep(LOOK_EVERY_MS);
  }
}
