import assert from 'node:assert/strict';
import { cp, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import manifest from '../../package.json' with { type: 'json' };
import { listFileCheckpoints } from '../../sidecar/azure/event-hubs/checkpoints.ts';
import { FileDeadLetterStore } from '../../sidecar/dead-letters/file-store.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { Owner } from '../../sidecar/hub/owner.ts';
import { FileDocuments } from '../../sidecar/ingest/storage/documents.ts';
import { Ledger } from '../../sidecar/ingest/storage/ledger.ts';
import { AcceptedSettings } from '../../sidecar/lib/accepted-settings.ts';
import { Records } from '../../sidecar/lib/records.ts';
import { migrateState } from '../../sidecar/lib/state-format.ts';
import { type Deployment, isDeployment } from '../../sidecar/packages/deployment.ts';
import { TaskStore } from '../../sidecar/tasks/task-store.ts';
import { isUpload, type Upload } from '../../sidecar/uploads/upload.ts';
import { listeningLog, scratchDirectory } from '../dead-letters/letters.ts';

const HUB = 'Factory.IoTHub';
const fixtures = path.join(import.meta.dirname, '..', 'fixtures');
const states = (await readdir(fixtures)).filter((name) => name.startsWith('state-'));

test('there is a state directory of this version; scripts/state-fixture.ts makes it', () => {
  assert.ok(states.includes(`state-${manifest.version}`), states.join(' '));
});

for (const state of states)
  describe(`the state directory of version ${state.replace('state-', '')}`, () => {
    const { log } = listeningLog();
    let directory: string;
    let remove: () => Promise<void>;
    const of = (kind: string) => path.join(directory, kind, HUB);

    before(async () => {
      ({ directory, remove } = await scratchDirectory());
      await cp(path.join(fixtures, state), directory, { recursive: true });
      await migrateState(directory, log);
    });
    after(() => remove());

    test('has checkpoints at which reading goes on', async () => {
      const found = await listFileCheckpoints(of('checkpoints'), (_place, kept) => assert.fail(kept));
      assert.deepEqual(found.map(({ partitionId }) => partitionId).sort(), ['0', '1']);
      for (const { sequenceNumber, offset } of found) assert.ok(sequenceNumber > 0 && Number(offset) > 0);
    });

    test('has a dead letter, whole and with its reason', async () => {
      const store = new FileDeadLetterStore({ directory: of('dead-letters'), log });
      const { letters } = await store.list({}, { limit: 10 });
      const [first] = letters;
      assert.deepEqual(first?.codes, ['VALUE_WRONG_TYPE']);
      const letter = await store.get(first?.id ?? '');
      assert.match(Buffer.from(letter?.message.body ?? []).toString(), /sensor fault/);
      await store.close();
    });

    test('has tasks with their reports', async () => {
      const store = TaskStore.inDirectory(of('tasks'));
      const { records: tasks, unreadable } = await store.records.load();
      assert.deepEqual(unreadable, []);
      assert.deepEqual(tasks.map(({ kind }) => kind).sort(), ['IngestBlobs', 'StartImport']);
      const task = tasks.find(({ kind }) => kind === 'StartImport');
      assert.equal((await store.readReport(task?.id ?? '', 0, 100)).length, task?.reported);
    });

    test('has an upload and a deployment', async () => {
      const uploads = await new Records<Upload>(of('uploads'), isUpload).load();
      assert.deepEqual([uploads.records.length, uploads.unreadable], [1, []]);
      const deployments = await new Records<Deployment>(of('packages'), isDeployment).load();
      assert.deepEqual([deployments.records.length, deployments.unreadable], [1, []]);
    });

    test('has the accepted settings, which stay in use while new ones are refused', async () => {
      const settings = new AcceptedSettings({
        thing: HUB,
        stateDirectory: directory,
        log,
        check: async () => new Map(),
        resolve: async () => assert.fail('no secret is a reference'),
      });
      const refused = new Map([['mappings', new ConnectorError('MAPPINGS_INVALID', 'It is wrong.')]]);
      const { values } = await settings.accept({ settings: {}, secrets: {}, references: {}, refused });
      const mappings = values?.['mappings'] as { rules: { name: string }[] };
      assert.match(mappings.rules[0]?.name ?? '', /^press/);
    });

    test('knows which file was ingested', async () => {
      const [upload] = (await new Records<Upload>(of('uploads'), isUpload).load()).records;
      const { host } = new URL(upload?.notification.blobUri ?? '');
      const ledger = new Ledger(new FileDocuments(of('ingested')), `${host}/devstoreaccount1/factory-files`);
      const entry = await ledger.get('routed/2026/03/01/10/00.json', 0);
      assert.ok(typeof entry === 'object' && entry.state === 'done' && entry.records === 1);
    });

    test('keeps its owner id', async () => {
      const owner = new Owner({ stateDirectory: directory, log });
      await owner.start();
      const id = (await readFile(path.join(fixtures, state, 'owner-id'), 'utf8')).trim();
      assert.ok(owner.idOf(HUB).includes(id));
      await owner.stop();
    });
  });

test('a page of the ledger that a newer version wrote is refused, not replaced', async () => {
  const { directory, remove } = await scratchDirectory();
  const documents = new FileDocuments(directory);
  const ledger = new Ledger(documents, 'container');
  const file = 'hub/2026/03/01/a.avro';
  await documents.update('container\nhub/2026/03/01/', () => '{"version":2,"files":[]}');
  const entry = { state: 'done', bytes: 1, etag: 'a', records: 1 } as const;
  for (const call of [() => ledger.get(file, 0), () => ledger.put(file, entry)])
    await assert.rejects(call, { code: 'STATE_FORMAT_NEWER' });
  assert.match((await documents.read('container\nhub/2026/03/01/')) ?? '', /"version":2/);
  await remove();
});
