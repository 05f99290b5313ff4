import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceClock } from '../../sidecar/azure/service-clock.ts';
import { listeningLog } from '../dead-letters/letters.ts';

const header = (timeMs: number) => new Date(timeMs).toUTCString();

test('is the clock of the machine before the first answer, and after one that names no time', () => {
  const { log } = listeningLog();
  const clock = new ServiceClock(log);
  for (const date of [undefined, '', 'yesterday']) clock.observe(date, performance.now());
  assert.ok(Math.abs(clock.offsetMs) < 1);
  assert.equal(clock.warning, undefined);
});

for (const [offsetMs, words] of [
  [-10_000, /10 s behind/],
  [-3_600_000, /3600 s behind/],
  [86_400_000, /86400 s ahead of/],
] as const)
  test(`a machine that is off by ${offsetMs} ms is told once, and once when it is right again`, () => {
    const { log, lines } = listeningLog();
    const clock = new ServiceClock(log);
    for (let answer = 0; answer < 5; answer += 1)
      clock.observe(header(Date.now() - offsetMs), performance.now());
    assert.ok(Math.abs(clock.nowMs() - (Date.now() - offsetMs)) < 1_500);
    assert.match(String(clock.warning), words);
    assert.equal(lines.length, 1);
    assert.match(String(lines[0]?.['msg']), words);
    for (let answer = 0; answer < 5; answer += 1) clock.observe(header(Date.now()), performance.now());
    assert.equal(clock.warning, undefined);
    assert.equal(lines.length, 2);
  });

test('the whole seconds of the header and slow answers do not move it', () => {
  const clock = new ServiceClock(listeningLog().log);
  clock.observe(header(Date.now()), performance.now());
  const before = clock.nowMs() - performance.now();
  clock.observe(header(Date.now() - 20_000), performance.now() - 25_000);
  assert.ok(Math.abs(clock.nowMs() - performance.now() - before) < 1_000);
});

test('a host that does not answer leaves it as it is', async () => {
  const clock = new ServiceClock(listeningLog().log);
  assert.equal(await clock.measure('127.0.0.1:1', new AbortController().signal), false);
  assert.ok(Math.abs(clock.offsetMs) < 1);
});
