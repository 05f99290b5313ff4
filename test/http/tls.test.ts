import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { type ConnectionOptions, connect, createServer, getCiphers } from 'node:tls';
import express from 'express';
import { generate } from 'selfsigned';
import { Agent, request } from 'undici';
import { HttpServer } from '../../sidecar/http/server.ts';
import { loadSettings } from '../../sidecar/settings.ts';
import { openAuthority } from '../emulators/authority.ts';

test('with a certificate the sidecar speaks HTTPS, and may listen beyond loopback', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'tls-'));
  const authority = await openAuthority(directory);
  const settings = loadSettings({
    THINGWORX_URL: 'https://platform.example',
    THINGWORX_APP_KEY: 'key',
    SIDECAR_HOST: '0.0.0.0',
    SIDECAR_STATE_DIR: directory,
    SIDECAR_TLS_CERT_FILE: authority.certificateFile,
    SIDECAR_TLS_KEY_FILE: authority.keyFile,
  });
  const app = express();
  app.get('/health/live', (_request, response) => {
    response.json({ status: 'live' });
  });
  const server = new HttpServer(app, { host: '127.0.0.1', port: 0, tls: settings.tls });
  const port = await server.start();
  const dispatcher = new Agent({ connect: { ca: authority.ca } });
  try {
    const answer = await request(`https://localhost:${port}/health/live`, { dispatcher });
    assert.equal(answer.statusCode, 200);
    assert.deepEqual(await answer.body.json(), { status: 'live' });
    await assert.rejects(request(`http://localhost:${port}/health/live`));
  } finally {
    await dispatcher.close();
    await server.stop();
    await rm(directory, { recursive: true });
  }
});

/** Certificates of both kinds, so that no suite is refused only because its kind of certificate is missing. */
const KEY_PAIRS = {
  ECDSA: { keyType: 'ec', curve: 'P-256' },
  RSA: { keyType: 'rsa', keySize: 2048 },
} as const;

for (const [kind, keyOptions] of Object.entries(KEY_PAIRS)) {
  test(`TLS takes suites with forward secrecy and authenticated encryption alone, with a key for ${kind}`, async (t) => {
    const made = await generate([{ name: 'commonName', value: 'localhost' }], {
      ...keyOptions,
      algorithm: 'sha256',
    });
    const keyPair = { cert: made.cert, key: made.private };
    const server = new HttpServer(express(), { host: '127.0.0.1', port: 0, tls: keyPair });
    const port = await server.start();
    t.after(() => server.stop());
    // Shows what the client can do: a server that takes everything.
    const lax = createServer({ ...keyPair, minVersion: 'TLSv1', ciphers: EVERYTHING });
    lax.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => lax.listen(0, '127.0.0.1', resolve));
    t.after(() => lax.close());
    const laxPort = (lax.address() as AddressInfo).port;

    assert.match(await handshake(port, {}), /^TLSv1\.3 TLS_/);
    const old = ['TLSv1', 'TLSv1.1'] as const;
    for (const version of old) {
      const options = { minVersion: version, maxVersion: version, ciphers: EVERYTHING };
      assert.match(await handshake(laxPort, options), new RegExp(`^${version} `));
      assert.match(await handshake(port, options), /^refused/);
    }

    const suites = getCiphers().filter((name) => !name.startsWith('tls_'));
    const taken = async (at: number) => {
      const names: string[] = [];
      for (const name of suites) {
        const ciphers = `${name.toUpperCase()}:@SECLEVEL=0`;
        const answer = await handshake(at, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers });
        if (answer.startsWith('TLSv1.2 ')) names.push(answer.slice('TLSv1.2 '.length));
      }
      return names.sort();
    };
    const possible = await taken(laxPort);
    assert.ok(
      possible.includes(`ECDHE-${kind}-AES128-SHA256`),
      `The client offers no suite in CBC mode: ${possible}`,
    );
    assert.deepEqual(await taken(port), [
      `ECDHE-${kind}-AES128-GCM-SHA256`,
      `ECDHE-${kind}-AES256-GCM-SHA384`,
      `ECDHE-${kind}-CHACHA20-POLY1305`,
    ]);
  });
}

const EVERYTHING = 'ALL:@SECLEVEL=0';

/** Version and cipher suite that server and client agree on, or why they do not. */
function handshake(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    try {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
        resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
        socket.destroy();
      });
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(`refused: ${error.code}`));
    } catch (thrown) {
      // A suite that this build of OpenSSL names and does not have.
      resolve(`refused: ${thrown}`);
    }
  });
}
