import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { FileDeadLetterStore } from '../../../sidecar/dead-letters/file-store.ts';
import { BlobTask, type BlobTaskInput } from '../../../sidecar/ingest/storage/blob-task.ts';
import { BlobDocuments, type Documents, FileDocuments } from '../../../sidecar/ingest/storage/documents.ts';
import { FileIngestor, type OpenContainer } from '../../../sidecar/ingest/storage/file-ingestor.ts';
import { Ledger } from '../../../sidecar/ingest/storage/ledger.ts';
import { Watcher } from '../../../sidecar/ingest/storage/watcher.ts';
import { isEnded, type TaskRecord } from '../../../sidecar/tasks/task.ts';
import { TaskStore } from '../../../sidecar/tasks/task-store.ts';
import { Tasks } from '../../../sidecar/tasks/tasks.ts';
import { listeningLog, scratchDirectory, until } from '../../dead-letters/letters.ts';
import { type Azurite, startAzurite } from '../../emulators/azurite.ts';
import { TestPipeline } from '../pipeline-fixture.ts';
import {
  avroFile,
  base64Line,
  CAPTURE_SCHEMA,
  captureRecord,
  ROUTED_SCHEMA,
  routedLine,
  routedRecord,
} from './files.ts';

let azurite: Azurite;
let containers = 0;

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const lines = (from: number, to: number, device = 'dev-1') =>
  `${range(from, to)
    .map((number) => routedLine({ device, number }))
    .join('\n')}\n`;
const avroOf = (from: number, to: number) =>
  avroFile(
    ROUTED_SCHEMA,
    range(from, to).map((number) => {
      const record = routedRecord({ device: 'dev-1', number });
      return { ...record, Body: { bytes: record.Body } };
    }),
    { blockSize: 2_000 },
  );

for (const place of ['files', 'blobs'] as const) {
  describe(`ingestion from storage, its ledger in ${place}`, () => {
    let pipeline: TestPipeline;
    let container: ContainerClient;
    let letters: FileDeadLetterStore;
    let tasks: Tasks;
    let directory: string;
    let remove: () => Promise<void>;
    let documents: Documents;
    let shared: OpenContainer;
    let watchers: Watcher[] = [];

    const openDocuments = (): Documents =>
      place === 'files'
        ? new FileDocuments(`${directory}/ingested`)
        : new BlobDocuments({
            connection: azurite.connectionString,
            container: 'ledger',
            prefix: `_ingested/${container.containerName}`,
          });
    const openIngestor = () => {
      const forwarder = pipeline.forwarder(letters);
      return { ...shared, ingestor: new FileIngestor({ ...shared, forwarder, log: listeningLog().log }) };
    };
    /** What a process has in memory: nothing of it outlives a crash. */
    const openProcess = async () => {
      documents = openDocuments();
      shared = { container, ledger: new Ledger(documents, container.url), busy: new Map() };
      tasks = new Tasks({ store: TaskStore.inDirectory(`${directory}/tasks`), log: listeningLog().log });
      tasks.define(new BlobTask(async () => openIngestor()));
      await tasks.start();
    };
    const put = async (name: string, content: string | Buffer) => {
      const bytes = Buffer.from(content);
      await container.getBlockBlobClient(name).upload(bytes, bytes.length);
    };
    const submit = (input: Partial<BlobTaskInput> = {}) =>
      tasks.submit('IngestBlobs', 'Ingest', { container: 'x', prefix: '', again: false, ...input });
    const ingest = async (input: Partial<BlobTaskInput> = {}): Promise<TaskRecord> => {
      const { id } = await submit(input);
      await until(() => isEnded(tasks.get(id)));
      return tasks.get(id);
    };
    const numbers = () =>
      pipeline.thingworx.rows.map(({ values }) => values['temperature'] as number).sort((a, b) => a - b);
    const watch = (prefix = '') => {
      const watcher = new Watcher({
        prefix,
        intervalMs: () => 30,
        open: async () => openIngestor(),
        leads: () => true,
        log: listeningLog().log,
        onTrouble: (error) => void troubles.push(error?.code),
      });
      watchers.push(watcher);
      watcher.start();
      return watcher;
    };
    let troubles: (string | undefined)[] = [];

    before(async () => {
      azurite ??= await startAzurite();
    });
    beforeEach(async () => {
      ({ directory, remove } = await scratchDirectory());
      containers += 1;
      troubles = [];
      container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(
        `routed-${containers}`,
      );
      await container.create();
      pipeline = new TestPipeline();
      await pipeline.start();
      pipeline.thingworx.things.set('dev-1', { temperature: 'NUMBER' });
      letters = new FileDeadLetterStore({ directory: `${directory}/letters`, log: listeningLog().log });
      await openProcess();
    });
    afterEach(async () => {
      for (const watcher of watchers) await watcher.stop();
      watchers = [];
      await tasks.stop();
      await documents.close();
      await letters.close();
      await pipeline.stop();
      await remove();
    });

    test('takes files of every kind, each once', async () => {
      await put('hub/0/2026/03/01/10/00', await avroOf(0, 50));
      await put('hub/1/2026/03/01/10/00.json', lines(50, 80));
      await put('hub/1/2026/03/01/10/01.json', base64Line({ device: 'dev-1', number: 80 }));
      await put(
        'ns/hub/0/2026/03/01/10/00/05.avro',
        await avroFile(CAPTURE_SCHEMA, [captureRecord({ device: 'dev-1', number: 81 })]),
      );
      await put('loose.json', lines(82, 84));
      await put('empty', '');
      const ended = await ingest();
      assert.deepEqual(
        [ended.state, ended.total, ended.done, ended.counts],
        ['completed', 6, 6, { delivered: 84, ingested: 6 }],
      );
      assert.deepEqual(numbers(), range(0, 84));
      assert.ok(pipeline.thingworx.calls.every(({ stream }) => stream === undefined));

      const again = await ingest();
      assert.deepEqual(again.counts, { known: 6 });
      await tasks.stop();
      await openProcess();
      assert.deepEqual((await ingest()).counts, { known: 6 });
      assert.deepEqual(numbers(), range(0, 84));
    });

    test('takes only what the prefix and the time say', async () => {
      await put('a/1.json', lines(0, 2));
      await put('b/1.json', lines(2, 4));
      assert.deepEqual((await ingest({ prefix: 'b/' })).counts, { delivered: 2, ingested: 1 });
      assert.deepEqual((await ingest({ toMs: Date.now() - 60_000 })).counts, {});
      assert.deepEqual((await ingest({ fromMs: Date.now() - 60_000 })).counts, {
        delivered: 2,
        ingested: 1,
        known: 1,
      });
    });

    test('does not take its own ledger for files', async () => {
      await put('_ingested/hub/0123.json', '{"version":1,"files":{}}');
      await put('a.json', lines(0, 1));
      assert.deepEqual((await ingest()).counts, { delivered: 1, ingested: 1 });
    });

    test('takes files again when it is told to', async () => {
      await put('a.json', lines(0, 3));
      await ingest();
      assert.deepEqual((await ingest({ again: true })).counts, { delivered: 3, ingested: 1 });
      assert.equal(pipeline.thingworx.rows.length, 6);
      assert.deepEqual((await ingest()).counts, { known: 1 });
    });

    test('sets a damaged file aside, delivers what came before the damage, and goes on with the others', async () => {
      const whole = await avroOf(0, 100);
      await put('a.avro', whole.subarray(0, whole.length - 900));
      await put('b.avro', 'no file of a hub');
      await put('c.json', `${lines(200, 202)}nonsense\n${lines(202, 203)}`);
      await put('d.json', lines(300, 302));
      const ended = await ingest();
      assert.equal(ended.state, 'completed');
      const { delivered = 0, ...files } = ended.counts;
      assert.deepEqual(files, { setAside: 2, ingested: 2, malformed: 1 });
      assert.ok(delivered > 60 && delivered < 105, `${delivered}`);
      const report = await tasks.report(ended.id, { from: 0, limit: 10 });
      assert.deepEqual(
        report.map(({ item, outcome }) => [item, outcome]),
        [
          ['a.avro', 'setAside'],
          ['b.avro', 'setAside'],
          ['c.json', 'malformed'],
        ],
      );
      assert.deepEqual((await ingest()).counts, { known: 4 });

      await put('a.avro', whole);
      const mended = await ingest();
      assert.deepEqual(mended.counts, { delivered: 105 - delivered, ingested: 1, known: 3 });
      assert.deepEqual(numbers().slice(0, 100), range(0, 100), 'each once');
    });

    test('reads on where a file grew, and anew where it was replaced', async () => {
      await put('a.json', lines(0, 5));
      await ingest();
      await put('a.json', lines(0, 9));
      assert.deepEqual((await ingest()).counts, { delivered: 4, ingested: 1 });
      await put('a.json', lines(20, 22));
      assert.deepEqual((await ingest()).counts, { delivered: 2, ingested: 1 });
      assert.deepEqual(numbers(), [...range(0, 9), 20, 21]);
    });

    test('puts messages that are refused into the dead letters, with the file they came from', async () => {
      await put('hub/2/2026/03/01/10/00', `${lines(0, 1)}${lines(1, 2, 'nobody')}${lines(2, 3)}`);
      assert.deepEqual((await ingest()).counts, { delivered: 2, deadLettered: 1, ingested: 1 });
      const [letter] = (await letters.list({}, { limit: 10 })).letters;
      assert.deepEqual(
        [letter?.deviceId, letter?.codes, letter?.partition],
        ['nobody', ['THING_UNKNOWN'], '2'],
      );
      const whole = await letters.get(letter?.id ?? '');
      assert.equal(
        whole?.message.systemProperties['stored-in'],
        `${container.containerName}/hub/2/2026/03/01/10/00#1`,
      );
      await ingest({ again: true });
      assert.equal((await letters.stats()).count, 1, 'the same message is one letter');
    });

    test('goes on inside a file after a stop, and takes no finished file twice', async () => {
      await put('a.json', lines(0, 100));
      await put('b.json', lines(100, 1_700));
      await put('c.json', lines(1_700, 1_800));
      pipeline.thingworx.trouble = () =>
        pipeline.thingworx.rows.length >= 700 ? { status: 503 } : undefined;
      const { id } = await submit();
      await until(() => pipeline.waits.length > 0);
      await tasks.stop();
      const before = pipeline.thingworx.rows.length;
      assert.ok(before >= 700 && before < 1_700, `${before}`);
      pipeline.thingworx.trouble = () => undefined;
      await openProcess();
      await until(() => tasks.get(id).state === 'completed');
      assert.deepEqual([...new Set(numbers())], range(0, 1_800), 'nothing is missing');
      const repeated = pipeline.thingworx.rows.length - 1_800;
      assert.ok(repeated < 600, `${repeated} were sent again: no more than one chunk`);
    });

    test('can be cancelled in the middle of a file', async () => {
      await put('a.json', lines(0, 2_000));
      pipeline.thingworx.trouble = () =>
        pipeline.thingworx.rows.length >= 500 ? { status: 503 } : undefined;
      const { id } = await submit();
      await until(() => pipeline.waits.length > 0);
      const cancelled = await tasks.cancel(id);
      assert.equal(cancelled.state, 'cancelled');
      pipeline.thingworx.trouble = () => undefined;
      assert.equal((await ingest()).state, 'completed');
      assert.deepEqual([...new Set(numbers())], range(0, 2_000));
    });

    test('watches a container: new files, growing files, and files in folders of days', async () => {
      const today = new Date().toISOString().slice(0, 10).replaceAll('-', '/');
      await put('hub/0/2020/01/01/00/00', lines(0, 2));
      await put(`hub/0/${today}/00/00`, lines(2, 4));
      await put('loose.json', lines(9, 10));
      watch();
      await until(() => pipeline.thingworx.rows.length === 5);
      await put(`hub/0/${today}/00/00`, lines(2, 6));
      await put(`hub/1/${today}/00/01`, await avroOf(6, 9));
      await put('loose.json', lines(9, 11));
      await until(() => new Set(numbers()).size === 11);
      assert.deepEqual(numbers(), range(0, 11));
      assert.deepEqual(troubles, []);
      assert.ok((await shared.ledger.cursor('hub/0/')) > '2025');
      assert.equal(await shared.ledger.get('hub/0/2020/01/01/00/00', Date.now() - 60_000), 'closed');
      assert.deepEqual((await ingest()).counts, { known: 4 });
    });

    test('watches on after a restart without taking anything twice', async () => {
      await put('hub/0/2020/01/01/00/00', lines(0, 2));
      await put('a.json', lines(2, 4));
      const first = watch();
      await until(() => pipeline.thingworx.rows.length === 4);
      await first.stop();
      await documents.close();
      await openProcess();
      await put('b.json', lines(4, 6));
      watch();
      await until(() => pipeline.thingworx.rows.length === 6);
      assert.deepEqual(numbers(), range(0, 6));
    });

    test('says so when the container is not there, and goes on when it is', async () => {
      await container.delete();
      watch();
      await until(() => troubles.length > 0);
      assert.deepEqual(troubles, ['AZURE_NOT_FOUND']);
      await until(async () => {
        await container.createIfNotExists();
        return true;
      });
      await put('a.json', lines(0, 1));
      await until(() => pipeline.thingworx.rows.length === 1);
      await until(() => troubles.length === 2);
      assert.deepEqual(troubles, ['AZURE_NOT_FOUND', undefined]);
    });
  });
}

after(() => azurite?.stop());

describe('documents in a container', () => {
  before(async () => {
    azurite ??= await startAzurite();
  });

  test('hold what both wrote when two change them at once', async () => {
    const options = {
      connection: azurite.connectionString,
      container: 'documents',
      prefix: '_ingested/both',
    };
    const both = [new BlobDocuments(options), new BlobDocuments(options)];
    await Promise.all(
      range(0, 6).map((number) =>
        both[number % 2]?.update('some key', (text) => JSON.stringify([...JSON.parse(text ?? '[]'), number])),
      ),
    );
    const all = JSON.parse((await both[0]?.read('some key')) ?? '[]') as number[];
    assert.deepEqual(all.sort(), range(0, 6));
  });
});
