import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { ThingCreator } from '../../sidecar/thingworx/thing-creator.ts';
import type { Creation } from '../../sidecar/translate/types.ts';
import { listeningLog } from '../dead-letters/letters.ts';

test('Things that ThingWorx refuses to make for one reason are told once, until it makes some', async () => {
  let isAllowed = false;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { things } = JSON.parse(Buffer.concat(chunks).toString('utf8')).request as {
      things: { name: string }[];
    };
    const names = things.map(({ name }) => name);
    const failed = names.map((thing) => ({ thing, message: `Not authorized to make ${thing}` }));
    const answer = isAllowed ? { created: names, failed: [] } : { created: [], failed };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new ThingworxClient({ url, appKey: 'key' });
  const { log, lines } = listeningLog();
  const creator = new ThingCreator({ client, hubThing: 'hub', onThing: () => undefined, log });
  const creations = (from: number, to: number): Creation[] =>
    Array.from({ length: to - from }, (_, index) => ({
      kind: 'thing',
      thing: `dev-${from + index}`,
      template: 'AzureIoT.Device_TT',
      deviceId: `dev-${from + index}`,
    }));
  const { signal } = new AbortController();
  const warnings = () => lines.filter(({ level }) => level === 'warn');
  try {
    await creator.create(creations(1, 50), signal);
    await creator.create(creations(50, 100), signal);
    assert.equal(warnings().length, 1);
    assert.match(String(warnings()[0]?.msg), /Not authorized to make dev-1$/);
    isAllowed = true;
    await creator.create(creations(1, 50), signal);
    isAllowed = false;
    await creator.create(creations(50, 100), signal);
    assert.equal(warnings().length, 2);
  } finally {
    await client.close();
    server.closeAllConnections();
    server.close();
  }
});
