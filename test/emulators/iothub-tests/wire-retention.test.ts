import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { IotHubOptions } from '../iothub/emulator.ts';
import { consume, fill, startTrusted, until } from './wire-support.ts';

describe('what is kept of the event stream', () => {
  test('a restart keeps events, numbering, keys, devices and the time of creation', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'wire-restart-'));
    const options: IotHubOptions = { directory, partitionCount: 2 };
    const first = await startTrusted(options);
    const createdAtMs = first.log.createdAtMs;
    first.identities.create('kept', undefined, {});
    await fill(first, 'kept', 0, 20);
    const strings = [first.connectionString(), first.eventHubConnectionString()].map(withoutPort);
    await first.stop();
    const second = await startTrusted({ directory });
    assert.deepEqual(
      [second.connectionString(), second.eventHubConnectionString()].map(withoutPort),
      strings,
    );
    assert.ok(second.identities.get('kept'));
    await fill(second, 'kept', 20, 25);
    const consumer = consume(second);
    await consumer.until((events) => events.length >= 25);
    assert.deepEqual(
      consumer.events.map(({ body, sequenceNumber }) => [body.index, sequenceNumber]),
      Array.from({ length: 25 }, (_, index) => [index, index]),
    );
    assert.equal((await consumer.client.getEventHubProperties()).createdOn.getTime(), createdAtMs);
    await consumer.close();
    await second.stop();
    await rm(directory, { recursive: true });
  });

  test('an emulator that is killed keeps what it has acknowledged', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'wire-killed-'));
    const run = async () => {
      const args = [fileURLToPath(new URL('../iothub/main.ts', import.meta.url)), '--directory', directory];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      return { child, controlUrl: (JSON.parse(line.toString()) as { controlUrl: string }).controlUrl };
    };
    const killed = await run();
    const send = async (index: number) => {
      const body = JSON.stringify({ deviceId: `k-${index % 7}`, body: { index } });
      await fetch(`${killed.controlUrl}/events`, { method: 'POST', body });
    };
    let acknowledged = 0;
    const sending = (async () => {
      for (;;) {
        await send(acknowledged);
        acknowledged += 1;
        if (acknowledged === 50) killed.child.kill('SIGKILL');
      }
    })();
    await assert.rejects(sending);
    // What a kill in the middle of a write leaves behind.
    for (const partition of ['0', '1', '2', '3']) {
      const folder = join(directory, 'events', partition);
      for (const file of await readdir(folder)) {
        if (file.endsWith('.slab')) await appendFile(join(folder, file), Buffer.from([0, 0, 1]));
      }
    }
    const hub = await startTrusted({ directory });
    await fill(hub, 'k-after', 1000, 1001);
    const consumer = consume(hub);
    await consumer.until((events) => events.length > acknowledged);
    const indexes = consumer.events.map(({ body }) => body.index);
    for (let index = 0; index < acknowledged; index += 1)
      assert.ok(indexes.includes(index), `event ${index}`);
    await consumer.close();
    await hub.stop();
    await rm(directory, { recursive: true });
  });

  test('retention by age removes old events, and the numbering goes on', async () => {
    const hub = await startTrusted({ partitionCount: 1, retentionMs: 300 });
    const partition = hub.log.partitions[0] ?? assert.fail();
    await fill(hub, 'old', 0, 5);
    await until(async () => {
      await partition.expire();
      return partition.isEmpty;
    });
    const service = consume(hub);
    const properties = await service.client.getPartitionProperties('0');
    assert.deepEqual([properties.isEmpty, properties.lastEnqueuedSequenceNumber], [true, 4]);
    let next = 5;
    // What is not read in time is gone again.
    await until(async () => {
      await fill(hub, 'new', next, ++next);
      return service.events.length > 0;
    });
    const [event] = service.events;
    assert.ok((event?.sequenceNumber ?? 0) >= 5);
    assert.equal(event?.body.index, event?.sequenceNumber);
    await service.close();
    await hub.stop();
  });

  test('retention by bytes removes the oldest events and the reader goes on with the rest', async () => {
    const hub = await startTrusted({ partitionCount: 1, retentionBytes: 3 << 20, cacheBytes: 1 << 20 });
    const body = Buffer.alloc(10_000, 'x');
    const total = 1000;
    for (let index = 0; index < total; index += 1) {
      const properties = { application: { n: `${index}` } };
      await hub.stream.append({ source: 'Telemetry', deviceId: 'big', body, properties });
    }
    const partition = hub.log.partitions[0] ?? assert.fail();
    await until(() => partition.bytes <= 3 << 20);
    const begin = partition.beginSequence;
    assert.ok(begin > 500);
    const consumer = consume(hub);
    await consumer.until((events) => events.length >= total - begin);
    assert.equal(consumer.events[0]?.sequenceNumber, begin);
    assert.equal(consumer.events.at(-1)?.properties?.n, `${total - 1}`);
    await consumer.close();
    await hub.stop();
  });
});

function withoutPort(text: string): string {
  return text.replace(/localhost:\d+/, 'localhost');
}
