import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import type { Sidecar } from '../../scripts/local/sidecar.ts';
import { HUB_THING, type LocalSystem } from '../../scripts/local/system.ts';
import { everythingInOrder, type Listener, loadDuring, type Volume } from './instruments.ts';
import { eventually } from './observe.ts';
import { RecordedSystem } from './recorded-system.ts';

const SECOND_HUB_THING = 'Factory.IoTHub2';

/** Reads the checkpoints in the container again and again; a position that is lower than before is an error. */
class CheckpointWatch {
  readonly backwards: string[] = [];
  readonly #highest = new Map<string, number>();
  readonly #abort = new AbortController();
  readonly #connection: () => string;
  #running: Promise<void> | undefined;

  constructor(connection: () => string) {
    this.#connection = connection;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const service = BlobServiceClient.fromConnectionString(this.#connection());
    while (!this.#abort.signal.aborted) {
      for await (const { name: container } of service.listContainers())
        for await (const { name, metadata } of service
          .getContainerClient(container)
          .listBlobsFlat({ includeMetadata: true }))
          if (name.includes('/checkpoint/')) this.#look(name, Number(metadata?.['sequencenumber']));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #look(name: string, sequenceNumber: number): void {
    const highest = this.#highest.get(name) ?? -1;
    if (sequenceNumber < highest) this.backwards.push(`${name}: ${highest} -> ${sequenceNumber}`);
    this.#highest.set(name, Math.max(highest, sequenceNumber));
  }
}

describe('who owns a partition, over blob checkpoints', () => {
  const recorded = new RecordedSystem();
  const watch = new CheckpointWatch(() => system.cloud.storageConnectionString);
  let system: LocalSystem;
  let second: Sidecar;
  let volume: Volume;
  let listener: Listener;

  before(async () => {
    ({ system, volume, listener } = await recorded.start());
    watch.start();
  });
  after(async () => {
    await watch.stop();
    await second?.stop();
    await recorded.stop();
  });

  async function owners(hubThing: string): Promise<string[]> {
    const { partitions } = (await system.status(hubThing)) as { partitions?: { owner: string }[] };
    return (partitions ?? []).map(({ owner }) => owner).filter((owner) => owner !== '');
  }

  const owns = (hubThing: string, partitions: number) =>
    eventually(async () => assert.equal((await owners(hubThing)).length, partitions));

  test('a sidecar that was killed comes back as the same owner', async () => {
    const [before] = await owners(HUB_THING);
    assert.match(String(before), /-[0-9a-f]{8}-[0-9a-f]{8}$/);
    await loadDuring(listener, volume, async () => {
      await system.sidecar.kill();
      await system.sidecar.start();
      await owns(HUB_THING, 4);
    });
    assert.deepEqual([...new Set(await owners(HUB_THING))], [before]);
  });

  test('a frozen sidecar loses its partitions, and neither its values nor its checkpoints count when it goes on', async () => {
    second = await system.addSidecar(SECOND_HUB_THING);
    await loadDuring(listener, volume, async () => {
      await owns(SECOND_HUB_THING, 2);
      const pid = system.sidecar.pid ?? assert.fail('The sidecar does not run.');
      process.kill(pid, 'SIGSTOP');
      try {
        await owns(SECOND_HUB_THING, 4);
        const had = volume.count;
        await eventually(async () => assert.ok(volume.count > had + 50));
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await owns(SECOND_HUB_THING, 2);
      await owns(HUB_THING, 2);
    });
  });

  test('no message was applied twice, whichever sidecar sent it, and no checkpoint went back', async () => {
    await everythingInOrder(listener, volume);
    recorded.assertAppliedOnce(volume);
    assert.deepEqual(watch.backwards, []);
  });
});
