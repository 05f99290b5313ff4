import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { ThingCreator } from '../../sidecar/thingworx/thing-creator.ts';
import type { Creation } from '../../sidecar/translate/types.ts';
import { listeningLog } from '../dead-letters/letters.ts';

interface WantedThing {
  readonly name: string;
  readonly twin?: { readonly tags: Record<string, unknown> };
}

const { signal } = new AbortController();
let server: Server;
let client: ThingworxClient;
let isAllowed: boolean;
let asked: WantedThing[];

beforeEach(async () => {
  isAllowed = true;
  asked = [];
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { things } = JSON.parse(Buffer.concat(chunks).toString('utf8')).request as {
      things: WantedThing[];
    };
    asked.push(...things);
    const names = things.map(({ name }) => name);
    const failed = names.map((thing) => ({ thing, message: `Not authorized to make ${thing}` }));
    const answer = isAllowed ? { created: names, failed: [] } : { created: [], failed };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = new ThingworxClient({ url, appKey: 'key' });
});
afterEach(async () => {
  await client.close();
  server.closeAllConnections();
  server.close();
});

const { log, lines } = listeningLog();

function creatorWith(readTwin: ConstructorParameters<typeof ThingCreator>[0]['readTwin']): ThingCreator {
  return new ThingCreator({ client, hubThing: 'hub', onThing: () => undefined, readTwin, log });
}

function creations(from: number, to: number): Creation[] {
  return Array.from({ length: to - from }, (_, index) => ({
    kind: 'thing',
    thing: `dev-${from + index}`,
    template: 'AzureIoT.Device_TT',
    deviceId: `dev-${from + index}`,
  }));
}

const unknownDevice = (deviceId: string) => new ConnectorError('DEVICE_NOT_FOUND', `${deviceId} is unknown.`);

test('Things that ThingWorx refuses to make for one reason are told once, until it makes some', async () => {
  isAllowed = false;
  const creator = creatorWith((deviceId) => Promise.reject(unknownDevice(deviceId)));
  const warnings = () => lines.filter(({ level }) => level === 'warn');
  await creator.create(creations(1, 50), signal);
  await creator.create(creations(50, 100), signal);
  assert.equal(warnings().length, 1);
  assert.match(String(warnings()[0]?.msg), /Not authorized to make dev-1$/);
  isAllowed = true;
  await creator.create(creations(1, 50), signal);
  isAllowed = false;
  await creator.create(creations(50, 100), signal);
  assert.equal(warnings().length, 2);
});

test('a Thing is made with the twin of its device, where the hub has one', async () => {
  const creator = creatorWith(async (deviceId) => {
    if (deviceId === 'dev-2') throw unknownDevice(deviceId);
    return { desired: { $version: 1 }, reported: { $version: 1 }, tags: { deviceId, $version: 2 } };
  });
  await creator.create(creations(1, 31), signal);
  assert.deepEqual(
    asked.map(({ name, twin }) => [name, twin?.tags['deviceId']]),
    creations(1, 31).map(({ thing }) => [thing, thing === 'dev-2' ? undefined : thing]),
  );
});

test('Things are made without twins while the hub is away or silent', async () => {
  let reads = 0;
  const away = creatorWith((deviceId) => {
    reads += 1;
    return Promise.reject(new ConnectorError('AZURE_UNREACHABLE', `${deviceId}: the hub is away.`));
  });
  await away.create(creations(1, 31), signal);
  assert.ok(reads < 30, 'an outage is not tried for each device');
  const silent = creatorWith(
    (_deviceId, limit) =>
      new Promise((_, reject) => limit.addEventListener('abort', () => reject(limit.reason), { once: true })),
  );
  await silent.create(creations(31, 61), signal);
  assert.equal(asked.length, 60);
  assert.ok(asked.every(({ twin }) => twin === undefined));
});
