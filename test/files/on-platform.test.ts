import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { AccountSASPermissions } from '@azure/storage-blob';
import { oneRow } from '../../scripts/local/platform.ts';
import { MAX_INLINE_BYTES } from '../../sidecar/files/types.ts';
import type { Switches } from '../emulators/thingworx/switches.ts';
import { startPlatform, until } from '../extension/platform.ts';
import { TOKEN } from '../http/fixture.ts';
import { type Account, startAccount } from './support.ts';

const STORAGE_THING = 'Plant.Storage';
const FILES_THING = 'Plant.Files';

let account: Account;
before(async () => {
  account = await startAccount();
});
after(() => account.stop());

/** The Things as an administrator makes them in Composer, and the services of the container. */
async function start(t: TestContext, containerName: string, switches: Partial<Switches> = {}) {
  const platform = await startPlatform(t, switches, account.appOptions);
  const { client, app } = platform;
  await client.thing(STORAGE_THING, 'AzureIoT.StorageAccount_TT');
  await client.write(STORAGE_THING, {
    sidecarUrl: `http://127.0.0.1:${app.port}`,
    sidecarToken: TOKEN,
    storageConnectionString: account.azurite.connectionString,
  });
  await client.thing(FILES_THING, 'AzureIoT.BlobContainer_TT');
  await client.write(FILES_THING, { storageThing: STORAGE_THING, containerName });
  const on = (thing: string) => ({
    call: (service: string, input: Record<string, unknown> = {}) =>
      client.result(`Things/${thing}`, service, input),
    fails: async (service: string, input: Record<string, unknown> = {}): Promise<string> => {
      const answer = await client.service(`Things/${thing}`, service, input);
      assert.equal(answer.status, 500, `${service} ${answer.text}`);
      return answer.text;
    },
  });
  return { platform, client, storage: on(STORAGE_THING), files: on(FILES_THING) };
}

const PLATFORMS: Record<string, Partial<Switches>> = {
  'as supposed': {},
  otherwise: {
    passwordInScripts: 'clear',
    jsonInScripts: 'native',
    rowViews: 'shared',
    argumentsOfParameterlessServices: 'accept',
    parameterDefaults: 'apply',
    contentLoaderStatusKeys: false,
    contentLoaderThrows: true,
    contentLoaderPreemptiveLogin: true,
  },
};

for (const [name, switches] of Object.entries(PLATFORMS)) {
  describe(`a container Thing on a platform ${name}`, () => {
    test('speaks the vocabulary of a file repository', async (t) => {
      const containerName = `v${randomBytes(6).toString('hex')}`;
      const { client, storage, files } = await start(t, containerName, switches);
      const { call, fails } = files;
      const names = async (service: string, input: Record<string, unknown>) =>
        (await call(service, input)).rows.map((row: { path: string }) => row.path);

      // The settings arrive by themselves.
      await until('the connection', async () => {
        const answer = await client.service(`Things/${STORAGE_THING}`, 'CheckStorage');
        return answer.status === 200;
      });
      assert.equal(await storage.call('CreateContainer', { containerName }), true);
      const containers = await storage.call('ListContainers', { prefix: containerName });
      assert.deepEqual(
        containers.rows.map((row: { name: string }) => row.name),
        [containerName],
      );

      await call('CreateFolder', { path: '/reports' });
      await call('CreateFolderInParent', { parentFolderPath: '/reports', folderName: 'old' });
      await call('SaveText', { path: '/reports/a.txt', content: 'Grüße\n"quoted"' });
      assert.equal(await call('LoadText', { path: 'reports/a.txt' }), 'Grüße\n"quoted"');
      await call('SaveText', { path: '/empty.txt', content: '' });
      assert.equal(await call('LoadText', { path: '/empty.txt' }), '');
      await call('CreateTextFile', { path: '/log.txt', data: 'one\n', overwrite: false });
      assert.match(await fails('CreateTextFile', { path: '/log.txt', data: 'x' }), /FILE_EXISTS: /);
      await call('AppendToTextFile', { path: '/log.txt', data: 'two\n' });
      await call('AppendToText', { path: '/log.txt', data: 'three\n' });
      assert.equal(await call('LoadText', { path: '/log.txt' }), 'one\ntwo\nthree\n');

      await call('WriteToTextFile', { path: '/log.txt', data: 'TWO\n', offset: 4 });
      assert.equal(await call('LoadText', { path: '/log.txt' }), 'one\nTWO\nthree\n');
      await call('WriteToTextFile', { path: '/new.txt', data: 'new' });
      await call('WriteToTextFile', { path: '/new.txt', data: 'ere and there', offset: 3 });
      assert.equal(await call('LoadText', { path: '/new.txt' }), 'newere and there');
      assert.match(
        await fails('WriteToTextFile', { path: '/new.txt', data: 'x', offset: 17 }),
        /RANGE_NOT_SATISFIABLE: .*16 bytes/,
      );

      const bytes = randomBytes(100_000);
      await call('SaveBinary', { path: '/data.bin', content: bytes.toString('base64') });
      assert.equal(await call('LoadBinary', { path: '/data.bin' }), bytes.toString('base64'));
      const md5 = createHash('md5').update(bytes).digest('hex');
      assert.equal(await call('GetFileCheckSum', { path: '/data.bin' }), md5);
      await call('SaveImage', { path: '/p.png', content: bytes.toString('base64') });
      assert.equal(await call('LoadImage', { path: '/p.png' }), bytes.toString('base64'));

      await call('SaveJSON', { path: '/o.json', content: { a: [1, 'ü', null, { b: true }] } });
      assert.deepEqual(await call('LoadJSON', { path: '/o.json' }), { a: [1, 'ü', null, { b: true }] });
      await call('SaveJSON', { path: '/l.json', content: { array: [1, 2] } });
      assert.equal(await call('LoadText', { path: '/l.json' }), '[1,2]');
      assert.deepEqual(await call('LoadJSON', { path: '/l.json' }), { array: [1, 2] });
      assert.match(await fails('LoadJSON', { path: '/log.txt' }), /FILE_CONTENT_INVALID: /);
      await call('SaveXML', { path: '/x.xml', content: '<a><b>1</b></a>' });
      const xml = await client.service(`Things/${FILES_THING}`, 'LoadXML', { path: '/x.xml' });
      assert.equal(xml.text, '<a><b>1</b></a>');

      assert.deepEqual(await names('ListFiles', { path: '/', nameMask: '*.json' }), ['/l.json', '/o.json']);
      assert.deepEqual(await names('GetFileListing', { path: '/reports' }), ['/reports/a.txt']);
      assert.deepEqual(await names('BrowseDirectory', { path: '/reports' }), [
        '/reports/old',
        '/reports/a.txt',
      ]);
      assert.deepEqual(await names('BrowseFileSystem', { path: '/reports' }), [
        '/reports/old',
        '/reports/a.txt',
      ]);
      assert.deepEqual(await names('ListDirectories', { path: '/' }), ['/reports']);
      assert.deepEqual(await names('GetDirectoryStructure', {}), ['/reports', '/reports/old']);
      const [info] = (await call('GetFileInfo', { path: '/data.bin' })).rows;
      assert.equal(info.size, 100_000);
      assert.equal(info.fileType, 'F');
      assert.ok(Math.abs(info.lastModifiedDate - Date.now()) < 600_000);
      const [linked] = (await call('GetFileListingWithLinks', { path: '/reports' })).rows;
      assert.equal(await (await fetch(linked.downloadLink)).text(), 'Grüße\n"quoted"');

      await call('CopyFile', { sourcePath: '/data.bin', targetPath: '/copy.bin', overwrite: false });
      await call('RenameFile', { path: '/copy.bin', name: 'renamed.bin', overwrite: false });
      await call('MoveFile', { sourcePath: '/renamed.bin', targetPath: '/reports/m.bin', overwrite: false });
      assert.equal(await call('GetFileCheckSum', { path: '/reports/m.bin', algorithm: 'MD5' }), md5);
      assert.match(await fails('RenameFile', { path: '/data.bin', name: '../x' }), /PATH_INVALID: /);

      const zipped = { path: '/', files: '/o.json, /reports/a.txt', newFileName: 'z.zip' };
      assert.equal(await call('CreateZipArchive', zipped), true);
      assert.equal(await call('ExtractZipArchive', { path: '/out', zipFileName: '/z.zip' }), true);
      assert.equal(await call('LoadText', { path: '/out/reports/a.txt' }), 'Grüße\n"quoted"');

      await call('CreateArchive', { ...zipped, newFileName: 'y.zip', compressionType: 'zip' });
      const extracted = { compressionType: '', archiveFileName: '/y.zip' };
      assert.equal(await call('ExtractArchive', { path: '/whole', ...extracted }), true);
      assert.deepEqual(await names('ListFiles', { path: '/whole/reports' }), ['/whole/reports/a.txt']);
      assert.equal(await call('FlatExtractArchive', { path: '/flat', ...extracted }), true);
      assert.deepEqual(await names('BrowseDirectory', { path: '/flat' }), ['/flat/a.txt', '/flat/o.json']);
      assert.match(
        await fails('CreateArchive', { ...zipped, newFileName: 'y.tar.gz', compressionType: 'targz' }),
        /ARCHIVE_INVALID: .*use zip/,
      );
      assert.match(
        await fails('ExtractArchive', { path: '/', archiveFileName: '/y.tgz' }),
        /ARCHIVE_INVALID: .*use zip/,
      );
      for (const path of ['/whole', '/flat']) await call('DeleteFolder', { path });

      await call('DeleteFile', { path: '/data.bin' });
      assert.match(await fails('LoadBinary', { path: '/data.bin' }), /FILE_NOT_FOUND: /);
      await call('DeleteFolder', { path: '/reports' });
      assert.deepEqual(await names('ListDirectories', { path: '/' }), ['/out']);
      assert.equal(await storage.call('DeleteContainer', { containerName }), true);
      assert.match(await fails('ListFiles', { path: '/' }), /CONTAINER_NOT_FOUND: /);
    });
  });
}

describe('a container Thing', () => {
  test('goes beyond a file repository', async (t) => {
    const containerName = `b${randomBytes(6).toString('hex')}`;
    const { storage, files } = await start(t, containerName);
    const { call, fails } = files;
    await storage.call('ConnectStorage');
    await storage.call('CreateContainer', { containerName });
    await call('SaveText', { path: '/f.txt', content: '1' });

    const row = async (service: string, input: Record<string, unknown>) => oneRow(await call(service, input));
    const { url } = await row('CreateDownloadLink', { path: '/f.txt', minutes: 5 });
    assert.equal(await (await fetch(String(url))).text(), '1');
    const link = await row('CreateUploadLink', { path: '/up.txt' });
    const headers = { 'x-ms-blob-type': 'BlockBlob' };
    assert.equal((await fetch(String(link.url), { method: 'PUT', body: 'up', headers })).status, 201);
    assert.equal(await call('LoadText', { path: '/up.txt' }), 'up');

    const before = await row('GetFileProperties', { path: '/f.txt' });
    const etag = await call('SetFileMetadata', { path: '/f.txt', metadata: { owner: 'plant' } });
    assert.match(
      await fails('SaveText', { path: '/f.txt', content: '2', etag: before.etag }),
      /PRECONDITION_FAILED: /,
    );
    await call('SetFileProperties', { path: '/f.txt', cacheControl: 'no-store', etag });
    const facts = await row('GetFileProperties', { path: '/f.txt' });
    assert.deepEqual(facts.metadata, { owner: 'plant' });
    assert.equal(facts.cacheControl, 'no-store');
    await call('SetFileTags', { path: '/f.txt', tags: { line: '7' } });
    assert.deepEqual(await call('GetFileTags', { path: '/f.txt' }), { line: '7' });
    await call('SetFileTier', { path: '/f.txt', tier: 'Cool' });
    const snapshot = await call('CreateFileSnapshot', { path: '/f.txt' });
    assert.equal((await call('ListFileSnapshots', { path: '/f.txt' })).rows[0].snapshot, snapshot);

    const found = await call('SearchFiles', { prefix: '/', maxItems: 1 });
    assert.equal(found.rows.length, 1);
    const { continuationToken } = found.rows[0];
    const next = await call('SearchFiles', { prefix: '/', continuationToken });
    assert.deepEqual([next.rows[0].path, next.rows[0].continuationToken], ['/up.txt', '']);

    // Every character travels as two.
    const lines = '\n'.repeat(MAX_INLINE_BYTES);
    await call('SaveText', { path: '/lines.txt', content: lines });
    assert.equal((await call('LoadText', { path: '/lines.txt' })).length, MAX_INLINE_BYTES);

    const large = Buffer.alloc(MAX_INLINE_BYTES + 3).toString('base64');
    assert.match(
      await fails('SaveBinary', { path: '/l', content: large }),
      /FILE_TOO_LARGE: .*CreateUploadLink/,
    );
    const huge = Buffer.alloc(2 * MAX_INLINE_BYTES).toString('base64');
    assert.match(
      await fails('SaveBinary', { path: '/l', content: huge }),
      /FILE_TOO_LARGE: .*CreateUploadLink/,
    );
    for (const path of ['../x', '/a/../b', 'a\\b', '//x', 'a\u0000b', `${'x'.repeat(1025)}`])
      assert.match(await fails('SaveText', { path, content: 'x' }), /PATH_INVALID: /, path.slice(0, 20));
    await call('SaveText', { path: '/%2e%2e/Grüße 100%.txt', content: 'exact' });
    assert.equal(await call('LoadText', { path: '/%2e%2e/Grüße 100%.txt' }), 'exact');
  });

  test('takes the secret of its account from a file of the sidecar, and an address with a signature', async (t) => {
    const containerName = `s${randomBytes(6).toString('hex')}`;
    const { client, storage, files } = await start(t, containerName);
    const folder = await mkdtemp(path.join(tmpdir(), 'secret-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const file = path.join(folder, 'connection');
    await writeFile(file, `${account.azurite.connectionString}\n`);
    await client.write(STORAGE_THING, { storageConnectionString: `file:${file}` });
    await storage.call('ConnectStorage');
    assert.equal(oneRow(await storage.call('CheckStorage')).signIn, 'key');
    await storage.call('CreateContainer', { containerName });
    const signed = await account.service.generateAccountSasUrl(
      new Date(Date.now() + 600_000),
      AccountSASPermissions.parse('rwdlac'),
      'sco',
    );
    await client.write(STORAGE_THING, { storageConnectionString: signed });
    await storage.call('ConnectStorage');
    assert.equal(oneRow(await storage.call('CheckStorage')).signIn, 'sas');
    await files.call('SaveText', { path: '/f.txt', content: '1' });
    assert.equal(await files.call('LoadText', { path: '/f.txt' }), '1');
    assert.match(await files.fails('CreateDownloadLink', { path: '/f.txt' }), /LINK_NOT_POSSIBLE: /);
    await client.write(STORAGE_THING, { storageConnectionString: 'file:/not/there' });
    assert.match(await storage.fails('ConnectStorage'), /SECRET_UNREADABLE: /);
  });

  test('says what is missing', async (t) => {
    const { client, storage, files } = await start(t, 'nothing-here');
    await storage.call('ConnectStorage');
    assert.match(await files.fails('ListFiles'), /CONTAINER_NOT_FOUND: /);
    await storage.call('DisconnectStorage');
    assert.match(await files.fails('ListFiles'), /STORAGE_NOT_CONNECTED: .*ConnectStorage/);
    await client.write(FILES_THING, { containerName: '' });
    assert.match(await files.fails('ListFiles'), /SETTING_MISSING: containerName/);
    await client.write(STORAGE_THING, { storageConnectionString: 'AccountName=x' });
    assert.match(await storage.fails('ConnectStorage'), /CONNECTION_STRING_INVALID: /);
    assert.match(await client.read(STORAGE_THING, 'lastError'), /^CONNECTION_STRING_INVALID: /);
  });
});
