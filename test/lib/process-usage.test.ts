import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessUsage } from '../../sidecar/lib/process-usage.ts';

test('a process without a free file descriptor has the memory that was last known', ({ mock }) => {
  const usage = new ProcessUsage();
  const { memoryBytes } = usage;
  assert.ok(memoryBytes > 0);
  mock.method(process.memoryUsage, 'rss', () => {
    throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  });
  assert.equal(usage.memoryBytes, memoryBytes);
});
