import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';

/** Takes the pictures of the documentation: the browser tests of the mashups and of the tutorial make them on their way. */
const folder = path.join(import.meta.dirname, '..', 'docs', 'images');
mkdirSync(folder, { recursive: true });
const tests = spawn(
  process.execPath,
  [path.join(import.meta.dirname, 'test.ts'), 'browser/mashups', 'browser/tutorial'],
  {
    stdio: 'inherit',
    env: { ...process.env, SCREENSHOTS: folder },
  },
);
const [code] = (await once(tests, 'exit')) as [number | null];
process.exitCode = code ?? 1;
