import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { StateStore } from '../iothub/state-store.ts';
import { startHarness } from './state-harness.ts';

describe('a hub with a directory', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hub-restart-'));
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test('knows its devices, twins, jobs and configurations again', async () => {
    const first = await startHarness({ directory });
    const created = (await first.registry.create({ deviceId: 'kept' })).responseBody;
    await first.registry.create({ deviceId: 'deleted' });
    await first.registry.addModule({ deviceId: 'kept', moduleId: 'mod' });
    first.state.twins.patch('kept', undefined, { tags: { a: 1 }, properties: { desired: { b: 2 } } });
    first.state.twins.patchReported('kept', 'mod', { c: 3 });
    await first.registry.addConfiguration({
      id: 'config',
      content: { deviceContent: { 'properties.desired.d': 4 } },
      targetCondition: 'tags.a = 1',
      priority: 1,
    } as never);
    const later = new Date(Date.now() + 2000);
    const patch = { etag: '*', tags: { after: 'restart' } };
    await first.jobClient.scheduleTwinUpdate('waiting', "deviceId = 'kept'", patch, later, 60);
    first.state.identities.setConnectionState('kept', undefined, 'Connected');
    await first.registry.delete('deleted');
    await first.stop();

    const second = await startHarness({ directory });
    try {
      const read = (await second.registry.get('kept')).responseBody;
      assert.equal(read.generationId, created.generationId);
      assert.deepEqual(read.authentication?.symmetricKey, created.authentication?.symmetricKey);
      assert.equal(read.connectionState, 'Disconnected');
      assert.equal(second.state.identities.get('deleted'), undefined);
      assert.equal((await second.registry.getModulesOnDevice('kept')).responseBody.length, 1);
      const twin = (await second.registry.getTwin('kept')).responseBody;
      assert.equal(twin.properties.desired.b, 2);
      assert.equal(twin.properties.desired.d, 4);
      assert.equal(twin.properties.desired.$version, 3);
      assert.equal(
        (await second.registry.getModuleTwin('kept', 'mod')).responseBody.properties.reported.c,
        3,
      );
      for (let turn = 0; turn < 500; turn += 1) {
        if (second.state.twins.require('kept').tags.after === 'restart') break;
        await delay(20);
      }
      assert.equal(second.state.twins.require('kept').tags.after, 'restart');
      await second.registry.removeConfiguration('config');
      assert.equal((await second.registry.getTwin('kept')).responseBody.properties.desired.d, undefined);
    } finally {
      await second.stop();
    }
  });
});

describe('the journal', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hub-journal-'));
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test('has every change before it is answered, and survives a torn last line', async () => {
    const first = new StateStore(directory);
    const numbers = first.collection<number>('numbers');
    first.start();
    numbers.set('a', 1);
    numbers.set('b', 2);
    numbers.delete('a');
    const file = join(directory, 'state.jsonl');
    assert.equal((await readFile(file, 'utf8')).trim().split('\n').length, 3);
    await appendFile(file, '["numbers","c"');
    const second = new StateStore(directory);
    second.start();
    assert.deepEqual([...second.collection<number>('numbers').entries()], [['b', 2]]);
    second.stop();
    first.stop();
  });

  test('does not grow for ever', async () => {
    const store = new StateStore(join(directory, 'grow'));
    const values = store.collection<{ n: number }>('values');
    store.start();
    for (let n = 0; n < 10_000; n += 1) values.set(`k${n % 10}`, { n });
    const lines = (await readFile(join(directory, 'grow', 'state.jsonl'), 'utf8')).trim().split('\n');
    assert.ok(lines.length < 3000, `${lines.length} lines`);
    store.stop();
    const again = new StateStore(join(directory, 'grow'));
    again.start();
    assert.deepEqual(again.collection<{ n: number }>('values').get('k9'), { n: 9999 });
    again.stop();
  });
});
