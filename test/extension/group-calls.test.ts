import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { InfoTable } from '../emulators/thingworx/infotable.ts';
import { TOKEN } from '../http/fixture.ts';
import { ScriptHub } from './script-hub.ts';

/** A hub Thing with two sidecars that answer every call, and the addresses that were called, in order. */
async function startGroup(t: TestContext) {
  const called: string[] = [];
  const urls = [];
  for (let number = 0; number < 2; number += 1) {
    const server = createServer((request, response) => {
      called.push(`http://${request.headers.host}`);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true,"result":{}}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  const hub = new ScriptHub(t, 'Hub');
  hub.set('sidecarUrl', urls.join(' '));
  hub.set('introducedAddress', urls.join(' '));
  hub.set('sidecarTokenText', TOKEN);
  const [first = '', second = ''] = urls;
  return { hub, called, first, second };
}

/** The sidecar at this address renews its lease. */
async function renew(hub: ScriptHub, address: string): Promise<void> {
  const status = { sidecar: 'one', state: 'connecting', addresses: [address] };
  await hub.call('ReceiveStatus', JSON.stringify({ status }), 'NOTHING');
}

test('what goes to each sidecar goes to those with a lease before the others', async (t) => {
  const { hub, called, first, second } = await startGroup(t);
  for (const [living, other] of [
    [first, second],
    [second, first],
  ] as const) {
    await renew(hub, living);
    called.length = 0;
    await hub.call('Disconnect', '', 'NOTHING');
    assert.deepEqual(called, [living, other]);
  }
});

test('a lease from before the clock of the platform was put back counts no more', async (t) => {
  const { hub, called, first, second } = await startGroup(t);
  await renew(hub, second);
  await hub.call('CallSidecar', '{operation: "GetStatus"}');
  assert.deepEqual(called, [second]);
  const { rows } = hub.get('sidecars') as InfoTable;
  for (const row of rows) row['leaseUntil'] = new Date(Date.now() + 3_600_000);
  await hub.call('CallSidecar', '{operation: "GetStatus"}');
  assert.deepEqual(called, [second, first]);
});

test('a status is taken while sidecarUrl is no address', async (t) => {
  const { hub, first, second } = await startGroup(t);
  await renew(hub, first);
  for (const url of ['', 'nonsense', 'http://']) {
    hub.set('sidecarUrl', url);
    await renew(hub, first);
    assert.equal(hub.get('connectionStatus'), 'connecting');
    const { rows } = hub.get('sidecars') as InfoTable;
    assert.deepEqual(
      rows.map(({ address }) => address),
      [first],
    );
  }
  hub.set('sidecarUrl', [first, second].join(' '));
  await renew(hub, second);
});
