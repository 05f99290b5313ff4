import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryCheckpoints } from '../../../sidecar/azure/event-hubs/checkpoints.ts';
import { GuardedCheckpoints } from '../../../sidecar/azure/event-hubs/guarded-checkpoints.ts';

const PLACE = ['namespace', 'hub', 'group'] as const;

function claim(partitionId: string, ownerId: string) {
  const [fullyQualifiedNamespace, eventHubName, consumerGroup] = PLACE;
  return { fullyQualifiedNamespace, eventHubName, consumerGroup, partitionId, ownerId };
}

test('a sidecar that was frozen learns that another owns its partition before it writes a checkpoint', async () => {
  const inner = createMemoryCheckpoints();
  const guard = new GuardedCheckpoints({
    inner,
    ownerId: 'me',
    partitions: undefined,
    timeoutMs: 1_000,
    startPositionOf: () => ({ from: 'earliest' }),
    partitionEnd: () => Promise.reject(new Error('not asked')),
    onAhead: () => undefined,
    onSkip: () => undefined,
  });
  await guard.claimOwnership([claim('0', 'me')]);
  await guard.listOwnership(...PLACE);
  assert.equal(await guard.stillOwns('0', 0), true, 'nobody took it, although the renewal is late');
  assert.equal(guard.othersOwn(['0']), false);
  await inner.claimOwnership([claim('0', 'another')]);
  assert.equal(await guard.stillOwns('0', 0), false);
  await guard.listOwnership(...PLACE);
  assert.equal(guard.othersOwn(['0']), true);
  assert.equal(guard.othersOwn(['0', '1']), false, 'nobody owns partition 1');
});
