import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
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
  } finally {
    await dispatcher.close();
    await server.stop();
    await rm(directory, { recursive: true });
  }
});
