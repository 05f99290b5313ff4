import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApp } from './fixture.ts';

test('anybody may ask for an introduction; the answer tells nothing, and floods are limited', async (t) => {
  const asked: string[] = [];
  const { call } = await startApp(t, {
    introductions: { introduce: async (thing) => void asked.push(thing) },
    limits: { introductions: { burst: 4, perSecond: 0.01 } },
  });
  const ask = (body: unknown) => call('POST', '/v1/introductions', { anonymous: true, body });
  const answer = await ask({ thing: 'Plant.Hub' });
  assert.deepEqual([answer.status, answer.json], [200, {}]);
  assert.deepEqual(asked, ['Plant.Hub']);
  for (const body of [{}, { thing: 7 }, { thing: 'x'.repeat(301) }])
    assert.equal((await ask(body)).json.code, 'REQUEST_INVALID');
  assert.equal((await ask({ thing: 'Plant.Hub' })).json.code, 'RATE_LIMITED');
  assert.equal((await call('GET', '/v1/hubs')).status, 200, 'others are served');
});
