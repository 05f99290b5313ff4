import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { openBlobCheckpoints } from '../../../sidecar/azure/event-hubs/blob-checkpoints.ts';
import { type OnDamaged, openFileCheckpoints } from '../../../sidecar/azure/event-hubs/checkpoints.ts';
import { openEventSource } from '../../../sidecar/azure/event-hubs/event-source.ts';
import type { Checkpoint, CheckpointStore } from '../../../sidecar/azure/event-hubs/event-types.ts';
import { ServiceClock } from '../../../sidecar/azure/service-clock.ts';
import { openStorage } from '../../../sidecar/azure/storage.ts';
import { listeningLog } from '../../dead-letters/letters.ts';
import { type Azurite, startAzurite } from '../../emulators/azurite.ts';
import { Recorder, range, until } from '../helpers.ts';
import { EventHubServer } from './event-hub-server.ts';

const PLACE = {
  fullyQualifiedNamespace: 'ns.servicebus.windows.net',
  eventHubName: 'Hub',
  consumerGroup: '$Default',
};
const NAMES = [PLACE.fullyQualifiedNamespace, PLACE.eventHubName, PLACE.consumerGroup] as const;

function checkpoint(partitionId: string, sequenceNumber: number): Checkpoint {
  return { ...PLACE, partitionId, sequenceNumber, offset: String(sequenceNumber * 10) };
}

/** What was reported as damaged since the last test, by partition. */
let damaged: [string, string][] = [];
const onDamaged: OnDamaged = ({ partitionId }, kept) => damaged.push([partitionId, kept]);
beforeEach(() => {
  damaged = [];
});

async function positions(store: CheckpointStore): Promise<Record<string, number>> {
  const all = await store.listCheckpoints(...NAMES);
  return Object.fromEntries(all.map(({ partitionId, sequenceNumber }) => [partitionId, sequenceNumber]));
}

describe('checkpoints in a local directory', () => {
  let directory: string;
  const file = (...parts: string[]): string =>
    path.join(directory, 'ns.servicebus.windows.net', 'hub', '%24default', ...parts);

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'checkpoints-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test('come back after a restart, per endpoint, in any case of its names', async () => {
    const first = await openFileCheckpoints({ directory, onDamaged });
    assert.deepEqual(await positions(first.store), {});
    await Promise.all([
      first.store.updateCheckpoint(checkpoint('0', 5)),
      first.store.updateCheckpoint(checkpoint('1', 7)),
    ]);
    await first.store.updateCheckpoint(checkpoint('0', 6));
    await first.close();
    await first.close();
    const second = await openFileCheckpoints({ directory, onDamaged });
    assert.deepEqual(await positions(second.store), { 0: 6, 1: 7 });
    assert.equal(
      (await second.store.listCheckpoints(PLACE.fullyQualifiedNamespace.toUpperCase(), 'hub', '$default'))
        .length,
      2,
    );
    assert.deepEqual(await second.store.listCheckpoints('other', 'hub', '$default'), []);
    await second.close();
  });

  test('writes of one partition keep their order, though nobody waits between them', async () => {
    const { store, close } = await openFileCheckpoints({ directory, onDamaged });
    await Promise.all(range(50).map((index) => store.updateCheckpoint(checkpoint('0', index))));
    assert.deepEqual(await positions(store), { 0: 49 });
    assert.deepEqual(await readdir(file()), ['0.json'], 'no drafts are left');
    await close();
  });

  test('the file is plain JSON with version, offset and sequence number', async () => {
    const { store, close } = await openFileCheckpoints({ directory, onDamaged });
    await store.updateCheckpoint(checkpoint('3', 12));
    const content = JSON.parse(await readFile(file('3.json'), 'utf8'));
    assert.equal(content.version, 1);
    assert.equal(content.offset, '120');
    assert.equal(content.sequenceNumber, 12);
    assert.ok(Date.parse(content.writtenAt) > 0);
    await close();
  });

  for (const [what, damage] of [
    ['empty', ''],
    ['cut', '{"version":1,"offset":"1'],
    ['zeros', '\0'.repeat(80)],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"x"'],
    ['of another version', '{"version":2,"offset":"1","sequenceNumber":1}'],
    ['with a number as offset', '{"version":1,"offset":1,"sequenceNumber":1}'],
    ['without a sequence number', '{"version":1,"offset":"1"}'],
    ['a directory', undefined],
  ] as const)
    test(`a file that is ${what} is set aside and reported; the other partitions stay`, async () => {
      const { store, close } = await openFileCheckpoints({ directory, onDamaged });
      await store.updateCheckpoint(checkpoint('0', 1));
      await store.updateCheckpoint(checkpoint('1', 2));
      if (damage === undefined) {
        await rm(file('0.json'));
        await mkdir(file('0.json'));
      } else await writeFile(file('0.json'), damage);
      assert.deepEqual(await positions(store), { 1: 2 });
      const [[partition, kept] = []] = damaged;
      assert.equal(partition, '0');
      assert.match(String(kept), /0\.json\.damaged-\d+$/);
      if (damage !== undefined) assert.equal(await readFile(String(kept), 'utf8'), damage);
      assert.deepEqual(await positions(store), { 1: 2 });
      assert.equal(damaged.at(-1)?.[1], kept, 'reported again while there is no other checkpoint');
      await store.updateCheckpoint(checkpoint('0', 3));
      damaged = [];
      assert.deepEqual(await positions(store), { 0: 3, 1: 2 });
      assert.deepEqual(damaged, []);
      await close();
    });

  test('a half-written draft of a crash is no checkpoint', async () => {
    const { store, close } = await openFileCheckpoints({ directory, onDamaged });
    await store.updateCheckpoint(checkpoint('0', 1));
    await writeFile(file('0.json.new'), '{"vers');
    assert.deepEqual(await positions(store), { 0: 1 });
    await store.updateCheckpoint(checkpoint('0', 2));
    assert.deepEqual(await positions(store), { 0: 2 });
    await close();
  });

  test('a second holder is refused until the first lets go', async () => {
    const first = await openFileCheckpoints({ directory, onDamaged });
    await assert.rejects(openFileCheckpoints({ directory, onDamaged }), { code: 'CHECKPOINTS_IN_USE' });
    await first.close();
    await assert.rejects(first.store.updateCheckpoint(checkpoint('0', 1)), { code: 'CHECKPOINTS_IN_USE' });
    await (await openFileCheckpoints({ directory, onDamaged })).close();
  });

  test('a process that was killed holds nothing, a live one does', async () => {
    const script = `import { type OnDamaged, openFileCheckpoints } from ${JSON.stringify(new URL('../../../sidecar/azure/event-hubs/checkpoints.ts', import.meta.url).href)};
      await openFileCheckpoints({ directory: ${JSON.stringify(directory)} });
      console.log('held'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    try {
      await once(child.stdout, 'data');
      await assert.rejects(openFileCheckpoints({ directory, onDamaged }), { code: 'CHECKPOINTS_IN_USE' });
    } finally {
      child.kill('SIGKILL');
      await exited;
    }
    await (await openFileCheckpoints({ directory, onDamaged })).close();
  });

  test('a lock of another machine counts until nobody has touched it for half a minute', async () => {
    const lock = path.join(directory, 'lock');
    await writeFile(lock, JSON.stringify({ id: 'x', pid: 1, host: `not-${hostname()}` }));
    await assert.rejects(openFileCheckpoints({ directory, onDamaged }), { code: 'CHECKPOINTS_IN_USE' });
    const old = new Date(Date.now() - 31_000);
    await utimes(lock, old, old);
    await (await openFileCheckpoints({ directory, onDamaged })).close();
  });

  test('a lock that names this process but an earlier run is no holder', async () => {
    const lock = { id: 'x', pid: process.pid, host: hostname(), began: 'another start' };
    await writeFile(path.join(directory, 'lock'), JSON.stringify(lock));
    if (process.platform === 'linux') await (await openFileCheckpoints({ directory, onDamaged })).close();
    else await assert.rejects(openFileCheckpoints({ directory, onDamaged }), { code: 'CHECKPOINTS_IN_USE' });
  });

  test('of many that find a dead holder exactly one gets the lock', async () => {
    const dead = { id: 'x', pid: 2 ** 22 + 12_345, host: hostname() };
    await writeFile(path.join(directory, 'lock'), JSON.stringify(dead));
    const results = await Promise.allSettled(
      range(10).map(() => openFileCheckpoints({ directory, onDamaged })),
    );
    const held = results.filter((result) => result.status === 'fulfilled');
    assert.equal(held.length, 1);
    await held[0]?.value.close();
  });

  test('a checkpoint that cannot be written is said so, and the next one can', async () => {
    const { store, close } = await openFileCheckpoints({ directory, onDamaged });
    await store.updateCheckpoint(checkpoint('0', 1));
    await rm(file(), { recursive: true });
    await writeFile(file(), 'in the way');
    await assert.rejects(store.updateCheckpoint(checkpoint('0', 2)), { code: 'CHECKPOINTS_UNWRITABLE' });
    await rm(file());
    await store.updateCheckpoint(checkpoint('0', 3));
    assert.deepEqual(await positions(store), { 0: 3 });
    await close();
  });

  test('a directory that is a file is said so', async () => {
    await writeFile(path.join(directory, 'occupied'), '');
    const taken = path.join(directory, 'occupied', 'below');
    await assert.rejects(openFileCheckpoints({ directory: taken, onDamaged }), {
      code: 'CHECKPOINTS_UNWRITABLE',
    });
  });

  test('an event source goes on from the file after a restart', async () => {
    const server = new EventHubServer(2);
    await server.start();
    try {
      for (const partition of [0, 1])
        server.append(partition, ...range(20).map((index) => ({ body: String(index) })));
      const run = async (count: number, last?: number): Promise<Recorder> => {
        const recorder = new Recorder();
        const checkpoints = await openFileCheckpoints({ directory, onDamaged });
        const source = await openEventSource({
          endpoint: { kind: 'connectionString', connectionString: server.connectionString },
          consumerGroup: '$Default',
          handlers: recorder,
          checkpoints: checkpoints.store,
          startPosition: { from: 'earliest' },
        });
        await until('the events', () => recorder.events.length === count);
        if (last !== undefined)
          for (const id of ['0', '1'])
            await source.checkpoint(id, { sequenceNumber: last, offset: String(last * 10) });
        await source.stop();
        await checkpoints.close();
        return recorder;
      };
      await run(40, 14);
      const again = await run(10);
      assert.deepEqual(again.sequence('0'), [15, 16, 17, 18, 19]);
      assert.deepEqual(again.sequence('1'), [15, 16, 17, 18, 19]);
    } finally {
      await server.stop();
    }
  });
});

describe('checkpoints in a blob container', () => {
  let azurite: Azurite;
  before(async () => {
    azurite = await startAzurite();
  });
  after(async () => {
    await azurite.stop();
  });

  test('the container is made, checkpoints have the form that other tools read', async () => {
    const { store, close } = await openBlobCheckpoints({
      connection: azurite.connectionString,
      onDamaged,
      container: 'first',
    });
    await store.updateCheckpoint(checkpoint('0', 5));
    assert.deepEqual(await positions(store), { 0: 5 });
    const container = (await openStorage(azurite.connectionString)).getContainerClient('first');
    const blob = container.getBlobClient('ns.servicebus.windows.net/hub/$default/checkpoint/0');
    assert.deepEqual((await blob.getProperties()).metadata, { offset: '50', sequencenumber: '5' });
    await close();
    await (
      await openBlobCheckpoints({ connection: azurite.connectionString, container: 'first', onDamaged })
    ).close();
  });

  test('a SAS that may not create containers is enough when the container exists', async () => {
    const service = await openStorage(azurite.connectionString);
    const container = service.getContainerClient('given');
    await container.create();
    const { ContainerSASPermissions } = await import('@azure/storage-blob');
    const permissions = ContainerSASPermissions.parse('rwl');
    const url = new URL(
      await container.generateSasUrl({ permissions, expiresOn: new Date(Date.now() + 3_600_000) }),
    );
    const access = `${azurite.url}${url.search}`;
    const { store, close } = await openBlobCheckpoints({ connection: access, container: 'given', onDamaged });
    await store.updateCheckpoint(checkpoint('1', 8));
    assert.deepEqual(await positions(store), { 1: 8 });
    await close();
    await assert.rejects(openBlobCheckpoints({ connection: access, container: 'absent', onDamaged }), {
      code: 'AZURE_UNAUTHORIZED',
    });
  });

  for (const [what, metadata] of [
    ['without metadata', {}],
    ['without an offset', { sequencenumber: '5' }],
    ['without a number', { sequencenumber: 'five', offset: '50' }],
  ] as const)
    test(`a blob ${what} is reported and replaced by the next checkpoint`, async () => {
      const container = `damaged-${what.replaceAll(' ', '-')}`;
      const { store } = await openBlobCheckpoints({
        connection: azurite.connectionString,
        onDamaged,
        container,
      });
      await store.updateCheckpoint(checkpoint('0', 5));
      await store.updateCheckpoint(checkpoint('1', 6));
      const blobs = (await openStorage(azurite.connectionString)).getContainerClient(container);
      await blobs.getBlobClient('ns.servicebus.windows.net/hub/$default/checkpoint/0').setMetadata(metadata);
      assert.deepEqual(await positions(store), { 1: 6 });
      assert.deepEqual(damaged, [['0', `${container}/ns.servicebus.windows.net/hub/$default/checkpoint/0`]]);
      await store.updateCheckpoint(checkpoint('0', 7));
      assert.deepEqual(await positions(store), { 0: 7, 1: 6 });
    });

  test('an ownership record without an owner is left out and replaced by the next claim', async () => {
    const { store } = await openBlobCheckpoints({
      connection: azurite.connectionString,
      onDamaged,
      container: 'ownership',
    });
    await store.claimOwnership([
      { ...PLACE, partitionId: '0', ownerId: 'one' },
      { ...PLACE, partitionId: '1', ownerId: 'one' },
    ]);
    const container = (await openStorage(azurite.connectionString)).getContainerClient('ownership');
    await container.getBlobClient('ns.servicebus.windows.net/hub/$default/ownership/0').setMetadata({});
    const owners = await store.listOwnership(...NAMES);
    assert.deepEqual(
      owners.map(({ partitionId, ownerId }) => [partitionId, ownerId]),
      [['1', 'one']],
    );
    await store.claimOwnership([{ ...PLACE, partitionId: '0', ownerId: 'two' }]);
    assert.equal((await store.listOwnership(...NAMES)).length, 2);
  });

  test('the age of ownership is a matter of the clock of the service', async ({ mock }) => {
    const clock = new ServiceClock(listeningLog().log);
    const { store } = await openBlobCheckpoints({
      connection: azurite.connectionString,
      onDamaged,
      clock,
      container: 'aged',
    });
    await store.claimOwnership([{ ...PLACE, partitionId: '0', ownerId: 'one' }]);
    const now = Date.now.bind(Date);
    for (const offsetMs of [0, -10_000, -3_000_000, -3_600_000, -86_400_000, 10_000, 3_600_000, 90_000_000]) {
      const shifted = mock.method(Date, 'now', () => now() + offsetMs);
      const [owner] = await store.listOwnership(...NAMES);
      const ageMs = Date.now() - (owner?.lastModifiedTimeInMs ?? 0);
      assert.ok(ageMs >= -1000 && ageMs < 240_000, `${offsetMs}: ${ageMs}`);
      assert.ok(Math.abs(clock.offsetMs - offsetMs) < 2_000, `${offsetMs}: ${clock.offsetMs}`);
      assert.ok(
        Math.abs(clock.nowMs() - now()) < 2_000,
        'the time of the service does not jump with the machine',
      );
      shifted.mock.restore();
    }
  });

  test('a record has the same version when it is claimed and when it is listed', async () => {
    const { store } = await openBlobCheckpoints({
      connection: azurite.connectionString,
      onDamaged,
      container: 'versions',
    });
    const owner = { ...PLACE, partitionId: '0', ownerId: 'one' };
    for (const claim of [owner, { ...owner, ownerId: '' }]) {
      const [listed] = await store.listOwnership(...NAMES);
      const [claimed] = await store.claimOwnership([{ ...claim, ...(listed ? { etag: listed.etag } : {}) }]);
      assert.ok(claimed?.etag);
      assert.equal((await store.listOwnership(...NAMES))[0]?.etag, claimed.etag);
    }
  });

  test('a sidecar that was frozen puts no old checkpoint over a later one of the new owner', async () => {
    const open = () =>
      openBlobCheckpoints({ connection: azurite.connectionString, onDamaged, container: 'fenced' });
    const frozen = (await open()).store;
    await frozen.updateCheckpoint(checkpoint('0', 5));
    const owner = (await open()).store;
    await positions(owner);
    await owner.updateCheckpoint(checkpoint('0', 8));
    await assert.rejects(frozen.updateCheckpoint(checkpoint('0', 6)), { code: 'PARTITION_TAKEN' });
    await positions(frozen);
    await assert.rejects(frozen.updateCheckpoint(checkpoint('0', 7)), { code: 'PARTITION_TAKEN' });
    assert.deepEqual(await positions(owner), { 0: 8 });
  });

  test('a write that comes twice, after a deletion or after a slower one of the same sidecar succeeds', async () => {
    const open = () =>
      openBlobCheckpoints({ connection: azurite.connectionString, onDamaged, container: 'repeated' });
    const { store } = await open();
    await store.updateCheckpoint(checkpoint('0', 5));
    await (await open()).move(checkpoint('0', 4));
    await store.updateCheckpoint(checkpoint('0', 6));
    await (await open()).move(checkpoint('0', 6));
    await store.updateCheckpoint(checkpoint('0', 6));
    const container = (await openStorage(azurite.connectionString)).getContainerClient('repeated');
    await container.deleteBlob('ns.servicebus.windows.net/hub/$default/checkpoint/0');
    await store.updateCheckpoint(checkpoint('0', 7));
    assert.deepEqual(await positions(store), { 0: 7 });
  });

  test('a partition that begins anew may go back', async () => {
    const { store } = await openBlobCheckpoints({
      connection: azurite.connectionString,
      onDamaged,
      container: 'anew',
    });
    await store.updateCheckpoint(checkpoint('0', 999));
    await store.updateCheckpoint({ ...PLACE, partitionId: '0', sequenceNumber: -1, offset: '-1' });
    await store.updateCheckpoint(checkpoint('0', 2));
    assert.deepEqual(await positions(store), { 0: 2 });
  });

  test('wrong key, wrong name, nobody there', async () => {
    const wrong = azurite.connectionString.replace(
      /AccountKey=[^;]+/,
      `AccountKey=${Buffer.from('wrong').toString('base64')}`,
    );
    await assert.rejects(openBlobCheckpoints({ connection: wrong, container: 'xyz', onDamaged }), {
      code: 'AZURE_UNAUTHORIZED',
    });
    await assert.rejects(
      openBlobCheckpoints({ connection: azurite.connectionString, container: 'No Good', onDamaged }),
      { code: 'AZURE_REJECTED' },
    );
    const nobody = azurite.connectionString.replaceAll(`:${azurite.port}`, ':1');
    await assert.rejects(openBlobCheckpoints({ connection: nobody, container: 'xyz', onDamaged }), {
      code: 'AZURE_UNREACHABLE',
    });
  });

  test('two sidecars share the partitions; what one leaves the other takes from its checkpoints', async () => {
    const server = new EventHubServer(4);
    await server.start();
    const open = async (ownerId: string) => {
      const recorder = new Recorder();
      const { store } = await openBlobCheckpoints({
        connection: azurite.connectionString,
        onDamaged,
        container: 'shared',
      });
      const source = await openEventSource({
        endpoint: { kind: 'connectionString', connectionString: server.connectionString },
        consumerGroup: '$Default',
        handlers: recorder,
        checkpoints: store,
        startPosition: { from: 'earliest' },
        ownerId,
      });
      recorder.onEvents = async (partitionId, events) => {
        const last = events.at(-1);
        if (last) await source.checkpoint(partitionId, last);
      };
      return { source, recorder };
    };
    const one = await open('one');
    const two = await open('two');
    try {
      await until(
        'two each',
        () => one.source.ownedPartitions().length === 2 && two.source.ownedPartitions().length === 2,
      );
      const seen = (): number => one.recorder.events.length + two.recorder.events.length;
      for (const partition of range(4))
        server.append(partition, ...range(10).map((index) => ({ body: String(index) })));
      await until('forty events', () => seen() >= 40);
      await one.source.stop();
      await until('two has all', () => two.source.ownedPartitions().length === 4);
      for (const partition of range(4)) server.append(partition, { body: 'more' });
      await until(
        'four more',
        () =>
          new Set(
            two.recorder.events.filter(({ event }) => event.sequenceNumber === 10).map((e) => e.partitionId),
          ).size === 4,
      );
    } finally {
      await Promise.all([one.source.stop(), two.source.stop()]);
      await server.stop();
    }
  });
});
