import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Command } from '../e2e/command.ts';

/** The versions that npm asks about, by package: https://docs.npmjs.com/cli/commands/npm-audit, the bulk advisory endpoint. */
type Asked = Readonly<Record<string, readonly string[]>>;

interface Advisory {
  readonly name: string;
  readonly severity: 'moderate' | 'high' | 'critical';
}

async function bodyOf(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return JSON.parse(String(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
}

/** A registry that knows these advisories; without them it answers as a mirror that has none to give. */
async function startRegistry(t: TestContext, advisories?: readonly Advisory[]) {
  let asked: Asked = {};
  const server = createServer(async (request, response) => {
    const send = (status: number, answer: object) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    };
    if (!advisories) return send(404, { error: 'not found' });
    if (request.url === '/-/npm/v1/security/advisories/bulk') {
      asked = await bodyOf(request);
      const known = advisories.map(({ name, severity }, index) => [
        name,
        [
          {
            id: index + 1,
            url: 'https://advisories.example/1',
            title: 'A hole',
            severity,
            vulnerable_versions: '*',
          },
        ],
      ]);
      return send(200, Object.fromEntries(known));
    }
    // npm then asks for the versions that a package has.
    const name = decodeURIComponent(String(request.url).slice(1));
    const versions = (asked[name] ?? []).map((version) => [version, { name, version }]);
    return send(200, { name, versions: Object.fromEntries(versions), 'dist-tags': {} });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, asked: () => asked };
}

async function audit(t: TestContext, port: number) {
  const cache = await mkdtemp(path.join(tmpdir(), 'audit-'));
  t.after(() => rm(cache, { recursive: true, force: true }));
  return new Command(t, 'audit.ts', [], {
    npm_config_registry: `http://127.0.0.1:${port}/`,
    npm_config_cache: cache,
    npm_config_fetch_retries: '0',
    npm_config_proxy: '',
    npm_config_noproxy: '127.0.0.1',
  }).end();
}

describe('npm run audit', () => {
  test('fails for what is high or critical in the product, and names it', async (t) => {
    const advisories = [
      { name: 'express', severity: 'high' },
      { name: 'ajv', severity: 'moderate' },
    ] as const;
    const registry = await startRegistry(t, advisories);
    const { code, out } = await audit(t, registry.port);
    assert.equal(code, 1, out);
    assert.match(out, /^high: express /m);
    assert.match(out, /^moderate: ajv /m);
    assert.match(out, /^Checked: \d+ packages with advisories, [1-9]\d* of them high or critical\.$/m);
    assert.ok(registry.asked()['express'], 'the lock file was not compared');
    assert.equal(registry.asked()['@biomejs/biome'], undefined, 'tools are not in the product');
  });

  test('passes for what is less, and names it', async (t) => {
    const { port } = await startRegistry(t, [{ name: 'ajv', severity: 'moderate' }]);
    const { code, out } = await audit(t, port);
    assert.equal(code, 0, out);
    assert.match(out, /^moderate: ajv /m);
    assert.match(out, /, 0 of them high or critical\.$/m);
  });

  test('passes when nothing is known', async (t) => {
    const { port } = await startRegistry(t, []);
    assert.deepEqual(await audit(t, port), {
      code: 0,
      out: 'Checked: 0 packages with advisories, 0 of them high or critical.\n',
      error: '',
    });
  });

  test('says that nothing was checked when the registry gives no advisories', async (t) => {
    const { port } = await startRegistry(t);
    const { code, out } = await audit(t, port);
    assert.equal(code, 0);
    assert.equal(out, 'NOT CHECKED: no advisory source could be reached (404).\n');
  });

  test('says that nothing was checked when nobody answers', async (t) => {
    const { port } = await new Promise<{ port: number }>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const address = server.address() as AddressInfo;
        server.close(() => resolve(address));
      });
    });
    const { code, out } = await audit(t, port);
    assert.equal(code, 0);
    assert.equal(out, 'NOT CHECKED: no advisory source could be reached (ECONNREFUSED).\n');
  });
});
