import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchOf } from './batch.ts';
import { createDevice, createHub, HUB, startPlatform } from './platform.ts';

const FUTURE = Date.UTC(2099, 0, 1);

describe('HealPropertyTimes', () => {
  test('properties with a time in the future change again; others are left as they are', async (t) => {
    const platform = await startPlatform(t);
    const { client, sidecarKey } = platform;
    await createHub(platform);
    await createDevice(platform, 'pump', { temperature: 'NUMBER', state: 'STRING', level: 'NUMBER' });
    const send = (rows: readonly (readonly unknown[])[]): Promise<unknown> => {
      const properties = ['temperature', 'state', 'level'];
      const baseTypes = ['NUMBER', 'STRING', 'NUMBER'];
      const batch = batchOf([{ thing: 'pump', properties, baseTypes, rows }]);
      return client.result(`Things/${HUB}`, 'ReceiveUpdates', { batch }, { key: sidecarKey });
    };
    const past = Date.now() - 60_000;
    await send([[1, past, 'GOOD', null, null, 7]]);
    await send([[2, FUTURE, 'GOOD', 21, 'on', null]]);
    await send([[3, Date.now(), 'GOOD', 22, 'off', null]]);
    assert.deepEqual(
      [await client.read('pump', 'temperature'), await client.read('pump', 'state')],
      [21, 'on'],
      'the values are frozen',
    );

    const answer = await client.result('Things/pump', 'HealPropertyTimes', {});
    const time = '2099-01-01T00:00:00.000Z';
    assert.deepEqual(
      answer.healed.toSorted((a: { property: string }, b: { property: string }) =>
        a.property < b.property ? -1 : 1,
      ),
      [
        { property: 'state', time },
        { property: 'temperature', time },
      ],
    );
    assert.deepEqual(answer.failed, []);
    const level = await client.result('Things/pump', 'GetPropertyTime', { propertyName: 'level' });
    assert.equal(new Date(level).getTime(), past);

    await send([[4, Date.now() + 1, 'GOOD', 23, 'off', null]]);
    assert.deepEqual(
      [await client.read('pump', 'temperature'), await client.read('pump', 'state')],
      [23, 'off'],
    );
    assert.deepEqual(await client.result('Things/pump', 'HealPropertyTimes', {}), { healed: [], failed: [] });
  });
});
