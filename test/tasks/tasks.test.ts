import assert from 'node:assert/strict';
import { appendFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { Lines } from '../../sidecar/lib/lines.ts';
import { Records } from '../../sidecar/lib/records.ts';
import type { RunningTask, TaskKind } from '../../sidecar/tasks/task.ts';
import { isTask, TaskStore } from '../../sidecar/tasks/task-store.ts';
import { Tasks } from '../../sidecar/tasks/tasks.ts';
import { listeningLog, scratchDirectory, until } from '../dead-letters/letters.ts';

/** Counts up to its input, an item whenever it is allowed one. */
class Counting implements TaskKind<{ to: number }, number> {
  readonly kind: string;
  readonly resumes: boolean;
  readonly begun: { id: string; from: number }[] = [];
  allowed = 0;
  #wake: () => void = () => undefined;

  constructor(kind = 'count', resumes = true) {
    this.kind = kind;
    this.resumes = resumes;
  }

  allow(items: number): void {
    this.allowed += items;
    this.#wake();
  }

  async run(task: RunningTask<{ to: number }, number>): Promise<void> {
    const from = task.position ?? 0;
    this.begun.push({ id: task.id, from });
    task.expect(task.input.to);
    task.signal.addEventListener('abort', () => this.#wake());
    for (let at = from; at < task.input.to; at += 1) {
      while (this.allowed === 0) {
        task.signal.throwIfAborted();
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      task.signal.throwIfAborted();
      this.allowed -= 1;
      if (task.input.to === 13 && at === 12) throw new ConnectorError('AZURE_NOT_FOUND', 'No thirteenth.');
      task.advance(1, { counted: 1 });
      task.report({ item: String(at), outcome: 'counted', message: '' });
      if ((at + 1) % 2 === 0) await task.save(at + 1);
    }
  }
}

describe('tasks', () => {
  let directory: string;
  let remove: () => Promise<void>;
  let opened: Tasks[] = [];

  beforeEach(async () => {
    ({ directory, remove } = await scratchDirectory());
  });
  afterEach(async () => {
    await Promise.all(opened.map((tasks) => tasks.stop()));
    opened = [];
    await remove();
  });

  const open = async (...kinds: Counting[]) => {
    const tasks = new Tasks({
      store: TaskStore.inDirectory(directory),
      log: listeningLog().log,
      keep: 3,
      writeIntervalMs: 5,
    });
    for (const kind of kinds) tasks.define(kind);
    opened.push(tasks);
    await tasks.start();
    return tasks;
  };

  test('run with progress, report and end', async () => {
    const kind = new Counting();
    const tasks = await open(kind);
    const { id, state } = await tasks.submit('count', 'Counting to 4', { to: 4 });
    assert.notEqual(state, 'completed');
    kind.allow(3);
    await until(() => tasks.get(id).done === 3);
    const running = tasks.get(id);
    assert.equal(running.state, 'running');
    assert.deepEqual([running.total, running.counts], [4, { counted: 3 }]);
    kind.allow(1);
    await until(() => tasks.get(id).state === 'completed');
    const ended = tasks.get(id);
    assert.ok(
      (ended.startedAtMs ?? 0) >= ended.createdAtMs && (ended.endedAtMs ?? 0) >= (ended.startedAtMs ?? 0),
    );
    assert.equal(ended.reported, 4);
    const lines = await tasks.report(id, { from: 1, limit: 2 });
    assert.deepEqual(
      lines.map(({ item }) => item),
      ['1', '2'],
    );
  });

  test('have their whole report once they have ended, however slow the disk is', async () => {
    const kind = new Counting();
    const store = TaskStore.inDirectory(directory);
    const append = store.report.bind(store);
    store.report = async (id, findings) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await append(id, findings);
    };
    const tasks = new Tasks({ store, log: listeningLog().log });
    tasks.define(kind);
    opened.push(tasks);
    const { id } = await tasks.submit('count', 'Counting to 3', { to: 3 });
    kind.allow(3);
    await until(() => tasks.get(id).state === 'completed');
    assert.equal((await tasks.report(id, { from: 0, limit: 10 })).length, 3);
  });

  test('of one kind run one after the other, those of other kinds beside them', async () => {
    const one = new Counting('one');
    const other = new Counting('other');
    const tasks = await open(one, other);
    const first = await tasks.submit('one', 'first', { to: 1 });
    const second = await tasks.submit('one', 'second', { to: 1 });
    const third = await tasks.submit('other', 'third', { to: 1 });
    await until(() => tasks.pending['running'] === 2);
    assert.deepEqual(tasks.pending, { queued: 1, running: 2 });
    await until(() => one.begun.length === 1 && other.begun.length === 1);
    assert.equal(tasks.get(second.id).state, 'queued');
    other.allow(1);
    await until(() => tasks.get(third.id).state === 'completed');
    one.allow(2);
    await until(() => tasks.get(second.id).state === 'completed');
    assert.equal(tasks.get(first.id).state, 'completed');
    assert.deepEqual(
      tasks.list({ kind: 'one' }).map(({ title }) => title),
      ['second', 'first'],
    );
    assert.deepEqual(tasks.list({ state: 'running' }), []);
  });

  test('fail with code and words', async () => {
    const kind = new Counting();
    const tasks = await open(kind);
    const { id } = await tasks.submit('count', 'Counting', { to: 13 });
    kind.allow(20);
    await until(() => tasks.get(id).state === 'failed');
    assert.deepEqual(tasks.get(id).error, { code: 'AZURE_NOT_FOUND', message: 'No thirteenth.' });
    assert.equal(tasks.get(id).done, 12);
  });

  test('are cancelled while they run and while they wait', async () => {
    const kind = new Counting();
    const tasks = await open(kind);
    const running = await tasks.submit('count', 'running', { to: 9 });
    const waiting = await tasks.submit('count', 'waiting', { to: 9 });
    kind.allow(2);
    await until(() => tasks.get(running.id).done === 2);
    assert.equal((await tasks.cancel(waiting.id)).state, 'cancelled');
    assert.equal((await tasks.cancel(running.id)).state, 'cancelled');
    assert.equal((await tasks.cancel(running.id)).state, 'cancelled');
    assert.equal(tasks.get(running.id).done, 2);
    await assert.rejects(tasks.cancel('nonsense'), { code: 'TASK_NOT_FOUND' });
  });

  test('go on after a stop from the last position, with the counts that belong to it', async () => {
    const kind = new Counting();
    const tasks = await open(kind);
    const { id } = await tasks.submit('count', 'Counting', { to: 6 });
    const waiting = await tasks.submit('count', 'waiting', { to: 1 });
    kind.allow(3);
    await until(() => tasks.get(id).done === 3);
    await tasks.stop();

    const next = new Counting();
    const resumed = await open(next);
    await until(() => next.begun.length === 1);
    assert.deepEqual(next.begun, [{ id, from: 2 }]);
    assert.equal(resumed.get(id).done, 2);
    next.allow(5);
    await until(() => resumed.get(waiting.id).state === 'completed');
    assert.deepEqual([resumed.get(id).done, resumed.get(id).counts], [6, { counted: 6 }]);
    assert.equal(resumed.get(id).reported, 6);
    const lines = await resumed.report(id, { from: 0, limit: 100 });
    assert.deepEqual(
      lines.map(({ item }) => item),
      ['0', '1', '2', '3', '4', '5'],
      'what was done again is in the report once',
    );
  });

  test('go on after a crash in the middle of a line of the report', async () => {
    const kind = new Counting();
    const tasks = await open(kind);
    const { id } = await tasks.submit('count', 'Counting', { to: 4 });
    kind.allow(3);
    await until(() => tasks.get(id).done === 3);
    await tasks.stop();
    await appendFile(path.join(directory, `${id}.report.ndjson`), '{"item":"3","outc');

    const next = new Counting();
    const resumed = await open(next);
    next.allow(2);
    await until(() => resumed.get(id).state === 'completed');
    const lines = await resumed.report(id, { from: 0, limit: 100 });
    assert.deepEqual(
      lines.map(({ item }) => item),
      ['0', '1', '2', '3'],
    );
  });

  test('that cannot go on fail instead', async () => {
    const kind = new Counting('once', false);
    const tasks = await open(kind);
    const { id } = await tasks.submit('once', 'Once', { to: 2 });
    const waiting = await tasks.submit('once', 'Waiting', { to: 1 });
    await until(() => tasks.get(id).state === 'running');
    await tasks.stop();
    const next = new Counting('once', false);
    const later = await open(next);
    assert.equal(later.get(id).state, 'failed');
    assert.equal(later.get(id).error?.code, 'TASK_INTERRUPTED');
    next.allow(1);
    await until(() => later.get(waiting.id).state === 'completed');
  });

  test('are forgotten, the oldest first, with their files', async () => {
    const kind = new Counting();
    const tasks = await open(kind);
    kind.allow(100);
    for (let i = 0; i < 6; i += 1) await tasks.submit('count', `task ${i}`, { to: 1 });
    await until(() => tasks.list().length === 3);
    assert.deepEqual(
      tasks.list().map(({ title }) => title),
      ['task 5', 'task 4', 'task 3'],
    );
    await until(async () => (await readdir(directory)).length === 6);
  });

  test('are forgotten, the oldest first, when their reports are too large', async () => {
    const kind = new Counting();
    const tasks = new Tasks({
      store: TaskStore.inDirectory(directory),
      log: listeningLog().log,
      keepReportBytes: 1_000,
      writeIntervalMs: 5,
    });
    tasks.define(kind);
    opened.push(tasks);
    kind.allow(1_000);
    // A report of ten lines has some 450 bytes, the newest does not count.
    for (let i = 0; i < 6; i += 1) await tasks.submit('count', `task ${i}`, { to: 10 });
    await until(() => tasks.list().length === 3 && tasks.list({ state: 'completed' }).length === 3);
    assert.deepEqual(
      tasks.list().map(({ title }) => title),
      ['task 5', 'task 4', 'task 3'],
    );
  });

  test('keep a scratch directory over a stop, and lose it at their end or at another sidecar', async () => {
    const seen: string[][] = [];
    const directories = new Set<string>();
    let released = Promise.withResolvers<void>();
    let isLast = false;
    const kind: TaskKind<unknown, number> = {
      kind: 'scratch',
      resumes: true,
      run: async ({ scratch, signal, save }) => {
        directories.add(path.basename(scratch));
        seen.push(await readdir(scratch).catch(() => []));
        await mkdir(scratch, { recursive: true });
        await writeFile(path.join(scratch, `file-${seen.length}`), 'x');
        await save(seen.length);
        if (isLast) return;
        released.resolve();
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    };
    // The sidecars share the records, not the scratch directories.
    const records = new Records(directory, isTask);
    const reports = new Lines(directory);
    const begin = async (own: string) => {
      const tasks = new Tasks({
        store: new TaskStore(records, reports, path.join(directory, own)),
        log: listeningLog().log,
        writeIntervalMs: 5,
      });
      tasks.define(kind);
      opened.push(tasks);
      await tasks.start();
      return tasks;
    };
    const leaveAfterSave = async (tasks: Tasks) => {
      await released.promise;
      released = Promise.withResolvers<void>();
      await tasks.stop();
    };
    const first = await begin('first');
    const { id } = await first.submit('scratch', 'Keeping', {});
    await leaveAfterSave(first);
    await leaveAfterSave(await begin('first'));
    await leaveAfterSave(await begin('second'));
    isLast = true;
    const last = await begin('first');
    await until(() => last.get(id).state === 'completed');
    assert.deepEqual(
      seen,
      [[], ['file-1'], [], []],
      'the files of an earlier turn do not belong to the position of a later one',
    );
    assert.ok([...directories].every((name) => name.startsWith(id)));
    assert.equal(directories.size, 3);
    await until(async () => (await readdir(path.join(directory, 'first'))).length === 0);
  });

  test('pass over a file that is no task', async () => {
    await writeFile(path.join(directory, 'x.json'), '{"id":');
    const kind = new Counting();
    const tasks = await open(kind);
    kind.allow(1);
    const { id } = await tasks.submit('count', 'Counting', { to: 1 });
    await until(() => tasks.get(id).state === 'completed');
  });

  test('are refused when the state directory cannot be written', async () => {
    const file = path.join(directory, 'file');
    await writeFile(file, '');
    const tasks = new Tasks({ store: TaskStore.inDirectory(file), log: listeningLog().log });
    tasks.define(new Counting());
    opened.push(tasks);
    await assert.rejects(tasks.submit('count', 'Counting', { to: 1 }), { code: 'TASKS_UNAVAILABLE' });
  });
});
