import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs a program of this machine; gives what it prints. */
export async function command(name: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run(name, args);
  return stdout;
}

export function hasCommand(name: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  return folders.some((folder) => existsSync(path.join(folder, name)));
}
