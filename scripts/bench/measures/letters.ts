import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import { BlobDeadLetterStore } from '../../../sidecar/dead-letters/blob-store.ts';
import { encodeDeadLetter } from '../../../sidecar/dead-letters/codec.ts';
import { FileDeadLetterStore } from '../../../sidecar/dead-letters/file-store.ts';
import { type DeadLetter, type DeadLetterStore, deadLetterId } from '../../../sidecar/dead-letters/store.ts';
import { forEachConcurrently } from '../../../sidecar/lib/concurrency.ts';
import { createLog } from '../../../sidecar/observe/log.ts';
import { startAzurite } from '../../../test/emulators/azurite.ts';
import { type Figure, median } from '../figures.ts';
import { TEN_PROPERTIES } from '../shapes.ts';

/** In one call, as a lane has them in bad times. */
const BATCH = 100;
const LANES = 4;
const BEGIN_MS = Date.parse('2026-01-01T00:00:00Z');
/** Of the letters in files: those at the beginning and at the end whose calls are compared. */
const EDGE = 10_000;
/** Requests at a time when each letter is a blob. */
const PARALLEL = 8;

/** What dead letters cost: in files while their number grows, and in blobs over one blob for each. */
export async function letters(inFiles: number, inBlobs: number): Promise<Figure[]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'letters-bench-'));
  const azurite = await startAzurite({ directory: path.join(directory, 'azurite') });
  try {
    const files = new FileDeadLetterStore({
      directory: path.join(directory, 'files'),
      log: createLog('error'),
    });
    const micros = await appendAll(files, inFiles);
    await files.close();
    const edge = Math.min(EDGE, inFiles / 2) / BATCH;
    const [first, last] = [median(micros.slice(0, edge)), median(micros.slice(-edge))];

    const { connectionString } = azurite;
    const single = await singleBlobs(connectionString, inBlobs);
    const store = new BlobDeadLetterStore({
      connection: connectionString,
      container: 'segments',
      hubThing: 'bench',
    });
    const together = await appendFromLanes(store, inBlobs);
    await store.close();
    const reader = new BlobDeadLetterStore({
      connection: connectionString,
      container: 'segments',
      hubThing: 'bench',
    });
    const [counted, countMs] = await timed(() => reader.stats());
    if (counted.count !== inBlobs) throw new Error(`The container has ${counted.count} dead letters.`);
    const [, pageMs] = await timed(() => reader.list({}, { limit: 500 }));
    await reader.close();
    const number = inFiles.toLocaleString('en');
    return [
      { name: 'dead letter in a file: first ones', values: [first], unit: 'µs' },
      { name: `dead letter in a file: after ${number}`, values: [last], unit: 'µs' },
      {
        name: `dead letter in a file: growth to ${number}`,
        values: [last / first],
        unit: 'x',
        budget: '<= 1.3',
      },
      { name: 'dead letters in a container: a blob for each', values: [single], unit: '1/s' },
      { name: 'dead letters in a container: in append blobs', values: [together], unit: '1/s' },
      { name: 'dead letters in a container: over a blob for each', values: [together / single], unit: 'x' },
      { name: 'dead letters in a container: first count', values: [countMs], unit: 'ms' },
      { name: 'dead letters in a container: page of 500', values: [pageMs], unit: 'ms' },
    ];
  } finally {
    await azurite.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Microseconds per dead letter, of each call. */
async function appendAll(store: DeadLetterStore, count: number): Promise<number[]> {
  const micros: number[] = [];
  for (let number = 0; number < count; number += BATCH) {
    const batch = batchOf(number);
    const [, ms] = await timed(() => store.append(batch));
    micros.push((ms * 1_000) / BATCH);
  }
  return micros;
}

/** Dead letters per second. */
async function appendFromLanes(store: DeadLetterStore, count: number): Promise<number> {
  const batches = Array.from({ length: count / BATCH }, (_, number) => batchOf(number * BATCH));
  const [, ms] = await timed(() => forEachConcurrently(batches, LANES, (batch) => store.append(batch)));
  return (count / ms) * 1_000;
}

/** Dead letters per second when each is a blob. */
async function singleBlobs(connection: string, count: number): Promise<number> {
  const container = BlobServiceClient.fromConnectionString(connection).getContainerClient('single');
  await container.create();
  // Fewer are enough for a rate.
  const some = Array.from({ length: Math.min(count, 2_000) }, (_, number) => letterOf(number));
  const [, ms] = await timed(() =>
    forEachConcurrently(some, PARALLEL, async (letter) => {
      const content = encodeDeadLetter(letter);
      await container
        .getBlockBlobClient(`${letter.id}.json`)
        .upload(content, Buffer.byteLength(content), { conditions: { ifNoneMatch: '*' } });
    }),
  );
  return (some.length / ms) * 1_000;
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const startedAt = performance.now();
  const result = await work();
  return [result, performance.now() - startedAt];
}

function batchOf(first: number): DeadLetter[] {
  return Array.from({ length: BATCH }, (_, number) => letterOf(first + number));
}

function letterOf(number: number): DeadLetter {
  const message = {
    body: Buffer.from(TEN_PROPERTIES.body(number)),
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    systemProperties: { 'iothub-connection-device-id': `device-${number % 100}` },
    applicationProperties: {},
    deviceId: `device-${number % 100}`,
    source: 'Telemetry',
    enqueuedTimeMs: BEGIN_MS + number * 10,
    sequenceNumber: number,
    offset: String(number),
    partitionId: String(number % 4),
  };
  return {
    id: deadLetterId('cafe0123', message),
    storedAtMs: Date.now(),
    message,
    reasons: [{ code: 'THING_UNKNOWN', reason: `There is no Thing of the name ${message.deviceId}.` }],
  };
}
