import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Row, RowContext } from '../row.ts';
import { runTask } from './tasks.ts';

/** The file in which the emulator keeps its state, a JSON object in each line. */
const JOURNAL = 'journal.jsonl';

/** ThingWorx goes back to a backup, and the administrator asks for the messages since then, as docs/recovery.md says. */
async function restore(
  { system, load, sleep, faultMs }: RowContext,
  restoreInto: (directory: string, backup: string) => Promise<void>,
): Promise<void> {
  const { cloud } = system.local;
  await load.settle();
  const backedUpAtMs = Date.now();
  let backup = '';
  await cloud.restartThingworx(async (directory) => {
    backup = `${directory}-backup`;
    await rm(backup, { recursive: true, force: true });
    await cp(directory, backup, { recursive: true });
  });
  load.begin();
  await sleep(faultMs);
  await cloud.restartThingworx((directory) => restoreInto(directory, backup));
  await system.local.waitForState('running');
  await sleep(faultMs / 2);
  await runTask(system.local, 'ReplayEvents', { from: backedUpAtMs - 1_000 });
}

async function restoreAll(directory: string, backup: string): Promise<void> {
  await rm(directory, { recursive: true });
  await cp(backup, directory, { recursive: true });
}

/** The value streams are in a database of their own: they are older than the hub Thing with its high-water marks. */
async function restoreHistory(directory: string, backup: string): Promise<void> {
  const isHistory = (line: string) => line.startsWith('{"history"');
  const linesOf = async (folder: string) => (await readFile(path.join(folder, JOURNAL), 'utf8')).split('\n');
  const now = (await linesOf(directory)).filter((line) => !isHistory(line));
  const then = (await linesOf(backup)).filter(isHistory);
  await writeFile(path.join(directory, JOURNAL), [...now, ...then].join('\n'));
}

/** ThingWorx goes back in time. */
export const BACKUP_ROWS: readonly Row[] = [
  {
    name: 'ThingWorx is restored from an older backup',
    recoverySeconds: 30,
    replays: true,
    run: (context) => restore(context, restoreAll),
  },
  {
    name: 'value streams are restored from an older backup, marks are ahead of them',
    recoverySeconds: 30,
    replays: true,
    run: (context) => restore(context, restoreHistory),
  },
];
