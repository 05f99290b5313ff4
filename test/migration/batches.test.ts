import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { inBatches } from '../../sidecar/migration/batches.ts';

const ITEMS = Array.from({ length: 100 }, (_, index) => index);
const refuse = () => new ConnectorError('THINGWORX_REJECTED', 'too slow');

describe('work in batches', () => {
  test('each item comes once and in order, in batches that grow to the limit', async () => {
    const sizes: number[] = [];
    const seen: number[] = [];
    await inBatches(
      ITEMS,
      20,
      async (some) => {
        sizes.push(some.length);
        seen.push(...some);
      },
      () => assert.fail('nothing is refused'),
    );
    assert.deepEqual(seen, ITEMS);
    assert.ok(sizes.includes(20) && sizes.every((size) => size <= 20), String(sizes));
  });

  test('a refused batch is halved until the item is alone that is refused', async () => {
    const seen: number[] = [];
    const refused: number[] = [];
    await inBatches(
      ITEMS,
      20,
      async (some) => {
        if (some.includes(42)) throw refuse();
        seen.push(...some);
      },
      (item) => refused.push(item),
    );
    assert.deepEqual(refused, [42]);
    assert.deepEqual(
      seen,
      ITEMS.filter((item) => item !== 42),
    );
  });

  test('any other error ends the work', async () => {
    const forbidden = new ConnectorError('THINGWORX_FORBIDDEN', 'no right');
    await assert.rejects(
      inBatches(
        ITEMS,
        20,
        async () => {
          throw forbidden;
        },
        () => assert.fail('nothing is skipped'),
      ),
      forbidden,
    );
  });

  test('nothing to do is no call', () =>
    inBatches(
      [],
      20,
      () => assert.fail('no call'),
      () => undefined,
    ));
});
