import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * A result that follows from `parts` alone, as JSON. Processes and threads share it in the directory EMULATOR_CACHE: otherwise each of the many
 * emulators of a test run parses the same scripts. Without the variable, each one computes the result itself.
 */
export function sharedResult<T>(parts: readonly unknown[], compute: () => T): T {
  const directory = process.env['EMULATOR_CACHE'];
  if (directory === undefined) return compute();
  const file = path.join(directory, createHash('sha256').update(JSON.stringify(parts)).digest('hex'));
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    const result = compute();
    mkdirSync(directory, { recursive: true });
    // Another process may write the same result at the same time.
    const scratch = `${file}.${randomUUID()}`;
    writeFileSync(scratch, JSON.stringify(result));
    renameSync(scratch, file);
    return result;
  }
}
