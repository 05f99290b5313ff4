import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { uploadFile, uploadFileByRest } from './device-upload.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

const STORAGE_THING = 'Plant.Storage';
const FILES_THING = 'Plant.Uploads';
const CONTAINER = 'plant-uploads';
/** Where the emulated hub lets devices upload to. */
const LANDING_THING = 'Plant.Landing';
const LANDING = 'device-uploads';

/** Files that devices upload with Microsoft's SDK, with the whole product as it is installed. */
describe('a file that a device uploads', () => {
  const factory = new Factory();
  before(async () => {
    await factory.start();
    await factory.createStorage(STORAGE_THING);
    await factory.createContainer(FILES_THING, STORAGE_THING, CONTAINER);
    await factory.createContainer(LANDING_THING, STORAGE_THING, LANDING);
    await factory.createDevice('uploader');
    await factory.listen('uploader', 'FileUploaded');
    await factory.listen(HUB_THING, 'FileUploaded');
  });
  after(() => factory.stop());

  async function set(settings: Row): Promise<void> {
    await factory.system.platform.setProperties(HUB_THING, settings);
    await factory.hub('Connect');
  }

  /** The events that a Thing hears from what is done on, when there are as many. */
  async function heard(count: number, act: () => Promise<void>, thing = 'uploader'): Promise<Row[]> {
    const before = (await factory.heard(thing, 'FileUploaded')).length;
    await act();
    return eventually(async () => {
      const events = (await factory.heard(thing, 'FileUploaded')).slice(before);
      assert.equal(events.length, count, JSON.stringify(events));
      return events;
    });
  }
  const uploaded = async (name: string, content: string | Buffer): Promise<Row> => {
    const [event = {}] = await heard(1, () => uploadFile(factory, 'uploader', name, content));
    return event;
  };

  const fetched = async (link: unknown) => Buffer.from(await (await fetch(String(link))).arrayBuffer());
  const paths = async (thing: string, path: string) =>
    (await factory.call<{ rows: Row[] }>(thing, 'ListFiles', { path })).rows.map((row) => row.path);

  test('is named to its Thing when no storage is set', async () => {
    const event = await uploaded('plain.txt', 'plain');
    assert.equal(event.blobName, 'uploader/plain.txt');
    assert.equal(event.size, 5);
    assert.equal(event.moved, false);
    assert.deepEqual([event.link, event.code], [undefined, '']);
  });

  test('comes with a link that loads it', async () => {
    await set({ uploadStorageThing: STORAGE_THING, uploadLinkMinutes: 5 });
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    const event = await uploaded('logs/day 1.bin', bytes);
    assert.deepEqual([event.container, event.path], [LANDING, '/uploader/logs/day 1.bin']);
    assert.ok((await fetched(event.link)).equals(bytes));
    const minutes = (Date.parse(String(event.linkExpires)) - Date.now()) / 60_000;
    assert.ok(minutes > 3 && minutes < 6, String(minutes));
    // One right: to read this file.
    const put = await fetch(String(event.link), {
      method: 'PUT',
      body: 'x',
      headers: { 'x-ms-blob-type': 'BlockBlob' },
    });
    assert.equal(put.status, 403);
  });

  test('is moved into the folder of its device, and a file of that name stays', async () => {
    await set({ uploadContainer: CONTAINER, uploadFolder: '/devices/{deviceId}' });
    const first = await uploaded('report.csv', 'first');
    const second = await uploaded('report.csv', 'second');
    assert.deepEqual(
      [first.container, first.path, first.moved],
      [CONTAINER, '/devices/uploader/report.csv', true],
    );
    assert.match(String(second.path), /^\/devices\/uploader\/report-\d{8}T\d{6}Z-[0-9a-f]{8}\.csv$/);
    assert.equal((await fetched(first.link)).toString(), 'first');
    assert.equal((await fetched(second.link)).toString(), 'second');
    assert.equal(await factory.call(FILES_THING, 'LoadText', { path: second.path }), 'second');
    assert.ok(!(await paths(LANDING_THING, '/uploader')).includes('/uploader/report.csv'));
  });

  test('has a place that CheckConnection tests', async () => {
    const check = async () => {
      const { rows } = await factory.hub<{ rows: Row[] }>('CheckConnection');
      return rows.find(({ step }) => step === 'Storage of uploads');
    };
    assert.deepEqual([(await check())?.outcome, (await check())?.remedy], ['ok', '']);
    await set({ uploadContainer: 'not-there' });
    assert.match(String((await check())?.message), /^CONTAINER_NOT_FOUND: /);
    await set({ uploadContainer: CONTAINER });
  });

  test('of a device without a Thing is announced on the hub Thing', async () => {
    await factory.hub('CreateDevice', { deviceId: 'nobody' });
    const [event = {}] = await heard(
      1,
      () => uploadFileByRest(factory, 'nobody', 'Grüße 100%.txt', 'x'),
      HUB_THING,
    );
    assert.deepEqual([event.deviceId, event.path], ['nobody', '/devices/nobody/Grüße 100%.txt']);
    assert.equal((await fetched(event.link)).toString(), 'x');
  });

  test('whose name could be taken for another is refused by name and left where it is', async () => {
    const [event = {}] = await heard(1, () => uploadFileByRest(factory, 'uploader', 'gpj.\u202Eexe', 'x'));
    assert.deepEqual(
      [event.code, event.path, event.moved, event.link],
      ['PATH_INVALID', '/uploader/gpj.\u202Eexe', false, undefined],
    );
    assert.match(String(event.message), /direction of the text/);
  });

  test('waits while its storage cannot be used, also over a crash of the sidecar, and is announced once', async () => {
    const { system } = factory;
    const [event = {}, ...rest] = await heard(2, async () => {
      await factory.call(STORAGE_THING, 'DisconnectStorage');
      await uploadFile(factory, 'uploader', 'waits.txt', 'waits');
      await eventually(async () => {
        assert.match(
          String((await system.status()).reason),
          /Uploaded files are waiting: STORAGE_NOT_CONNECTED/,
        );
      });
      await system.sidecar.kill();
      // It finds the storage Thing by itself.
      await system.sidecar.start();
      await system.waitForState('running');
      await uploadFile(factory, 'uploader', 'after.txt', 'after');
    });
    assert.deepEqual([event.path, event.moved], ['/devices/uploader/waits.txt', true]);
    assert.equal((await fetched(event.link)).toString(), 'waits');
    assert.deepEqual(
      rest.map(({ path }) => path),
      ['/devices/uploader/after.txt'],
    );
  });

  test('that is gone by then is announced with that', async () => {
    const [event = {}] = await heard(1, async () => {
      await factory.call(STORAGE_THING, 'DisconnectStorage');
      await uploadFile(factory, 'uploader', 'gone.txt', 'gone');
      await factory.rawContainer(LANDING).deleteBlob('uploader/gone.txt');
      await factory.call(STORAGE_THING, 'ConnectStorage');
    });
    assert.deepEqual([event.code, event.moved, event.link], ['FILE_NOT_FOUND', false, undefined]);
  });

  test('is announced when ThingWorx takes events again', async () => {
    await factory.thingworxFault({ action: 'status', path: 'ReceiveEvents', status: 503, count: 4 });
    const event = await uploaded('later.txt', 'later');
    assert.equal((await fetched(event.link)).toString(), 'later');
  });
});
