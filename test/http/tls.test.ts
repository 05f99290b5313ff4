import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import express from 'express';
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
    const offer = (options: ConnectionOptions) => handshake({ port, ca: authority.ca, ...options });
    assert.match(await offer({}), /^TLSv1\.3 TLS_/);
    assert.match(await offer({ maxVersion: 'TLSv1.2' }), /^TLSv1\.2 ECDHE-.*(GCM|CHACHA20)/);
    const cbc =
      'ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA:AES128-SHA:AES128-GCM-SHA256';
    assert.match(await offer({ maxVersion: 'TLSv1.2', ciphers: cbc }), /^refused/);
    assert.match(
      await offer({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }),
      /^refused/,
    );
  } finally {
    await dispatcher.close();
    await server.stop();
    await rm(directory, { recursive: true });
  }
});

/** Version and cipher suite that server and client agree on, or why they do not. */
function handshake(options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: 'localhost', servername: 'localhost', ...options }, () => {
      resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(`refused: ${error.code}`));
  });
}
