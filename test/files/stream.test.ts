import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { after, before, describe, type TestContext, test } from 'node:test';
import { StorageAccounts } from '../../sidecar/files/accounts.ts';
import { startApp, TOKEN } from '../http/fixture.ts';
import { type Account, newContainer, STORAGE, startAccount } from './support.ts';

const MIB = 1024 * 1024;

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly json: Record<string, unknown>;
}

interface Sending {
  readonly headers?: Record<string, string>;
  readonly body?: Buffer;
  /** Cuts the connection after so many bytes of the body. */
  readonly cutAfter?: number;
}

/** Sends one request; undefined when it was cut. */
function send(port: number, method: string, path: string, sending: Sending = {}): Promise<Reply | undefined> {
  const { headers = {}, body, cutAfter } = sending;
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent: false,
        headers: {
          authorization: `Bearer ${TOKEN}`,
          ...(body === undefined ? {} : { 'content-length': String(body.byteLength) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const content = Buffer.concat(chunks);
          const isJson = String(response.headers['content-type']).includes('json');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: content,
            json: isJson && method !== 'HEAD' && content.length > 0 ? JSON.parse(content.toString()) : {},
          });
        });
      },
    );
    request.on('error', (error) => (cutAfter === undefined ? reject(error) : resolve(undefined)));
    if (cutAfter === undefined) {
      request.end(body);
      return;
    }
    request.write(body?.subarray(0, cutAfter), () => setTimeout(() => request.destroy(), 300));
  });
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('base64');
}

let account: Account;
before(async () => {
  account = await startAccount();
});
after(() => account.stop());

/** A container of its own for the test, and the app. */
async function start(t: TestContext) {
  const { name, raw } = await newContainer(account);
  const { port } = await startApp(t, account.appOptions);
  const at = (path: string) => `/v1/storage/${STORAGE}/containers/${name}/blobs/${path}`;
  const call = async (method: string, path: string, sending?: Sending): Promise<Reply> => {
    const reply = await send(port, method, at(path), sending);
    assert.ok(reply);
    return reply;
  };
  return { raw, port, at, call, name };
}

describe('blobs over HTTP', () => {
  test('come back as they went, with any name, in one block and in many', async (t) => {
    const { call, raw } = await start(t);
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
    const { call, raw } = await start(t);
    await call('PUT', encodeURIComponent('/a/b.txt'), { body: Buffer.from('x') });
    assert.equal(await raw.getBlobClient('a/b.txt').exists(), true);
  });

  test('refuse names that could mean another blob, and bad requests', async (t) => {
    const { call } = await start(t);
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
    const { call } = await start(t);
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
    assert.equal((await call('GET', 'r.bin', { headers: { range: 'lines=1-2' } })).status, 200);
    const ofOther = { range: 'bytes=0-9', 'if-range': '"other"' };
    assert.equal((await call('GET', 'r.bin', { headers: ofOther })).status, 200);
    const ofThis = { range: 'bytes=0-9', 'if-range': String(headers.etag) };
    assert.equal((await call('GET', 'r.bin', { headers: ofThis })).status, 206);
  });

  test('keep to conditions', async (t) => {
    const { call } = await start(t);
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
    const { call, port, at, raw } = await start(t);
    const bytes = randomBytes(9 * MIB);
    const wrong = await call('PUT', 'w.bin', {
      body: bytes,
      headers: { 'content-md5': md5(randomBytes(1)) },
    });
    assert.equal(wrong.json.code, 'CHECKSUM_MISMATCH');
    assert.equal(await send(port, 'PUT', at('w.bin'), { body: bytes, cutAfter: 5 * MIB }), undefined);
    assert.equal(await raw.getBlobClient('w.bin').exists(), false);
  });

  test('of many writers at the same time are always one of what they wrote', async (t) => {
    const { call, raw } = await start(t);
    const versions = Array.from({ length: 6 }, () => randomBytes(6 * MIB));
    const replies = await Promise.all(versions.map((body) => call('PUT', 'same.bin', { body })));
    assert.ok(replies.some(({ status }) => status === 200));
    for (const { status, json } of replies) if (status !== 200) assert.equal(json.code, 'AZURE_CONFLICT');
    const stored = await raw.getBlobClient('same.bin').downloadToBuffer();
    assert.ok(versions.some((version) => version.equals(stored)));
  });
});

describe('an upload that is resumed', () => {
  const size = 21 * MIB + 5;
  const piece = (bytes: Buffer, first: number, last: number, more: Record<string, string> = {}): Sending => ({
    body: bytes.subarray(first, last + 1),
    headers: {
      'upload-id': 'upload-0001',
      'content-range': `bytes ${first}-${last}/${bytes.length}`,
      ...more,
    },
  });

  test('goes on where it was cut, with another sidecar too, and is checked by its MD5', async (t) => {
    const { call, port, at, raw, name } = await start(t);
    const bytes = randomBytes(size);
    const first = await call('PUT', 'big.bin', piece(bytes, 0, 8 * MIB - 1));
    assert.deepEqual(first.json, { received: 8 * MIB });
    const cut = piece(bytes, 8 * MIB, size - 1);
    assert.equal(await send(port, 'PUT', at('big.bin'), { ...cut, cutAfter: 6 * MIB }), undefined);
    assert.equal(await raw.getBlobClient('big.bin').exists(), false);
    // A new sidecar knows nothing but what Azure knows.
    const { port: other } = await startApp(t, (await again()).appOptions);
    const where = `/v1/storage/${STORAGE}/containers/${name}/blobs/big.bin`;
    const state = await send(other, 'GET', where, { headers: { 'upload-id': 'upload-0001' } });
    const received = Number(state?.json.received);
    assert.ok(received >= 8 * MIB && received < size, String(received));
    const whole = { 'x-blob-md5': md5(bytes) };
    const wrongPlace = await send(other, 'PUT', where, piece(bytes, 1, size - 1, whole));
    assert.equal(wrongPlace?.json.code, 'UPLOAD_OFFSET_WRONG');
    assert.equal(wrongPlace?.json.received, received);
    const last = await send(other, 'PUT', where, piece(bytes, received, size - 1, whole));
    assert.equal(last?.status, 200, last?.body.toString());
    assert.equal(last?.json.received, size);
    assert.deepEqual(await raw.getBlobClient('big.bin').downloadToBuffer(), bytes);
    const end = await send(other, 'GET', where, { headers: { 'upload-id': 'upload-0001' } });
    assert.equal(end?.json.etag, last?.json.etag);
  });

  test('is taken away again when its MD5 is wrong', async (t) => {
    const { call, raw } = await start(t);
    const bytes = randomBytes(5 * MIB);
    await call('PUT', 'bad.bin', piece(bytes, 0, 4 * MIB - 1));
    const wrong = { 'x-blob-md5': md5(Buffer.from('other')) };
    const last = await call('PUT', 'bad.bin', piece(bytes, 4 * MIB, 5 * MIB - 1, wrong));
    assert.equal(last.json.code, 'CHECKSUM_MISMATCH');
    assert.equal(await raw.getBlobClient('bad.bin').exists(), false);
  });

  test('refuses pieces that make no sense', async (t) => {
    const { call } = await start(t);
    const body = Buffer.alloc(10);
    for (const headers of [
      { 'upload-id': 'short', 'content-range': 'bytes 0-9/10' },
      { 'upload-id': 'upload-0001' },
      { 'upload-id': 'upload-0001', 'content-range': 'bytes 0-8/10' },
      { 'upload-id': 'upload-0001', 'content-range': 'bytes 5-14/10' },
    ] as Record<string, string>[])
      assert.equal((await call('PUT', 'p.bin', { body, headers })).json.code, 'REQUEST_INVALID');
  });
});

/** The same account in a sidecar that has just started. */
async function again() {
  const storages = new StorageAccounts(account.tickets);
  const [issued] = await storages.connect(STORAGE, {}, true);
  await account.tickets.redeem(issued?.ticket ?? '', account.azurite.connectionString);
  const { context } = account.appOptions;
  return { appOptions: context ? { context: { ...context, storages } } : {} };
}
