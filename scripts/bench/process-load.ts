import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What a process needed since it was last asked. */
export interface ProcessLoad {
  readonly cpuSeconds: number;
  /** How late timers were: 99 of 100 at most so much, and the latest. */
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
}

const ASK = 'load';

/** Answers the parent that asks for the load of this process. */
export function answerLoad(): void {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  let before = process.cpuUsage();
  process.on('message', (message) => {
    if (message !== ASK) return;
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    process.send?.({
      cpuSeconds: (user + system) / 1e6,
      delayP99Ms: delays.percentile(99) / 1e6,
      delayMaxMs: delays.max / 1e6,
    } satisfies ProcessLoad);
    delays.reset();
  });
}

/** The load of a child that answers with `answerLoad`, since it was last asked. */
export async function loadOf(child: ChildProcess): Promise<ProcessLoad> {
  const answered = once(child, 'message');
  child.send(ASK);
  const [load] = (await answered) as [ProcessLoad];
  return load;
}
