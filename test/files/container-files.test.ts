import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { StorageAccount } from '../../sidecar/files/accounts.ts';
import { MAX_INLINE_BYTES } from '../../sidecar/files/types.ts';
import { type Account, NEVER, newContainer, STORAGE, startAccount } from './support.ts';

let account: Account;
before(async () => {
  account = await startAccount();
});
after(() => account.stop());

const text = (content: string) => Buffer.from(content);
const paths = (entries: readonly { path: string }[]) => entries.map(({ path }) => path);

describe('folders', () => {
  test('are seen in names and made by hand, and sorted in front of files', async () => {
    const { files, raw } = await newContainer(account);
    for (const path of ['/b/x.txt', '/b/c/y.txt', '/z.txt', '/a.log'])
      await files.write(path, text('1'), {}, NEVER);
    await files.createFolder('/empty/inner/', NEVER);
    await files.createFolder('/empty/inner', NEVER);
    // As some tools mark a folder.
    await raw.getBlockBlobClient('marked/').upload('', 0);
    const kinds = ['folder', 'file'] as const;
    assert.deepEqual(paths(await files.list('/', { kinds }, NEVER)), [
      '/b',
      '/empty',
      '/marked',
      '/a.log',
      '/z.txt',
    ]);
    assert.deepEqual(paths(await files.list('marked', { kinds }, NEVER)), []);
    assert.deepEqual(paths(await files.list('/b/', { kinds }, NEVER)), ['/b/c', '/b/x.txt']);
    assert.deepEqual(paths(await files.list('', { kinds: ['file'], mask: '*.log' }, NEVER)), ['/a.log']);
    assert.deepEqual(paths(await files.tree(NEVER)), ['/b', '/b/c', '/empty', '/empty/inner', '/marked']);
    assert.equal((await files.facts('/empty/inner', NEVER)).kind, 'folder');
    await assert.rejects(files.read('/empty/inner', NEVER), { code: 'FILE_NOT_FOUND' });
    await assert.rejects(files.createFolder('/a.log', NEVER), { code: 'FILE_EXISTS' });
  });

  test('take no text', async () => {
    const { files } = await newContainer(account);
    await files.createFolder('/folder', NEVER);
    const refusal = { code: 'FILE_EXISTS', message: '/folder is a folder.' };
    await assert.rejects(files.append('/folder', text('x'), NEVER), refusal);
    await assert.rejects(files.writeAt('/folder', text('x'), 0, NEVER), refusal);
    assert.equal((await files.facts('/folder', NEVER)).kind, 'folder');
  });

  test('without a name, which others may make, do not lead whoever walks down in circles', async () => {
    const { files, raw } = await newContainer(account);
    for (const name of ['a//b.txt', '/c.txt', 'a/d/e.txt']) await raw.getBlockBlobClient(name).upload('x', 1);
    const walk = async (folder: string): Promise<string[]> => {
      const below = await files.list(folder, { kinds: ['folder'] }, NEVER);
      return [folder, ...(await Promise.all(below.map(({ path }) => walk(path)))).flat()];
    };
    assert.deepEqual(await walk('/'), ['/', '/a', '/a/d']);
    assert.deepEqual(paths(await files.tree(NEVER)), ['/a', '/a/d']);
    const { files: all } = await files.search('', { limit: 10 }, NEVER);
    assert.deepEqual(paths(all).sort(), ['//c.txt', '/a//b.txt', '/a/d/e.txt']);
  });

  test('are deleted with all that is in them and nothing beside', async () => {
    const { files, raw } = await newContainer(account);
    await files.createFolder('/box', NEVER);
    await files.createFolder('/box/inner', NEVER);
    for (let number = 0; number < 40; number += 1) await files.write(`/box/f${number}`, text('1'), {}, NEVER);
    for (const path of ['/box2/keep', '/boxer']) await files.write(path, text('1'), {}, NEVER);
    await files.deleteFolder('/box/', NEVER);
    const left = [];
    for await (const { name } of raw.listBlobsFlat()) left.push(name);
    assert.deepEqual(left, ['box2/keep', 'boxer']);
    await assert.rejects(files.deleteFolder('/box', NEVER), { code: 'FILE_NOT_FOUND' });
    await assert.rejects(files.deleteFolder('/', NEVER), { code: 'PATH_INVALID' });
    await assert.rejects(files.deleteFolder('/boxer', NEVER), { code: 'FILE_NOT_FOUND' });
  });
});

describe('files', () => {
  test('have their type, MD5 and times', async () => {
    const { files } = await newContainer(account);
    const etag = await files.write('/d/r.json', text('{}'), {}, NEVER);
    const facts = await files.facts('/d/r.json', NEVER);
    assert.equal(facts.contentType, 'application/json');
    assert.equal(facts.contentMd5, createHash('md5').update('{}').digest('base64'));
    assert.equal(facts.etag, etag);
    assert.equal(
      await files.checksum('/d/r.json', 'SHA-256', NEVER),
      createHash('sha256').update('{}').digest('hex'),
    );
  });

  test('of all writers that append at the same time keep every line', async () => {
    const { files, name } = await newContainer(account);
    const other = await StorageAccount.open('another sidecar', account.azurite.connectionString);
    const lines = Array.from({ length: 60 }, (_, number) => `line ${number}\n`);
    const append = (line: string, index: number) =>
      (index % 2 === 0 ? files : other.container(name)).append('/log.txt', text(line), NEVER);
    await Promise.all(lines.map(append));
    await files.writeAt('/log.txt', text('LINE'), 0, NEVER);
    await files.writeAt('/log.txt', text('line'), 0, NEVER);
    await assert.rejects(files.writeAt('/log.txt', text('x'), 10_000, NEVER), {
      code: 'RANGE_NOT_SATISFIABLE',
    });
    const stored = (await files.read('/log.txt', NEVER)).toString().split('\n');
    assert.deepEqual(stored.filter((line) => line !== '').sort(), lines.map((line) => line.trim()).sort());
  });

  test('keep what they have beside their content when a text is added', async () => {
    const { files, raw } = await newContainer(account);
    const headers = {
      blobContentType: 'text/x-log',
      blobContentLanguage: 'de',
      blobContentDisposition: 'inline',
      blobCacheControl: 'no-cache',
    };
    const blob = raw.getBlockBlobClient('a.log');
    await blob.upload('a', 1, { blobHTTPHeaders: headers, metadata: { kept: 'yes' }, tags: { plant: '7' } });
    await blob.setAccessTier('Cool');
    await files.append('/a.log', text('b'), NEVER);
    const { etag: _e, lastModified: _l, createdOn: _c, ...facts } = await files.facts('/a.log', NEVER);
    assert.deepEqual(facts, {
      path: '/a.log',
      name: 'a.log',
      size: 2,
      kind: 'file',
      contentType: 'text/x-log',
      contentLanguage: 'de',
      contentDisposition: 'inline',
      cacheControl: 'no-cache',
      contentMd5: createHash('md5').update('ab').digest('base64'),
      metadata: { kept: 'yes' },
      accessTier: 'Cool',
      leaseState: 'available',
    });
    assert.deepEqual(await files.tags('/a.log', NEVER), { plant: '7' });
  });

  test('are written only over the version that the writer knows', async () => {
    const { files } = await newContainer(account);
    const etag = await files.write('/c.txt', text('1'), { ifNoneMatch: '*' }, NEVER);
    await assert.rejects(files.write('/c.txt', text('2'), { ifNoneMatch: '*' }, NEVER), {
      code: 'FILE_EXISTS',
    });
    const next = await files.write('/c.txt', text('2'), { ifMatch: etag }, NEVER);
    await assert.rejects(files.write('/c.txt', text('3'), { ifMatch: etag }, NEVER), {
      code: 'PRECONDITION_FAILED',
    });
    await assert.rejects(files.delete('/c.txt', { ifMatch: etag }, NEVER), { code: 'PRECONDITION_FAILED' });
    await files.delete('/c.txt', { ifMatch: next }, NEVER);
    await assert.rejects(files.delete('/c.txt', {}, NEVER), { code: 'FILE_NOT_FOUND' });
  });

  test('too large for ThingWorx are refused both ways, with the way that works', async () => {
    const { files, raw } = await newContainer(account);
    const large = randomBytes(MAX_INLINE_BYTES + 1);
    await assert.rejects(files.write('/l', large, {}, NEVER), {
      code: 'FILE_TOO_LARGE',
      message: /CreateUploadLink/,
    });
    await raw.getBlockBlobClient('l').uploadData(large);
    await assert.rejects(files.read('/l', NEVER), { code: 'FILE_TOO_LARGE', message: /CreateDownloadLink/ });
    await raw.getBlockBlobClient('fits').uploadData(large.subarray(1));
    assert.ok((await files.read('/fits', NEVER)).equals(large.subarray(1)));
  });

  test('are copied and moved with properties, metadata and tags, and never over another unasked', async () => {
    const { files } = await newContainer(account);
    await files.write('/a.txt', text('A'), { contentType: 'text/x-own', metadata: { owner: 'me' } }, NEVER);
    await files.setTags('/a.txt', { line: '7' }, NEVER);
    await files.copy('/a.txt', '/dir/b ü.txt', false, NEVER);
    const copy = await files.facts('/dir/b ü.txt', NEVER);
    assert.equal(copy.contentType, 'text/x-own');
    assert.deepEqual(copy.metadata, { owner: 'me' });
    assert.deepEqual(await files.tags('/dir/b ü.txt', NEVER), { line: '7' });
    await files.write('/other.txt', text('O'), {}, NEVER);
    await assert.rejects(files.move('/a.txt', '/other.txt', false, NEVER), { code: 'FILE_EXISTS' });
    assert.equal((await files.read('/other.txt', NEVER)).toString(), 'O');
    await files.move('/a.txt', '/other.txt', true, NEVER);
    assert.equal((await files.read('/other.txt', NEVER)).toString(), 'A');
    await assert.rejects(files.read('/a.txt', NEVER), { code: 'FILE_NOT_FOUND' });
    await assert.rejects(files.copy('/a.txt', '/x', true, NEVER), { code: 'FILE_NOT_FOUND' });
    await files.move('/other.txt', 'other.txt', true, NEVER);
    assert.equal((await files.read('/other.txt', NEVER)).toString(), 'A');
  });

  test('have properties, metadata, tags, tiers and snapshots', async () => {
    const { files } = await newContainer(account);
    await files.write('/p', text('1'), {}, NEVER);
    await files.setMetadata('/p', { a: '1' }, {}, NEVER);
    await files.setContentFacts('/p', { cacheControl: 'no-store' }, {}, NEVER);
    await files.setContentFacts('/p', { contentType: 'text/plain' }, {}, NEVER);
    const facts = await files.facts('/p', NEVER);
    assert.equal(facts.cacheControl, 'no-store');
    assert.equal(facts.contentType, 'text/plain');
    assert.ok(facts.contentMd5);
    assert.deepEqual(facts.metadata, { a: '1' });
    await assert.rejects(files.setMetadata('/p', { 'a b': '1' }, {}, NEVER), { code: 'REQUEST_INVALID' });
    await assert.rejects(files.setMetadata('/p', { a: 'x\r\ny: z' }, {}, NEVER), { code: 'REQUEST_INVALID' });
    await files.setTier('/p', 'Cool', NEVER);
    assert.equal((await files.facts('/p', NEVER)).accessTier, 'Cool');
    const snapshot = await files.createSnapshot('/p', NEVER);
    await files.write('/p2', text('1'), {}, NEVER);
    await files.createSnapshot('/p2', NEVER);
    assert.deepEqual(
      (await files.snapshots('/p', NEVER)).map((one) => one.snapshot),
      [snapshot],
    );
    await files.delete('/p', {}, NEVER);
  });

  test('are found by the beginning of their names, page by page', async () => {
    const { files } = await newContainer(account);
    const names = Array.from(
      { length: 25 },
      (_, number) => `logs/2026-${String(number).padStart(2, '0')}.txt`,
    );
    await Promise.all([...names, 'other'].map((name) => files.write(name, text('1'), {}, NEVER)));
    await files.createFolder('logs/2026-folder', NEVER);
    const found: string[] = [];
    let after: string | undefined;
    let pages = 0;
    do {
      const page = await files.search('/logs/2026-', { limit: 10, after }, NEVER);
      found.push(...paths(page.files));
      after = page.continuationToken;
      pages += 1;
    } while (after !== undefined);
    assert.deepEqual(
      found,
      names.map((name) => `/${name}`),
    );
    assert.equal(pages, 3);
  });
});

describe('links', () => {
  test('read one file and nothing else', async () => {
    const { files } = await newContainer(account);
    await files.write('/d/a ü.txt', text('hello'), {}, NEVER);
    await files.write('/d/b.txt', text('secret'), {}, NEVER);
    const { url, expiresAt } = await files.downloadLink('/d/a ü.txt', 5, NEVER);
    const minutes = (Date.parse(expiresAt) - Date.now()) / 60_000;
    assert.ok(minutes > 4 && minutes < 6);
    const answer = await fetch(url);
    assert.equal(await answer.text(), 'hello');
    assert.match(answer.headers.get('content-disposition') ?? '', /^attachment;.*a%20%C3%BC\.txt/);
    const other = url.replace(/\/d\/[^?]+/, '/d/b.txt');
    assert.equal((await fetch(other)).status, 403);
    const put = await fetch(url, { method: 'PUT', body: 'x', headers: { 'x-ms-blob-type': 'BlockBlob' } });
    assert.equal(put.status, 403);
    await assert.rejects(files.downloadLink('/none', 5, NEVER), { code: 'FILE_NOT_FOUND' });
    const [row] = await files.listWithLinks('/d', { mask: 'b*', minutes: 5 }, NEVER);
    assert.equal(await (await fetch(row?.link ?? '')).text(), 'secret');
  });

  test('write one file, over another only when asked, and cannot read', async () => {
    const { files } = await newContainer(account);
    const put = (url: string, body: string) =>
      fetch(url, { method: 'PUT', body, headers: { 'x-ms-blob-type': 'BlockBlob' } });
    const once = await files.uploadLink('/up.txt', 5, false, NEVER);
    assert.equal((await put(once.url, 'one')).status, 201);
    assert.ok((await put(once.url, 'two')).status >= 400);
    assert.equal((await files.read('/up.txt', NEVER)).toString(), 'one');
    const again = await files.uploadLink('/up.txt', 5, true, NEVER);
    assert.equal((await put(again.url, 'two')).status, 201);
    assert.equal((await fetch(again.url)).status, 403);
    assert.equal((await files.read('/up.txt', NEVER)).toString(), 'two');
  });

  test('work for names of any length and letters', async () => {
    const { files } = await newContainer(account);
    const long = `/${'日'.repeat(1_020)}.txt`;
    await files.write(long, text('long'), {}, NEVER);
    const { url } = await files.downloadLink(long, 1, NEVER);
    const answer = await fetch(url);
    assert.equal(await answer.text(), 'long');
    assert.match(answer.headers.get('content-disposition') ?? '', /%E6%97%A5\.txt$/);
    // What no service of Azure can do is said by name.
    await assert.rejects(files.move(long, long.replace('.txt', '.TXT'), false, NEVER), {
      code: 'PATH_INVALID',
      message: /2048/,
    });
    await files.createFolder('/folder', NEVER);
    await assert.rejects(files.downloadLink('/folder', 1, NEVER), { code: 'FILE_NOT_FOUND' });
  });

  test('cannot be made where the account is given by a SAS address', async () => {
    const { AccountSASPermissions, generateAccountSASQueryParameters, StorageSharedKeyCredential } =
      await import('@azure/storage-blob');
    const { azurite, storages } = account;
    const query = generateAccountSASQueryParameters(
      {
        expiresOn: new Date(Date.now() + 600_000),
        permissions: AccountSASPermissions.parse('rwdlac'),
        services: 'b',
        resourceTypes: 'sco',
      },
      new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey),
    );
    const { name } = await newContainer(account);
    await storages.connect('By.Sas', { blobEndpoint: `${azurite.url}?${query.toString()}` }, false);
    const files = storages.require('By.Sas').container(name);
    await files.write('/x', text('1'), {}, NEVER);
    await files.copy('/x', '/y', false, NEVER);
    assert.equal((await files.read('/y', NEVER)).toString(), '1');
    await assert.rejects(files.downloadLink('/x', 5, NEVER), { code: 'LINK_NOT_POSSIBLE' });
  });
});

describe('what goes wrong', () => {
  test('with a container that is deleted meanwhile is said by name', async () => {
    const { files, name } = await newContainer(account);
    await files.write('/a', text('1'), {}, NEVER);
    const storage = account.storages.require(STORAGE);
    assert.equal(await storage.deleteContainer(name, NEVER), true);
    assert.equal(await storage.deleteContainer(name, NEVER), false);
    const { Readable } = await import('node:stream');
    const calls = {
      read: () => files.read('/a', NEVER),
      write: () => files.write('/a', text('1'), {}, NEVER),
      list: () => files.list('/', { kinds: ['file'] }, NEVER),
      upload: () => files.upload('/a', Readable.from([randomBytes(9 * 1024 * 1024)]), {}, NEVER),
      delete: () => files.delete('/a', {}, NEVER),
      copy: () => files.copy('/a', '/b', false, NEVER),
      link: () => files.downloadLink('/a', 5, NEVER),
      tags: () => files.tags('/a', NEVER),
      folder: () => files.deleteFolder('/a', NEVER),
    };
    for (const [what, call] of Object.entries(calls))
      await assert.rejects(call(), { code: 'CONTAINER_NOT_FOUND' }, what);
    assert.equal(await storage.createContainer(name, NEVER), true);
    assert.equal(await storage.createContainer(name, NEVER), false);
    await files.write('/a', text('2'), {}, NEVER);
  });

  test('with a file that somebody holds, or that lies in the archive, is said by name', async () => {
    const { files, raw } = await newContainer(account);
    await files.write('/held.txt', text('x'), {}, NEVER);
    const lease = raw.getBlobClient('held.txt').getBlobLeaseClient();
    await lease.acquireLease(-1);
    await assert.rejects(files.append('/held.txt', text('y'), NEVER), {
      code: 'AZURE_CONFLICT',
      message: /lease/,
    });
    await lease.releaseLease();
    await files.write('/old.txt', text('x'), {}, NEVER);
    await files.setTier('/old.txt', 'Archive', NEVER);
    await assert.rejects(files.read('/old.txt', NEVER), { code: 'AZURE_CONFLICT', message: /SetFileTier/ });
  });

  test('with an account that is not connected, or not set, is said by name', async () => {
    assert.throws(() => account.storages.require('Nobody'), { code: 'STORAGE_NOT_CONNECTED' });
    await assert.rejects(account.storages.connect('Empty', {}, false), { code: 'SETTING_MISSING' });
  });

  test('with a wrong key, or a host that does not answer, is said by the check', async () => {
    const { accountName, url } = account.azurite;
    const connection = (endpoint: string) =>
      `DefaultEndpointsProtocol=http;AccountName=${accountName};AccountKey=d3Jvbmc=;BlobEndpoint=${endpoint};`;
    const check = async (endpoint: string) => {
      const [issued] = await account.storages.connect('Checked', {}, true);
      await account.secretTokens.redeem(issued?.ticket ?? '', connection(endpoint));
      return account.storages.require('Checked').check(NEVER);
    };
    await assert.rejects(check(url), { code: 'AZURE_UNAUTHORIZED' });
    await assert.rejects(check('http://127.0.0.1:9/x'), { code: 'AZURE_UNREACHABLE' });
  });
});
