/**
 * How much memory the sidecar needs for a large file: a blob of --mib mebibytes goes through PUT and GET of the sidecar's HTTP routes, with
 * Azurite in a process of its own. Prints one line of JSON: seconds, MiB/s, growth of the resident memory, and whether the MD5 is right.
 * Usage: node scripts/bench/files.ts [--mib 2048] [--max-growth-mib 100]
 */
import { fork } from 'node:child_process';
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { BlobServiceClient } from '@azure/storage-blob';
import { startAzurite } from '../../test/emulators/azurite.ts';
import { TOKEN } from './files-sidecar.ts';

const MIB = 1024 * 1024;

const { values } = parseArgs({
  options: { mib: { type: 'string', default: '2048' }, 'max-growth-mib': { type: 'string', default: '100' } },
});
const mebibytes = Number(values.mib);
const size = mebibytes * MIB;

/** Different bytes all the way, without a copy of them all. */
async function* content(hash: Hash): AsyncGenerator<Buffer> {
  const block = randomBytes(MIB);
  for (let number = 0; number < mebibytes; number += 1) {
    block.writeUInt32BE(number, 0);
    hash.update(block);
    yield Buffer.from(block);
  }
}

async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}

/** Runs one transfer and gives its seconds and the highest memory seen. */
async function watched(pid: number, run: () => Promise<void>): Promise<{ seconds: number; peakMib: number }> {
  let peakMib = await residentMib(pid);
  const timer = setInterval(async () => {
    peakMib = Math.max(peakMib, await residentMib(pid).catch(() => 0));
  }, 50);
  const started = performance.now();
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  return { seconds: (performance.now() - started) / 1000, peakMib };
}

function put(url: string, hash: Hash): Promise<void> {
  return new Promise((resolve, reject) => {
    const sending = request(
      url,
      { method: 'PUT', headers: { authorization: `Bearer ${TOKEN}`, 'content-length': String(size) } },
      (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 200
            ? resolve()
            : reject(new Error(`PUT was answered ${response.statusCode}`)),
        );
      },
    );
    sending.on('error', reject);
    Readable.from(content(hash)).pipe(sending);
  });
}

function get(url: string, hash: Hash): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { headers: { authorization: `Bearer ${TOKEN}` } }, (response) => {
      response.on('data', (chunk: Buffer) => hash.update(chunk));
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

const directory = await mkdtemp(path.join(tmpdir(), 'files-bench-'));
const azurite = await startAzurite({ directory });
const child = fork(path.join(import.meta.dirname, 'files-sidecar.ts'), [], {
  env: { ...process.env, STORAGE: azurite.connectionString },
});
try {
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(Number(message)));
    child.once('exit', () => reject(new Error('The sidecar did not start')));
  });
  const pid = Number(child.pid);
  await BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('bench').create();
  const url = (name: string) => `http://127.0.0.1:${port}/v1/storage/bench/containers/bench/blobs/${name}`;
  const before = await residentMib(pid);
  const sent = createHash('md5');
  const upload = await watched(pid, () => put(url('large.bin'), sent));
  const received = createHash('md5');
  const download = await watched(pid, () => get(url('large.bin'), received));
  const growthMib = Math.round(Math.max(upload.peakMib, download.peakMib) - before);
  const md5Right = sent.digest('hex') === received.digest('hex');
  console.log(
    JSON.stringify({
      mebibytes,
      putSeconds: Number(upload.seconds.toFixed(1)),
      putMibPerSecond: Math.round(mebibytes / upload.seconds),
      getSeconds: Number(download.seconds.toFixed(1)),
      getMibPerSecond: Math.round(mebibytes / download.seconds),
      beforeMib: Math.round(before),
      growthMib,
      md5Right,
    }),
  );
  if (!md5Right || growthMib > Number(values['max-growth-mib'])) process.exitCode = 1;
} finally {
  child.kill();
  await azurite.stop();
  await rm(directory, { recursive: true, force: true });
}
