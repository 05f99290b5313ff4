import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { ContainerClient } from '@azure/storage-blob';
import fc from 'fast-check';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import type { StorageAccount } from '../../sidecar/files/accounts.ts';
import type { IdempotentMove } from '../../sidecar/files/types.ts';
import { hostile } from './hostile.ts';
import { type Account, NEVER, newContainer, STORAGE, startAccount } from './support.ts';

let account: Account;
before(async () => {
  account = await startAccount();
});
after(() => account.stop());

interface Move {
  readonly storage: StorageAccount;
  readonly source: ContainerClient;
  readonly target: ContainerClient;
  readonly move: IdempotentMove;
}

/** A file in one container that shall go to another. */
async function start(content = 'content'): Promise<Move> {
  const from = await newContainer(account);
  const to = await newContainer(account);
  const storage = account.storages.require(STORAGE);
  await from.raw
    .getBlockBlobClient('dev/a ü.txt')
    .upload(content, Buffer.byteLength(content), { metadata: { owner: 'dev' }, tags: { line: '7' } });
  const move: IdempotentMove = {
    from: { container: from.name, path: '/dev/a ü.txt' },
    to: { container: to.name, path: '/devices/dev/a ü.txt' },
    fallbackPath: '/devices/dev/a ü-spare.txt',
    idempotencyKey: randomBytes(8).toString('hex'),
    written: { atMs: Date.now(), bytes: Buffer.byteLength(content) },
  };
  return { storage, source: from.raw, target: to.raw, move };
}

async function names(container: ContainerClient): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of container.listBlobsFlat()) found.push(name);
  return found;
}

async function text(container: ContainerClient, name: string): Promise<string> {
  return (await container.getBlobClient(name).downloadToBuffer()).toString();
}

describe('a file that is moved once', () => {
  test('goes to another container with its metadata and tags, and is found there when it is moved again', async () => {
    const { storage, source, target, move } = await start();
    const location = { container: target.containerName, path: '/devices/dev/a ü.txt' };
    assert.deepEqual(await storage.moveOnce(move, NEVER), location);
    assert.deepEqual(await storage.moveOnce(move, NEVER), location);
    assert.deepEqual(await names(source), []);
    assert.deepEqual(await names(target), ['devices/dev/a ü.txt']);
    const moved = target.getBlobClient('devices/dev/a ü.txt');
    assert.equal((await moved.getProperties()).metadata?.['owner'], 'dev');
    assert.deepEqual((await moved.getTags()).tags, { line: '7' });
  });

  test('leaves a file that is in its way, and takes its spare name', async () => {
    const { storage, source, target, move } = await start('new');
    await target.getBlockBlobClient('devices/dev/a ü.txt').upload('old', 3);
    const { path } = await storage.moveOnce(move, NEVER);
    assert.equal(path, '/devices/dev/a ü-spare.txt');
    assert.equal(await text(target, 'devices/dev/a ü.txt'), 'old');
    assert.equal(await text(target, 'devices/dev/a ü-spare.txt'), 'new');
    assert.deepEqual(await names(source), []);
    // The first name is free again: the move that was done does not begin anew.
    await target.deleteBlob('devices/dev/a ü.txt');
    assert.equal((await storage.moveOnce(move, NEVER)).path, '/devices/dev/a ü-spare.txt');
    await target.getBlockBlobClient('devices/dev/a ü.txt').upload('old', 3);
    await assert.rejects(storage.moveOnce({ ...move, idempotencyKey: 'another' }, NEVER), {
      code: 'FILE_EXISTS',
    });
  });

  test('goes on behind a crash: after the copy, and after the deletion', async () => {
    const { storage, source, target, move } = await start();
    const blob = source.getBlobClient('dev/a ü.txt');
    const etag = (await blob.getProperties()).etag?.replaceAll('"', '');
    await target
      .getBlockBlobClient('devices/dev/a ü.txt')
      .upload('content', 7, { metadata: { relocation: `${move.idempotencyKey} ${etag}` } });
    await storage.moveOnce(move, NEVER);
    assert.deepEqual(await names(source), []);
    assert.deepEqual(await names(target), ['devices/dev/a ü.txt']);
  });

  test('is one file when several move it at the same time', async () => {
    const { storage, source, target, move } = await start();
    const locations = await Promise.all(Array.from({ length: 6 }, () => storage.moveOnce(move, NEVER)));
    assert.equal(new Set(locations.map(({ path }) => path)).size, 1);
    assert.deepEqual(await names(source), []);
    assert.deepEqual(await names(target), ['devices/dev/a ü.txt']);
  });

  test('is not the later one that took its place', async () => {
    const { storage, source, target, move } = await start();
    const written = { atMs: Date.now() - 10_000, bytes: 99 };
    await assert.rejects(storage.moveOnce({ ...move, written }, NEVER), { code: 'FILE_REPLACED' });
    assert.equal(await text(source, 'dev/a ü.txt'), 'content');
    assert.deepEqual(await names(target), []);
    // Of the same size it may be the same, with metadata that somebody has set since.
    await storage.moveOnce({ ...move, written: { ...written, bytes: 7 } }, NEVER);
    assert.deepEqual(await names(source), []);
  });

  test('keeps the later one when that comes between the copy and the deletion', async () => {
    const { storage, source, target, move } = await start();
    await storage.moveOnce(move, NEVER);
    await source.getBlockBlobClient('dev/a ü.txt').upload('later', 5);
    await storage.moveOnce(move, NEVER);
    assert.equal(await text(source, 'dev/a ü.txt'), 'later');
    assert.equal(await text(target, 'devices/dev/a ü.txt'), 'content');
  });

  test('that is gone, or whose container is, says so; a container to go to that is missing says which it is', async () => {
    const { storage, source, target, move } = await start();
    const nowhere = { container: 'not-there', path: '/x' };
    await assert.rejects(storage.moveOnce({ ...move, to: nowhere }, NEVER), {
      code: 'CONTAINER_NOT_FOUND',
      details: { target: true },
    });
    await source.deleteBlob('dev/a ü.txt');
    await assert.rejects(storage.moveOnce(move, NEVER), { code: 'FILE_NOT_FOUND' });
    await source.delete();
    await assert.rejects(storage.moveOnce(move, NEVER), { code: 'FILE_NOT_FOUND' });
    const within = { container: source.containerName, path: '/x' };
    await assert.rejects(storage.moveOnce({ ...move, to: within }, NEVER), (error: ConnectorError) => {
      assert.equal(error.code, 'CONTAINER_NOT_FOUND');
      assert.equal(error.details?.['target'], undefined);
      return true;
    });
    assert.deepEqual(await names(target), []);
  });

  test('never leaves its container by a path', async () => {
    const { storage, source, move } = await start();
    for (const path of ['/../x', '/a/../../x', 'a\\b', '//x', '/x/'])
      await assert.rejects(storage.moveOnce({ ...move, to: { ...move.to, path } }, NEVER), {
        code: 'PATH_INVALID',
      });
    assert.equal(await text(source, 'dev/a ü.txt'), 'content');
  });
});

describe('the address of a blob', () => {
  test('means exactly the blob of its name, or is refused', async () => {
    const { raw } = await newContainer(account);
    const storage = account.storages.require(STORAGE);
    let located = 0;
    fc.assert(
      fc.property(hostile, hostile, (name, other) => {
        // What is not Unicode has no address.
        fc.pre(name.isWellFormed());
        const address = `${raw.url}/${name.split('/').map(encodeURIComponent).join('/')}`;
        try {
          assert.deepEqual(storage.locate(address, name), { container: raw.containerName, path: `/${name}` });
          located += 1;
        } catch (error) {
          assert.equal((error as ConnectorError).code, 'PATH_INVALID');
        }
        // An address that is written without escapes may look like the escaped one of another name.
        if (other === name || address.endsWith(`/${other}`)) return;
        assert.throws(() => storage.locate(address, other), ConnectorError);
      }),
      { numRuns: 1_000 },
    );
    assert.ok(located > 50, String(located));
  });

  test('may be written without escapes', async () => {
    const { raw } = await newContainer(account);
    const storage = account.storages.require(STORAGE);
    for (const name of ['dev/day 1.txt', 'dev/100%.txt', 'dev/a%20b', 'dev/a#b?c'])
      assert.equal(storage.locate(`${raw.url}/${name}`, name).path, `/${name}`);
  });

  test('of another account, or of none, is refused', async () => {
    const { raw } = await newContainer(account);
    const storage = account.storages.require(STORAGE);
    for (const address of [
      `https://other.blob.core.windows.net/${raw.containerName}/a`,
      raw.url.replace('devstoreaccount1', 'other'),
      'nonsense',
      '',
    ])
      assert.throws(() => storage.locate(`${address}/a`, 'a'), { code: 'SETTING_INVALID' });
  });

  test('may have another host name of the account, such as that of a private endpoint', async () => {
    await account.storages.connect(
      'By.Name',
      { blobEndpoint: 'https://plant.privatelink.blob.core.windows.net/?sv=1&sig=x' },
      false,
    );
    const storage = account.storages.require('By.Name');
    const location = storage.locate('https://plant.blob.core.windows.net/uploads/dev/a.txt', 'dev/a.txt');
    assert.deepEqual(location, { container: 'uploads', path: '/dev/a.txt' });
    assert.throws(() => storage.locate('https://plant2.blob.core.windows.net/uploads/a', 'a'), {
      code: 'SETTING_INVALID',
    });
  });
});
