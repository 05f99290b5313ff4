import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { History } from '../../sidecar/hub/history.ts';

test('a process without a free file descriptor has the memory that was last known', ({ mock }) => {
  const history = new History({ hubs: () => [], stateDirectory: tmpdir() });
  const { memoryBytes } = history.now();
  assert.ok(memoryBytes > 0);
  mock.method(process.memoryUsage, 'rss', () => {
    throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  });
  assert.equal(history.now().memoryBytes, memoryBytes);
});
