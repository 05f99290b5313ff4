import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { glob, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildPackage } from './build.ts';
import { readCommandLine, refuse, UsageError } from './command-line.ts';

const USAGE = `npm test -- [word ...]: runs the tests
  (no word)       all of them
  word ...        those whose path has one of the words, such as "ingest" or "http/app"
  --list          prints the paths instead of running them
Builds the zip first. A test that needs what this machine does not have skips and says so.`;

/** Runs the tests with Node's own runner, four files at a time, since most of their time they wait. */
const root = path.join(import.meta.dirname, '..');
const { values, positionals: words } = readCommandLine(
  USAGE,
  { list: { type: 'boolean', default: false } },
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
const child = spawn(process.execPath, ['--test', '--test-concurrency=4', '--test-timeout=300000', ...files], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    CONNECTOR_ZIP: zip,
    // Azurite and the emulators have no TLS for everything.
    SIDECAR_ALLOW_LOCAL_AZURE: 'true',
    // Every file is a process that loads the same modules.
    NODE_COMPILE_CACHE: path.join(directory, 'compiled'),
  },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
  rmSync(directory, { recursive: true, force: true });
});
