import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { HttpServer } from '../../sidecar/http/server.ts';
import { healthRoutes } from '../../sidecar/observe/health.ts';
import { Metrics } from '../../sidecar/observe/metrics.ts';

test('health says live, and ready or why not; requests are counted by route and status', async () => {
  const readiness = { ready: false, reasons: ['ThingWorx has not answered yet.'], warnings: ['A'] };
  const app = express();
  app.use(healthRoutes(() => readiness, new Metrics()));
  const server = new HttpServer(app, { host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${await server.start()}`;
  try {
    assert.equal((await fetch(`${url}/health/live`)).status, 200);
    const waiting = await fetch(`${url}/health/ready`);
    assert.equal(waiting.status, 503);
    assert.deepEqual(await waiting.json(), {
      status: 'waiting',
      reasons: readiness.reasons,
      warnings: readiness.warnings,
    });
    readiness.ready = true;
    assert.equal((await fetch(`${url}/health/ready`)).status, 200);
    await fetch(`${url}/absent`);
    const text = await (await fetch(`${url}/metrics`)).text();
    assert.match(text, /azure_iot_http_requests_total\{route="\/health\/ready",status="503"\} 1/);
    assert.match(text, /azure_iot_http_requests_total\{route="\/health\/ready",status="200"\} 1/);
    assert.match(text, /azure_iot_http_requests_total\{route="none",status="404"\} 1/);
  } finally {
    await server.stop();
  }
});
