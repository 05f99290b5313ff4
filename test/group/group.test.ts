import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import net from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import { withDefaults } from '../../sidecar/contract/hub-settings.ts';
import { BlobFolder, SHARED_PREFIX } from '../../sidecar/group/blob-folder.ts';
import { BlobLines } from '../../sidecar/group/blob-lines.ts';
import { BlobRecords } from '../../sidecar/group/blob-records.ts';
import { type Duty, Group } from '../../sidecar/hub/group.ts';
import type { RunningTask, TaskKind } from '../../sidecar/tasks/task.ts';
import { TaskBoard } from '../../sidecar/tasks/task-board.ts';
import { isTask, TaskStore } from '../../sidecar/tasks/task-store.ts';
import { listeningLog, scratchDirectory } from '../dead-letters/letters.ts';
import { eventually } from '../e2e/observe.ts';
import { type Azurite, startAzurite } from '../emulators/azurite.ts';

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/** Counts up to its input, an item whenever it is allowed one, and remembers each. */
class Counting implements TaskKind<{ to: number }, number> {
  readonly kind = 'count';
  readonly resumes: boolean;
  readonly counted: number[] = [];
  allowed = 0;

  constructor(resumes: boolean) {
    this.resumes = resumes;
  }

  async run(task: RunningTask<{ to: number }, number>): Promise<void> {
    task.expect(task.input.to);
    for (let at = task.position ?? 0; at < task.input.to; at += 1) {
      while (this.allowed === 0) {
        task.signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      this.allowed -= 1;
      this.counted.push(at);
      task.advance(1);
      task.report({ item: String(at), outcome: 'counted', message: '' });
      await task.save(at + 1);
    }
  }
}

interface Member {
  readonly group: Group;
  readonly board: TaskBoard;
  readonly kind: Counting;
}

/** A door to the storage account that can be shut. */
class Door {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #isShut = false;

  constructor(port: number) {
    this.#server = net.createServer((client) => {
      if (this.#isShut) {
        client.destroy();
        return;
      }
      const there = net.connect(port, '127.0.0.1');
      for (const socket of [client, there]) {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => this.#sockets.delete(socket));
      }
      client.on('close', () => there.destroy());
      there.on('close', () => client.destroy());
      client.pipe(there).pipe(client);
    });
  }

  async open(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as net.AddressInfo).port;
  }

  shut(): void {
    this.#isShut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.shut();
    this.#server.close();
  }
}

describe('a group of sidecars', () => {
  let azurite: Azurite;
  let containers = 0;
  before(async () => {
    azurite = await startAzurite();
  });
  after(() => azurite.stop());

  const settingsIn = (container: string, connection?: string) =>
    withDefaults({
      checkpointContainer: container,
      ...(connection === undefined ? {} : { storageConnectionString: connection }),
    });

  function newContainer(): string {
    containers += 1;
    return `group-${containers}`;
  }

  /** Blobs of the group that belong to a task. */
  async function namesIn(container: string, id: string): Promise<string[]> {
    const connection = azurite.connectionString;
    const folder = new BlobFolder({ connection, container, prefix: SHARED_PREFIX });
    return [...(await folder.list()).keys()].filter((name) => name.includes(id));
  }

  /** A sidecar that begins without settings. */
  async function member(
    t: TestContext,
    name: string,
    { directory = '', resumes = true } = {},
  ): Promise<Member> {
    const scratch = await scratchDirectory();
    const { log } = listeningLog();
    const kind = new Counting(resumes);
    const board = new TaskBoard(log);
    board.define(kind);
    const duty: Duty = {
      settle: (place) =>
        board.use({
          store: new TaskStore(
            place.records('tasks', isTask),
            place.lines('tasks'),
            place.directory('tasks'),
          ),
          post: (action, subject) => place.post({ work: 'tasks', action, subject }),
        }),
      begin: () => board.begin(),
      end: () => board.end(),
      take: ({ action, subject }) => board.take(action, subject),
    };
    const group = new Group({
      hubThing: 'Plant Hub/1',
      stateDirectory: directory || scratch.directory,
      owner: name,
      log,
      duties: [duty],
    });
    t.after(async () => {
      await group.close();
      await board.close();
      await scratch.remove();
    });
    return { group, board, kind };
  }

  /** Two sidecars that share a container; the first one leads. */
  async function two(t: TestContext, { connection = azurite.connectionString, resumes = true } = {}) {
    const container = newContainer();
    const first = await member(t, 'first', { resumes });
    const second = await member(t, 'second', { resumes });
    await first.group.use(settingsIn(container, connection));
    await eventually(async () => assert.ok(first.group.leads));
    await second.group.use(settingsIn(container, azurite.connectionString));
    return { first, second, container };
  }

  test('runs each task at one of them, and all answer for it', async (t) => {
    const { first, second } = await two(t);
    const { id, state } = await second.board.submit('count', 'Counting to 3', { to: 3 });
    assert.equal(state, 'queued');
    assert.equal((await second.board.get(id)).title, 'Counting to 3');
    first.kind.allowed = 2;
    second.kind.allowed = 100;
    await eventually(async () => assert.equal((await second.board.get(id)).done, 2));
    first.kind.allowed = 100;
    await eventually(async () => assert.equal((await second.board.get(id)).state, 'completed'));
    assert.deepEqual([first.kind.counted, second.kind.counted], [[0, 1, 2], []]);
    const answers = await Promise.all(
      [first, second].map(async ({ board }) => ({
        task: await board.get(id),
        tasks: await board.list(),
        report: await board.report(id, { from: 1, limit: 5 }),
      })),
    );
    assert.deepEqual(answers[0], answers[1]);
    assert.deepEqual(
      answers[1]?.report.map(({ item }) => item),
      ['1', '2'],
    );
    await assert.rejects(second.board.get('20260101000000000-00000000'), { code: 'TASK_NOT_FOUND' });
  });

  test('cancels a task whoever is asked', async (t) => {
    const { first, second } = await two(t);
    const running = await first.board.submit('count', 'running', { to: 3 });
    const waiting = await second.board.submit('count', 'waiting', { to: 3 });
    await eventually(async () => assert.equal((await second.board.get(running.id)).state, 'running'));
    assert.equal((await second.board.cancel(waiting.id)).state, 'cancelled');
    assert.equal((await second.board.cancel(running.id)).state, 'cancelled');
    assert.equal((await second.board.cancel(running.id)).state, 'cancelled');
    assert.deepEqual(first.kind.counted, []);
  });

  test('goes on with a task when the one that runs it leaves', async (t) => {
    const { first, second } = await two(t);
    const { id } = await first.board.submit('count', 'Counting', { to: 4 });
    first.kind.allowed = 2;
    await eventually(async () => assert.equal((await second.board.get(id)).done, 2));
    second.kind.allowed = 100;
    await first.group.close();
    await eventually(async () => assert.equal((await second.board.get(id)).state, 'completed'));
    assert.deepEqual(
      [first.kind.counted, second.kind.counted],
      [
        [0, 1],
        [2, 3],
      ],
    );
    const report = await second.board.report(id, { from: 0, limit: 10 });
    assert.deepEqual(
      report.map(({ item }) => item),
      ['0', '1', '2', '3'],
    );
  });

  test('ends a task that cannot go on as a restart does', async (t) => {
    const { first, second } = await two(t, { resumes: false });
    const { id } = await first.board.submit('count', 'Counting', { to: 4 });
    await eventually(async () => assert.equal((await second.board.get(id)).state, 'running'));
    await first.group.close();
    await eventually(async () => assert.equal((await second.board.get(id)).state, 'failed'));
    assert.equal((await second.board.get(id)).error?.code, 'TASK_INTERRUPTED');
  });

  test('takes the tasks from one that cannot reach the storage account, which stops before', async (t) => {
    const door = new Door(azurite.port);
    const port = await door.open();
    t.after(() => door.close());
    const connection = azurite.connectionString.replaceAll(`:${azurite.port}/`, `:${port}/`);
    const { first, second } = await two(t, { connection });
    const { id } = await first.board.submit('count', 'Counting', { to: 4 });
    first.kind.allowed = 1;
    await eventually(async () => assert.equal((await second.board.get(id)).done, 1));
    door.shut();
    await eventually(async () => assert.ok(second.group.leads));
    assert.equal(first.group.leads, false);
    first.kind.allowed = 100;
    second.kind.allowed = 100;
    await eventually(async () => assert.equal((await second.board.get(id)).state, 'completed'));
    assert.deepEqual([first.kind.counted, second.kind.counted], [[0], [1, 2, 3]]);
    await assert.rejects(first.board.get(id), { code: 'TASKS_UNAVAILABLE' });
  });

  test('lets one that was killed lead again at once', async (t) => {
    const { first, second, container } = await two(t);
    const again = await member(t, 'first');
    // The lease of the first is still there.
    await again.group.use(settingsIn(container, azurite.connectionString));
    await eventually(async () => assert.ok(again.group.leads));
    assert.ok(first.group.leads);
    assert.equal(second.group.leads, false);
  });

  test('takes what a sidecar has in its state directory when there is a storage account', async (t) => {
    const { directory, remove } = await scratchDirectory();
    t.after(remove);
    const alone = await member(t, 'alone', { directory });
    await alone.group.use(settingsIn('unused'));
    assert.equal(alone.group.leads, true);
    const { id } = await alone.board.submit('count', 'Counting', { to: 1203 });
    alone.kind.allowed = 1201;
    await eventually(async () => assert.equal((await alone.board.get(id)).done, 1201));
    const { second, container } = await two(t);
    await alone.group.use(settingsIn(container, azurite.connectionString));
    await eventually(async () => assert.equal((await second.board.get(id)).title, 'Counting'));
    await eventually(async () => {
      const names = await readdir(directory, { recursive: true });
      assert.deepEqual(
        names.filter((name) => name.includes(id)),
        [],
      );
    });
    const report = await second.board.report(id, { from: 1150, limit: 40 });
    assert.deepEqual(
      report.map(({ item }) => Number(item)),
      range(1150, 1190),
    );
  });

  test('moves its work back when there is no storage account any more, and on when there is another one', async (t) => {
    const { directory, remove } = await scratchDirectory();
    t.after(remove);
    const [before, later] = [newContainer(), newContainer()];
    const alone = await member(t, 'alone', { directory });
    await alone.group.use(settingsIn(before, azurite.connectionString));
    await eventually(async () => assert.ok(alone.group.leads));
    const { id } = await alone.board.submit('count', 'Counting', { to: 30 });
    alone.kind.allowed = 10;
    await eventually(async () => assert.equal((await alone.board.get(id)).done, 10));

    await alone.group.use(settingsIn(before));
    assert.equal((await alone.board.get(id)).done, 10);
    alone.kind.allowed = 10;
    await eventually(async () => assert.equal((await alone.board.get(id)).done, 20));
    assert.deepEqual(await namesIn(before, id), []);

    await alone.group.use(settingsIn(before, azurite.connectionString));
    await eventually(async () => assert.equal((await alone.board.get(id)).done, 20));
    await alone.group.use(settingsIn(later, azurite.connectionString));
    alone.kind.allowed = 10;
    await eventually(async () => assert.equal((await alone.board.get(id)).state, 'completed'));
    assert.deepEqual(alone.kind.counted, range(0, 30));
    const report = await alone.board.report(id, { from: 0, limit: 100 });
    assert.deepEqual(
      report.map(({ item }) => Number(item)),
      range(0, 30),
    );
    await eventually(async () => assert.deepEqual(await namesIn(before, id), []));
  });

  test('leaves its work where it is when only the key of the storage account is another one', async (t) => {
    const container = newContainer();
    const alone = await member(t, 'alone');
    await alone.group.use(settingsIn(container, azurite.connectionString));
    await eventually(async () => assert.ok(alone.group.leads));
    const { id } = await alone.board.submit('count', 'Counting', { to: 4 });
    alone.kind.allowed = 2;
    await eventually(async () => assert.equal((await alone.board.get(id)).done, 2));
    await alone.group.use(settingsIn(container, `${azurite.connectionString};`));
    alone.kind.allowed = 2;
    await eventually(async () => assert.equal((await alone.board.get(id)).state, 'completed'));
    assert.deepEqual(alone.kind.counted, range(0, 4));
    assert.deepEqual(
      (await namesIn(container, id)).filter((name) => name.endsWith(`/tasks/${id}.json`)).length,
      1,
    );
  });

  test('takes nothing from a container at which another sidecar still leads', async (t) => {
    const { first, second, container } = await two(t);
    const { id } = await first.board.submit('count', 'Counting', { to: 4 });
    first.kind.allowed = 2;
    await eventually(async () => assert.equal((await first.board.get(id)).done, 2));
    await second.group.use(settingsIn(container));
    assert.equal(second.group.leads, true);
    await assert.rejects(second.board.get(id), { code: 'TASK_NOT_FOUND' });
    await first.group.close();
    await eventually(async () => assert.equal((await second.board.get(id)).done, 2));
    second.kind.allowed = 2;
    await eventually(async () => assert.equal((await second.board.get(id)).state, 'completed'));
    assert.deepEqual([...first.kind.counted, ...second.kind.counted], range(0, 4));
  });

  test('does its work in the state directory when the storage account that it had does not answer any more', async (t) => {
    const door = new Door(azurite.port);
    const port = await door.open();
    t.after(() => door.close());
    const alone = await member(t, 'alone');
    const connection = azurite.connectionString.replaceAll(`:${azurite.port}/`, `:${port}/`);
    const container = newContainer();
    await alone.group.use(settingsIn(container, connection));
    await eventually(async () => assert.ok(alone.group.leads));
    const left = await alone.board.submit('count', 'Counting', { to: 2 });
    door.shut();
    await alone.group.use(settingsIn(container));
    assert.equal(alone.group.leads, true);
    const { id } = await alone.board.submit('count', 'Counting', { to: 2 });
    alone.kind.allowed = 2;
    await eventually(async () => assert.equal((await alone.board.get(id)).state, 'completed'));
    assert.ok((await namesIn(container, left.id)).length > 0);
  });

  test('keeps lines in parts, and cuts them', async () => {
    const folder = new BlobFolder({
      connection: azurite.connectionString,
      container: newContainer(),
      prefix: 'lines/',
    });
    const free = { isHeld: true, confirm: async () => true };
    const lines = new BlobLines(folder, free);
    const text = (numbers: readonly number[]) => numbers.map(String);
    await lines.append('a', text(range(0, 3)));
    await lines.append('a', text(range(3, 1400)));
    // Another sidecar goes on.
    const next = new BlobLines(folder, free);
    await next.append('a', text(range(1400, 1600)));
    assert.deepEqual(await next.read('a', 490, 600), text(range(490, 1090)));
    assert.deepEqual(await next.read('a', 1590, 600), text(range(1590, 1600)));
    for (const kept of [1501, 1000, 999, 500, 1]) {
      await next.cut('a', kept);
      assert.deepEqual(await next.read('a', 0, 5000), text(range(0, kept)));
    }
    await next.append('a', ['last']);
    assert.deepEqual(await next.read('a', 0, 10), ['0', 'last']);
    await next.cut('a', 0);
    assert.deepEqual(await next.read('a', 0, 10), []);
    await next.append('b', ['x']);
    await next.remove('b');
    assert.deepEqual([...(await folder.list()).keys()], []);
  });

  test('lets nobody write a record who does not lead', async () => {
    const folder = new BlobFolder({
      connection: azurite.connectionString,
      container: newContainer(),
      prefix: 'records/',
    });
    const isRecord = (value: { id: string; text?: string } | null) => typeof value?.id === 'string';
    /** It has lost the lease and does not know it yet. */
    const frozen = { isHeld: true, confirm: async () => false };
    const old = new BlobRecords(folder, frozen, isRecord);
    const lead = new BlobRecords(folder, { isHeld: true, confirm: async () => true }, isRecord);
    await old.create({ id: 'one', text: 'old' });
    await lead.load();
    await lead.write({ id: 'one', text: 'new' });
    await assert.rejects(old.write({ id: 'one', text: 'older' }), { code: 'STOPPING' });
    assert.deepEqual(await old.read('one'), { id: 'one', text: 'new' });
    // The one that leads is right, whatever was written meanwhile.
    await folder.write('one.json', '{"id":"one","text":"late"}', 'any');
    await lead.write({ id: 'one', text: 'newest' });
    assert.deepEqual((await old.load()).records, [{ id: 'one', text: 'newest' }]);
    await folder.write('two.json', '{"id":', 'any');
    assert.deepEqual(await lead.load(), {
      records: [{ id: 'one', text: 'newest' }],
      unreadable: ['two.json'],
    });
  });
});
