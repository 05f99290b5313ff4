import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { glob, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildPackage } from './build.ts';

/**
 * Runs the tests: all of them, or those whose path contains one of the given words. Node's own runner, four files at a time, since most of
 * their time they wait; a test that needs what this machine does not have skips and says so.
 */
const root = path.join(import.meta.dirname, '..');
const words = process.argv.slice(2);
const files: string[] = [];
for await (const file of glob('test/**/*.test.ts', { cwd: root })) {
  if (words.length === 0 || words.some((word) => file.includes(word))) files.push(file);
}
if (files.length === 0) {
  console.error(`No test has ${words.join(' or ')} in its path.`);
  process.exit(1);
}
// Built once for all tests that start the product; each would build it anew otherwise.
const directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-tests-'));
const zip = await buildPackage({ outputDirectory: directory });
const child = spawn(
  process.execPath,
  ['--test', '--test-concurrency=4', '--test-timeout=300000', ...files.sort()],
  {
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
  },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
  rmSync(directory, { recursive: true, force: true });
});
