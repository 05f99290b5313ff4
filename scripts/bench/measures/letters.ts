import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import { BlobDeadLetterStore } from '../../../sidecar/dead-letters/blob-store.ts';
import { encodeDeadLetter } from '../../../sidecar/dead-letters/codec.ts';
import { FileDeadLetterStore } from '../../../sidecar/dead-letters/file-store.ts';
import {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterStore,
  deadLetterId,
} from '../../../sidecar/dead-letters/store.ts';
import { forEachConcurrently } from '../../../sidecar/lib/concurrency.ts';
import { createLog } from '../../../sidecar/observe/log.ts';
import { startAzurite } from '../../../test/emulators/azurite.ts';
import { type Figure, median } from '../figures.ts';
import { addedFigure, type Cost, powerFigure, usedBytes } from '../growth.ts';
import { TEN_PROPERTIES } from '../shapes.ts';

/** In one call, as a lane has them in bad times. */
const BATCH = 100;
const LANES = 4;
const BEGIN_MS = Date.parse('2026-01-01T00:00:00Z');
const DEVICES = 100;
/** Sizes of the store in files at which its calls are compared. */
const SIZES = [1_000, 10_000, 100_000];
/** Calls at the end of each size, whose median counts. */
const APPENDS = 20;
const LISTS = 9;
const PAGE = 500;
const IN_CONTAINER = 20_000;
/** Requests at a time when each letter is a blob. */
const PARALLEL = 8;

/** Dead letters in files while their number grows. */
export async function letters(): Promise<Figure[]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-bench-letters-'));
  const log = createLog('error');
  const store = new FileDeadLetterStore({ directory, log });
  const append: Cost[] = [];
  const page: Cost[] = [];
  const ofDevice: Cost[] = [];
  try {
    await store.stats();
    const memory: Cost[] = [{ size: 0, cost: await usedBytes() }];
    for (const [index, size] of SIZES.entries()) {
      const micros = await appendAll(store, SIZES[index - 1] ?? 0, size);
      append.push({ size, cost: median(micros.slice(-APPENDS)) });
      page.push({ size, cost: await listMs(store, {}) });
      ofDevice.push({ size, cost: await listMs(store, { deviceId: 'device-7' }) });
      memory.push({ size, cost: await usedBytes() });
    }
    return [
      { name: 'dead letter in a file', values: [append.at(-1)?.cost ?? Number.NaN], unit: 'µs' },
      powerFigure('dead letters', 'append', append, true),
      powerFigure('dead letters', 'page of the newest', page),
      powerFigure('dead letters', 'page of one device', ofDevice),
      addedFigure('dead letters', 'memory of each', memory, 'bytes'),
    ];
  } finally {
    await store.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Dead letters in append blobs, over one blob for each. */
export async function containers(): Promise<Figure[]> {
  const azurite = await startAzurite();
  try {
    const { connectionString } = azurite;
    const single = await singleBlobs(connectionString, IN_CONTAINER);
    const options = { connection: connectionString, container: 'segments', hubThing: 'bench' };
    const store = new BlobDeadLetterStore(options);
    const together = await appendFromLanes(store, IN_CONTAINER);
    await store.close();
    const reader = new BlobDeadLetterStore(options);
    const [counted, countMs] = await timed(() => reader.stats());
    if (counted.count !== IN_CONTAINER) throw new Error(`The container has ${counted.count} dead letters.`);
    const [, pageMs] = await timed(() => reader.list({}, { limit: PAGE }));
    await reader.close();
    return [
      { name: 'dead letters in a container: a blob for each', values: [single], unit: '1/s' },
      { name: 'dead letters in a container: in append blobs', values: [together], unit: '1/s' },
      { name: 'dead letters in a container: over a blob for each', values: [together / single], unit: 'x' },
      { name: 'dead letters in a container: first count', values: [countMs], unit: 'ms' },
      { name: `dead letters in a container: page of ${PAGE}`, values: [pageMs], unit: 'ms' },
    ];
  } finally {
    await azurite.stop();
  }
}

/** Microseconds per dead letter, of each call. */
async function appendAll(store: DeadLetterStore, from: number, to: number): Promise<number[]> {
  const micros: number[] = [];
  for (let number = from; number < to; number += BATCH) {
    const batch = batchOf(number);
    const [, ms] = await timed(() => store.append(batch));
    micros.push((ms * 1_000) / BATCH);
  }
  return micros;
}

async function listMs(store: DeadLetterStore, filter: DeadLetterFilter): Promise<number> {
  const times: number[] = [];
  for (let call = 0; call < LISTS; call += 1)
    times.push((await timed(() => store.list(filter, { limit: PAGE })))[1]);
  return median(times);
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
    systemProperties: { 'iothub-connection-device-id': `device-${number % DEVICES}` },
    applicationProperties: {},
    deviceId: `device-${number % DEVICES}`,
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
