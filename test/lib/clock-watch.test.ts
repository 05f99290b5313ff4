import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ClockWatch } from '../../sidecar/lib/clock-watch.ts';
import { createLog } from '../../sidecar/observe/log.ts';

test('clocks are compared with the Date of answers; each change is logged once', async (t) => {
  let offsetMs = 0;
  const server = createServer((_request, response) => {
    response.writeHead(404, { date: new Date(Date.now() + offsetMs).toUTCString() }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const lines: string[] = [];
  const watch = new ClockWatch({
    // A host that does not answer says nothing of its clock.
    origins: () => [`http://${host}`, 'http://127.0.0.1:1'],
    log: createLog('info', { write: (line) => void lines.push(line) }),
  });
  t.after(async () => {
    await watch.stop();
    server.close();
  });
  await watch.check();
  assert.deepEqual([[...watch.offsets.keys()], watch.problem, lines.length], [[host], undefined, 0]);
  offsetMs = -7_200_000;
  for (let attempt = 0; attempt < 3; attempt += 1) await watch.check();
  assert.match(watch.problem?.message ?? '', new RegExp(`is 7[12]\\d\\d seconds ahead of ${host}`));
  assert.equal(watch.problemWith([`http://${host}`])?.code, 'CLOCK_OFF');
  assert.equal(watch.problemWith(['http://127.0.0.1:1']), undefined);
  assert.equal(lines.length, 1);
  offsetMs = 5_000;
  await watch.check();
  assert.deepEqual([watch.problem, lines.length], [undefined, 2]);
});
