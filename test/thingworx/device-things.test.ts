import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { DeviceThings } from '../../sidecar/thingworx/device-things.ts';

/** Device Things of a platform that needs `answerMs` for each answer, while a question of `find` may take `timeoutMs`. */
async function deviceThings(context: TestContext, answerMs: number, timeoutMs: number) {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const service = request.url?.split('/').at(-1) ?? '';
    asked.push(service);
    await delay(answerMs);
    const answer =
      service === 'FindDeviceThings'
        ? { things: [{ deviceId: 'old', thing: 'Old' }] }
        : { created: ['new'], deleted: ['Old'], failed: [] };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  const client = new ThingworxClient({ url: `http://127.0.0.1:${port}`, appKey: 'key' });
  context.after(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });
  return { asked, things: new DeviceThings({ client, hubThing: 'hub', timeoutMs: () => timeoutMs }) };
}

test('a slow answer ends a question that is repeated, and no change that somebody waits for', async (context) => {
  const { things } = await deviceThings(context, 600, 100);
  await assert.rejects(things.find(['old']), { code: 'THINGWORX_UNAVAILABLE' });
  assert.equal(await things.create('new', { template: 'AzureIoT.Device_TT' }), true);
  assert.equal(await things.delete('old'), 'Old');
});

test('a Thing that was found is not asked for again; a change asks anew', async (context) => {
  const { asked, things } = await deviceThings(context, 0, 10_000);
  const found = new Map([['old', 'Old']]);
  assert.deepEqual(await things.find(['old', 'none']), found);
  assert.deepEqual(await things.find(['old']), found);
  assert.deepEqual(asked, ['FindDeviceThings']);
  assert.deepEqual(await things.find(['none']), new Map());
  assert.equal(await things.delete('old'), 'Old');
  assert.equal(await things.delete('none'), undefined);
  assert.deepEqual(asked.slice(1), [
    'FindDeviceThings',
    'FindDeviceThings',
    'DeleteThings',
    'FindDeviceThings',
  ]);
  assert.deepEqual(await things.find(['old']), found);
  assert.equal(asked.length, 6);
});
