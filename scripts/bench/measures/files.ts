import { type ChildProcess, fork } from 'node:child_process';
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { BlobServiceClient } from '@azure/storage-blob';
import { NODE_FLAGS } from '../../../sidecar/setup/trial-run.ts';
import { startAzurite } from '../../../test/emulators/azurite.ts';
import type { Figure } from '../figures.ts';
import type { DirectTransfer } from '../files-direct.ts';
import { TOKEN } from '../files-sidecar.ts';
import { loadOf, type ProcessLoad } from '../process-load.ts';

const MIB = 1024 * 1024;
const IDLE_MS = 5_000;

/** The transfers of each program, one a round. */
interface Transfers {
  readonly sidecar: Transfer[];
  readonly relay: Transfer[];
  readonly sdk: Transfer[];
}

interface Transfer extends ProcessLoad {
  readonly seconds: number;
  readonly peakMib: number;
}

/**
 * A file of some mebibytes goes through PUT and GET of the sidecar's HTTP routes, beside it through a bare relay, and by Microsoft's SDK alone,
 * which sends or receives while the two others do both. All are processes of their own with the flags of the sidecar, as is Azurite: processor
 * time, memory, and how late the timers of the process are meanwhile.
 */
export async function files(mebibytes: number, rounds: number): Promise<Figure[]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'files-bench-'));
  const azurite = await startAzurite({ directory });
  const env = { ...process.env, STORAGE: azurite.connectionString };
  const start = (name: string) =>
    fork(path.join(import.meta.dirname, '..', name), [], { env, execArgv: [...NODE_FLAGS] });
  const children = [start('files-sidecar.ts'), start('files-relay.ts'), start('files-direct.ts')] as const;
  const [sidecar, relay, direct] = children;
  try {
    const [port, relayPort] = await Promise.all(
      children.map(async (child) => (await once(child, 'message'))[0] as unknown),
    );
    await BlobServiceClient.fromConnectionString(azurite.connectionString)
      .getContainerClient('bench')
      .create();
    const url = `http://127.0.0.1:${port}/v1/storage/bench/containers/bench/blobs/sidecar.bin`;
    const relayUrl = `http://127.0.0.1:${relayPort}/`;
    const bytes = mebibytes * MIB;
    const before = await residentMib(sidecar);
    await loadOf(sidecar);
    await sleep(IDLE_MS);
    const idle = await loadOf(sidecar);
    const up: Transfers = { sidecar: [], relay: [], sdk: [] };
    const down: Transfers = { sidecar: [], relay: [], sdk: [] };
    for (let round = 0; round < rounds; round += 1) {
      const [sent, received] = [createHash('md5'), createHash('md5')];
      up.sdk.push(await watched(direct, () => ask(direct, { upload: 'direct.bin', bytes })));
      up.relay.push(await watched(relay, () => put(relayUrl, bytes)));
      up.sidecar.push(await watched(sidecar, () => put(url, bytes, sent)));
      down.sdk.push(await watched(direct, () => ask(direct, { download: 'direct.bin' })));
      down.relay.push(await watched(relay, () => get(relayUrl)));
      down.sidecar.push(await watched(sidecar, () => get(url, received)));
      if (sent.digest('hex') !== received.digest('hex'))
        throw new Error('The file came back with another MD5.');
    }
    const perGib = (transfers: Transfer[]) =>
      transfers.map(({ cpuSeconds }) => (cpuSeconds / mebibytes) * 1024);
    const ratios = (own: Transfer[], other: Transfer[]) =>
      perGib(own).map((value, round) => value / (perGib(other)[round] ?? Number.NaN));
    const figures = (name: string, { sidecar: own, relay: bare, sdk }: Transfers): Figure[] => [
      { name: `${name}: CPU per GiB`, values: perGib(own), unit: 's' },
      { name: `${name}: CPU per GiB of a bare relay`, values: perGib(bare), unit: 's' },
      { name: `${name}: CPU per GiB of the SDK alone`, values: perGib(sdk), unit: 's' },
      { name: `${name}: CPU over a bare relay`, values: ratios(own, bare), unit: 'x' },
      { name: `${name}: CPU over the SDK alone`, values: ratios(own, sdk), unit: 'x', budget: '<= 1.3' },
      { name: `${name}: rate`, values: own.map(({ seconds }) => mebibytes / seconds), unit: 'MiB/s' },
      { name: `${name}: timers late, p99`, values: own.map(({ delayP99Ms }) => delayP99Ms), unit: 'ms' },
      {
        name: `${name}: timers of a bare relay late, p99`,
        values: bare.map(({ delayP99Ms }) => delayP99Ms),
        unit: 'ms',
      },
      { name: `${name}: timers late, most`, values: own.map(({ delayMaxMs }) => delayMaxMs), unit: 'ms' },
    ];
    const growth = [...up.sidecar, ...down.sidecar].map(({ peakMib }) => peakMib - before);
    return [
      ...figures('file upload', up),
      ...figures('file download', down),
      { name: 'without a file: timers late, p99', values: [idle.delayP99Ms], unit: 'ms' },
      { name: 'without a file: timers late, most', values: [idle.delayMaxMs], unit: 'ms' },
      { name: 'files: growth of memory', values: [Math.max(...growth)], unit: 'MB', budget: '<= 100' },
    ];
  } finally {
    for (const child of children) child.kill();
    await azurite.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Different bytes all the way, without a copy of them all. */
async function* content(bytes: number, hash: Hash | undefined): AsyncGenerator<Buffer> {
  const block = randomBytes(MIB);
  for (let left = bytes; left > 0; left -= MIB) {
    block.writeDoubleBE(left, 0);
    hash?.update(block);
    yield Buffer.from(block);
  }
}

async function residentMib({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}

/** Runs one transfer and gives what the process needed for it. */
async function watched(child: ChildProcess, run: () => Promise<unknown>): Promise<Transfer> {
  let peakMib = await residentMib(child);
  const timer = setInterval(async () => {
    peakMib = Math.max(peakMib, await residentMib(child).catch(() => 0));
  }, 50);
  await loadOf(child);
  const started = performance.now();
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  const seconds = (performance.now() - started) / 1000;
  return { ...(await loadOf(child)), seconds, peakMib };
}

async function ask(direct: ChildProcess, transfer: DirectTransfer): Promise<void> {
  const done = once(direct, 'message');
  direct.send(transfer);
  await done;
}

function put(url: string, bytes: number, hash?: Hash): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-length': String(bytes) };
    const sending = request(url, { method: 'PUT', headers }, (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200
          ? resolve()
          : reject(new Error(`PUT was answered ${response.statusCode}`)),
      );
    });
    sending.on('error', reject);
    Readable.from(content(bytes, hash)).pipe(sending);
  });
}

function get(url: string, hash?: Hash): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { headers: { authorization: `Bearer ${TOKEN}` } }, (response) => {
      response.on('data', (chunk: Buffer) => hash?.update(chunk));
      response.on('error', reject);
      response.on('end', () =>
        response.complete && response.statusCode === 200
          ? resolve()
          : reject(new Error(`GET was answered ${response.statusCode}`)),
      );
    });
    asking.on('error', reject);
    asking.end();
  });
}
