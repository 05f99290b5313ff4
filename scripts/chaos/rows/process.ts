import { readdir } from 'node:fs/promises';
import { cutPower } from '../power-cut.ts';
import type { Row, RowContext } from '../row.ts';
import { command, hasCommand } from './commands.ts';

/** The life of a process that is killed: from before it listens to long after it reads. */
const LIFE_MS = { shortest: 200, longest: 3_000 };
/** Too little for what the sidecar does under load, and enough for its start. */
const SMALL_HEAP_MEGABYTES = 26;

async function restart({ system }: RowContext, environment: Readonly<Record<string, string>> = {}) {
  const { sidecar } = system.local;
  // It may be killed before it says that it listens.
  sidecar.start({ environment }).catch(() => undefined);
}

async function kill(context: RowContext): Promise<void> {
  await context.system.local.sidecar.kill();
  await restart(context);
}

/** Counts the lives in which values arrived: a process that is killed again and again must get on all the same. */
async function kills(context: RowContext): Promise<Record<string, number>> {
  const { random, sleep, load } = context;
  let livesWithProgress = 0;
  let before = await load.newestValues();
  for (let count = 0; count < context.kills; count += 1) {
    await sleep(random.between(LIFE_MS.shortest, LIFE_MS.longest));
    await kill(context);
    const now = await load.newestValues();
    if (now > before) livesWithProgress += 1;
    before = now;
  }
  await context.system.local.waitForState('running');
  return { lives: context.kills, livesWithProgress };
}

async function killsInPairs(context: RowContext): Promise<void> {
  const { random, sleep } = context;
  for (let count = 0; count < context.kills / 4; count += 1) {
    await sleep(random.between(LIFE_MS.shortest, LIFE_MS.longest));
    await kill(context);
    await sleep(random.between(0, LIFE_MS.shortest));
    await kill(context);
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

async function freeze({ system, sleep, faultMs, random }: RowContext): Promise<void> {
  const pid = system.local.sidecar.pid;
  if (pid === undefined) throw new Error('The sidecar does not run.');
  process.kill(pid, 'SIGSTOP');
  try {
    await sleep(random.between(faultMs / 2, faultMs * 3));
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

/** Ends by itself and is started again, as a service manager does, until it has memory again. */
async function exhaustMemory(context: RowContext): Promise<Record<string, number>> {
  const { system, load, sleep, faultMs } = context;
  const { sidecar } = system.local;
  const small = { NODE_OPTIONS: `${system.nodeOptions} --max-old-space-size=${SMALL_HEAP_MEGABYTES}` };
  await sidecar.kill();
  await restart(context, small);
  let ends = 0;
  for (let spentMs = 0; spentMs < faultMs || ends === 0; spentMs += 250) {
    if (spentMs > 60_000) throw new Error('The sidecar did not run out of memory.');
    load.burst(100);
    await sleep(250);
    if (!sidecar.hasEnded) continue;
    ends += 1;
    await restart(context, small);
  }
  await kill(context);
  await system.local.waitForState('running');
  return { outOfMemory: ends };
}

async function cutsOfPower(context: RowContext): Promise<Record<string, number>> {
  const { system, random, sleep } = context;
  const { sidecar } = system.local;
  let lost = 0;
  await sidecar.kill();
  for (let count = 0; count < context.kills / 4; count += 1) {
    await restart(context, { CHAOS_DISK_JOURNAL: system.diskJournal });
    await sleep(random.between(LIFE_MS.shortest, LIFE_MS.longest));
    await sidecar.kill();
    lost += cutPower(system.diskJournal, random);
  }
  await restart(context);
  await system.local.waitForState('running');
  return { lostChanges: lost };
}

/** New connections and files fail, those that are open work. */
async function exhaustDescriptors(context: RowContext): Promise<void> {
  const { system, sleep, faultMs } = context;
  const pid = String(system.local.sidecar.pid);
  const open = (await readdir(`/proc/${pid}/fd`)).length;
  const limits = await command('prlimit', [
    '--pid',
    pid,
    '--nofile',
    '--output',
    'SOFT,HARD',
    '--noheadings',
  ]);
  const [soft = '', hard = ''] = limits.trim().split(/\s+/);
  // The limit is one for the highest number; numbers of closed connections are given again.
  await command('prlimit', ['--pid', pid, `--nofile=${open}:${hard}`]);
  for (const side of ['ThingWorx', 'event stream', 'storage'] as const) system.tcp(side).reset();
  await sleep(faultMs);
  await command('prlimit', ['--pid', pid, `--nofile=${soft}:${hard}`]);
}

/** What happens to the process of the sidecar. */
export const PROCESS_ROWS: readonly Row[] = [
  ...(['blob', 'local'] as const).flatMap((checkpoints): Row[] => [
    {
      name: `SIGKILL at random points, ${checkpoints} checkpoints`,
      checkpoints,
      quick: checkpoints === 'blob',
      run: kills,
    },
    { name: `SIGKILL twice in quick succession, ${checkpoints} checkpoints`, checkpoints, run: killsInPairs },
    { name: `SIGKILL during start, ${checkpoints} checkpoints`, checkpoints, run: killsDuringStart },
    { name: `SIGTERM under load, ${checkpoints} checkpoints`, checkpoints, run: stops },
    { name: `SIGSTOP and SIGCONT, ${checkpoints} checkpoints`, checkpoints, run: freeze },
    {
      name: `out of memory, ${checkpoints} checkpoints`,
      checkpoints,
      recoverySeconds: 30,
      run: exhaustMemory,
    },
  ]),
  { name: 'power cut', checkpoints: 'local', run: cutsOfPower },
  {
    name: 'file descriptors exhausted',
    skip: () => (hasCommand('prlimit') ? undefined : 'this machine has no prlimit'),
    run: exhaustDescriptors,
  },
];
