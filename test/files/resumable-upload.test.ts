import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { TOKEN as PROCESS_TOKEN } from '../../scripts/bench/files-sidecar.ts';
import { startApp, storageAccounts, TOKEN } from '../http/fixture.ts';
import { startBlobs } from './blobs-over-http.ts';
import { MIB, md5, type Sending, send } from './http.ts';
import { type Account, STORAGE, startAccount } from './support.ts';

let account: Account;
before(async () => {
  account = await startAccount();
});
after(() => account.stop());

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
    const { call, port, at, raw, name } = await startBlobs(t, account);
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

  test('is completed when all of it had arrived, but the process ended before it was put together', async (t) => {
    const { call, raw, name, at } = await startBlobs(t, account);
    const bytes = randomBytes(9 * MIB);
    const earlier = randomBytes(10);
    await raw.getBlockBlobClient('late.bin').uploadData(earlier);
    // The same blocks as those that a killed process leaves.
    const wrong = { 'x-blob-md5': md5(Buffer.from('other')) };
    assert.equal((await call('PUT', 'late.bin', piece(bytes, 0, bytes.length - 1, wrong))).status, 400);
    const { port: other } = await startApp(t, (await again()).appOptions);
    const state = await send(other, 'GET', at('late.bin'), { headers: { 'upload-id': 'upload-0001' } });
    // Whoever is told that all of it has arrived would think that it is done.
    assert.deepEqual(state?.json, { received: 8 * MIB }, name);
    // This process knows that the sum is wrong, and keeps the file that is there.
    const rest = (sum: Buffer) => piece(bytes, 8 * MIB, bytes.length - 1, { 'x-blob-md5': md5(sum) });
    assert.equal((await call('PUT', 'late.bin', rest(bytes))).json.code, 'CHECKSUM_MISMATCH');
    assert.deepEqual(await raw.getBlobClient('late.bin').downloadToBuffer(), earlier);
    const last = await send(other, 'PUT', at('late.bin'), rest(bytes));
    assert.equal(last?.json.received, bytes.length, last?.body.toString());
    assert.deepEqual(await raw.getBlobClient('late.bin').downloadToBuffer(), bytes);
  });

  test('goes on behind the death of the sidecar in the middle of a piece', async (t) => {
    const { raw, name } = await startBlobs(t, account);
    const bytes = randomBytes(13 * MIB);
    const where = `/v1/storage/bench/containers/${name}/blobs/killed.bin`;
    const authorization = { authorization: `Bearer ${PROCESS_TOKEN}` };
    const first = await startProcess(t);
    const sending = piece(bytes, 0, bytes.length - 1, authorization);
    const request = httpRequest({
      host: '127.0.0.1',
      port: first.port,
      method: 'PUT',
      path: where,
      ...sending,
    });
    request.on('error', () => {});
    request.write(bytes.subarray(0, 9 * MIB));
    await until('a block has arrived', async () => {
      const list = await raw
        .getBlockBlobClient('killed.bin')
        .getBlockList('uncommitted')
        .catch(() => undefined);
      return (list?.uncommittedBlocks?.length ?? 0) > 0;
    });
    first.process.kill('SIGKILL');
    await once(first.process, 'exit');
    const { port } = await startProcess(t);
    const asking = { headers: { 'upload-id': 'upload-0001', ...authorization } };
    const received = Number((await send(port, 'GET', where, asking))?.json.received);
    assert.ok(received >= 4 * MIB && received < bytes.length, String(received));
    const rest = piece(bytes, received, bytes.length - 1, { ...authorization, 'x-blob-md5': md5(bytes) });
    assert.equal((await send(port, 'PUT', where, rest))?.status, 200);
    assert.deepEqual(await raw.getBlobClient('killed.bin').downloadToBuffer(), bytes);
  });

  test('is that of the latest request: one that stands still stops none, and two never mix', async (t) => {
    const { call, raw, port, at } = await startBlobs(t, account);
    const bytes = randomBytes(9 * MIB);
    const { headers } = piece(bytes, 0, bytes.length - 1);
    const stuck = httpRequest({
      host: '127.0.0.1',
      port,
      method: 'PUT',
      path: at('stuck.bin'),
      headers: { ...headers, authorization: `Bearer ${TOKEN}` },
    });
    const answered = once(stuck, 'response');
    stuck.write(bytes.subarray(0, 5 * MIB));
    await until('a block has arrived', async () => {
      const state = await call('GET', 'stuck.bin', { headers: { 'upload-id': 'upload-0001' } });
      return state.json.received === 4 * MIB;
    });
    const rest = piece(bytes, 4 * MIB, bytes.length - 1, { 'x-blob-md5': md5(bytes) });
    assert.equal((await call('PUT', 'stuck.bin', rest)).status, 200);
    assert.deepEqual(await raw.getBlobClient('stuck.bin').downloadToBuffer(), bytes);
    const [{ statusCode }] = await answered;
    assert.equal(statusCode, 409);
    stuck.destroy();
    // Many at once, all from the beginning: what is stored is what one of them has sent, and its MD5.
    const versions = Array.from({ length: 4 }, () => randomBytes(5 * MIB));
    const ends = await Promise.all(
      versions.map((one) =>
        call('PUT', 'same.bin', piece(one, 0, one.length - 1, { 'x-blob-md5': md5(one) })),
      ),
    );
    for (const { status } of ends) assert.ok([200, 400, 409].includes(status), String(status));
    if (!(await raw.getBlobClient('same.bin').exists())) return;
    const stored = await raw.getBlobClient('same.bin').downloadToBuffer();
    assert.ok(versions.some((one) => one.equals(stored)));
    const { contentMD5 = [] } = await raw.getBlobClient('same.bin').getProperties();
    assert.equal(Buffer.from(contentMD5).toString('base64'), md5(stored));
  });

  test('under an id that was used before is another upload', async (t) => {
    const { call, raw } = await startBlobs(t, account);
    const [one, two] = [randomBytes(5 * MIB), randomBytes(5 * MIB)];
    for (const bytes of [one, two]) {
      assert.equal((await call('PUT', 'again.bin', piece(bytes, 0, 4 * MIB - 1))).json.received, 4 * MIB);
      const last = piece(bytes, 4 * MIB, 5 * MIB - 1, { 'x-blob-md5': md5(bytes) });
      assert.equal((await call('PUT', 'again.bin', last)).status, 200);
      // The answer got lost.
      assert.equal((await call('PUT', 'again.bin', last)).json.received, 5 * MIB);
      assert.deepEqual(await raw.getBlobClient('again.bin').downloadToBuffer(), bytes);
    }
    const other = piece(one, 4 * MIB, 5 * MIB - 1, { 'x-blob-md5': md5(one) });
    assert.equal((await call('PUT', 'again.bin', other)).json.code, 'UPLOAD_OFFSET_WRONG');
  });

  test('is taken away again when its MD5 is wrong', async (t) => {
    const { call, raw } = await startBlobs(t, account);
    const bytes = randomBytes(5 * MIB);
    await call('PUT', 'bad.bin', piece(bytes, 0, 4 * MIB - 1));
    const wrong = { 'x-blob-md5': md5(Buffer.from('other')) };
    const last = await call('PUT', 'bad.bin', piece(bytes, 4 * MIB, 5 * MIB - 1, wrong));
    assert.equal(last.json.code, 'CHECKSUM_MISMATCH');
    assert.equal(await raw.getBlobClient('bad.bin').exists(), false);
  });

  test('refuses pieces that make no sense', async (t) => {
    const { call, port, at } = await startBlobs(t, account);
    const body = Buffer.alloc(10);
    for (const headers of [
      { 'upload-id': 'short', 'content-range': 'bytes 0-9/10' },
      { 'upload-id': 'upload-0001' },
      { 'upload-id': 'upload-0001', 'content-range': 'bytes 0-8/10' },
      { 'upload-id': 'upload-0001', 'content-range': 'bytes 5-14/10' },
    ] as Record<string, string>[])
      assert.equal((await call('PUT', 'p.bin', { body, headers })).json.code, 'REQUEST_INVALID');
    // Without a length the body can be longer than the piece; what is too much must not count as received.
    const long = { 'upload-id': 'upload-0001', 'content-range': `bytes 0-${4 * MIB - 1}/${8 * MIB}` };
    const chunked = { ...long, 'transfer-encoding': 'chunked' };
    const sent = await send(port, 'PUT', at('l.bin'), { body: Buffer.alloc(6 * MIB), headers: chunked });
    assert.equal(sent?.json.code, 'REQUEST_INVALID');
    const asked = { headers: { 'upload-id': 'upload-0001' } };
    assert.deepEqual((await call('GET', 'l.bin', asked)).json, { received: 4 * MIB });
    const small = {
      'upload-id': 'upload-0002',
      'content-range': 'bytes 0-9/20',
      'transfer-encoding': 'chunked',
    };
    const refused = await send(port, 'PUT', at('s.bin'), { body: Buffer.alloc(20), headers: small });
    assert.equal(refused?.json.code, 'REQUEST_INVALID');
    const askedSmall = { headers: { 'upload-id': 'upload-0002' } };
    assert.deepEqual((await call('GET', 's.bin', askedSmall)).json, { received: 0 });
    const headers = { 'upload-id': 'upload-0001', 'content-range': `bytes 0-9/${300 * 1024 ** 3}` };
    assert.equal((await call('PUT', 'p.bin', { body, headers })).json.code, 'FILE_TOO_LARGE');
  });
});

/** The same account in a sidecar that has just started. */
async function again() {
  const storages = storageAccounts(account.secretTokens);
  const [issued] = await storages.connect(STORAGE, {}, true);
  await account.secretTokens.redeem(issued?.ticket ?? '', account.azurite.connectionString);
  const { context } = account.appOptions;
  return { appOptions: context ? { context: { ...context, storages } } : {} };
}

/** A sidecar in a process of its own, which can be killed. */
async function startProcess(t: TestContext): Promise<{ process: ChildProcess; port: number }> {
  const program = path.join(import.meta.dirname, '../../scripts/bench/files-sidecar.ts');
  const child = fork(program, [], { env: { ...process.env, STORAGE: account.azurite.connectionString } });
  t.after(() => child.kill('SIGKILL'));
  const [port] = await once(child, 'message');
  return { process: child, port: Number(port) };
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`${what}: it did not come to that`);
}
