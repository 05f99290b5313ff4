import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { after, before, describe, type TestContext, test } from 'node:test';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import type { ContainerFiles } from '../../sidecar/files/container-files.ts';
import type { Download } from '../../sidecar/files/types.ts';
import type { AppOptions } from '../../sidecar/http/app.ts';
import { startBlobs } from '../files/blobs-over-http.ts';
import { MIB, md5, send } from '../files/http.ts';
import { type Account, STORAGE, startAccount } from '../files/support.ts';
import { startApp, TOKEN } from './fixture.ts';

let account: Account;
before(async () => {
  account = await startAccount();
});
after(() => account.stop());

describe('blobs over HTTP', () => {
  test('come back as they went, with any name, in one block and in many', async (t) => {
    const { call, raw } = await startBlobs(t, account);
    const names = ['small.txt', 'empty', 'folder/Grüße 日本.bin', 'a%20b/%2e%2e', "it's?#&+=.bin"];
    for (const [index, name] of names.entries()) {
      const bytes = randomBytes(name === 'empty' ? 0 : index === 2 ? 9 * MIB + 17 : 1000);
      const path = name.split('/').map(encodeURIComponent).join('/');
      const put = await call('PUT', path, { body: bytes, headers: { 'content-md5': md5(bytes) } });
      assert.equal(put.status, 200, put.body.toString());
      assert.deepEqual(put.json.received, bytes.byteLength);
      const stored = raw.getBlobClient(name);
      assert.deepEqual(await stored.downloadToBuffer(), bytes);
      assert.equal(
        Buffer.from((await stored.getProperties()).contentMD5 ?? []).toString('base64'),
        md5(bytes),
      );
      const got = await call('GET', path);
      assert.equal(got.status, 200);
      assert.deepEqual(got.body, bytes);
      assert.equal(got.headers.etag, put.headers.etag);
      assert.equal(got.headers['content-md5'], md5(bytes));
      assert.equal(got.headers['content-disposition'], 'attachment');
      assert.equal(got.headers['x-content-type-options'], 'nosniff');
      const head = await call('HEAD', path);
      assert.equal(head.headers['content-length'], String(bytes.byteLength));
    }
  });

  test('take the whole path as one part with encoded slashes', async (t) => {
    const { call, raw } = await startBlobs(t, account);
    await call('PUT', encodeURIComponent('/a/b.txt'), { body: Buffer.from('x') });
    assert.equal(await raw.getBlobClient('a/b.txt').exists(), true);
  });

  test('refuse names that could mean another blob, and bad requests', async (t) => {
    const { call } = await startBlobs(t, account);
    for (const path of ['%2e%2e%2fx', 'a%2f%2e%2e%2fb', 'a%5cb', 'a%00b', 'a%2f', 'a%2f%2fb', 'C%3A%2fx']) {
      const reply = await call('PUT', path, { body: Buffer.from('x') });
      assert.equal(reply.status, 400, path);
      assert.equal(reply.json.code, 'PATH_INVALID', path);
    }
    const malformed = await call('GET', 'a%zz');
    assert.equal(malformed.json.code, 'REQUEST_INVALID');
    assert.equal(
      (await call('PUT', 'x', { body: Buffer.from('x'), headers: { 'content-md5': 'no' } })).json.code,
      'REQUEST_INVALID',
    );
    assert.equal((await call('DELETE', 'x')).json.code, 'METHOD_NOT_ALLOWED');
    assert.equal((await call('GET', 'missing')).json.code, 'FILE_NOT_FOUND');
    const anonymous = await call('GET', 'x', { headers: { authorization: '' } });
    assert.equal(anonymous.status, 401);
  });

  test('give ranges', async (t) => {
    const { call } = await startBlobs(t, account);
    const bytes = randomBytes(10 * MIB);
    const { headers } = await call('PUT', 'r.bin', { body: bytes });
    const cases: [string, number, number][] = [
      ['bytes=0-0', 0, 0],
      ['bytes=100-4999999', 100, 4_999_999],
      [`bytes=${8 * MIB}-`, 8 * MIB, 10 * MIB - 1],
      ['bytes=-7', 10 * MIB - 7, 10 * MIB - 1],
      ['bytes=5-99999999', 5, 10 * MIB - 1],
    ];
    for (const [range, first, last] of cases) {
      const reply = await call('GET', 'r.bin', { headers: { range } });
      assert.equal(reply.status, 206, range);
      assert.equal(reply.headers['content-range'], `bytes ${first}-${last}/${10 * MIB}`);
      assert.ok(reply.body.equals(bytes.subarray(first, last + 1)), range);
    }
    assert.equal((await call('GET', 'r.bin', { headers: { range: `bytes=${10 * MIB}-` } })).status, 416);
    for (const range of ['lines=1-2', 'bytes=0-0,2-2'])
      assert.equal((await call('GET', 'r.bin', { headers: { range } })).status, 200);
    const ofOther = { range: 'bytes=0-9', 'if-range': '"other"' };
    assert.equal((await call('GET', 'r.bin', { headers: ofOther })).status, 200);
    const ofThis = { range: 'bytes=0-9', 'if-range': String(headers.etag) };
    assert.equal((await call('GET', 'r.bin', { headers: ofThis })).status, 206);
  });

  test('keep to conditions', async (t) => {
    const { call } = await startBlobs(t, account);
    const put = (headers: Record<string, string>, size = 10) =>
      call('PUT', 'c.bin', { body: randomBytes(size), headers });
    const first = await put({ 'if-none-match': '*' });
    assert.equal(first.status, 200);
    assert.equal((await put({ 'if-none-match': '*' })).json.code, 'FILE_EXISTS');
    assert.equal((await put({ 'if-match': '"0x0"' }, 9 * MIB)).json.code, 'PRECONDITION_FAILED');
    const second = await put({ 'if-match': String(first.headers.etag) }, 9 * MIB);
    assert.equal(second.status, 200);
    const etag = String(second.headers.etag);
    assert.equal((await call('GET', 'c.bin', { headers: { 'if-none-match': etag } })).status, 304);
    assert.equal(
      (await call('GET', 'c.bin', { headers: { 'if-match': '"0x0"' } })).json.code,
      'PRECONDITION_FAILED',
    );
  });

  test('are not there when their MD5 is wrong or the connection breaks', async (t) => {
    const { call, port, at, raw } = await startBlobs(t, account);
    const bytes = randomBytes(9 * MIB);
    const wrong = await call('PUT', 'w.bin', {
      body: bytes,
      headers: { 'content-md5': md5(randomBytes(1)) },
    });
    assert.equal(wrong.json.code, 'CHECKSUM_MISMATCH');
    assert.equal(await send(port, 'PUT', at('w.bin'), { body: bytes, cutAfter: 5 * MIB }), undefined);
    assert.equal(await raw.getBlobClient('w.bin').exists(), false);
  });

  test('are read from storage no further when their reader has gone', async (t) => {
    const { name, raw } = await startBlobs(t, account);
    // More than the buffers of the connections hold.
    await raw.getBlockBlobClient('left.bin').uploadData(Buffer.alloc(64 * MIB));
    const opened = Promise.withResolvers<Readable>();
    const { port, path } = await startReading(t, name, 'left.bin', (download) => {
      opened.resolve(download.body);
      return download;
    });
    const reading = get({ host: '127.0.0.1', port, path, headers: { authorization: `Bearer ${TOKEN}` } });
    await once(reading, 'response');
    const body = await opened.promise;
    // The body fails with that it was cancelled.
    const closed = finished(body, { signal: AbortSignal.timeout(60_000) });
    reading.destroy();
    await assert.rejects(closed, { code: 'AZURE_CANCELLED' });
  });

  test('end their connection early when the storage fails while they are read', async (t) => {
    const { name, raw } = await startBlobs(t, account);
    await raw.getBlockBlobClient('fails.bin').uploadData(Buffer.alloc(2 * MIB));
    for (const pieces of [0, 1]) {
      const { port, path } = await startReading(t, name, 'fails.bin', (download) => {
        download.body.destroy();
        return { ...download, body: Readable.from(failingAfter(pieces)) };
      });
      const url = `http://127.0.0.1:${port}${path}`;
      const read = fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } }).then((answer) =>
        answer.arrayBuffer(),
      );
      await assert.rejects(read, TypeError, `after ${pieces} pieces`);
    }
  });

  test('of many writers at the same time are always one of what they wrote', async (t) => {
    const { call, raw } = await startBlobs(t, account);
    const versions = Array.from({ length: 6 }, () => randomBytes(6 * MIB));
    const replies = await Promise.all(versions.map((body) => call('PUT', 'same.bin', { body })));
    assert.ok(replies.some(({ status }) => status === 200));
    for (const { status, json } of replies) if (status !== 200) assert.equal(json.code, 'AZURE_CONFLICT');
    const stored = await raw.getBlobClient('same.bin').downloadToBuffer();
    assert.ok(versions.some((version) => version.equals(stored)));
  });
});

function* failingAfter(pieces: number): Generator<Buffer> {
  for (let piece = 0; piece < pieces; piece += 1) yield Buffer.alloc(MIB);
  throw new ConnectorError('AZURE_FAILED', 'The storage account has failed.');
}

/** The path of a blob, whose download is changed as it is opened. */
async function startReading(
  t: TestContext,
  name: string,
  blob: string,
  change: (download: Download) => Download,
): Promise<{ port: number; path: string }> {
  const container = (): Pick<ContainerFiles, 'open'> => ({
    open: async (...args) =>
      change(
        await account.storages
          .require(STORAGE)
          .container(name)
          .open(...args),
      ),
  });
  const context = account.appOptions.context as NonNullable<AppOptions['context']>;
  const storages = { require: () => ({ container }) } as unknown as typeof context.storages;
  const { port } = await startApp(t, { context: { ...context, storages } });
  return { port, path: `/v1/storage/${STORAGE}/containers/${name}/blobs/${blob}` };
}
