import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerClient } from '@azure/storage-blob';
import type { FileNotification } from '../../sidecar/azure/iot-hub/hub-listener.ts';
import { type HubSettings, withDefaults } from '../../sidecar/contract/hub-settings.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import type { StorageAccounts } from '../../sidecar/files/accounts.ts';
import type { Announcement } from '../../sidecar/ingest/notifications/announcer.ts';
import { Records } from '../../sidecar/lib/records.ts';
import { createLog } from '../../sidecar/observe/log.ts';
import { isUpload } from '../../sidecar/uploads/upload.ts';
import { Uploads, type UploadsOptions } from '../../sidecar/uploads/uploads.ts';
import { until } from '../azure/helpers.ts';
import { type Account, connect, NEVER, newContainer, STORAGE, startAccount } from '../files/support.ts';

interface Bench {
  readonly directory: string;
  /** Where devices upload to, and where files shall go. */
  readonly landing: ContainerClient;
  readonly target: ContainerClient;
  readonly told: Announcement['data'][];
  readonly settings: Partial<HubSettings>;
  /** A process that takes notifications; what it was given is changed by the options. */
  open(options?: Partial<UploadsOptions>): Uploads;
  /** A device has put a file there; the notification of the hub. */
  upload(name: string, content: string): Promise<FileNotification>;
}

async function start(t: TestContext, account: Account): Promise<Bench> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'uploads-'));
  const directory = path.join(scratch, 'uploads');
  const landing = await newContainer(account);
  const target = await newContainer(account);
  const told: Announcement['data'][] = [];
  const settings: Partial<HubSettings> = { uploadStorageThing: STORAGE, uploadContainer: target.name };
  const opened: Uploads[] = [];
  t.after(async () => {
    await Promise.all(opened.map((uploads) => uploads.stop()));
    await rm(scratch, { recursive: true, force: true });
  });
  return {
    directory,
    landing: landing.raw,
    target: target.raw,
    told,
    settings,
    open(options = {}) {
      const uploads = new Uploads({
        records: new Records(directory, isUpload),
        log: createLog('silent'),
        storages: account.storages,
        settings: () => ({ ...withDefaults({}), ...settings }),
        announce: async (announcements) => {
          told.push(...announcements.map(({ data }) => data));
          return 0;
        },
        onWarning: () => undefined,
        ...options,
      });
      opened.push(uploads);
      return uploads;
    },
    async upload(name, content) {
      const blob = landing.raw.getBlockBlobClient(name);
      await blob.upload(content, Buffer.byteLength(content));
      const { lastModified = new Date() } = await blob.getProperties();
      return {
        deviceId: name.split('/')[0] ?? '',
        blobName: name,
        blobUri: blob.url,
        blobSizeInBytes: Buffer.byteLength(content),
        lastUpdatedTime: lastModified.toISOString(),
        enqueuedTimeUtc: new Date().toISOString(),
      };
    },
  };
}

async function names(container: ContainerClient): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of container.listBlobsFlat()) found.push(name);
  return found;
}

describe('uploads of devices', () => {
  let account: Account;
  before(async () => {
    account = await startAccount();
  });
  after(() => account.stop());

  test('are moved and announced once, however often the hub tells of them', async (t) => {
    const bench = await start(t, account);
    const uploads = bench.open();
    const told = await bench.upload('dev/a.txt', 'A');
    await Promise.all([uploads.take([told], NEVER), uploads.take([told], NEVER)]);
    await until('the event', () => bench.told.length === 1);
    await until('the end', () => uploads.waiting === 0);
    await uploads.take([told], NEVER);
    await uploads.stop();
    const next = bench.open();
    await next.take([told], NEVER);
    await sleep(100);
    assert.equal(bench.told.length, 1);
    assert.equal(next.counts.repeated, 1);
    const [event] = bench.told;
    assert.equal(event?.['path'], '/dev/a.txt');
    assert.equal(event?.['container'], bench.target.containerName);
    assert.equal(await (await fetch(String(event?.['link']))).text(), 'A');
    assert.deepEqual([await names(bench.landing), await names(bench.target)], [[], ['dev/a.txt']]);
  });

  test('go to the folder that the settings name, by device and day', async (t) => {
    const bench = await start(t, account);
    Object.assign(bench.settings, { uploadFolder: 'in/{year}-{month}/{day}/{deviceId}/' });
    const uploads = bench.open();
    const told = await bench.upload('dev/logs/a.txt', 'A');
    await uploads.take([{ ...told, lastUpdatedTime: '2026-01-31T23:59:59+00:00' }], NEVER);
    await until('the event', () => bench.told.length === 1);
    assert.deepEqual(await names(bench.target), ['in/2026-01/31/dev/logs/a.txt']);
    // In the same container it can come to lie where it lies.
    Object.assign(bench.settings, { uploadFolder: '{deviceId}', uploadContainer: '' });
    await uploads.take([await bench.upload('dev/b.txt', 'B')], NEVER);
    await until('the event', () => bench.told.length === 2);
    assert.equal(bench.told[1]?.['moved'], false);
    assert.equal(await (await fetch(String(bench.told[1]?.['link']))).text(), 'B');
  });

  test('that were durable go on after a crash, also in the middle of the move, whatever the settings are by then', async (t) => {
    const bench = await start(t, account);
    const told = await bench.upload('dev/a.txt', 'A');
    // A process that moves the file and ends before anybody hears of it.
    let moved = false;
    const crashing = bench.open({
      announce: async () => {
        moved = true;
        throw new ConnectorError('STOPPING', 'The process ends.');
      },
    });
    await crashing.take([told], NEVER);
    await until('the move', () => moved);
    await crashing.stop();
    Object.assign(bench.settings, { uploadContainer: '', uploadFolder: '/elsewhere' });
    const uploads = bench.open();
    await uploads.start();
    await until('the event', () => bench.told.length === 1);
    assert.equal(bench.told[0]?.['path'], '/dev/a.txt');
    assert.deepEqual([await names(bench.landing), await names(bench.target)], [[], ['dev/a.txt']]);
  });

  test('taken by two sidecars at once are one file', async (t) => {
    const bench = await start(t, account);
    const other = await start(t, account);
    const told = await bench.upload('dev/a.txt', 'A');
    Object.assign(other.settings, bench.settings);
    await Promise.all([bench.open().take([told], NEVER), other.open().take([told], NEVER)]);
    await until('both events', () => bench.told.length === 1 && other.told.length === 1);
    assert.equal(bench.told[0]?.['path'], other.told[0]?.['path']);
    assert.deepEqual([await names(bench.landing), await names(bench.target)], [[], ['dev/a.txt']]);
  });

  test('of one device are announced in order', async (t) => {
    const bench = await start(t, account);
    const uploads = bench.open();
    const told = [];
    for (let number = 0; number < 12; number += 1)
      told.push(await bench.upload(`dev-${number % 2}/${number}.txt`, String(number)));
    await uploads.take(told, NEVER);
    await until('all events', () => bench.told.length === 12);
    for (const deviceId of ['dev-0', 'dev-1']) {
      const of = bench.told.filter((event) => event['deviceId'] === deviceId);
      assert.deepEqual(
        of.map(({ blobName }) => blobName),
        told.filter((one) => one.deviceId === deviceId).map(({ blobName }) => blobName),
      );
    }
  });

  test('with something wrong are announced with it: gone, replaced, a name that is not possible, another folder', async (t) => {
    const bench = await start(t, account);
    const uploads = bench.open();
    const gone = await bench.upload('dev/gone.txt', 'A');
    await bench.landing.deleteBlob('dev/gone.txt');
    const replaced = { ...(await bench.upload('dev/r.txt', 'AB')), blobSizeInBytes: 1 };
    const early = { ...replaced, lastUpdatedTime: new Date(Date.now() - 60_000).toISOString() };
    const odd = await bench.upload('dev/gpj.\u202Eexe', 'A');
    const foreign = { ...(await bench.upload('other/x.txt', 'A')), deviceId: 'dev' };
    const mixed = { ...(await bench.upload('dev/m.txt', 'A')), blobName: 'dev/n.txt' };
    await uploads.take([gone, early, odd, foreign, mixed], NEVER);
    await until('the events', () => bench.told.length === 5);
    assert.deepEqual(
      bench.told.map(({ code, moved }) => [code, moved]),
      [
        ['FILE_NOT_FOUND', false],
        ['FILE_REPLACED', false],
        ['PATH_INVALID', false],
        ['PATH_INVALID', false],
        ['PATH_INVALID', false],
      ],
    );
    // What may be read where it is has a link all the same.
    assert.equal(await (await fetch(String(bench.told[3]?.['link']))).text(), 'A');
    for (const index of [0, 1, 2, 4]) assert.equal(bench.told[index]?.['link'], undefined);
    assert.deepEqual(await names(bench.target), []);
    assert.equal(uploads.counts.incomplete, 5);
  });

  test('wait, with a warning, until their storage Thing is connected and the container made', async (t) => {
    const bench = await start(t, account);
    const warnings: (string | undefined)[] = [];
    const uploads: Uploads = bench.open({ onWarning: () => warnings.push(uploads.warning) });
    await account.storages.disconnect(STORAGE);
    Object.assign(bench.settings, { uploadContainer: `${bench.target.containerName}-later` });
    await uploads.take([await bench.upload('dev/a.txt', 'A')], NEVER);
    await until('the warning', () => /STORAGE_NOT_CONNECTED/.test(uploads.warning ?? ''));
    await connect(account);
    await until('the next', () => /CONTAINER_NOT_FOUND/.test(uploads.warning ?? ''));
    assert.equal(bench.told.length, 0);
    const later = account.service.getContainerClient(`${bench.target.containerName}-later`);
    await later.create();
    await until('the event', () => bench.told.length === 1);
    assert.equal(uploads.warning, undefined);
    assert.equal(warnings.at(-1), undefined);
    assert.deepEqual(await names(later), ['dev/a.txt']);
  });

  test('have a new link when ThingWorx was away longer than the first one works', async (t) => {
    const bench = await start(t, account);
    let links = 0;
    // The real storage, but for the life of its links.
    const storages = {
      require: (thing: string) => {
        const storage = account.storages.require(thing);
        return {
          locate: storage.locate.bind(storage),
          moveOnce: storage.moveOnce.bind(storage),
          container: (name: string) => ({
            downloadLink: async (file: string, minutes: number, signal: AbortSignal) => {
              links += 1;
              const { url } = await storage.container(name).downloadLink(file, minutes, signal);
              return { url: `${url}&number=${links}`, expiresAt: new Date(Date.now() + 200).toISOString() };
            },
          }),
        };
      },
    } as unknown as StorageAccounts;
    const uploads = bench.open({
      storages,
      announce: async (told, signal) => {
        while (links < 3) {
          await sleep(10);
          if (signal.aborted) throw new ConnectorError('STOPPING', 'The call was given up.');
        }
        bench.told.push(...told.map(({ data }) => data));
        return 0;
      },
    });
    await uploads.take([await bench.upload('dev/a.txt', 'A')], NEVER);
    await until('the event', () => bench.told.length === 1);
    assert.match(String(bench.told[0]?.['link']), /number=3$/);
    assert.equal(await (await fetch(String(bench.told[0]?.['link']))).text(), 'A');
  });

  test('are not taken while the disk does not take them', async (t) => {
    const bench = await start(t, account);
    await writeFile(bench.directory, 'a file in the place of the directory');
    const uploads = bench.open();
    const abort = new AbortController();
    const told = await bench.upload('dev/a.txt', 'A');
    const given = uploads.take([told], abort.signal);
    await until('the warning', () => /STATE_UNAVAILABLE/.test(uploads.warning ?? ''));
    abort.abort();
    await assert.rejects(given, { code: 'STOPPING' });
    await rm(bench.directory);
    await uploads.take([told], NEVER);
    await until('the event', () => bench.told.length === 1);
  });

  test('that the hub tells nonsense of are dropped', async (t) => {
    const bench = await start(t, account);
    const uploads = bench.open();
    await uploads.take([null, 'x', { deviceId: 'dev' }, { deviceId: 1, blobName: 'a', blobUri: 'b' }], NEVER);
    assert.equal(uploads.waiting, 0);
  });

  test('are forgotten once nobody can tell of them again', async (t) => {
    const bench = await start(t, account);
    const first = bench.open();
    await first.take([await bench.upload('dev/a.txt', 'A')], NEVER);
    await until('the end', () => bench.told.length === 1 && first.waiting === 0);
    await first.stop();
    const [file = ''] = await readdir(bench.directory);
    const id = file.replace('.json', '');
    const old = {
      id,
      takenAtMs: 0,
      doneAtMs: 1,
      notification: { deviceId: 'd', blobName: 'b', blobUri: 'u' },
    };
    await writeFile(path.join(bench.directory, file), JSON.stringify(old));
    const next = bench.open();
    await next.start();
    assert.deepEqual(await readdir(bench.directory), []);
  });
});

test('uploads wait while the storage account is away, and go on when it is back', async (t) => {
  const scratch = await mkdtemp(path.join(tmpdir(), 'uploads-azurite-'));
  t.after(() => rm(scratch, { recursive: true, force: true }));
  const first = await startAccount({ directory: path.join(scratch, 'blobs') });
  const { port, accountKey } = first.azurite;
  t.after(() => first.stop());
  const bench = await start(t, first);
  const uploads = bench.open();
  const told = await bench.upload('dev/a.txt', 'A');
  await first.stop();
  await uploads.take([told], NEVER);
  await until('the warning', () => /AZURE_UNREACHABLE/.test(uploads.warning ?? ''));
  assert.equal(bench.told.length, 0);
  const again = await startAccount({ directory: path.join(scratch, 'blobs'), port, accountKey });
  t.after(() => again.stop());
  await until('the event', () => bench.told.length === 1);
  assert.equal(uploads.warning, undefined);
  assert.deepEqual([await names(bench.landing), await names(bench.target)], [[], ['dev/a.txt']]);
});
