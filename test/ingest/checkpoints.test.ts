import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { Checkpoint, CheckpointStore } from '../../sidecar/azure/event-hubs/event-types.ts';
import { type HubSettings, withDefaults } from '../../sidecar/contract/hub-settings.ts';
import { openCheckpoints } from '../../sidecar/ingest/checkpoints.ts';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { listeningLog, scratchDirectory } from '../dead-letters/letters.ts';
import { type Azurite, startAzurite } from '../emulators/azurite.ts';

const NAMESPACE = 'ns.servicebus.windows.net';
const HUB = 'hub';

describe('checkpoints of a hub Thing when the settings name another place', () => {
  let azurite: Azurite;
  let directory: string;
  let remove: () => Promise<void>;
  let log: ReturnType<typeof listeningLog>;
  let containers = 0;
  // Asked only for the position of a damaged checkpoint, which test/e2e/damage.test.ts shows.
  const client = new ThingworxClient({ url: 'http://127.0.0.1:1/Thingworx', appKey: 'key' });

  const local = (more: Partial<HubSettings> = {}): HubSettings => ({ ...withDefaults({}), ...more });
  const blobs = (container: string, more: Partial<HubSettings> = {}): HubSettings => ({
    ...local(more),
    storageConnectionString: azurite.connectionString,
    checkpointContainer: container,
  });
  const newContainer = () => {
    containers += 1;
    return `checkpoints-${containers}`;
  };
  const position = (partitionId: string, sequenceNumber: number, consumerGroup: string): Checkpoint => ({
    fullyQualifiedNamespace: NAMESPACE,
    eventHubName: HUB,
    consumerGroup,
    partitionId,
    sequenceNumber,
    offset: String(sequenceNumber * 10),
  });
  /** Opens the checkpoints, does the work and closes them, as a hub does between two changes of its settings. */
  const use = async <T>(
    settings: HubSettings,
    work: (store: CheckpointStore) => Promise<T>,
    stateDirectory = directory,
  ): Promise<T> => {
    const { store, close } = await openCheckpoints({
      settings,
      stateDirectory,
      hubThing: 'Hub',
      client,
      log: log.log,
    });
    try {
      return await work(store);
    } finally {
      await close();
    }
  };
  const write =
    (positions: Record<string, number>, group = '$Default') =>
    async (store: CheckpointStore) => {
      for (const [partition, sequence] of Object.entries(positions))
        await store.updateCheckpoint(position(partition, sequence, group));
    };
  const read =
    (group = '$Default') =>
    async (store: CheckpointStore) =>
      Object.fromEntries(
        (await store.listCheckpoints(NAMESPACE, HUB, group)).map((checkpoint) => [
          checkpoint.partitionId,
          checkpoint.sequenceNumber,
        ]),
      );

  before(async () => {
    azurite = await startAzurite();
  });
  after(async () => {
    await client.close();
    await azurite.stop();
  });
  beforeEach(async () => {
    ({ directory, remove } = await scratchDirectory());
    log = listeningLog();
  });
  afterEach(() => remove());

  test('files to container', async () => {
    await use(local(), write({ 0: 5, 1: 7 }));
    assert.deepEqual(await use(blobs(newContainer()), read()), { 0: 5, 1: 7 });
    const line = log.lines.find(({ msg }) => String(msg).includes('another place'));
    assert.deepEqual([line?.['checkpoints'], line?.['written']], [2, 2]);
    assert.match(String(line?.['to']), /\/checkpoints-\d+$/);
    assert.doesNotMatch(JSON.stringify(log.lines), /AccountKey|sig=/);
  });

  test('container to files', async () => {
    const container = newContainer();
    await use(blobs(container), write({ 0: 5, 1: 7 }));
    await use(blobs(container), write({ 1: 8 }));
    assert.deepEqual(await use(local(), read()), { 0: 5, 1: 8 });
  });

  test('container to container, and back', async () => {
    const [first, second] = [newContainer(), newContainer()];
    await use(blobs(first), write({ 0: 5 }));
    await use(blobs(second), write({ 1: 3 }));
    assert.deepEqual(await use(blobs(second), read()), { 0: 5, 1: 3 });
    await use(blobs(second), write({ 0: 6 }));
    assert.deepEqual(await use(blobs(first), read()), { 0: 6, 1: 3 });
  });

  test('partitions that another sidecar reads move, too', async () => {
    const [shared, next] = [newContainer(), newContainer()];
    await use(blobs(shared), async (store) => {
      await write({ 0: 5 })(store);
      // The processor lists all checkpoints when it claims a partition.
      await read()(store);
      await use(blobs(shared), write({ 1: 9 }), `${directory}/other`);
    });
    assert.deepEqual(await use(blobs(next), read()), { 0: 5, 1: 9 });
  });

  test('a checkpoint that was written to the new place later stays', async () => {
    const container = newContainer();
    await use(local(), write({ 0: 5, 1: 5 }));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await use(blobs(container), write({ 0: 9 }), `${directory}/other`);
    assert.deepEqual(await use(blobs(container), read()), { 0: 9, 1: 5 });
  });

  test('a checkpoint that lies in the new place from long ago gives way', async () => {
    const container = newContainer();
    await use(blobs(container), write({ 0: 2 }));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await use(local(), write({ 0: 5 }));
    assert.deepEqual(await use(blobs(container), read()), { 0: 5 });
  });

  test('a checkpoint that somebody deletes does not come back while the place stays the same', async () => {
    const container = newContainer();
    await use(blobs(container), write({ 0: 5 }));
    const { BlobServiceClient } = await import('@azure/storage-blob');
    const client = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(
      container,
    );
    for await (const { name } of client.listBlobsFlat()) await client.deleteBlob(name);
    assert.deepEqual(await use(blobs(container), read()), {});
  });

  test('another consumer group at "latest" begins where the group before has come to', async () => {
    await use(local(), write({ 0: 5 }));
    assert.deepEqual(await use(local({ consumerGroup: 'Two' }), read('Two')), { 0: 5 });
    const container = newContainer();
    await use(blobs(container, { consumerGroup: 'Two' }), write({ 0: 6 }, 'Two'));
    assert.deepEqual(await use(blobs(container, { consumerGroup: 'three' }), read('three')), { 0: 6 });
    assert.deepEqual(await use(blobs(container), read()), { 0: 5 }, 'a group with checkpoints keeps them');
  });

  test('another consumer group with a start position of its own begins there', async () => {
    await use(local(), write({ 0: 5 }));
    const settings = local({ consumerGroup: 'two', startPosition: 'earliest' });
    assert.deepEqual(await use(settings, read('two')), {});
  });

  test('a copy that cannot be written stops nothing and is told once', async () => {
    const container = newContainer();
    await use(local(), async () => {
      // The files are locked: the copy of a second connection cannot be written.
      await use(blobs(container), write({ 0: 3 }));
    });
    const warnings = log.lines.filter(({ msg }) => String(msg).includes('local copy'));
    assert.equal(warnings.length, 1);
    assert.deepEqual(await use(blobs(container), read()), { 0: 3 });
  });

  test('a damaged note of the place counts as another place; a damaged checkpoint is told once', async () => {
    await use(local(), write({ 0: 5 }));
    const file = `${directory}/checkpoints/Hub/location.json`;
    assert.match(await readFile(file, 'utf8'), /"location"/);
    await writeFile(file, '{');
    assert.deepEqual(await use(blobs(newContainer()), read()), { 0: 5 });
    await writeFile(`${directory}/checkpoints/Hub/${NAMESPACE}/${HUB}/%24default/0.json`, '{');
    assert.deepEqual(await use(blobs(newContainer()), read()), {});
    await rm(file);
    await mkdir(file);
    await use(local(), async (store) => {
      await read()(store);
      await write({ 0: 7 })(store);
    });
    assert.deepEqual(await use(blobs(newContainer()), read()), { 0: 7 });
    const warnings = log.lines.filter(({ code }) => code === 'CHECKPOINTS_UNREADABLE');
    assert.deepEqual(
      warnings.map(({ partitionId, kept }) => [partitionId, /0\.json\.damaged-\d+$/.test(String(kept))]),
      [
        ['0', true],
        ['0', true],
      ],
      'once by each start without a checkpoint',
    );
  });
});
