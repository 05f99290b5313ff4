import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConnectorError } from '../../../sidecar/errors/connector-error.ts';
import { Checkpointer, type Position } from '../../../sidecar/ingest/lanes/checkpointer.ts';
import { until } from '../../dead-letters/letters.ts';

const at = (sequenceNumber: number): Position => ({ sequenceNumber, offset: String(sequenceNumber) });

describe('checkpointer', () => {
  test('writes many positions as few, the last one in the end', async () => {
    const written: number[] = [];
    const checkpointer = new Checkpointer({
      write: async ({ sequenceNumber }) => written.push(sequenceNumber) > 0,
      onUnwritten: () => undefined,
      intervalMs: 20,
    });
    for (let i = 0; i < 1_000; i += 1) checkpointer.advance(at(i));
    assert.deepEqual(written, []);
    await until(() => written.length === 1);
    assert.deepEqual(written, [999]);
    checkpointer.advance(at(1_000));
    await checkpointer.flush();
    await checkpointer.flush();
    assert.deepEqual(written, [999, 1_000]);
  });

  test('tries again when the store fails, with the newest position, and says so once', async () => {
    const written: number[] = [];
    let attempts = 0;
    let isAway = true;
    const told: (string | undefined)[] = [];
    const checkpointer = new Checkpointer({
      write: async ({ sequenceNumber }) => {
        attempts += 1;
        if (isAway) throw new ConnectorError('AZURE_UNREACHABLE', 'away');
        written.push(sequenceNumber);
        return true;
      },
      onUnwritten: (error) => told.push(error?.message),
      intervalMs: 5,
    });
    checkpointer.advance(at(1));
    await until(() => attempts >= 2);
    checkpointer.advance(at(2));
    isAway = false;
    await until(() => written.length === 1);
    assert.deepEqual(written, [2]);
    await checkpointer.flush();
    assert.equal(told.length, 2, 'once when it began and once when it was over');
    assert.match(told[0] ?? '', /away/);
    assert.equal(told[1], undefined);
  });

  test('writes one at a time', async () => {
    let active = 0;
    let most = 0;
    const checkpointer = new Checkpointer({
      write: async () => {
        active += 1;
        most = Math.max(most, active);
        await new Promise((resolve) => setTimeout(resolve, 5));
        active -= 1;
        return true;
      },
      onUnwritten: () => undefined,
      intervalMs: 1,
    });
    for (let i = 0; i < 10; i += 1) {
      checkpointer.advance(at(i));
      void checkpointer.flush();
    }
    await checkpointer.flush();
    assert.equal(most, 1);
  });

  test('writes nothing more once the partition is another sidecar’s', async () => {
    const written: number[] = [];
    const checkpointer = new Checkpointer({
      write: async ({ sequenceNumber }) => {
        written.push(sequenceNumber);
        return false;
      },
      onUnwritten: () => undefined,
      intervalMs: 1,
    });
    checkpointer.advance(at(1));
    await checkpointer.flush();
    checkpointer.advance(at(2));
    await checkpointer.flush();
    assert.deepEqual(written, [1]);
  });
});
