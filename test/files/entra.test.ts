import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import tls from 'node:tls';
import { BlobServiceClient } from '@azure/storage-blob';
import { StorageAccount } from '../../sidecar/files/accounts.ts';
import { openAuthority } from '../emulators/authority.ts';
import { startAzurite } from '../emulators/azurite.ts';
import { NEVER } from './support.ts';

/** A token as Microsoft Entra ID issues it for storage, but for the signature, which Azurite does not check. */
function storageToken(): string {
  const now = Math.floor(Date.now() / 1000);
  const tenant = '00000000-0000-0000-0000-000000000001';
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    aud: 'https://storage.azure.com',
    iss: `https://sts.windows.net/${tenant}/`,
    nbf: now - 60,
    iat: now - 60,
    exp: now + 3600,
    tid: tenant,
    oid: '00000000-0000-0000-0000-000000000002',
  };
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`;
}

describe('an account with Microsoft Entra ID', () => {
  test('reads, writes, and signs links with a key that is delegated to it', async (t) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'entra-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const { ca, certificate, key } = await openAuthority(directory);
    const before = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...before, ca]);
    t.after(() => tls.setDefaultCACertificates(before));
    const azurite = await startAzurite({ https: { cert: certificate, key }, entra: true });
    t.after(() => azurite.stop());
    let asked = 0;
    const credential = {
      getToken: async () => ({ token: storageToken(), expiresOnTimestamp: Date.now() + 3_600_000 }),
    };
    const service = new BlobServiceClient(azurite.url, credential);
    const ask = service.getUserDelegationKey.bind(service) as (...given: unknown[]) => Promise<unknown>;
    service.getUserDelegationKey = (async (...given: unknown[]) => {
      asked += 1;
      return ask(...given);
    }) as typeof service.getUserDelegationKey;
    const account = new StorageAccount('Plant.Storage', service, 'entra');
    assert.equal((await account.check(NEVER)).signIn, 'entra');
    await account.createContainer('files', NEVER);
    const files = account.container('files');
    await files.write('/d/a ü.txt', Buffer.from('hello'), {}, NEVER);
    await files.write('/b.txt', Buffer.from('secret'), {}, NEVER);
    const { url } = await files.downloadLink('/d/a ü.txt', 5, NEVER);
    assert.match(url, /[?&]skoid=/);
    assert.equal(await (await fetch(url)).text(), 'hello');
    assert.equal((await fetch(url.replace(/\/files\/[^?]+/, '/files/b.txt'))).status, 403);
    const upload = await files.uploadLink('/up.txt', 5, false, NEVER);
    const put = await fetch(upload.url, {
      method: 'PUT',
      body: 'up',
      headers: { 'x-ms-blob-type': 'BlockBlob' },
    });
    assert.equal(put.status, 201);
    assert.equal((await files.read('/up.txt', NEVER)).toString(), 'up');
    assert.equal(asked, 1, 'one key serves many links');
  });
});
