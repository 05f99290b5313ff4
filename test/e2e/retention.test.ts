import assert from 'node:assert/strict';
import { test } from 'node:test';
import { store } from './instruments.ts';
import { accounts, eventually } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

const MIB = 1024 * 1024;

test('messages that the hub drops while the sidecar is away are counted and named, and all others arrive', async (t) => {
  const lines: string[] = [];
  const system = new WatchedSystem({
    devices: 1,
    partitions: 1,
    retentionBytes: 3 * MIB,
    onSidecarLine: (line) => lines.push(line),
  });
  t.after(() => system.stop());
  await system.start();
  const [{ deviceId } = assert.fail()] = system.devices;
  const send = (count: number) =>
    store(
      system,
      Array.from({ length: count }, (_, index) => ({
        deviceId,
        body: { count: index, padding: 'x'.repeat(100_000) },
      })),
    );
  await send(3);
  await eventually(async () => assert.equal((await accounts(system)).delivered, 3));
  await system.sidecar.stop();
  await send(60);
  await system.sidecar.start();
  await eventually(async () => {
    const metrics = await (await fetch(`${system.sidecar.url}/metrics`)).text();
    const expired = Number(/^azure_iot_messages_expired_total\{.*\} (\d+)$/m.exec(metrics)?.[1]);
    assert.ok(expired > 0, 'The hub keeps less than was sent.');
    assert.equal((await accounts(system)).delivered + expired, 60);
  });
  const { lastError, lag, state } = (await system.status()) as {
    lastError?: { code: string; message: string };
    lag?: number;
    state?: string;
  };
  assert.equal(lastError?.code, 'MESSAGES_EXPIRED');
  assert.match(lastError.message, /deleted \d+ messages of partition 0/);
  assert.deepEqual([lag, state], [0, 'running']);
  assert.equal(lines.filter((line) => line.includes('MESSAGES_EXPIRED')).length, 1);
});
