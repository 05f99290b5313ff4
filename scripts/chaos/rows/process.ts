import type { Row, RowContext } from '../row.ts';

/** The life of a process that is killed: from before it listens to long after it reads. */
const LIFE_MS = { shortest: 200, longest: 3_000 };

async function restart({ system }: RowContext): Promise<void> {
  const { sidecar } = system.local;
  // It may be killed before it says that it listens.
  sidecar.start().catch(() => undefined);
}

async function kill(context: RowContext): Promise<void> {
  await context.system.local.sidecar.kill();
  await restart(context);
}

async function kills(context: RowContext): Promise<void> {
  const { random, sleep, faultMs } = context;
  for (let spentMs = 0; spentMs < faultMs * 2; ) {
    const lifeMs = random.between(LIFE_MS.shortest, LIFE_MS.longest);
    await sleep(lifeMs);
    await kill(context);
    spentMs += lifeMs;
  }
  await context.system.local.waitForState('running');
}

async function killsDuringStart(context: RowContext): Promise<void> {
  for (let count = 0; count < 5; count += 1) {
    await kill(context);
    await context.sleep(context.random.between(20, 400));
  }
  await context.system.local.waitForState('running');
}

async function stops(context: RowContext): Promise<void> {
  const { sidecar } = context.system.local;
  for (let count = 0; count < 2; count += 1) {
    await sidecar.stop();
    await sidecar.start();
    await context.system.local.waitForState('running');
    await context.sleep(context.faultMs / 2);
  }
}

async function freeze({ system, sleep, faultMs }: RowContext): Promise<void> {
  const pid = system.local.sidecar.pid;
  if (pid === undefined) throw new Error('The sidecar does not run.');
  process.kill(pid, 'SIGSTOP');
  try {
    await sleep(faultMs);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

/** What happens to the process of the sidecar. */
export const PROCESS_ROWS: readonly Row[] = (['blob', 'local'] as const).flatMap((checkpoints): Row[] => [
  {
    name: `SIGKILL at random points, ${checkpoints} checkpoints`,
    checkpoints,
    quick: checkpoints === 'blob',
    run: kills,
  },
  { name: `SIGKILL during start, ${checkpoints} checkpoints`, checkpoints, run: killsDuringStart },
  { name: `SIGTERM under load, ${checkpoints} checkpoints`, checkpoints, run: stops },
  { name: `SIGSTOP and SIGCONT, ${checkpoints} checkpoints`, checkpoints, run: freeze },
]);
