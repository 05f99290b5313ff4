import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openStorage } from '../../sidecar/azure/storage.ts';
import { StorageAccount } from '../../sidecar/files/accounts.ts';
import { copyBlob } from '../../sidecar/files/transfer.ts';
import { MAX_LISTED } from '../../sidecar/files/types.ts';
import { until } from '../azure/helpers.ts';
import { DocumentedStorage } from './documented-storage.ts';
import { NEVER } from './support.ts';

/** With Microsoft's client, against what Azure documents and Azurite lacks. */
describe('what only Azure has', () => {
  const azure = new DocumentedStorage();
  let account: StorageAccount;
  before(async () => {
    await azure.start();
    account = await StorageAccount.open('Plant.Storage', azure.connectionString);
  });
  after(() => azure.stop());
  const files = () => account.container('files');

  test('a deleted file comes back', async () => {
    azure.add('files/a ü.txt', { state: 'deleted' });
    await assert.rejects(files().facts('/a ü.txt', NEVER), { code: 'FILE_NOT_FOUND' });
    await files().restore('/a ü.txt', NEVER);
    assert.equal((await files().facts('/a ü.txt', NEVER)).size, 7);
    assert.ok(azure.requests.some((one) => /^PUT \/acct\/files\/a%20%C3%BC\.txt\?.*comp=undelete/.test(one)));
    // One that is there is no error.
    await files().restore('/a ü.txt', NEVER);
  });

  test('a file that cannot come back is an error: never there, or kept as a version only', async () => {
    await assert.rejects(files().restore('/never', NEVER), { code: 'FILE_NOT_FOUND' });
    azure.add('files/versioned', { state: 'version' });
    await assert.rejects(files().restore('/versioned', NEVER), {
      code: 'FILE_NOT_FOUND',
      message: /versions/,
    });
    await assert.rejects(files().restore('/../a', NEVER), { code: 'PATH_INVALID' });
  });

  test('a folder with too many files is an error, and is not read to its end', async () => {
    azure.names = Array.from({ length: 40_000 }, (_, number) => `f${String(number).padStart(6, '0')}`);
    const before = azure.requests.length;
    const listing = account.container('many').list('/', { kinds: ['file'] }, NEVER);
    await assert.rejects(listing, { code: 'FILES_TOO_MANY', message: /SearchFiles/ });
    assert.ok(azure.requests.length - before <= 4, String(azure.requests.length - before));
    azure.names = azure.names.slice(0, MAX_LISTED);
    assert.equal((await account.container('many').list('/', { kinds: ['file'] }, NEVER)).length, MAX_LISTED);
    const page = await account.container('many').search('/', { limit: 5_000, after: undefined }, NEVER);
    assert.equal(page.files.length, 5_000);
    assert.ok(page.continuationToken);
  });

  test('a container cannot be made while one of its name is still being deleted, and is made after that', async () => {
    azure.deleting.add('plant-files');
    const error = { code: 'AZURE_CONFLICT', message: /still deleting/ };
    await assert.rejects(account.createContainer('plant-files', NEVER), error);
    azure.deleting.clear();
    assert.equal(await account.createContainer('plant-files', NEVER), true);
  });

  test('a busy server is asked again, and a server that stays busy is an error', async () => {
    azure.add('files/busy.txt');
    azure.busy = 2;
    assert.equal((await files().facts('/busy.txt', NEVER)).size, 7);
    azure.busy = Number.POSITIVE_INFINITY;
    await assert.rejects(files().facts('/busy.txt', NEVER), { code: 'AZURE_THROTTLED' });
    azure.busy = 0;
    assert.equal((await files().facts('/busy.txt', NEVER)).size, 7);
  });

  test('a copy that takes too long is given up and leaves nothing', async () => {
    azure.add('files/slow');
    const service = await openStorage(azure.connectionString);
    const container = service.getContainerClient('files');
    const [from, to] = [container.getBlockBlobClient('slow'), container.getBlockBlobClient('slow-copy')];
    const copy = { from, to, conditions: { ifNoneMatch: '*' }, action: 'Copying', timeMs: 400 };
    const found = await from.getProperties();
    await assert.rejects(copyBlob({ ...copy, found }, NEVER), { code: 'FILES_UNFINISHED' });
    assert.equal(azure.blobs.get('files/slow-copy')?.state, 'deleted');
    assert.equal(azure.blobs.get('files/slow')?.state, 'live');
  });

  test('a copy in the background that ends well is waited for', async () => {
    azure.add('files/fine');
    const copying = files().copy('/fine', '/fine-copy', false, NEVER);
    await until('the copy', () => azure.blobs.get('files/fine-copy')?.copy?.status === 'pending');
    const copy = azure.blobs.get('files/fine-copy')?.copy;
    if (copy) copy.status = 'success';
    await copying;
    assert.equal(azure.blobs.get('files/fine-copy')?.state, 'live');
  });

  test('a move goes on with the copy of a process that has ended, and begins anew behind one that failed', async () => {
    const move = (name: string) => ({
      from: { container: 'files', path: `/${name}` },
      to: { container: 'moved', path: `/${name}` },
      fallbackPath: `/${name}-spare`,
      idempotencyKey: 'm',
      written: { atMs: Date.now(), bytes: 7 },
    });
    const pending = azure.add('files/pending');
    const metadata = { relocation: `m ${pending.etag.replaceAll('"', '')}` };
    const left = azure.add('moved/pending', { metadata, copy: { id: 'c', status: 'pending' } });
    const moving = account.moveOnce(move('pending'), NEVER);
    await until('a look', () => azure.requests.at(-1)?.startsWith('HEAD /acct/moved') === true);
    assert.equal(pending.state, 'live');
    left.copy = { id: 'c', status: 'success' };
    assert.deepEqual(await moving, { container: 'moved', path: '/pending' });
    assert.equal(pending.state, 'deleted');

    const failed = azure.add('files/failed');
    azure.add('moved/failed', { metadata, bytes: 0, copy: { id: 'd', status: 'failed' } });
    const anew = account.moveOnce(move('failed'), NEVER);
    await until('another copy', () => azure.blobs.get('moved/failed')?.copy?.status === 'pending');
    assert.equal(failed.state, 'live');
    const copy = azure.blobs.get('moved/failed')?.copy;
    if (copy) copy.status = 'success';
    await anew;
    assert.equal(failed.state, 'deleted');
  });
});
