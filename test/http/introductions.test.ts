import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Introduction } from '../../sidecar/hub/introduction.ts';
import { createLog } from '../../sidecar/observe/log.ts';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { startApp } from './fixture.ts';

test('anybody may ask for an introduction; the answer tells nothing, and floods are limited', async (t) => {
  const client = new ThingworxClient({ url: 'http://127.0.0.1:1/Thingworx', appKey: 'none' });
  t.after(() => client.close());
  const log = createLog('silent', { write: () => undefined });
  const { call } = await startApp(t, {
    introduction: new Introduction(client, log, () => []),
    limits: { introductions: { burst: 4, perSecond: 0.01 } },
  });
  const ask = (body: unknown) => call('POST', '/v1/introductions', { anonymous: true, body });
  // It does go to ThingWorx: that one cannot be reached is told, since it is the same for every Thing.
  assert.equal((await ask({ thing: 'Plant.Hub' })).json.code, 'THINGWORX_UNREACHABLE');
  for (const body of [{}, { thing: 7 }, { thing: 'x'.repeat(301) }])
    assert.equal((await ask(body)).json.code, 'REQUEST_INVALID');
  assert.equal((await ask({ thing: 'Plant.Hub' })).json.code, 'RATE_LIMITED');
  assert.equal((await call('GET', '/v1/hubs')).status, 200, 'others are served');
});
