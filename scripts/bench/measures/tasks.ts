import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newId } from '../../../sidecar/lib/records.ts';
import { createLog } from '../../../sidecar/observe/log.ts';
import type { TaskRecord } from '../../../sidecar/tasks/task.ts';
import { TaskBoard } from '../../../sidecar/tasks/task-board.ts';
import { TaskStore } from '../../../sidecar/tasks/task-store.ts';
import { type Figure, median } from '../figures.ts';
import { addedFigure, type Cost, powerFigure } from '../growth.ts';

const SIZES = [10, 100, 1_000];
const ROUNDS = 15;
const CALLS = 200;

/** Tasks that a hub keeps: what each status of the hub Thing costs, which says how many there are. */
export async function tasks(): Promise<Figure[]> {
  const rounds: Cost[] = [];
  for (const size of SIZES) rounds.push({ size, cost: await nanosPerRound(size) });
  return [
    powerFigure('tasks', 'their number in a status', rounds),
    addedFigure('tasks', 'their number in a status, for each', rounds, 'ns'),
  ];
}

async function nanosPerRound(size: number): Promise<number> {
  const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-bench-tasks-'));
  const board = new TaskBoard(createLog('error'));
  try {
    const store = TaskStore.inDirectory(directory);
    for (let number = 0; number < size; number += 1) await store.records.create(taskOf(number));
    board.use({ store, post: async () => undefined });
    await board.begin();
    const nanos: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const startedAt = performance.now();
      let queued = 0;
      for (let call = 0; call < CALLS; call += 1) queued = board.pending['queued'] ?? 0;
      nanos.push(((performance.now() - startedAt) * 1e6) / CALLS);
      if (queued !== size) throw new Error(`The hub says ${queued} of ${size} tasks.`);
    }
    return median(nanos);
  } finally {
    await board.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Waits: nobody defines its kind. Of those that have ended a hub keeps a hundred. */
function taskOf(number: number): TaskRecord {
  const createdAtMs = Date.UTC(2026, 0, 1) + number;
  return {
    id: newId(createdAtMs),
    kind: 'bench',
    title: `Task ${number}`,
    input: {},
    state: 'queued',
    done: 0,
    counts: { created: 0, failed: 0 },
    reported: 0,
    createdAtMs,
  };
}
