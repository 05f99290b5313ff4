import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryCheckpoints } from '../../../sidecar/azure/event-hubs/checkpoints.ts';
import type { CheckpointStore } from '../../../sidecar/azure/event-hubs/event-types.ts';
import { GuardedCheckpoints } from '../../../sidecar/azure/event-hubs/guarded-checkpoints.ts';

const PLACE = ['namespace', 'hub', 'group'] as const;

function claim(partitionId: string, ownerId: string) {
  const [fullyQualifiedNamespace, eventHubName, consumerGroup] = PLACE;
  return { fullyQualifiedNamespace, eventHubName, consumerGroup, partitionId, ownerId };
}

function guardOf(inner: CheckpointStore): GuardedCheckpoints {
  return new GuardedCheckpoints({
    inner,
    ownerId: 'me',
    partitions: undefined,
    timeoutMs: 1_000,
    restMs: 3_600_000,
    partitionIds: () => ['0', '1'],
    startPositionOf: () => ({ from: 'earliest' }),
    recoveredPosition: async () => undefined,
    partitionEnd: () => Promise.reject(new Error('not asked')),
    onAhead: () => undefined,
    onSkip: () => undefined,
  });
}

test('a sidecar that was frozen learns that another owns its partition', async () => {
  const inner = createMemoryCheckpoints();
  const guard = guardOf(inner);
  await guard.claimOwnership([claim('0', 'me')]);
  await guard.listOwnership(...PLACE);
  assert.equal(await guard.stillOwns('0'), true, 'nobody took it, although the renewal is late');
  assert.equal(guard.othersOwn(['0']), false);
  await inner.claimOwnership([claim('0', 'another')]);
  assert.equal(await guard.stillOwns('0'), false);
  await guard.listOwnership(...PLACE);
  assert.equal(guard.othersOwn(['0']), true);
  assert.equal(guard.othersOwn(['0', '1']), false, 'nobody owns partition 1');
});

test('another process with the same owner id took the partition', async () => {
  const inner = createMemoryCheckpoints();
  const guard = guardOf(inner);
  await guard.claimOwnership([claim('0', 'me')]);
  await guard.listOwnership(...PLACE);
  await inner.claimOwnership([claim('0', 'me')]);
  assert.equal(await guard.stillOwns('0'), false);
});

test('a renewal whose answer is on its way does not look like the claim of another process', async () => {
  const inner = createMemoryCheckpoints();
  const answered = Promise.withResolvers<void>();
  let isSlow = false;
  const guard = guardOf({
    ...inner,
    claimOwnership: async (claims) => {
      const claimed = await inner.claimOwnership(claims);
      if (isSlow) await answered.promise;
      return claimed;
    },
  });
  await guard.claimOwnership([claim('0', 'me')]);
  await guard.listOwnership(...PLACE);
  isSlow = true;
  const renewal = guard.claimOwnership([claim('0', 'me')]);
  const owns = guard.stillOwns('0');
  answered.resolve();
  assert.equal(await owns, true);
  await renewal;
});

test('what an earlier process with the same owner id owned is free at once, what this one reads is not', async () => {
  const inner = createMemoryCheckpoints();
  await inner.claimOwnership([claim('0', 'me'), claim('1', 'me'), claim('2', 'another')]);
  const guard = guardOf(inner);
  const owners = async () => (await guard.listOwnership(...PLACE)).map(({ ownerId }) => ownerId);
  assert.deepEqual(await owners(), ['', '', 'another']);
  await guard.claimOwnership([claim('0', 'me')]);
  assert.deepEqual(await owners(), ['me', '', 'another']);
});

test('a partition whose checkpoint could not be read is claimed again in the next round', async () => {
  const inner = createMemoryCheckpoints();
  const guard = guardOf({ ...inner, listCheckpoints: () => Promise.reject(new Error('away')) });
  await guard.claimOwnership([claim('0', 'me')]);
  await assert.rejects(guard.listCheckpoints(...PLACE));
  assert.deepEqual(
    (await guard.listOwnership(...PLACE)).map(({ ownerId }) => ownerId),
    [''],
  );
});

test('a sidecar that reads all partitions looks at them again when one of them ends, and when it stops', async () => {
  const guard = guardOf(createMemoryCheckpoints());
  await guard.claimOwnership([claim('0', 'me')]);
  for (let round = 0; round < 3; round += 1)
    assert.equal((await guard.listOwnership(...PLACE)).length, 1, 'the other partition is free');
  await guard.claimOwnership([claim('1', 'me')]);
  assert.equal((await guard.listOwnership(...PLACE)).length, 2);

  const afterEnd = guard.listOwnership(...PLACE);
  guard.release('1');
  assert.deepEqual((await afterEnd).map(({ ownerId }) => ownerId).toSorted(), ['', 'me']);
  await guard.claimOwnership([claim('1', 'me')]);

  const atStop = guard.listOwnership(...PLACE);
  guard.beginStop();
  assert.deepEqual(
    (await atStop).map(({ ownerId }) => ownerId),
    ['me', 'me'],
  );
  await guard.listOwnership(...PLACE);
});
