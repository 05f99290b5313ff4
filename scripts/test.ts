import { glob, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { buildPackage, SIDECAR_FOLDER } from './build.ts';
import { readCommandLine, refuse, UsageError } from './command-line.ts';
import { extractFolder } from './local/unzip.ts';

const USAGE = `npm test -- [word ...]: runs the tests
  (no word)       all of them
  word ...        those whose path has one of the words, such as "ingest" or "http/app"
  --list          prints the paths instead of running them
  --times         at the end, prints how long each file took, the longest first
Builds the zip first. A test that needs what this machine does not have skips and says so.`;

/** Runs the tests with Node's own runner, four files at a time, since most of their time they wait. */
const root = path.join(import.meta.dirname, '..');
const { values, positionals: words } = readCommandLine(
  USAGE,
  { list: { type: 'boolean', default: false }, times: { type: 'boolean', default: false } },
  { allowPositionals: true },
);
const all: string[] = [];
for await (const file of glob('test/**/*.test.ts', { cwd: root })) all.push(file.split(path.sep).join('/'));
const files = all.filter((file) => words.length === 0 || words.some((word) => file.includes(word))).sort();
const unknown = words.find((word) => !all.some((file) => file.includes(word)));
if (unknown !== undefined)
  refuse(USAGE, new UsageError(`No test has "${unknown}" in its path; --list prints the paths`));
if (values.list) {
  console.log(files.join('\n'));
  process.exit(0);
}
// Built once for all tests that start the product; each would build it anew otherwise.
const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-tests-'));
const zip = await buildPackage({ outputDirectory: directory });
const sidecarFolder = path.join(directory, 'sidecar');
await extractFolder(zip, `${SIDECAR_FOLDER}/`, sidecarFolder);
const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => abort.abort());
const seconds = new Map<string, number>();
const events = run({
  files,
  cwd: root,
  concurrency: 4,
  timeout: 300_000,
  signal: abort.signal,
  env: {
    ...process.env,
    CONNECTOR_ZIP: zip,
    CONNECTOR_SIDECAR: sidecarFolder,
    // Azurite and the emulators have no TLS for everything.
    SIDECAR_ALLOW_LOCAL_AZURE: 'true',
    // Every file and every sidecar is a process that loads the same modules.
    NODE_COMPILE_CACHE: path.join(directory, 'compiled'),
    // Many start an emulator of ThingWorx and import the same extension.
    EMULATOR_CACHE: path.join(directory, 'scripts'),
  },
});
// A file is a test of its own, with the time in which it loads its modules.
events.on('test:complete', ({ name, details }) => {
  if (files.includes(name)) seconds.set(name, details.duration_ms / 1_000);
});
events.on('test:summary', ({ file, success }) => {
  if (file === undefined && !success) process.exitCode = 1;
});
await pipeline(events, new spec(), process.stdout, { end: false });
await rm(directory, { recursive: true, force: true });
if (values.times)
  for (const [file, took] of [...seconds].sort(([, a], [, b]) => b - a))
    console.log(`${took.toFixed(1).padStart(7)} s  ${file}`);
